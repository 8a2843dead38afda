"""Proof that databases are equal: checksums of every row, rows that differ, schema and sequences compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from dreamnet.postgres import catalog, definitions
from dreamnet.postgres.catalog import STATE_SCHEMA, Table
from dreamnet.postgres.checksums import Checksum, checksums, parallel_checksums
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.differing import differing_rows

NAMED_TABLES = 5
"""Most tables of a target whose rows are named: each takes some passes over it on both servers."""

Side = tuple[Database, Connection]
Positions = Mapping[str, tuple[int, bool]]
"""Of sequences, by name: last_value and is_called."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not equal.

    Args:
        kind: rows, schema or sequence.
        rows: the first rows that differ, by their keys, without their values.
    """

    target: str
    kind: str
    object: str
    source: str
    found: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f": {'; '.join(self.rows)}" if self.rows else ""
        return f"{self.object} ({self.kind}) on {self.target}: {self.found} instead of {self.source}{named}"


@dataclass(frozen=True)
class Checked:
    """One table on one target, as the source has it; seconds that the slowest server computed."""

    target: str
    table: str
    rows: int
    checksum: int
    seconds: float
    equal: bool


@dataclass(frozen=True)
class Verification:
    """Outcome of a comparison. `point`: what was compared, in words. `checked`: table by table."""

    tables: int
    rows: int
    differences: tuple[Difference, ...]
    seconds: float
    point: str
    checked: tuple[Checked, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "equal": self.equal}

    def lines(self) -> list[dict[str, Any]]:
        """For a table to look at: what differs first, then every table of every target."""
        rows = {
            (one.target, one.object): "; ".join(one.rows) for one in self.differences if one.kind == "rows"
        }
        others = [
            {
                "target": one.target,
                "table": one.object,
                "rows": None,
                "checksum": None,
                "seconds": None,
                "result": f"{one.kind} differs: {one.found} instead of {one.source}",
            }
            for one in self.differences
            if one.kind != "rows"
        ]
        checked = [
            {
                "target": one.target,
                "table": one.table,
                "rows": one.rows,
                "checksum": str(one.checksum),
                "seconds": round(one.seconds, 3),
                "result": "equal" if one.equal else f"differs at {rows.get((one.target, one.table), '')}",
            }
            for one in sorted(self.checked, key=lambda one: one.equal)
        ]
        return others + checked


def compare_rows(
    source: Side, targets: Sequence[Side], tables: Sequence[Table]
) -> tuple[list[Checked], list[Difference]]:
    """Compare tables one after the other on the connections given, all servers computing at the same time."""

    def compute(side: Side) -> dict[str, Checksum]:
        with explained(side[0], "compute checksums"):
            return checksums(side[1], tables)

    return _compare(source, targets, compute)


def compare_all_rows(
    source: Side, targets: Sequence[Side], tables: Sequence[Table], application: str
) -> tuple[list[Checked], list[Difference]]:
    """Compare tables, several sessions of each server computing at the same time, and name rows that differ.

    Tables that a target lacks are left out: the schema's comparison names them.

    Args:
        source, targets: connections in REPEATABLE READ transactions, all of one common state.
        application: of further sessions.
    """

    def compute(side: Side) -> dict[str, Checksum]:
        return parallel_checksums(*side, [held[side[0]][name] for name in shared], application)

    held = {
        database: {table.name: table for table in catalog.tables(connection)}
        for database, connection in (source, *targets)
    }
    shared = [table.name for table in tables if all(table.name in its for its in held.values())]
    checked, differences = _compare(source, targets, compute)
    return checked, name_rows(source, targets, tables, differences)


def _compare(
    source: Side, targets: Sequence[Side], compute: Callable[[Side], dict[str, Checksum]]
) -> tuple[list[Checked], list[Difference]]:
    with ThreadPoolExecutor(1 + len(targets), thread_name_prefix="compare") as pool:
        wanted, *found = pool.map(compute, (source, *targets))
    checked, differences = [], []
    for (database, _), sums in zip(targets, found, strict=True):
        for table, checksum in wanted.items():
            its, equal = sums[table], checksum.same(sums[table])
            seconds = max(checksum.seconds, its.seconds)
            checked.append(Checked(database.label, table, checksum.rows, checksum.total, seconds, equal))
            if not equal:
                differences.append(Difference(database.label, "rows", table, str(checksum), str(its)))
    return checked, differences


def name_rows(
    source: Side, targets: Sequence[Side], tables: Sequence[Table], differences: Sequence[Difference]
) -> list[Difference]:
    """Add to differences of tables the first rows that differ; of NAMED_TABLES tables a target at most."""
    known = {str(table.name): table for table in tables}
    named = []
    for target in targets:
        own = [one for one in differences if one.target == target[0].label and one.kind == "rows"]
        named += [
            replace(one, rows=differing_rows(known[one.object], source, target)) for one in own[:NAMED_TABLES]
        ]
        named += own[NAMED_TABLES:]
    return named + [one for one in differences if one.kind != "rows"]


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """All that is declared, by (object, part), e.g. (`public.dreams`, `column id`): see definitions."""
    # Definitions are printed relative to search_path: an empty one qualifies every name.
    with connection.transaction():
        connection.execute("SELECT set_config('search_path', '', true)")
        rows = [row for query in definitions.QUERIES for row in connection.execute(query, ()).fetchall()]
    return {(row[0], row[1]): row[2] for row in rows if not row[0].startswith(f"{STATE_SCHEMA}.")}


def compare_schema(source: Connection, target: Connection, label: str) -> list[Difference]:
    """Differences of what is declared, in either direction.

    Between major versions, of what a server prints from a parsed form only the existence is compared.
    """
    wanted, found = schema_of(source), schema_of(target)
    printed = () if catalog.major_version(source) == catalog.major_version(target) else definitions.PRINTED
    return [
        Difference(
            label, "schema", f"{key[0]} {key[1]}", wanted.get(key, "nothing"), found.get(key, "nothing")
        )
        for key in sorted(wanted.keys() | found.keys())
        if wanted.get(key) != found.get(key)
        and not (key in wanted and key in found and key[1].partition(" ")[0] in printed)
    ]


def compare_sequences(wanted: Positions, target: Connection, label: str) -> list[Difference]:
    """Sequences whose position at the target is not the wanted one."""
    found = catalog.sequence_values(target)
    return [
        Difference(label, "sequence", name, str(value), str(found.get(name, "nothing")))
        for name, value in wanted.items()
        if found.get(name) != value
    ]
