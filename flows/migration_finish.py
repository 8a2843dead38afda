"""The end of a migration, and of the way back to Neon."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Clock, Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import require_approval
from tasks.finishing import close_migration, describe_finish


@flow(name="migration-finish", flow_run_name="finish the migration {profile}", **GAMEPLAN_FLOW)
def migration_finish(
    profile: str, dry_run: bool = False, auto_approve: bool = False, run: str | None = None
) -> Step:
    """Remove slots, publications and subscriptions on all sides once a person has agreed.

    Args:
        profile: name of the Gameplan profile block.
        dry_run: only say what would happen.
        auto_approve: don't ask; only the rehearsal's deployment sets it.
        run: continue an earlier run under its id.
    """
    run = run_key(run)
    closing = describe_finish(profile, run)
    if dry_run or not closing.text:
        return Clock("Migration closed").unchanged(closing.text or "Nothing of a migration is left.")
    require_approval(closing.words, closing.text, auto_approve)
    return close_migration(profile, run, closing.without)
