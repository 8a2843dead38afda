"""Look every day whether what lives still is what the files declare."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.resources import GAMEPLAN
from tasks.upkeep import check_drift


@flow(name="drift-check", flow_run_name="drift check {profile}", **GAMEPLAN_FLOW)
def drift_check(profile: str, selection: str = GAMEPLAN, run: str | None = None) -> Step:
    """Report what changed behind our back, what is gone, and what carries our mark undeclared."""
    return check_drift(profile, run_key(run), selection)
