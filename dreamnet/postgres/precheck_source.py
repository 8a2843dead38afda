"""The source's server: version, role, slots and senders left, WAL and who holds it up."""

from __future__ import annotations

from dreamnet.postgres import catalog, copying, reading
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database
from dreamnet.postgres.findings import Report, listed, megabytes
from dreamnet.postgres.replication import ORIGIN_SINCE

OLDEST = 15
LONG_TRANSACTION_S = 60.0
"""A transaction that has written and is older than this is not waited for: a slot's creation hangs on it."""
IDLE_SLOT_HOURS = 40
"""Neon removes an inactive slot after about so many hours where others are active (Neon's documentation,
"Logical replication in Neon", as of February 2025)."""
LEAST_SENDER_TIMEOUT_MS = 10_000
SAMPLE_BYTES, SAMPLE_SECONDS = 8_388_608, 2.0

# On RDS replication rights come with membership, as its roles cannot have the attribute.
ROLE = """
    SELECT rolreplication OR rolsuper OR EXISTS (
             SELECT FROM pg_roles m
             WHERE m.rolname = 'rds_replication' AND pg_has_role(r.oid, m.oid, 'member')),
           has_database_privilege(current_database(), 'CREATE'),
           rolsuper OR rolbypassrls
    FROM pg_roles r WHERE rolname = current_user
"""

# Only transactions that have an id of their own hold up a slot; ours would be none of them.
_WRITING = """
    SELECT coalesce(nullif(application_name, ''), usename::text, 'pid ' || pid),
           extract(epoch FROM now() - xact_start)
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY 2 DESC
"""


def setting(connection: Connection, name: str) -> str:
    """A setting's value with its unit; empty where this version has no such setting."""
    row = connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
    return str(row[0]) if row and row[0] is not None else ""


def number(connection: Connection, name: str) -> int:
    """A setting's number in its base unit (ms, MB, ...); -1 where this version has no such setting."""
    row = connection.execute("SELECT setting::bigint FROM pg_settings WHERE name = %s", (name,)).fetchone()
    return int(row[0]) if row else -1


def role(connection: Connection) -> tuple[bool, bool, bool]:
    """Of our role: may replicate, may create in this database, reads all rows."""
    row = connection.execute(ROLE).fetchone()
    return (row[0], row[1], row[2]) if row else (False,) * 3


def standby(connection: Connection) -> bool:
    """Whether the server only follows another one, and takes no writes."""
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    return bool(row and row[0])


def too_old(report: Report, connection: Connection, database: Database) -> bool:
    """Whether it is of a version that cannot be asked the rest; adds it if so."""
    version = catalog.major_version(connection)
    if version < OLDEST:
        report.block(
            "version",
            f"{database.label} runs PostgreSQL {version}.",
            f"Upgrade it to {OLDEST} or newer first.",
        )
    return version < OLDEST


def check(report: Report, connection: Connection, source: Database, slots: int, migration: str) -> None:
    """Add what the source's server is found to be."""
    if setting(connection, "wal_level") != "logical":
        report.block(
            "wal_level",
            f"{source.label} does not write logical WAL (wal_level is {setting(connection, 'wal_level')}).",
            "Enable logical replication (Neon: project settings, irreversible, restarts the compute).",
        )
    if standby(connection):
        report.block(
            "standby", f"{source.label} is a read-only standby.", "Name the primary's host as the source."
        )
    _role(report, source, connection)
    _left(report, source, connection, slots, migration)
    _subscriptions(report, source, connection, catalog.major_version(connection))
    _held_up(report, source, connection)
    _retention(report, source, connection)
    _timeouts(report, source, connection)


def _role(report: Report, source: Database, connection: Connection) -> None:
    replicates, creates, _ = role(connection)
    if not replicates:
        report.block(
            "REPLICATION",
            f"Role {source.user} on {source.label} has no REPLICATION.",
            "Use a role made in the provider's console, CLI or API, or ALTER ROLE ... REPLICATION.",
        )
    if not creates:
        report.block(
            "CREATE",
            f"Role {source.user} may not create publications in {source.label}.",
            f"GRANT CREATE ON DATABASE {source.dbname} to it, or use the owner.",
        )


def _left(report: Report, source: Database, connection: Connection, slots: int, migration: str) -> None:
    # One more sender for the connection that keeps the snapshot.
    for name, said in shortage(connection, migration, slots, slots + 1):
        report.block(name, f"{source.label} {said}.", f"Raise {name}, or drop slots that nobody uses.")


def shortage(connection: Connection, migration: str, slots: int, senders: int) -> list[tuple[str, str]]:
    """The settings that leave a publisher no room for so many more of each, and what is to be said of it."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name NOT LIKE 'dreamnet\\_%%'), "
        "(SELECT count(*) FROM pg_stat_replication WHERE application_name NOT LIKE 'dreamnet%%' "
        "AND application_name <> %s)",
        (f"dreamnet:{migration}",),
    ).fetchone() or (0, 0)
    short = []
    wanted = {"max_replication_slots": slots, "max_wal_senders": senders}
    for used, (name, needed) in zip(row, wanted.items(), strict=True):
        most = number(connection, name)
        if most - used < needed:
            short.append((name, f"has no room for {needed} more: {used} of {name} ({most}) are used"))
    return short


def _subscriptions(report: Report, source: Database, connection: Connection, version: int) -> None:
    rows = connection.execute(
        "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
        "WHERE d.datname = current_database() AND subname NOT LIKE 'dreamnet\\_%' ORDER BY 1"
    ).fetchall()
    if rows and version >= ORIGIN_SINCE:
        report.block(
            "subscriptions",
            f"{source.label} subscribes to others ({listed(row[0] for row in rows)}), and what it receives"
            " is not passed on.",
            "Drop these subscriptions before migrating, and make them anew at the target afterwards.",
        )


def _held_up(report: Report, source: Database, connection: Connection) -> None:
    prepared = connection.execute("SELECT gid FROM pg_prepared_xacts ORDER BY prepared").fetchall()
    if prepared:
        report.block(
            "prepared transactions",
            f"{source.label} has prepared transactions, which hold up the slot:"
            f" {listed(row[0] for row in prepared)}.",
            "COMMIT PREPARED or ROLLBACK PREPARED each of them.",
        )
    writing = connection.execute(_WRITING).fetchall()
    long = [f"{who} ({age:.0f} s)" for who, age in writing if age is not None and age > LONG_TRANSACTION_S]
    if long:
        report.block(
            "long transactions",
            f"{source.label} has transactions that hold up the slot: {listed(long)}.",
            "End these sessions, or wait until they have ended.",
        )
    elif writing:
        report.handled(
            "open transactions",
            f"{len(writing)} transactions are writing at {source.label}.",
            "the slot's creation waits until they have ended.",
        )


def _retention(report: Report, source: Database, connection: Connection) -> None:
    row = connection.execute(
        "SELECT wal_bytes / nullif(extract(epoch FROM now() - stats_reset), 0) FROM pg_stat_wal"
    ).fetchone()
    report.wal_bytes_per_s = float(row[0]) if row and row[0] is not None else None
    expected = (report.wal_bytes_per_s or 0.0) * report.estimated_seconds
    most = number(connection, "max_slot_wal_keep_size") * 1024 * 1024
    said = f"about {megabytes(expected)} of WAL are written during the copy"
    if most < 0:
        report.handled(
            "slot retention",
            f"{source.label} keeps WAL for a slot without limit (max_slot_wal_keep_size is -1); {said}.",
            "status() shows the WAL kept; abandon() drops the slots of a migration that was given up.",
        )
    elif expected >= most:
        report.block(
            "slot retention",
            f"{source.label} keeps {megabytes(most)} of WAL for a slot (max_slot_wal_keep_size), and {said}.",
            "Raise max_slot_wal_keep_size, or migrate at a quieter hour.",
        )
    else:
        report.handled(
            "slot retention",
            f"{source.label} keeps {megabytes(most)} of WAL for a slot (max_slot_wal_keep_size); {said}.",
            "status() shows the WAL kept.",
        )
    idle = number(connection, "idle_replication_slot_timeout")
    limit = f"after {setting(connection, 'idle_replication_slot_timeout')}" if idle > 0 else ""
    report.handled(
        "idle slots",
        f"{source.label} drops a slot that nobody reads {limit or 'where its provider does'}"
        f" (Neon: after about {IDLE_SLOT_HOURS} hours while other slots are active).",
        "the copy reads nothing from its slots until it follows; begin anew if it was left for longer.",
    )


def _timeouts(report: Report, source: Database, connection: Connection) -> None:
    sender = number(connection, "wal_sender_timeout")
    if 0 < sender < LEAST_SENDER_TIMEOUT_MS:
        report.handled(
            "wal_sender_timeout",
            f"{source.label} ends a follower that is silent for {sender} ms (wal_sender_timeout).",
            "it connects again by itself and goes on where it stopped.",
        )
    # Unlike the other limits it is unknown to older versions, so our sessions cannot simply lift it.
    if number(connection, "transaction_timeout") > 0:
        report.block(
            "transaction_timeout",
            f"{source.label} ends a transaction of role {source.user} after"
            f" {setting(connection, 'transaction_timeout')}, and the copy is one.",
            f"ALTER ROLE {source.user} SET transaction_timeout = 0.",
        )


def read_rate(source: Database, tables: list[Table]) -> float | None:
    """Bytes a second at which one session reads a piece of the largest table; None where all are small.

    Reads 8 MiB at most and for 2 s at most: over a slow line that is what a copy will meet too.
    """
    largest = max((t for t in tables if not t.partitioned), key=lambda table: table.bytes, default=None)
    if largest is None or largest.bytes < SAMPLE_BYTES:
        return None
    piece = copying.Piece(largest, 1, 2, 0, SAMPLE_BYTES // copying.BLOCK_BYTES)
    query, _ = copying.copy_statements(piece)
    return reading.rate(source, "dreamnet:precheck", query, largest.format, SAMPLE_SECONDS) or None
