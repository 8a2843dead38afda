"""Neon to Cloud SQL and RDS, without losing a write."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Clock, Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import require_approval
from tasks.migration import check_migration, copy_database, cut_over, follow_source, verify_copy


@flow(name="neon-migration", flow_run_name="neon migration {profile}", **GAMEPLAN_FLOW)
def neon_migration(profile: str, auto_approve: bool = False, run: str | None = None) -> list[Step]:
    """Check, copy, follow, verify; cut over once a person has agreed."""
    run = run_key(run)
    if not check_migration(profile, run):
        return [Clock("Migration of Neon").unchanged("Cloud SQL serves already.")]

    copied = copy_database(profile, run)
    followed = follow_source(profile, run)
    verified = verify_copy(profile, run)
    require_approval(
        "cut over",
        f"DreamNet's writes will be frozen for about a second while it moves from Neon to Cloud SQL. "
        f"Copy: {copied.detail} Replication: {followed.detail} Proof: {verified.detail}",
        auto_approve,
    )
    return [copied, followed, verified, cut_over(profile, run)]
