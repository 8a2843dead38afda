"""The price sheet, brought up to date from both clouds' price APIs."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks import costs


@flow(name="refresh-prices", flow_run_name="prices {profile}", **GAMEPLAN_FLOW)
def refresh_prices(profile: str, write: bool = False, run: str | None = None) -> Step:
    """Say which prices have changed since infrastructure/prices.yaml was checked.

    Args:
        profile: name of the Gameplan profile block.
        write: put the new figures into the file, on the worker's disk.
        run: continue an earlier run under its id.
    """
    return costs.refresh_prices(profile, run_key(run), write)
