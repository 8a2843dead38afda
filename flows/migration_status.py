"""Look at the migration of Neon, at any time; changes nothing."""

from __future__ import annotations

from prefect import flow

from dreamnet.errors import GameplanError
from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.migration_status import report_migration, report_unseen


@flow(name="migration-status", flow_run_name="migration status {profile}", **GAMEPLAN_FLOW)
def migration_status(profile: str, wal_limit_gb: float = 10.0, run: str | None = None) -> Step:
    """Report phase, lag, slots, WAL, changes of the schema and alarms, before, during and after it."""
    try:
        return report_migration(profile, run_key(run), wal_limit_gb)
    except GameplanError as error:
        report_unseen(profile, error)
        raise
