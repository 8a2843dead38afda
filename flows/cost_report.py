"""What was spent, and how long the credits last."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.costs import report_costs


@flow(name="cost-report", flow_run_name="costs {profile}", **GAMEPLAN_FLOW)
def cost_report(profile: str, days: int = 30, run: str | None = None) -> Step:
    """Read both clouds' bills of the last days; publish a table, a chart and the credits left."""
    return report_costs(profile, run_key(run), days)
