"""Copying rows: one read of the source feeds every target; big tables in pieces; memory bounded.

A piece is a range of a table's blocks, read through the exported snapshot and written to each target in one
transaction together with its record. libpq's blocking writes are the back pressure: the slowest target sets
the pace and nothing piles up in between.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass

from psycopg import sql

from dreamnet.postgres import flushing, state, writing
from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.reading import SnapshotReader
from dreamnet.postgres.telling import Telling

PIECE_BYTES = 4 * 1024**3
"""Largest piece: what an interrupted copy repeats of a table, at most, for each worker: a minute's work."""
_LEAST_BYTES = 128 * 1024 * 1024
BLOCK_BYTES = 8192


@dataclass(frozen=True)
class Piece:
    """Blocks [first, last) of one table; last None: to the end (blocks added later hold nothing the
    snapshot sees).
    """

    table: Table
    number: int
    of: int
    first: int
    last: int | None

    def step(self, generation: int) -> str:
        """Under which name it is recorded."""
        return f"copy:{generation}:{self.table.name}:{self.number}/{self.of}"

    @property
    def bytes(self) -> int:
        """Size on the source's disk, for progress and order."""
        return max(self.table.bytes // self.of, 1)


@dataclass(frozen=True)
class Copied:
    """What a copy moved: rows and bytes of the COPY stream, seconds of wall clock."""

    rows: int
    bytes: int
    seconds: float


def fair_share(tables: Iterable[Table], workers: int) -> int:
    """Bytes of a piece that keep every worker busy. Smaller ones are no use: only a table that is loaded as a
    whole is loaded frozen, which takes a tenth of the servers' processor time off copy and indexes together.
    """
    return max(_LEAST_BYTES, sum(table.bytes for table in tables) // workers)


def pieces(tables: Iterable[Table], piece_bytes: int = PIECE_BYTES) -> list[Piece]:
    """Cut tables into pieces; first those of tables whose indexes take the longest, which begin when all
    pieces are there.
    """
    cut: list[Piece] = []
    for table in tables:
        if table.partitioned:
            continue  # its partitions are tables of their own
        blocks = -(-table.bytes // BLOCK_BYTES)
        count = max(1, -(-table.bytes // piece_bytes))
        bounds = [blocks * index // count for index in range(count)]
        for index, first in enumerate(bounds):
            last = bounds[index + 1] if index + 1 < count else None
            cut.append(Piece(table, index + 1, count, first, last))
    return sorted(cut, key=lambda piece: (-piece.table.index_bytes, -piece.table.bytes))


def finished_tables(steps: Iterable[str], generation: int) -> set[str]:
    """Names of the tables of which every piece is recorded."""
    seen: dict[str, tuple[int, int]] = {}
    prefix = f"copy:{generation}:"
    for step in steps:
        if step.startswith(prefix):
            table, _, fraction = step.removeprefix(prefix).rpartition(":")
            seen[table] = (seen.get(table, (0, 0))[0] + 1, int(fraction.partition("/")[2]))
    return {table for table, (have, of) in seen.items() if have == of}


class Copier:
    """Copies pieces with several workers, each with its own connection to the source and to every target.

    `complete` is called for each table once every target has all of it.
    """

    def __init__(
        self,
        source: Database,
        targets: Sequence[Database],
        migration: str,
        *,
        workers: int,
        progress: Callable[[str], None],
        complete: Callable[[Table], None],
    ) -> None:
        self._source, self._targets, self._migration = source, list(targets), migration
        self._application = f"dreamnet:{migration}"
        self._workers, self._progress, self._complete = workers, progress, complete
        self._telling = Telling(progress)
        self._left: Counter[Name] = Counter()
        self._lock = threading.Lock()
        self._rows = self._bytes = self._done = 0

    def run(self, todo: Sequence[Piece], snapshot: str, generation: int) -> Copied:
        """Copy all pieces from the snapshot. The first failure stops every worker after its present piece."""
        started = time.monotonic()
        work: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        for piece in todo:
            work.put(piece)
        self._left = Counter(piece.table.name for piece in todo)
        stop = threading.Event()
        with (
            flushing.often(self._targets, self._application, self._progress),
            ThreadPoolExecutor(self._workers, thread_name_prefix="copy") as pool,
        ):
            jobs = [
                pool.submit(self._worker, work, stop, snapshot, generation, len(todo))
                for _ in range(min(self._workers, len(todo)))
            ]
            done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
            stop.set()
        for job in (*done, *jobs):
            job.result()
        return Copied(self._rows, self._bytes, round(time.monotonic() - started, 3))

    def _worker(
        self,
        work: queue.SimpleQueue[Piece],
        stop: threading.Event,
        snapshot: str,
        generation: int,
        total: int,
    ) -> None:
        with ExitStack() as stack:
            source = stack.enter_context(SnapshotReader(self._source, self._application, snapshot))
            targets = [
                stack.enter_context(target.connect(self._application, stalling=True))
                for target in self._targets
            ]
            for target in targets:
                # A server that crashes forgets rows and their record alike, and the connection breaks.
                target.execute("SET synchronous_commit = off")
            while not stop.is_set():
                try:
                    piece = work.get_nowait()
                except queue.Empty:
                    return
                began = time.monotonic()
                rows, size = self._copy(source, targets, piece, generation)
                self._note(piece, Copied(rows, size, time.monotonic() - began), total)

    def _note(self, piece: Piece, copied: Copied, total: int) -> None:
        with self._lock:
            self._rows += copied.rows
            self._bytes += copied.bytes
            self._done += 1
            self._left[piece.table.name] -= 1
            done, complete = self._done, not self._left[piece.table.name]
        line = f"copied {piece.table.name}{_part(piece)}: {copied.rows} rows ({done} of {total} pieces)"
        self._telling.tell(line, copied.seconds, last=done == total)
        if complete:
            self._complete(piece.table)

    def _copy(
        self, source: SnapshotReader, targets: list[Connection], piece: Piece, generation: int
    ) -> tuple[int, int]:
        read, write = copy_statements(piece)
        size, telling = 0, Telling(self._progress)

        def tee(block: bytes) -> None:
            nonlocal size
            size += len(block)
            if telling.due():
                line = f"copying {piece.table.name}{_part(piece)}: {size / 1e6:.0f} MB so far"
                telling.tell(line, 0, last=False)
            for database, sink in zip(self._targets, sinks, strict=True):
                with explained(database, f"load {piece.table.name}"):
                    sink.write(block)

        with ExitStack() as stack:
            # One transaction a target: the rows and the record of them.
            for target, database in zip(targets, self._targets, strict=True):
                stack.enter_context(explained(database, f"load {piece.table.name}"))
                stack.enter_context(target.transaction())
                if piece.of == 1:
                    # Emptied in this very transaction: FREEZE is allowed, and spares the target a vacuum.
                    target.execute(sql.SQL("TRUNCATE ONLY {}").format(piece.table.name.sql))
            with ExitStack() as copies:
                sinks = [copies.enter_context(writing.load(target, write)) for target in targets]
                what = piece.table if piece.of == 1 else read
                rows = source.copy(what, piece.table.format, tee, f"copy {piece.table.name}")
            for target in targets:
                state.record(target, self._migration, piece.step(generation), {"rows": rows})
        return rows, size


def _part(piece: Piece) -> str:
    return f" {piece.number}/{piece.of}" if piece.of > 1 else ""


def copy_statements(piece: Piece) -> tuple[sql.Composed, sql.Composed]:
    """The query that reads the piece and the COPY that loads it."""
    table = piece.table
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    form = sql.SQL("(FORMAT {}, FREEZE)" if piece.of == 1 else "(FORMAT {})").format(sql.SQL(table.format))
    limits = []
    if piece.first:
        limits.append(sql.SQL("ctid >= {}").format(sql.Literal(f"({piece.first},0)")))
    if piece.last is not None:
        limits.append(sql.SQL("ctid < {}").format(sql.Literal(f"({piece.last},0)")))
    where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(limits) if limits else sql.SQL("")
    read = sql.SQL("SELECT {} FROM ONLY {}").format(columns, table.name.sql) + where
    # A table without columns to insert still has rows to count: COPY needs no column list then.
    listed = sql.SQL(" ({})").format(columns) if table.columns else sql.SQL("")
    write = sql.SQL("COPY {}").format(table.name.sql) + listed + sql.SQL(" FROM STDIN ") + form
    return read, write
