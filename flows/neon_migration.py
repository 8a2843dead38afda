"""Neon to Cloud SQL and RDS, without losing a write."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Clock, Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.approval import approve_cut_over
from tasks.cutover import cut_over, prove_way_back
from tasks.kubernetes import follow_connection
from tasks.migration import check_migration, copy_database, follow_source, verify_copy
from tasks.ways_out import describe_cut_over


@flow(name="neon-migration", flow_run_name="neon migration {profile}", **GAMEPLAN_FLOW)
def neon_migration(
    profile: str, auto_approve: bool = False, run: str | None = None, prove_return: bool = True
) -> list[Step]:
    """Check, copy, follow, verify; once approved cut over, prove the way back; the clusters follow.

    Args:
        profile: name of the Gameplan profile block.
        auto_approve: don't ask; only the rehearsal's deployment sets it.
        run: continue an earlier run under its id.
        prove_return: after the cut-over go back to Neon and forward again at once; it costs two more freezes.
            Whoever approves the cut-over decides.
    """
    run = run_key(run)
    left = check_migration(profile, run, prove_return)
    steps = [] if left else [Clock("Migration of Neon").unchanged("Cloud SQL serves already.")]
    proving = "proof" in left
    if "copy" in left:
        steps = [copy_database(profile, run), follow_source(profile, run), verify_copy(profile, run)]
        copied, _, verified = (step.detail for step in steps)
        described = describe_cut_over(profile, run, copied, verified)
        proving = approve_cut_over(described, auto_approve, prove_return)
    if "cut over" in left:
        steps.append(cut_over(profile, run, proving))
    if proving:
        steps.append(prove_way_back(profile, run))
    readers = [follow_connection.submit(profile, run, where) for where in ("gke", "eks")]
    return [*steps, *(reader.result() for reader in readers)]
