"""Sleep at night, wake in the morning."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.scaling import sleep_fleet, wake_fleet


@flow(name="night-scale-down", flow_run_name="night {profile}", **GAMEPLAN_FLOW)
def night_scale_down(profile: str, dry_run: bool = False, run: str | None = None) -> Step:
    """Save what runs, then scale workloads, nodes and databases down."""
    return sleep_fleet(profile, run_key(run), dry_run)


@flow(name="morning-scale-up", flow_run_name="morning {profile}", **GAMEPLAN_FLOW)
def morning_scale_up(profile: str, run: str | None = None) -> Step:
    """Bring back exactly what was saved, and prove it."""
    return wake_fleet(profile, run_key(run))
