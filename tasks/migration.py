"""Neon to Cloud SQL and RDS: check, copy, follow, verify. tasks/cutover.py moves the writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prefect import task
from prefect.artifacts import create_table_artifact

from dreamnet.errors import ConfigurationError, PrecheckFailed, ResourceError
from dreamnet.postgres import traces
from dreamnet.postgres.cutover import raise_on
from dreamnet.postgres.database import Database
from dreamnet.postgres.findings import Report
from dreamnet.postgres.migration import Migration
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.precheck import precheck
from dreamnet.postgres.precheck_target import Disk
from dreamnet.report import Clock, Step
from dreamnet.scaling.databases import cloud_sql_id, rds_id
from dreamnet.serving.connection import current_url
from dreamnet.serving.databases import INSTANCE, cloud_sql, cloud_sql_disk, rds, rds_disk
from tasks.support import CLOUD_TASK, aws_account, google_account, load_profile, progress

#: What check_migration finds to be done.
Left = Literal["copy", "cut over", "proof"]


def migration_name(profile: str) -> str:
    """Names the migration's slots, publications and subscriptions."""
    return f"neon_{profile}"


def migration(profile: str) -> Migration:
    """The profile's migration: one source; Cloud SQL becomes the primary and RDS follows it.

    Raises:
        ResourceError: a target does not exist, or has no address.
    """
    targets = [find() for find in _targets(profile)]
    return Migration(migration_name(profile), load_profile(profile).neon.connection(), targets)


def what_is_left(profile: str) -> tuple[Parties, Database | None]:
    """The migration's databases that exist and have an address; of the targets the first, if it is there."""
    found: list[Database | None] = []
    for find in _targets(profile):
        try:
            found.append(find())
        except ResourceError:
            found.append(None)
    source = load_profile(profile).neon.connection()
    return Parties.of(migration_name(profile), source, [one for one in found if one]), found[0]


def _targets(profile: str) -> tuple[Callable[[], Database], ...]:
    """How each target is found, in their order."""
    settings = load_profile(profile)
    password = settings.database_password.get_secret_value()
    return (
        lambda: cloud_sql(google_account(profile), password),
        lambda: rds(aws_account(profile), password, certificates=settings.rds_certificates),
    )


def databases_in_use(profile: str) -> dict[str, str]:
    """Why the migration's databases must run tonight, by the id that night scaling knows them by.

    A target that stands still lets the source keep WAL for it, and Neon drops a slot after about 40 hours.
    """
    google, aws = google_account(profile), aws_account(profile)
    left, _ = what_is_left(profile)
    reason = traces.unfinished(left.name, left.source, left.targets)
    ids = (cloud_sql_id(google.project, INSTANCE), rds_id(aws.region, INSTANCE))
    return dict.fromkeys(ids, reason) if reason else {}


def disks(profile: str) -> tuple[Disk, Disk]:
    """The targets' disks, in the order of the targets."""
    return cloud_sql_disk(google_account(profile)), rds_disk(aws_account(profile))


def moved(profile: str) -> bool:
    """Whether DreamNet reads another database than Neon: the connection secret says it."""
    url = current_url(google_account(profile))
    return url is not None and not names(url, load_profile(profile).neon.connection())


def names(url: str, database: Database) -> bool:
    """Whether a connection string leads to a database, by whatever role, or through the pooler."""
    try:
        return Database.from_dsn(url).direct.label == database.direct.label
    except ConfigurationError:
        return False


@task(task_run_name="pre-check", **CLOUD_TASK)
def check_migration(profile: str, run: str, way_back: bool) -> tuple[Left, ...]:
    """Find out what is left to do, and where that is all of it, every reason not to begin; changes nothing.

    An earlier run may have been killed: its switch is completed, and its way back proven if that was wanted.

    Args:
        way_back: it is to be proven, so that Neon cannot follow Cloud SQL is such a reason.

    Returns:
        `copy` (with all that it takes to follow, verify and approve), `cut over`, `proof`; nothing once the
        new primary serves and nobody waits for a proof.

    Raises:
        PrecheckFailed: at least one finding blocks, or an earlier migration has left something at the source.
    """
    moving = migration(profile)
    status = moving.status()
    proof: tuple[Left, ...] = ("proof",) if status.return_due else ()
    if status.phase == "switching":
        return proof if proof and status.switching_to == "source" else ("cut over", *proof)
    if moved(profile):
        if status.phase != "cut over":
            return ()
        return ("cut over", *proof) if status.unsettled else proof
    if status.phase in ("lost", "finished"):
        raise PrecheckFailed(
            f"Neon still has what an earlier migration has left there, which is {status.phase}.",
            "Give that one up first (migration-abandon): Neon then takes writes and keeps nothing of it.",
        )
    report = moving.precheck(disks(profile), way_back=way_back)
    _show(profile, report)
    report.raise_if_blocked()
    return ("copy", "cut over")  # and the proof, if whoever approves wants it


@task(task_run_name="pre-check of the source", **CLOUD_TASK)
def check_source(profile: str, run: str, way_back: bool) -> Step:
    """Look at Neon alone, before anything is created: does it answer, may we replicate, has each table a key?

    Args:
        way_back: it is to be proven after the cut-over, which a Neon too old for it blocks.

    Raises:
        PrecheckFailed: at least one finding blocks.
    """
    clock = Clock("Neon as a source")
    settings = load_profile(profile)
    if moved(profile):
        return clock.unchanged("DreamNet reads another database already; Neon is no longer the source.")
    report = precheck(settings.neon.connection(), (), migration_name(profile), way_back=way_back)
    report.raise_if_blocked()
    return clock.unchanged(f"{report.size}; nothing blocks.")


@task(task_run_name="copy", **CLOUD_TASK)
def copy_database(profile: str, run: str) -> Step:
    """Schema, all rows as of one snapshot, indexes, keys, to both targets; continues where it stopped."""
    clock = Clock("Copy of Neon to Cloud SQL and RDS")
    report = migration(profile).prepare_and_copy(progress())
    said = f"{report.rows:,} rows of {report.tables} tables, {report.bytes / 1e6:,.0f} MB"
    return clock.done(f"{said} in {report.copy_seconds:.1f} s") if report.rows else clock.unchanged(said)


@task(task_run_name="follow", **CLOUD_TASK)
def follow_source(profile: str, run: str) -> Step:
    """Let both targets apply what was written since the snapshot, until they have caught up."""
    clock = Clock("Logical replication")
    lags = migration(profile).follow(progress())
    return clock.done("; ".join(f"{lag.subscriber} {lag.bytes or 0:,} bytes behind" for lag in lags))


@task(task_run_name="verify", **CLOUD_TASK)
def verify_copy(profile: str, run: str) -> Step:
    """Compare checksums of all rows and the schema on all servers, at one moment; rows that differ are named.

    Raises:
        VerificationError: the first differences, by table and key.
    """
    clock = Clock("Verification while following")
    say = progress()
    proof = migration(profile).verify()
    lines = proof.lines()
    for line in lines:
        if line["result"] != "equal":
            say(f"{line['target']}, {line['table']}: {line['result']}")
    create_table_artifact(
        key=f"migration-verification-{profile}",
        table=lines,
        description=f"{proof.tables} tables, {proof.rows:,} rows, {proof.seconds:.1f} s; {proof.point}",
    )
    raise_on(
        proof.differences,
        "Nothing was switched. Give the migration up (migration-abandon) and begin anew.",
    )
    return clock.done(f"{proof.tables} tables, {proof.rows:,} rows equal on all servers.")


def _show(profile: str, report: Report) -> None:
    """All findings, what blocks first, under the totals."""
    every = sorted(report.findings, key=lambda finding: finding.severity != "block")
    rate = "not measured" if report.read_bytes_per_s is None else f"{report.read_bytes_per_s / 1e6:,.0f} MB/s"
    create_table_artifact(
        key=f"migration-precheck-{profile}",
        table=[
            {"": finding.severity, "what": finding.subject, "found": finding.problem, "then": finding.remedy}
            for finding in every
        ],
        description=f"{report.source} to {' and '.join(report.targets)}: {report.size}"
        f" ({report.database_bytes / 1e6:,.0f} MB with indexes); one session reads: {rate};"
        f" copy and indexes: about {report.estimated_seconds:,.0f} s."
        f" {len(report.blocking)} of {len(every)} findings block.",
    )


def present_dreams(database: Database, ids: list[str]) -> set[str]:
    """Those of these dreams' ids that a database holds."""
    with database.connect("dreamnet-ledger") as connection:
        rows = connection.execute("SELECT id::text FROM dreams WHERE id = ANY(%s::uuid[])", (ids,)).fetchall()
    return {str(row[0]) for row in rows}
