"""Read-only checks before a migration: each finding either blocks, or says what will be done about it.

What is looked at on which side: `precheck_source` (server, role, WAL), `precheck_tables` (what the database
holds), `precheck_target` (room, rights, what it must offer), `precheck_reach` (who reaches whom).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from dreamnet.errors import GameplanError
from dreamnet.postgres import catalog, precheck_reach, precheck_source, precheck_tables, precheck_target
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.findings import Report
from dreamnet.postgres.precheck_reach import Side
from dreamnet.postgres.precheck_target import Disk

_UNREADABLE = {"privileges", "row-level security"}


def precheck(
    source: Database,
    targets: Sequence[Database],
    migration: str,
    disks: Sequence[Disk | None] = (),
    *,
    way_back: bool = False,
    timed: bool = True,
) -> Report:
    """Check everything that can be known before a byte is copied. Changes nothing.

    Args:
        disks: each target's disk as its provider's records tell it, since PostgreSQL does not know; None, or
            nothing: unknown.
        targets: none: only what can be known of the source alone.
        way_back: that the source could not follow its successor after the cut-over blocks.
        timed: read a sample, by which the copy's time is estimated; over a slow line it takes two seconds.
    """
    report = Report(source.label, [target.label for target in targets])
    for database in (source, *targets):
        _transport(report, database)
    connection = _open(report, "source", source)
    if connection is None:
        return report
    with connection, explained(source, "tell what it holds"), ExitStack() as stack:
        connection.execute("SET default_transaction_read_only = on")
        tables = catalog.tables(connection)
        precheck_tables.check(report, connection, source, tables)
        if timed and _UNREADABLE.isdisjoint(finding.subject for finding in report.blocking):
            report.read_bytes_per_s = precheck_source.read_rate(source, tables)
        precheck_source.check(report, connection, source, len(targets), migration)
        here = Side(source, connection, catalog.major_version(connection))
        known = (*disks, *(None for _ in targets[len(disks) :]))
        sides = []
        for number, (target, disk) in enumerate(zip(targets, known, strict=True), 1):
            opened = _open(report, f"target {number}", target)
            if opened is not None:
                stack.enter_context(opened)
                with explained(target, "tell what it offers"):
                    sides.append(_target(report, here, target, opened, migration, disk))
        if not targets:
            precheck_reach.check_version(report, here, needed=way_back)
        elif sides and sides[0].database == targets[0]:
            precheck_reach.check_way_back(report, here, sides[0], migration, needed=way_back)
            for number, side in enumerate(sides[1:], 2):  # the source is the first that follows
                with explained(side.database, "tell whom it reaches"):
                    precheck_reach.check_further(report, side, sides[0], migration, followers=number)
    return report


def no_way_back(source: Database, target: Database, migration: str) -> str:
    """Why the source could not follow the target after the cut-over; empty where it can. Changes nothing."""
    report = Report(source.label, [target.label])
    with source.connect("dreamnet:precheck") as follower, target.connect("dreamnet:precheck") as primary:
        here, there = (
            Side(database, connection, catalog.major_version(connection))
            for database, connection in ((source, follower), (target, primary))
        )
        with explained(source, "tell whom it reaches"):
            precheck_reach.check_way_back(report, here, there, migration, needed=False)
    return " ".join(finding.problem for finding in report.findings)


def _target(
    report: Report,
    source: Side,
    target: Database,
    connection: Connection,
    migration: str,
    disk: Disk | None,
) -> Side:
    connection.execute("SET default_transaction_read_only = on")
    side = Side(target, connection, catalog.major_version(connection))
    pair = precheck_target.Pair(source.database, source.connection, target, connection)
    precheck_target.check(report, pair, migration, disk)
    precheck_reach.check(report, side, source.database, migration)
    return side


def _open(report: Report, subject: str, database: Database) -> Connection | None:
    """A connection to a server of a version that can be asked."""
    try:
        connection = database.connect("dreamnet:precheck")
    except GameplanError as error:
        report.block(subject, error.problem, error.remedy)
        return None
    if precheck_source.too_old(report, connection, database):
        connection.close()
        return None
    return connection


def _transport(report: Report, database: Database) -> None:
    if database.direct != database:
        report.block(
            "host",
            f"{database.host} is a connection pooler, which cannot replicate.",
            f"Use the direct host {database.direct.host}.",
        )
    if not database.is_loopback and database.sslmode not in ("verify-full", "verify-ca"):
        report.block(
            "TLS",
            f"The connection to {database.label} does not verify the server (sslmode={database.sslmode}).",
            "Set sslmode=verify-full and sslrootcert to the provider's CA file, or to `system`.",
        )
