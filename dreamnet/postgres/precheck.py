"""Read-only checks before a migration: each finding either blocks, or says what will be done about it.

What is looked at on which side: `precheck_source` (server, role, WAL), `precheck_tables` (what the database
holds), `precheck_target` (room, rights, what it must offer).
"""

from __future__ import annotations

from collections.abc import Sequence

from dreamnet.errors import GameplanError
from dreamnet.postgres import catalog, precheck_source, precheck_tables, precheck_target
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.findings import Report
from dreamnet.postgres.precheck_target import Disk


def precheck(
    source: Database, targets: Sequence[Database], migration: str, disks: Sequence[Disk | None] = ()
) -> Report:
    """Check everything that can be known before a byte is copied. Changes nothing.

    Args:
        disks: each target's disk as its provider's records tell it, since PostgreSQL does not know; None, or
            nothing: unknown.
    """
    report = Report(source.label, [target.label for target in targets])
    for database in (source, *targets):
        _transport(report, database)
    connection = _open(report, "source", source)
    if connection is None:
        return report
    with connection, explained(source, "tell what it holds"):
        connection.execute("SET default_transaction_read_only = on")
        tables = catalog.tables(connection)
        precheck_tables.check(report, connection, source, tables)
        precheck_source.check(report, connection, source, len(targets), migration)
        known = (*disks, *(None for _ in targets[len(disks) :]))
        for number, (target, disk) in enumerate(zip(targets, known, strict=True), 1):
            opened = _open(report, f"target {number}", target)
            if opened is not None:
                with opened, explained(target, "tell what it offers"):
                    opened.execute("SET default_transaction_read_only = on")
                    pair = precheck_target.Pair(source, connection, target, opened)
                    precheck_target.check(report, pair, migration, disk, first=number == 1)
    return report


def _open(report: Report, subject: str, database: Database) -> Connection | None:
    try:
        return database.connect("dreamnet:precheck")
    except GameplanError as error:
        report.block(subject, error.problem, error.remedy)
        return None


def _transport(report: Report, database: Database) -> None:
    if database.host.partition(".")[0].endswith("-pooler"):
        report.block(
            "host",
            f"{database.host} is a connection pooler, which cannot replicate.",
            f"Use the direct host {database.host.replace('-pooler', '', 1)}.",
        )
    if not database.is_loopback and database.sslmode not in ("verify-full", "verify-ca"):
        report.block(
            "TLS",
            f"The connection to {database.label} does not verify the server (sslmode={database.sslmode}).",
            "Set sslmode=verify-full and sslrootcert to the provider's CA file, or to `system`.",
        )
