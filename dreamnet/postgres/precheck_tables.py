"""What the source's database holds: tables, their rights and keys, and everything else in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dreamnet.postgres import catalog
from dreamnet.postgres.catalog import APPLICATION_OBJECTS, Table
from dreamnet.postgres.database import Connection, Database
from dreamnet.postgres.findings import Report, listed

_RELATIONS = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {APPLICATION_OBJECTS}"
_NAMED = "n.nspname || '.' || c.relname"
_COLUMN = f"SELECT {_NAMED} || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
_COLUMNS = (
    f"{_COLUMN} JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {APPLICATION_OBJECTS}"
)

# Types without a default operator class have no equality that applying an update could find the row by.
_WITHOUT_EQUALITY = "'json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'"


class _Case(NamedTuple):
    """A query that lists names; if it finds some, the finding."""

    blocks: bool
    subject: str
    query: str
    problem: str
    remedy: str


_CASES = (
    _Case(
        True,
        "privileges",
        f"SELECT {_NAMED} {_RELATIONS} AND c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND NOT "
        "(pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind "
        "WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') "
        "END) ORDER BY 1",
        "Role {user} does not own, or may not read: {names}.",
        "Use the role that owns them, or grant it that role and SELECT.",
    ),
    _Case(
        True,
        "row-level security",
        f"SELECT {_NAMED} {_RELATIONS} AND row_security_active(c.oid) ORDER BY 1",
        "Policies hide rows from role {user}, which would be lost: {names}.",
        "Use a role with BYPASSRLS, or the owner without FORCE ROW LEVEL SECURITY.",
    ),
    _Case(
        False,
        "row-level security",
        f"SELECT {_NAMED} {_RELATIONS} AND c.relrowsecurity AND NOT row_security_active(c.oid) ORDER BY 1",
        "Row-level security: {names}.",
        "policies are copied; role {user} reads all rows in spite of them.",
    ),
    _Case(
        True,
        "replica identity",
        f"{_COLUMNS} AND c.relkind = 'r' AND c.relreplident = 'f' AND NOT EXISTS (SELECT FROM pg_index i "
        "WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) "
        f"AND a.atttypid::regtype::text IN ({_WITHOUT_EQUALITY}) ORDER BY 1",
        "REPLICA IDENTITY FULL without a key cannot find a row by columns that have no equality: {names}.",
        "Add a primary key to the table, or change these columns' types (json to jsonb).",
    ),
    _Case(
        True,
        "triggers",
        f"SELECT {_NAMED} || '.' || g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE NOT g.tgisinternal AND g.tgenabled IN ('A', 'R') AND {APPLICATION_OBJECTS} ORDER BY 1",
        "Triggers that are ENABLE ALWAYS or REPLICA would fire on replicated rows again: {names}.",
        "ALTER TABLE ... ENABLE TRIGGER (ORIGIN) before migrating.",
    ),
    _Case(
        False,
        "triggers",
        f"SELECT {_NAMED} || '.' || g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'D') AND {APPLICATION_OBJECTS} ORDER BY 1",
        "Triggers: {names}.",
        "created after the rows; they do not fire on what is copied or followed.",
    ),
    _Case(
        True,
        "event triggers",
        "SELECT evtname FROM pg_event_trigger e WHERE evtenabled <> 'D' AND NOT EXISTS (SELECT FROM "
        "pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')",
        "Event triggers, which only a superuser may create at the target: {names}.",
        "DROP EVENT TRIGGER, and make them anew at the target where its provider allows it.",
    ),
    _Case(
        False,
        "virtual generated columns",
        f"{_COLUMNS} AND a.attgenerated = 'v' ORDER BY 1",
        "Virtual generated columns: {names}.",
        "not copied: each server computes them when they are read; checksums include them.",
    ),
    _Case(
        False,
        "identity columns",
        f"{_COLUMNS} AND a.attidentity <> '' ORDER BY 1",
        "Identity columns: {names}.",
        "values are copied as they are, GENERATED ALWAYS too; their sequences are set at cut-over.",
    ),
    _Case(
        False,
        "exclusion constraints",
        f"SELECT {_NAMED} || '.' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE k.contype = 'x' AND {APPLICATION_OBJECTS} ORDER BY 1",
        "Exclusion constraints: {names}.",
        "built after the rows, as indexes are.",
    ),
    _Case(
        False,
        "foreign tables",
        f"SELECT {_NAMED} {_RELATIONS} AND c.relkind = 'f' ORDER BY 1",
        "Foreign tables: {names}.",
        "definitions are copied; their rows stay at the foreign server, which the target must reach.",
    ),
    _Case(
        False,
        "materialised views",
        f"SELECT {_NAMED} {_RELATIONS} AND c.relkind = 'm' ORDER BY 1",
        "Materialised views: {names}.",
        "those that are populated are refreshed after the copy and at cut-over.",
    ),
    _Case(
        False,
        "owners and grants",
        "SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
        "LATERAL (SELECT c.relowner AS who UNION SELECT grantee FROM aclexplode(c.relacl)) w "
        "JOIN pg_roles r ON r.oid = w.who "
        f"WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND r.rolname <> current_user "
        f"AND {APPLICATION_OBJECTS} ORDER BY 1",
        "Other roles own or may use what {source} holds: {names}.",
        "owners and grants stay behind: all belongs to the target's role, which DreamNet uses.",
    ),
    _Case(
        False,
        "collation version",
        "SELECT datname FROM pg_database WHERE datname = current_database() AND datcollversion IS DISTINCT "
        "FROM pg_database_collation_actual_version(oid)",
        "The collation library of {source} has changed since {names} was made, so its indexes on text may be"
        " out of order.",
        "indexes are not copied but built anew; a unique one that has let doubles in stops the build.",
    ),
)


def check(report: Report, connection: Connection, source: Database, tables: Sequence[Table]) -> None:
    """Add what the database holds, and the size of the task."""
    report.tables, report.rows = len(tables), sum(table.rows for table in tables)
    report.bytes = sum(table.bytes for table in tables)
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    report.database_bytes = int(size[0]) if size else 0
    _keys(report, tables)
    for case in _CASES:
        names = [row[0] for row in connection.execute(case.query, ()).fetchall()]
        if names:
            facts = {"user": source.user, "source": source.label, "names": listed(names)}
            add = report.block if case.blocks else report.handled
            add(case.subject, case.problem.format(**facts), case.remedy.format(**facts))
    _handled(report, tables)
    _others(report, connection)


def _keys(report: Report, tables: Sequence[Table]) -> None:
    if not tables:
        report.block("tables", f"{report.source} has no table.", "Check the database's name.")
    keyless = [table.name for table in tables if not table.identity and not table.partitioned]
    if keyless:
        report.block(
            "replica identity",
            f"Without a primary key (that is not deferrable) or replica identity: {listed(keyless)}.",
            "Add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL (slow for updates).",
        )
    unlogged = [table.name for table in tables if table.unlogged]
    if unlogged:
        report.block(
            "unlogged tables",
            f"Unlogged, so their changes cannot be followed: {listed(unlogged)}.",
            "ALTER TABLE ... SET LOGGED, or drop them before migrating.",
        )


def _handled(report: Report, tables: Sequence[Table]) -> None:
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
        (
            "full replica identity",
            lambda t: t.identity_kind == "f" and not t.partitioned,
            "an update or delete is applied by comparing all columns: slow on big tables.",
        ),
    )
    for subject, fits, remedy in cases:
        found = [table.name for table in tables if fits(table)]
        if found:
            report.handled(subject, f"{subject.capitalize()}: {listed(found)}.", remedy)


def _rows_of_extensions(connection: Connection) -> list[str]:
    """Tables made by CREATE EXTENSION and filled by the application: what pg_dump takes of extensions."""
    tables = connection.execute(
        "SELECT c.oid::regclass::text, condition FROM pg_extension,"
        " unnest(extconfig, extcondition) AS config (relation, condition) JOIN pg_class c ON c.oid = relation"
        " WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1"
    ).fetchall()
    asked = ((name, f"SELECT EXISTS (SELECT FROM {name} {condition})") for name, condition in tables)
    return [name for name, query in asked if connection.execute(query.encode()).fetchone() == (True,)]


def _others(report: Report, connection: Connection) -> None:
    sequences = catalog.sequences(connection)
    if sequences:
        report.handled(
            "sequences",
            f"{len(sequences)} sequences: {listed(sequences)}.",
            "set at cut-over, while writes are frozen.",
        )
    if held := _rows_of_extensions(connection):
        report.handled(
            "extensions' rows",
            f"Tables of extensions hold rows of the application's own: {listed(held)}.",
            "neither copied nor followed: bring them over by hand (pg_dump --data-only --table=...).",
        )
    objects = connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone()
    if objects and objects[0]:
        report.block(
            "large objects",
            f"{report.source} holds {objects[0]} large objects, which logical replication does not carry.",
            "Move them into bytea columns or object storage first.",
        )
