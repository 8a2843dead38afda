"""Week 2: databases, warehouses, queues; Neon migrated; the first pipelines."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.neon_migration import neon_migration
from flows.provisioning import provision
from flows.weeks import GAMEPLAN_FLOW, finish_week, run_key
from tasks.pipelines import PIPELINES, load_pipeline

FOLDERS = ("google/data", "aws/data")
#: The weeks leave the warehouse alone where the schedule has loaded it within a day.
FRESH_HOURS = 24.0


@flow(name="week2-data", flow_run_name="week 2 {profile}", **GAMEPLAN_FLOW)
def week2_data(
    profile: str, auto_approve: bool = False, run: str | None = None, prove_return: bool = True
) -> WeekReport:
    """Create the data stacks, migrate Neon (the clusters follow), and fill the warehouse.

    Args:
        prove_return: as neon-migration's.
    """
    run = run_key(run)
    steps = [provision(profile, run, FOLDERS, auto_approve)]
    steps += neon_migration(profile, auto_approve, run, prove_return)
    steps += [load_pipeline(profile, run, name, FRESH_HOURS) for name in PIPELINES]
    return finish_week(profile, 2, "Data pools and databases", steps)
