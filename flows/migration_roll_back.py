"""Back to Neon, as long as the migration has not been finished."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Clock, Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import require_approval
from tasks.cutover import roll_back
from tasks.kubernetes import follow_connection
from tasks.ways_out import describe_way_back


@flow(name="migration-roll-back", flow_run_name="roll back {profile}", **GAMEPLAN_FLOW)
def migration_roll_back(
    profile: str, dry_run: bool = False, auto_approve: bool = False, run: str | None = None
) -> list[Step]:
    """Move the writes back to Neon once a person has agreed; the clusters follow. No write is lost.

    Args:
        profile: name of the Gameplan profile block.
        dry_run: only say what would happen.
        auto_approve: don't ask; only the rehearsal's deployment sets it.
        run: continue an earlier run under its id.
    """
    run = run_key(run)
    described = describe_way_back(profile, run)
    if dry_run:
        return [Clock("Roll back to Neon").unchanged(described or "Neon serves already.")]
    if described:
        require_approval("roll back", described, auto_approve)
    rolled = roll_back(profile, run)
    readers = [follow_connection.submit(profile, run, where) for where in ("gke", "eks")]
    return [rolled, *(reader.result() for reader in readers)]
