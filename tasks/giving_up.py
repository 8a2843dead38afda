"""Giving a migration up, also where a target is gone for good: what a person reads before, and the act."""

from __future__ import annotations

from prefect import task

from dreamnet.errors import GameplanError
from dreamnet.postgres import giving_up
from dreamnet.postgres.database import Database
from dreamnet.postgres.giving_up import Outlook
from dreamnet.report import Clock, Step
from dreamnet.serving.connection import SECRET, current_url, current_url_on_aws, publish_url
from tasks.migration import names, what_is_left
from tasks.support import CLOUD_TASK, aws_account, google_account, load_profile, progress


@task(task_run_name="outlook on giving up", **CLOUD_TASK)
def describe_abandon(profile: str, run: str, empty_targets: bool) -> str:
    """What giving up does. Changes nothing.

    Raises:
        GameplanError: writes have moved, or may have.
    """
    left, cloud_sql = what_is_left(profile)
    met = giving_up.outlook(left, cloud_sql)
    if met.phase in ("cut over", "switching"):
        raise GameplanError(
            f"The migration cannot be given up: it is {met.phase}.",
            "Complete the cut-over if it was interrupted (neon-migration), then migration-roll-back;"
            " or end it with migration-finish.",
        )
    targets = (
        "are EMPTIED" if empty_targets else "keep what was copied, and must be emptied before a new attempt"
    )
    lines = [f"- {problem} What is there stays." for problem in met.silent.values()]
    if not met.told:
        _require_neon(profile, met.phase)
        lines = [*_without_records(met, cloud_sql), *lines]
    said = (
        f"The migration, which is {met.phase or 'without its records'}, is given up. Neon serves on, keeps no"
        f" slot, publication or WAL for it, and takes writes. Cloud SQL and RDS {targets}."
    )
    return "\n".join([said, *(["", *lines] if lines else [])])


@task(task_run_name="give up", **CLOUD_TASK)
def abandon_migration(profile: str, run: str, empty_targets: bool) -> Step:
    """Give the migration up before the cut-over: Neon keeps nothing of it and takes writes.

    Raises:
        GameplanError: writes have moved, or may have.
    """
    clock = Clock("Migration given up")
    left, cloud_sql = what_is_left(profile)
    met = giving_up.outlook(left, cloud_sql)
    on_neon = not met.told
    if on_neon:
        _require_neon(profile, met.phase)
        _put_back(profile, left.source)
    met = giving_up.give_up(left, cloud_sql, progress(), empty=empty_targets, names_source=on_neon)
    kept = "were emptied" if empty_targets else "keep what was copied"
    silent = "".join(
        f" {one.label} did not answer: give up again if it ever does, what is there stays."
        for one in met.silent
    )
    return clock.done(f"Neon keeps no slot and takes writes; Cloud SQL and RDS {kept}.{silent}")


def _require_neon(profile: str, phase: str) -> None:
    """Raise GameplanError unless DreamNet writes to Neon: Google's secret, switched last, says so."""
    url = current_url(google_account(profile))
    if url is None or names(url, load_profile(profile).neon.connection()):
        return
    if phase == "finished":
        raise GameplanError(
            "The migration is finished, and DreamNet reads another database than Neon.",
            "Nothing is to be given up. For Neon to take writes again, put its connection string into the"
            f" secret {SECRET} of both clouds, and run this again.",
        )
    raise GameplanError(
        f"The connection secret {SECRET} names another database than Neon: the cut-over was published, and"
        " what was written since may be nowhere else.",
        "Bring that database back (a backup, a point in time), then migration-roll-back. To go on with what"
        " Neon has instead, put Neon's connection string into the secret of both clouds and run this again.",
    )


def _put_back(profile: str, neon: Database) -> None:
    """Let AWS's secret name Neon again: a switch writes it first, and may have got no further."""
    google, aws = google_account(profile), aws_account(profile)
    url = current_url_on_aws(aws)
    if url is not None and not names(url, neon):
        publish_url(google, aws, neon.url())
        progress()(f"The connection secret {SECRET} of AWS names Neon again")


def _without_records(met: Outlook, cloud_sql: Database | None) -> list[str]:
    """What is known where Cloud SQL, which has the records, does not answer."""
    where = f"at {cloud_sql.label} does not answer" if cloud_sql else "does not exist any more"
    where = "has none" if met.phase else where
    writes = (
        f"Neon refuses writes to {met.frozen} tables, and takes them again."
        if met.frozen
        else "Neon takes writes."
    )
    return [
        f"- Cloud SQL, which should have the records, {where}. That no switch was completed, Google's"
        f" connection secret {SECRET} says: it names Neon, or was never written. {writes}",
        "- If somebody has pointed the secret back to Neon by hand after a cut-over, what Cloud SQL took and"
        " Neon lacks is LOST for DreamNet.",
        f"- Slots that Neon drops: {', '.join(met.kept) or 'none'}.",
    ]
