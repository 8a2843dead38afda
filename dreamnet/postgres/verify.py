"""Proof that databases are equal: order-independent checksums computed by the servers, schema and sequences
compared.

The checksum of a table is its row count and sum(hashtextextended(row::text, 0)): it agrees across servers
and major
versions (hash_record_extended does not, where enum object ids are in the row).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import sql

from dreamnet.postgres import catalog
from dreamnet.postgres.catalog import STATE_SCHEMA, Table
from dreamnet.postgres.database import Connection, Database, explained

Checksum = tuple[int, int]
"""(rows, sum of hashes)."""

_COLUMNS = f"""
    SELECT n.nspname || '.' || c.relname, 'column ' || a.attname,
           format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
             || ' ' || a.attidentity::text || a.attgenerated::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm')
      AND {catalog.APPLICATION_OBJECTS}
"""
_INDEXES = f"""
    SELECT n.nspname || '.' || t.relname, 'index ' || c.relname,
           pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_toast'
      AND {catalog.APPLICATION_OBJECTS}
"""
# contype n: PostgreSQL 18 shows NOT NULL as constraints, older ones do not; columns carry it already.
_CONSTRAINTS = f"""
    SELECT n.nspname || '.' || c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype <> 'n' AND {catalog.APPLICATION_OBJECTS}
"""


@dataclass(frozen=True)
class Difference:
    """One thing that is not equal. `kind`: rows, schema or sequence."""

    target: str
    kind: str
    object: str
    source: str
    found: str

    def __str__(self) -> str:
        return f"{self.object} ({self.kind}) on {self.target}: {self.found} instead of {self.source}"


@dataclass(frozen=True)
class Verification:
    """Outcome of a comparison. `point`: what was compared, in words."""

    tables: int
    rows: int
    differences: tuple[Difference, ...]
    seconds: float
    point: str

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "equal": self.equal}


def checksum_query(tables: Sequence[Table]) -> sql.Composed:
    """One statement for the checksums of several tables; generated columns are included, as the text of the
    row.
    """
    one = sql.SQL(
        "SELECT {label}, count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM ONLY {name} t"
    )
    return sql.SQL(" UNION ALL ").join(one.format(label=str(t.name), name=t.name.sql) for t in tables)


def checksums(connection: Connection, tables: Sequence[Table]) -> dict[str, Checksum]:
    """Checksum of each table that stores rows itself."""
    found: dict[str, Checksum] = {}
    for table in tables:
        if not table.partitioned:
            for name, rows, total in connection.execute(checksum_query([table])).fetchall():
                found[name] = (int(rows), int(total))
    return found


def compare_rows(
    source: tuple[Database, Connection],
    targets: Sequence[tuple[Database, Connection]],
    tables: Sequence[Table],
) -> tuple[int, list[Difference]]:
    """Compare all tables, every server computing at the same time. Returns rows at the source and
    differences.
    """

    def compute(pair: tuple[Database, Connection]) -> dict[str, Checksum]:
        with explained(pair[0], "compute checksums"):
            return checksums(pair[1], tables)

    with ThreadPoolExecutor(1 + len(targets), thread_name_prefix="checksum") as pool:
        wanted, *found = pool.map(compute, (source, *targets))
    differences = [
        Difference(database.label, "rows", name, _words(checksum), _words(sums[name]))
        for (database, _), sums in zip(targets, found, strict=True)
        for name, checksum in wanted.items()
        if sums[name] != checksum
    ]
    return sum(rows for rows, _ in wanted.values()), differences


def _words(checksum: Checksum) -> str:
    return f"{checksum[0]} rows with checksum {checksum[1]}"


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Columns, indexes and constraints by (table, object)."""
    # Definitions are printed relative to search_path: an empty one qualifies every name.
    with connection.transaction():
        connection.execute("SELECT set_config('search_path', '', true)")
        rows = [
            row
            for query in (_COLUMNS, _INDEXES, _CONSTRAINTS)
            for row in connection.execute(query, ()).fetchall()
        ]
    return {(row[0], row[1]): row[2] for row in rows if not row[0].startswith(f"{STATE_SCHEMA}.")}


def compare_schema(source: Connection, target: Connection, label: str) -> list[Difference]:
    """Differences of columns, indexes and constraints in either direction."""
    wanted, found = schema_of(source), schema_of(target)
    return [
        Difference(
            label, "schema", f"{key[0]} {key[1]}", wanted.get(key, "nothing"), found.get(key, "nothing")
        )
        for key in sorted(wanted.keys() | found.keys())
        if wanted.get(key) != found.get(key)
    ]


def compare_sequences(source: Connection, target: Connection, label: str) -> list[Difference]:
    """Sequences whose position at the target is not the source's."""
    wanted, found = catalog.sequence_values(source), catalog.sequence_values(target)
    return [
        Difference(label, "sequence", name, str(value), str(found.get(name, "nothing")))
        for name, value in wanted.items()
        if found.get(name) != value
    ]
