"""What a database holds, read from its catalogues: tables, sequences, materialised views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from dreamnet.postgres.database import Connection

STATE_SCHEMA = "dreamnet_migration"
"""Schema of our own bookkeeping, on source and targets; never migrated, compared or counted."""

# Objects that belong to an extension come with CREATE EXTENSION.
APPLICATION_OBJECTS = f"""
    n.nspname NOT IN ('pg_catalog', 'information_schema', '{STATE_SCHEMA}')
    AND n.nspname NOT LIKE 'pg\\_toast%%' AND n.nspname NOT LIKE 'pg\\_temp\\_%%'
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""

# A deferrable primary key is no replica identity.
_TABLES = f"""
    SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,
           pg_relation_size(c.oid), greatest(c.reltuples, 0)::bigint,
           CASE c.relreplident
                WHEN 'd' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                                  AND i.indimmediate)
                WHEN 'i' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)
                ELSE c.relreplident = 'f' END,
           c.relispartition,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                 ORDER BY a.attnum),
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
                 ORDER BY a.attnum),
           NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                       LEFT JOIN pg_type b ON b.oid = t.typbasetype
                       LEFT JOIN pg_type e ON e.oid = coalesce(nullif(b.typelem, 0), t.typelem)
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                         AND (e.oid >= 16384 OR t.typtype = 'c' OR b.typtype = 'c' OR t.typsend = 0
                              OR (t.oid < 16384 AND t.typname LIKE 'reg%%')
                              OR (t.typtype = 'd' AND b.typtype = 'd'))),
           pg_indexes_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {APPLICATION_OBJECTS}
    ORDER BY 1, 2
"""

_SEQUENCES = f"""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {APPLICATION_OBJECTS} ORDER BY 1, 2
"""

# In dependency order: a view over a view is refreshed after it.
_MATERIALIZED = f"""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated AND {APPLICATION_OBJECTS} ORDER BY c.oid
"""


@dataclass(frozen=True, order=True)
class Name:
    """A schema-qualified name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> sql.Identifier:
        """Quoted for a statement."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Table:
    """One ordinary or partitioned table.

    Args:
        bytes: size of its main fork. index_bytes: size of its indexes. rows: the planner's estimate, 0 if
            never analysed.
        columns: those that are stored by insertion; generated ones are computed by the target itself.
        binary: whether binary COPY fits. It does not where values carry object ids that differ between
        servers:
            arrays of user-defined types, composite types, oid and the reg* types.
    """

    name: Name
    partitioned: bool
    unlogged: bool
    identity: bool
    bytes: int
    rows: int
    partition: bool
    columns: tuple[str, ...]
    generated: tuple[str, ...]
    binary: bool
    identity_kind: str
    index_bytes: int = 0

    @property
    def format(self) -> str:
        """COPY's format that fits: `binary` or `text`."""
        return "binary" if self.binary else "text"


def tables(connection: Connection) -> list[Table]:
    """Every table of the database that is the application's, sorted by name."""
    return [
        Table(
            name=Name(row[0], row[1]),
            partitioned=row[2] == "p",
            unlogged=row[3] == "u",
            identity=row[7],
            bytes=row[5],
            rows=row[6],
            partition=row[8],
            columns=tuple(row[9]),
            generated=tuple(row[10]),
            binary=row[11],
            identity_kind=row[4],
            index_bytes=row[12],
        )
        for row in connection.execute(_TABLES, ()).fetchall()
    ]


def sequences(connection: Connection) -> list[Name]:
    """Every sequence, those behind serial and identity columns included."""
    return [Name(*row) for row in connection.execute(_SEQUENCES, ()).fetchall()]


def materialized_views(connection: Connection) -> list[Name]:
    """Populated materialised views, in the order they were made."""
    return [Name(*row) for row in connection.execute(_MATERIALIZED, ()).fetchall()]


def refresh(connection: Connection, views: Sequence[Name]) -> None:
    """Bring materialised views up to date, one after the other."""
    for view in views:
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(view.sql))


def sequence_values(connection: Connection) -> dict[str, tuple[int, bool]]:
    """Each sequence's (last_value, is_called)."""
    names = sequences(connection)
    if not names:
        return {}
    one = sql.SQL("SELECT {label}, last_value, is_called FROM {name}")
    query = sql.SQL(" UNION ALL ").join(one.format(label=str(name), name=name.sql) for name in names)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query).fetchall()}


def major_version(connection: Connection) -> int:
    """The server's major version, e.g. 18."""
    return connection.info.server_version // 10000
