"""Checksums of tables, computed by their own server.

The checksum of a table is its row count and the sum of its rows' hashes: independent of order, so that parts
add up, and equal across servers and major versions (hash_record_extended is not, where enum object ids are in
the row). A hash sees what text shows: NULL is not '', -0 is not 0, é of one code point not of two.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from psycopg import sql

from dreamnet.postgres.catalog import Table
from dreamnet.postgres.copying import Piece, pieces
from dreamnet.postgres.database import Connection, Database, explained

JOBS = 4
"""Most sessions that compute at once on one server."""
PIECE_BYTES = 256 * 1024 * 1024
"""Bigger tables are read in parts of this size, smaller ones whole, by the parallel workers of the server;
what is smaller altogether is read by one session: another takes some ten milliseconds to open."""

# Any other collation hashes to the same, as long as it is deterministic; this one needs no look-up.
ROW_HASH = sql.SQL('hashtextextended(t::text COLLATE "C", 0)')
"""Of whatever columns a table has now, where few rows are hashed: quoting costs as much as all the rest."""

# One more than the last block that a table can have.
_END = 4294967295


@dataclass(frozen=True)
class Checksum:
    """Of a table or some of its rows. `seconds`: that its server took, added up over sessions."""

    rows: int
    total: int
    seconds: float = 0.0

    def __add__(self, other: Checksum) -> Checksum:
        return Checksum(self.rows + other.rows, self.total + other.total, self.seconds + other.seconds)

    def same(self, other: Checksum) -> bool:
        """Whether the rows are the same."""
        return (self.rows, self.total) == (other.rows, other.total)

    def __str__(self) -> str:
        return f"{self.rows} rows with checksum {self.total}"


def checksums(connection: Connection, tables: Iterable[Table]) -> dict[str, Checksum]:
    """Checksum of each table that stores rows itself, one after the other on this connection."""
    return {
        str(table.name): _of(connection, Piece(table, 1, 1, 0, None), ROW_HASH)
        for table in tables
        if _stores(table)
    }


def parallel_checksums(
    database: Database, connection: Connection, tables: Sequence[Table], application: str
) -> dict[str, Checksum]:
    """The same by several sessions, the biggest parts first; comparable with its like, not with `checksums`.

    Args:
        connection: in a REPEATABLE READ transaction, whose snapshot the other sessions import.
        tables: as this server has them; parts need not be the same on all, as sums add up.
        application: of the sessions.
    """
    todo: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    found = {str(table.name): Checksum(0, 0) for table in tables if _stores(table)}
    for piece in pieces(tables, PIECE_BYTES):
        todo.put(piece)
    helpers = min(JOBS, sum(table.bytes for table in tables) // PIECE_BYTES + 1) - 1

    def work(session: Connection) -> list[tuple[str, Checksum]]:
        done: list[tuple[str, Checksum]] = []
        while True:
            try:
                piece = todo.get_nowait()
            except queue.Empty:
                return done
            with explained(database, f"compute the checksum of {piece.table.name}"):
                done.append((str(piece.table.name), _of(session, piece, _columns_hash(piece.table))))

    with ExitStack() as stack:
        sessions = [connection, *_same_snapshot(database, connection, helpers, application, stack)]
        pool = stack.enter_context(ThreadPoolExecutor(len(sessions), thread_name_prefix="checksum"))
        for part in pool.map(work, sessions):
            for name, checksum in part:
                found[name] += checksum
    return found


def _same_snapshot(
    database: Database, connection: Connection, number: int, application: str, stack: ExitStack
) -> list[Connection]:
    if not number:
        return []
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    sessions = [stack.enter_context(database.connect(application)) for _ in range(number)]
    for session in sessions:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        session.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(row[0] if row else "")))
    return sessions


def _stores(table: Table) -> bool:
    return not table.partitioned  # its partitions are tables of their own


def _columns_hash(table: Table) -> sql.Composable:
    """Of a row by its columns' hashes: half the time of ROW_HASH.

    An array's hash is a sum of multiples of its elements' hashes, in which rows could trade values unnoticed:
    so it is hashed again. concat() writes a value as its type's output does, and NULL as ''; IS DISTINCT FROM
    NULL tells a composite value of NULLs from NULL.
    """
    one = sql.SQL(
        'CASE WHEN t.{0} IS DISTINCT FROM NULL THEN hashtextextended(concat(t.{0}) COLLATE "C", 0) END'
    )
    columns = (*table.columns, *table.generated)
    listed = sql.SQL(", ").join(one.format(sql.Identifier(column)) for column in columns)
    return sql.SQL("hashint8extended(hash_array_extended(ARRAY[{}]::int8[], 0), 0)").format(listed)


def _of(connection: Connection, piece: Piece, row_hash: sql.Composable) -> Checksum:
    started = time.monotonic()
    query = sql.SQL("SELECT count(*), coalesce(sum({}), 0) FROM ONLY {} t").format(
        row_hash, piece.table.name.sql
    )
    if piece.of > 1:
        first, last = f"({piece.first},0)", f"({_END if piece.last is None else piece.last},0)"
        query += sql.SQL(" WHERE t.ctid >= {} AND t.ctid < {}").format(first, last)
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without GROUP BY has one row
    return Checksum(int(row[0]), int(row[1]), time.monotonic() - started)
