"""Leave at any time: the infrastructure as Terraform and Pulumi, importing what lives."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.handover import write_handover
from tasks.resources import GAMEPLAN


@flow(name="hand-over", flow_run_name="hand over {profile}", **GAMEPLAN_FLOW)
def hand_over(
    profile: str, selection: str = GAMEPLAN, folder: str | None = None, run: str | None = None
) -> Step:
    """Write Terraform's and Pulumi's files with the identifiers of what lives. Changes nothing in the clouds.

    Args:
        profile: name of the Gameplan profile block.
        selection: name in infrastructure/selections.yaml.
        folder: where to write, relative to the project's folder; `handover/<profile>` unless told otherwise.
        run: continue an earlier run under its id.
    """
    return write_handover(profile, run_key(run), selection, folder or f"handover/{profile}")
