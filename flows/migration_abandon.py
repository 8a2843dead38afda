"""Giving a migration up before its cut-over."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Clock, Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import require_approval
from tasks.giving_up import abandon_migration, describe_abandon


@flow(name="migration-abandon", flow_run_name="abandon the migration {profile}", **GAMEPLAN_FLOW)
def migration_abandon(
    profile: str,
    empty_targets: bool = False,
    dry_run: bool = False,
    auto_approve: bool = False,
    run: str | None = None,
) -> Step:
    """Let Neon be as if nothing had begun, once a person has agreed.

    Args:
        profile: name of the Gameplan profile block.
        empty_targets: drop what was copied to Cloud SQL and RDS, so that a new attempt may begin.
        dry_run: only say what would happen.
        auto_approve: don't ask; only the rehearsal's deployment sets it.
        run: continue an earlier run under its id.
    """
    run = run_key(run)
    described = describe_abandon(profile, run, empty_targets)
    if dry_run:
        return Clock("Migration given up").unchanged(described)
    require_approval("abandon", described, auto_approve)
    return abandon_migration(profile, run, empty_targets)
