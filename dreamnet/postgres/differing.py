"""Which rows of a table differ between two servers, named by their keys: found by narrowing down, so that
memory stays bounded whatever the table's size.

Each server sums its own rows' hashes in buckets by the hash of the key's text, 4096 at a time; in the buckets
that differ the next 12 bits of the hash make finer ones, until few enough rows are left to list. The hash of
text agrees across servers and major versions whatever the key's type. A pass reads the table once: two passes
suffice for millions of rows, three for billions. Values leave no server, only keys and hashes do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from psycopg import sql

from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.checksums import ROW_HASH, Checksum
from dreamnet.postgres.database import Connection, Database, explained

NAMED_ROWS = 5
"""Most rows of a table that are named."""
BITS, LEVELS = 12, 5
"""Of the hash, that a pass adds; and how many passes at most (60 of 64 bits)."""
LISTED_ROWS = 256
"""Few enough rows to be listed; also how many of a side are listed at most, if it comes to that."""

T = TypeVar("T")
Side = tuple[Database, Connection]

# The primary key, else the replica identity, else any other key whose columns are never NULL.
_KEY = """
    SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                 WHERE k.place <= i.indnkeyatts ORDER BY k.place)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) k (number)
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                      WHERE NOT a.attnotnull)
    ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indexrelid LIMIT 1
"""
_COLUMNS = """
    SELECT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


@dataclass(frozen=True)
class _Rows:
    """How often a key is there, and the sum of each column's hashes."""

    count: int
    columns: tuple[int, ...]


class _Search:
    """One table on two servers, source first, each at its own snapshot of the common state."""

    def __init__(
        self, table: Table, sides: tuple[Side, Side], key: Sequence[str], columns: Sequence[str]
    ) -> None:
        self._table, self._sides, self._key, self._columns = table, sides, tuple(key), tuple(columns)

    def rows(self) -> tuple[list[str], bool]:
        """Up to NAMED_ROWS rows that differ, in words, and whether there may be more."""
        mask, buckets, more = 0, [0], False
        for level in range(1, LEVELS + 1):
            finer = (1 << BITS * level) - 1
            wanted, found = self._both(partial(self._sums, finer, mask, buckets))
            differing = sorted(
                bucket
                for bucket in wanted.keys() | found.keys()
                if not wanted.get(bucket, _NONE).same(found.get(bucket, _NONE))
            )
            mask, buckets = finer, differing[:NAMED_ROWS]
            more = more or len(differing) > NAMED_ROWS
            left = [sums.get(bucket, _NONE).rows for bucket in buckets for sums in (wanted, found)]
            if sum(left) <= LISTED_ROWS:
                break
        wanted_rows, found_rows = self._both(partial(self._list, mask, buckets))
        named = [
            f"{self._words(key)}: {said}"
            for key in sorted(wanted_rows.keys() | found_rows.keys())
            if (said := self._compare(wanted_rows.get(key), found_rows.get(key)))
        ]
        return named[:NAMED_ROWS], more or len(named) > NAMED_ROWS

    def _both(self, work: Callable[[Side], T]) -> list[T]:
        with ThreadPoolExecutor(2, thread_name_prefix="differing") as pool:
            return list(pool.map(work, self._sides))

    @property
    def _key_text(self) -> sql.Composable:
        return _text(self._key) if self._key else sql.SQL("{}::text").format(ROW_HASH)

    @property
    def _key_hash(self) -> sql.Composable:
        return _hash(self._key_text) if self._key else ROW_HASH

    def _where(self, mask: int, buckets: Sequence[int]) -> sql.Composable:
        if not mask:
            return sql.SQL("")
        return sql.SQL(" WHERE {} & {} = ANY ({})").format(self._key_hash, mask, list(buckets))

    def _sums(self, mask: int, outer: int, buckets: Sequence[int], side: Side) -> dict[int, Checksum]:
        query = sql.SQL(
            "SELECT {key} & {mask}, count(*), sum({row}) FROM ONLY {name} t{where} GROUP BY 1"
        ).format(
            key=self._key_hash,
            mask=mask,
            row=ROW_HASH,
            name=self._table.name.sql,
            where=self._where(outer, buckets),
        )
        return {int(bucket): Checksum(int(n), int(total)) for bucket, n, total in self._run(side, query)}

    def _list(self, mask: int, buckets: Sequence[int], side: Side) -> dict[str, _Rows]:
        # Equal rows of a table without key are one line, however many there are.
        columns = [sql.SQL("sum({})").format(_hash(_text([column]))) for column in self._columns]
        query = sql.SQL(
            "SELECT {key}, count(*), ARRAY[{columns}]::numeric[] FROM ONLY {name} t{where} "
            'GROUP BY 1 ORDER BY ({key}) COLLATE "C" LIMIT {limit}'
        ).format(
            key=self._key_text,
            columns=sql.SQL(", ").join(columns),
            name=self._table.name.sql,
            where=self._where(mask, buckets),
            limit=LISTED_ROWS,
        )
        return {str(key): _Rows(int(n), tuple(map(int, sums))) for key, n, sums in self._run(side, query)}

    def _run(self, side: Side, query: sql.Composed) -> list[tuple[Any, ...]]:
        with explained(side[0], f"find the rows of {self._table.name} that differ"):
            return side[1].execute(query).fetchall()

    def _words(self, key: str) -> str:
        if not self._key:
            return f"hashtextextended(row::text, 0)={key}"
        return f"({', '.join(self._key)})={key}"

    def _compare(self, wanted: _Rows | None, found: _Rows | None) -> str:
        """How a key's rows differ; nothing if they do not."""
        if wanted == found:
            return ""
        if found is None:
            return "missing"
        if wanted is None:
            return "extra"
        if wanted.count != found.count:
            return f"there {found.count} times instead of {wanted.count}"
        pairs = zip(self._columns, wanted.columns, found.columns, strict=True)
        return f"differs in {', '.join(name for name, left, right in pairs if left != right)}"


_NONE = Checksum(0, 0)


def _text(columns: Sequence[str]) -> sql.Composable:
    # As part of a row a value is written by its type's output, which no cast of the application's changes.
    listed = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(column)) for column in columns)
    return sql.SQL("ROW({})::text").format(listed)


def _hash(text: sql.Composable) -> sql.Composable:
    return sql.SQL('hashtextextended({} COLLATE "C", 0)').format(text)


def differing_rows(table: Table, source: Side, target: Side) -> tuple[str, ...]:
    """The first rows that differ, each in words: `(id)=(7): missing`, `extra`, or the columns that differ.

    A row of a table without key is named by the hash of its text, which a query at either side finds. The
    last line says so if there are more. Where the columns themselves differ there is nothing to name.
    """
    name = table.name
    columns, theirs = (_columns(side, name) for side in (source, target))
    if columns != theirs:
        return ("its columns are not the same, or not in the same order",)
    with explained(source[0], f"find the key of {name}"):
        row = source[1].execute(_KEY, (name.schema, name.name)).fetchone()
    rows, more = _Search(table, (source, target), row[0] if row else (), columns).rows()
    return (*rows, "and more") if more else tuple(rows)


def _columns(side: Side, name: Name) -> list[str]:
    with explained(side[0], f"read the columns of {name}"):
        return [row[0] for row in side[1].execute(_COLUMNS, (name.schema, name.name)).fetchall()]
