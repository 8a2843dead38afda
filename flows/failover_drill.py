"""Take the first region down, and see what DreamNet's clients see."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import require_approval
from tasks.failover import drill


@flow(name="failover-drill", flow_run_name="failover drill {profile}", **GAMEPLAN_FLOW)
def failover_drill(profile: str, auto_approve: bool = False, run: str | None = None) -> Step:
    """Fail the first region under traffic, promote the second, measure, fail back, look again."""
    run = run_key(run)
    require_approval(
        "take the region down",
        "The profile's fault injector will take the first region down. Clients will see errors until the"
        " second region's database is promoted; then the first region is rebuilt and takes over again.",
        auto_approve,
    )
    return drill(profile, run)
