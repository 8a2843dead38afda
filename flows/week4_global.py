"""Week 4: a second region, one address for the world, and proof that a region may fail."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.failover_drill import failover_drill
from flows.provisioning import provision
from flows.weeks import GAMEPLAN_FLOW, finish_week, run_key
from tasks.approval import require_approval
from tasks.failover import connect_regions, deploy_second_region, drill_on_record
from tasks.finishing import close_migration, describe_finish

FOLDERS = ("google/global",)


@flow(name="week4-global", flow_run_name="week 4 {profile}", **GAMEPLAN_FLOW)
def week4_global(profile: str, auto_approve: bool = False, run: str | None = None) -> WeekReport:
    """Create the second region and the load balancer, send traffic through it, and drill once."""
    run = run_key(run)
    closing = describe_finish(profile, run)
    require_approval(
        closing.words,
        f"Going back to Neon ends here: a failover replaces the primary that Neon follows.\n\n{closing.text}",
        auto_approve,
    )
    steps = [
        provision(profile, run, FOLDERS, auto_approve),
        close_migration(profile, run, closing.without),
        deploy_second_region(profile, run),
        connect_regions(profile, run),
    ]
    drilled = drill_on_record(profile)
    steps.append(drilled or failover_drill(profile, auto_approve, run))
    return finish_week(profile, 4, "Multi-region and global", steps)
