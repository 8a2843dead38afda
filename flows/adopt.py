"""Take over what exists already."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.upkeep import adopt_resources


@flow(name="adopt", flow_run_name="adopt {profile}", **GAMEPLAN_FLOW)
def adopt(
    profile: str,
    resources: Annotated[list[str], Field(min_length=1)],
    identifiers: dict[str, str] | None = None,
    run: str | None = None,
) -> Step:
    """Put our mark on what exists under a declared name, and change nothing else.

    Args:
        profile: name of the Gameplan profile block.
        resources: ids of the files, such as `google/bucket-media`.
        identifiers: id to identifier, for what AWS has named itself (`aws/vpc: vpc-0a1b...`).
        run: continue an earlier run under its id.
    """
    return adopt_resources(profile, run_key(run), tuple(resources), identifiers or {})
