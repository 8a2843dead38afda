"""Read-only checks before a migration: each finding either blocks, or says what will be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dreamnet.errors import GameplanError, PrecheckFailed
from dreamnet.postgres import catalog, state
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database
from dreamnet.postgres.replication import ORIGIN_SINCE

OLDEST = 15
COPY_BYTES_PER_S = 60_000_000
"""For the estimate only: measured on two shared cores, indexes included (field measurement, November
2026).
"""

# On RDS replication rights come with membership, as its roles cannot have the attribute.
_ROLE = """
    SELECT rolsuper,
           rolreplication OR rolsuper OR EXISTS (
             SELECT FROM pg_roles m
             WHERE m.rolname = 'rds_replication' AND pg_has_role(r.oid, m.oid, 'member')),
           rolsuper OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'pg_create_subscription'
                               AND pg_has_role(r.oid, m.oid, 'member')),
           has_database_privilege(current_database(), 'CREATE')
    FROM pg_roles r WHERE rolname = current_user
"""


@dataclass(frozen=True)
class Finding:
    """One fact. `block`: must be put right first. `handled`: the migration does what `remedy` says."""

    severity: Literal["block", "handled"]
    subject: str
    problem: str
    remedy: str


@dataclass
class Report:
    """All findings, with the size of the task. `estimated_seconds` covers copy and indexes, roughly."""

    source: str
    targets: list[str]
    findings: list[Finding] = field(default_factory=list)
    tables: int = 0
    rows: int = 0
    bytes: int = 0

    @property
    def blocking(self) -> list[Finding]:
        """What must be put right first."""
        return [finding for finding in self.findings if finding.severity == "block"]

    @property
    def estimated_seconds(self) -> float:
        """Rough time of copy and indexes."""
        return round(self.bytes / COPY_BYTES_PER_S + 2, 1)

    def block(self, subject: str, problem: str, remedy: str) -> None:
        """Add a finding that blocks."""
        self.findings.append(Finding("block", subject, problem, remedy))

    def handled(self, subject: str, problem: str, remedy: str) -> None:
        """Add a finding that the migration deals with."""
        self.findings.append(Finding("handled", subject, problem, remedy))

    def raise_if_blocked(self) -> None:
        """Raise PrecheckFailed naming every blocking finding."""
        if self.blocking:
            raise PrecheckFailed(
                " ".join(finding.problem for finding in self.blocking),
                " ".join(dict.fromkeys(finding.remedy for finding in self.blocking)),
            )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "estimated_seconds": self.estimated_seconds}


def precheck(source: Database, targets: Sequence[Database], migration: str) -> Report:
    """Check everything that can be known before a byte is copied. Changes nothing."""
    report = Report(source.label, [target.label for target in targets])
    _transport(report, source)
    for target in targets:
        _transport(report, target)
    connection = _open(report, "source", source)
    if connection is None:
        return report
    with connection:
        connection.execute("SET default_transaction_read_only = on")
        tables = catalog.tables(connection)
        report.tables, report.rows = len(tables), sum(table.rows for table in tables)
        report.bytes = sum(table.bytes for table in tables)
        _source_server(report, source, connection, len(targets), migration)
        _tables(report, tables)
        _other_objects(report, connection)
        for number, target in enumerate(targets, 1):
            opened = _open(report, f"target {number}", target)
            if opened is not None:
                with opened:
                    _target(report, source, connection, target, opened, migration, first=number == 1)
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


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""


def _source_server(
    report: Report, source: Database, connection: Connection, slots: int, migration: str
) -> None:
    version = catalog.major_version(connection)
    if version < OLDEST:
        report.block(
            "version", f"{source.label} runs PostgreSQL {version}.", f"Upgrade it to {OLDEST} or newer first."
        )
    if _setting(connection, "wal_level") != "logical":
        report.block(
            "wal_level",
            f"{source.label} does not write logical WAL.",
            "Enable logical replication (Neon: project settings, irreversible, restarts the compute).",
        )
    role = connection.execute(_ROLE).fetchone() or (False,) * 4
    if not role[1]:
        report.block(
            "REPLICATION",
            f"Role {source.user} on {source.label} has no REPLICATION.",
            "Use a role made in the provider's console, CLI or API, or ALTER ROLE ... REPLICATION.",
        )
    if not role[3]:
        report.block(
            "CREATE",
            f"Role {source.user} may not create publications in {source.label}.",
            f"GRANT CREATE ON DATABASE {source.dbname} to it, or use the owner.",
        )
    if version < ORIGIN_SINCE or not role[2]:
        report.handled(
            "rolling back",
            f"{source.label} cannot subscribe, so changes made after cut-over will not flow back.",
            f"Needs PostgreSQL {ORIGIN_SINCE} and membership in pg_create_subscription; goes on without.",
        )
    _left(report, source, connection, slots, migration)


def _left(report: Report, source: Database, connection: Connection, slots: int, migration: str) -> None:
    ours = f"dreamnet:{migration}"
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name NOT LIKE 'dreamnet\\_%%'), "
        "(SELECT count(*) FROM pg_stat_replication WHERE application_name NOT LIKE 'dreamnet%%' "
        "AND application_name <> %s)",
        (ours,),
    ).fetchone() or (0, 0)
    for used, name in zip(row, ("max_replication_slots", "max_wal_senders"), strict=True):
        # One more for the connection that keeps the snapshot.
        needed = slots + (1 if name == "max_wal_senders" else 0)
        if int(_setting(connection, name)) - used < needed:
            report.block(
                name,
                f"{source.label} has no room for {needed} more: {used} of {name} "
                f"({_setting(connection, name)}) are used.",
                f"Raise {name}, or drop slots that nobody uses.",
            )
    if _setting(connection, "max_slot_wal_keep_size") == "-1":
        report.handled(
            "slot retention",
            f"{source.label} keeps WAL for a slot without limit (max_slot_wal_keep_size is -1).",
            "status() shows the WAL kept; abandon() drops the slots of a migration that was given up.",
        )


def _names(tables: Sequence[Table]) -> str:
    shown = ", ".join(str(table.name) for table in tables[:5])
    return shown + (f" and {len(tables) - 5} more" if len(tables) > 5 else "")


def _tables(report: Report, tables: Sequence[Table]) -> None:
    if not tables:
        report.block("tables", f"{report.source} has no table.", "Check the database's name.")
    keyless = [table for table in tables if not table.identity and not table.partitioned]
    if keyless:
        report.block(
            "replica identity",
            f"Without a primary key or replica identity: {_names(keyless)}.",
            "Add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL (slow for updates).",
        )
    unlogged = [table for table in tables if table.unlogged]
    if unlogged:
        report.block(
            "unlogged tables",
            f"Unlogged, so their changes cannot be followed: {_names(unlogged)}.",
            "ALTER TABLE ... SET LOGGED, or drop them before migrating.",
        )
    _handled_tables(report, tables)


def _handled_tables(report: Report, tables: Sequence[Table]) -> None:
    cases: tuple[tuple[str, Callable[[Table], bool], str], ...] = (
        ("generated columns", lambda t: bool(t.generated), "not copied: the target computes them."),
        (
            "partitions",
            lambda t: t.partitioned,
            "each partition is copied and followed as a table of its own.",
        ),
        (
            "text format",
            lambda t: not t.binary,
            "copied as text: values carry object ids that differ by server.",
        ),
    )
    for subject, fits, remedy in cases:
        found = [table for table in tables if fits(table)]
        if found:
            report.handled(subject, f"{subject}: {_names(found)}", remedy)


def _other_objects(report: Report, connection: Connection) -> None:
    sequences = len(catalog.sequences(connection))
    if sequences:
        report.handled("sequences", f"{sequences} sequences", "set at cut-over, while writes are frozen.")
    views = catalog.materialized_views(connection)
    if views:
        report.handled(
            "materialised views", f"{len(views)} of them", "refreshed after the copy and at cut-over."
        )
    objects = connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone()
    if objects and objects[0]:
        report.block(
            "large objects",
            f"{report.source} holds {objects[0]} large objects, which logical replication does not carry.",
            "Move them into bytea columns or object storage first.",
        )
    always = connection.execute(
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('A', 'R')"
    ).fetchone()
    if always and always[0]:
        report.block(
            "triggers",
            f"{always[0]} triggers are ENABLE ALWAYS or REPLICA and would fire on replicated rows again.",
            "ALTER TABLE ... ENABLE TRIGGER (ORIGIN) before migrating.",
        )
    secured = connection.execute("SELECT count(*) FROM pg_class WHERE relrowsecurity").fetchone()
    if secured and secured[0]:
        report.handled(
            "row-level security", f"{secured[0]} tables", "policies are copied; the owner reads all rows."
        )


def _target(
    report: Report,
    source: Database,
    source_connection: Connection,
    target: Database,
    connection: Connection,
    migration: str,
    *,
    first: bool,
) -> None:
    if (source.host, source.port, source.dbname) == (target.host, target.port, target.dbname):
        report.block("target", f"{target.label} is the source itself.", "Name another database as target.")
    have, want = catalog.major_version(connection), catalog.major_version(source_connection)
    if have < want:
        report.block(
            "version",
            f"{target.label} runs PostgreSQL {have}, older than the source's {want}.",
            f"Create the target with version {want} or newer.",
        )
    _target_role(report, target, connection, first=first)
    _extensions(report, source_connection, target, connection)
    others = [name for name in state.migrations(connection) if name != migration]
    mine = migration in state.migrations(connection)
    tables = catalog.tables(connection)
    if others or (tables and not mine):
        what = f"migration {others[0]}" if others else f"tables ({_names(tables)})"
        report.block(
            "empty target", f"{target.label} already holds {what}.", "Use an empty database as target."
        )


def _target_role(report: Report, target: Database, connection: Connection, *, first: bool) -> None:
    role = connection.execute(_ROLE).fetchone() or (False,) * 4
    if not (role[2] and role[3]):
        report.block(
            "subscription",
            f"Role {target.user} on {target.label} may not create subscriptions.",
            "GRANT pg_create_subscription and CREATE on the database to it.",
        )
    if first and not (role[1] and _setting(connection, "wal_level") == "logical"):
        report.handled(
            "primary to be",
            f"{target.label} cannot publish (wal_level, REPLICATION), so nothing follows it after cut-over.",
            "Turn on logical decoding at the provider and grant REPLICATION first, if that is wanted.",
        )


def _extensions(report: Report, source: Connection, target: Database, connection: Connection) -> None:
    wanted = {row[0] for row in source.execute("SELECT extname FROM pg_extension").fetchall()}
    offered = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions").fetchall()}
    missing = sorted(wanted - offered)
    if missing:
        report.block(
            "extensions",
            f"{target.label} does not offer: {', '.join(missing)}.",
            "Choose a target that offers them, or drop them at the source.",
        )
