"""What one target's tables need once they have their rows: indexes and keys, the planner's statistics, then
foreign keys.

Several sessions build them, for a table that is complete while others are still copied: the target's
processors sort while its network loads. Adding a key locks its table for itself, so that nothing else may be
built there meanwhile; the sessions turn to other tables then, instead of waiting for the lock. A foreign key
locks both its tables.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import psycopg
from psycopg import sql

from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.database import Connection, explained
from dreamnet.postgres.schema import BUILT, Applier, Entry
from dreamnet.postgres.telling import Telling

_SHARED = ("INDEX",)
_FOREIGN_KEY = "FK CONSTRAINT"
_CANCEL_S = 10.0
_IDENTIFIER = r"(?:\"(?:[^\"]|\"\")+\"|[\w$]+)"
# The table of CREATE INDEX, ALTER TABLE and CREATE STATISTICS, as pg_dump writes it.
_TABLE = re.compile(rf"(?: ON| FROM|ALTER TABLE) (?:ONLY )?({_IDENTIFIER}\.{_IDENTIFIER})")
_REFERENCED = re.compile(rf" REFERENCES ({_IDENTIFIER}\.{_IDENTIFIER})")


@dataclass
class _Work:
    """What is to be done for one table. `analyse`: its statistics are wanted and not made yet."""

    table: Name | None
    bytes: int
    todo: list[Entry] = field(default_factory=list)
    running: int = 0
    locked: bool = False
    analyse: bool = True

    @property
    def open(self) -> bool:
        return bool(self.todo) or self.analyse

    def take(self) -> _Job | None:
        """The next that no other session on this table hinders."""
        if self.locked:
            return None
        for entry in self.todo:
            if entry.kind in _SHARED or not self.running:
                self.todo.remove(entry)
                return _Job((self,), entry)
        if self.analyse and not self.todo and not self.running:
            self.analyse = False
            return _Job((self,), None)
        return None


@dataclass(frozen=True)
class _Job:
    """One entry to apply to these tables; None: gather statistics."""

    works: tuple[_Work, ...]
    entry: Entry | None

    @property
    def ready(self) -> bool:
        """Whether nothing else is done to its tables, or left to be done."""
        return not any(work.running or work.open for work in self.works)

    def begin(self) -> None:
        for work in self.works:
            work.running += 1
            work.locked = self.entry is None or self.entry.kind not in _SHARED

    def end(self) -> None:
        for work in self.works:
            work.running -= 1
            work.locked = False


class Builders:
    """Sessions that build on one target. Use it as a context manager; leaving it by an error ends them.

    Args:
        entries: the dump's section post-data; what is not done yet counts, of kinds schema.BUILT, and foreign
            keys between whole tables. tables: the target's.
    """

    def __init__(
        self,
        applier: Applier,
        entries: Iterable[Entry],
        tables: Sequence[Table],
        workers: int,
        progress: Callable[[str], None],
    ) -> None:
        self._applier, self._telling = applier, Telling(progress)
        todo = applier.open([entry for entry in entries if entry.kind in (*BUILT, _FOREIGN_KEY)])
        # Partitions are analysed with their parents, at the end.
        self._works: dict[Name | None, _Work] = {
            table.name: _Work(table.name, table.bytes, analyse=not table.partition and not table.partitioned)
            for table in tables
        }
        others = _Work(None, 0, analyse=False)
        named, referenced = _tables_of(applier, todo)
        built = [entry for entry in todo if entry.kind in BUILT]
        for entry in built:
            self._works.get(named[entry], others).todo.append(entry)
        # Partitions are not attached to each other yet, which a key to or from them needs.
        whole = {table.name for table in tables if not table.partition and not table.partitioned}
        self._keys = [
            _Job(tuple(self._works[name] for name in {named[entry], referenced[entry]}), entry)
            for entry in todo
            if entry.kind == _FOREIGN_KEY and whole.issuperset((named[entry], referenced[entry]))
        ]
        self._others, self._total, self._built = others, len(built) + len(self._keys), 0
        self._offered: list[_Work] = []
        self._changed = threading.Condition()
        self._complete = self._stopped = False
        self._failure: Exception | None = None
        self._sessions: list[Connection] = []
        self._workers = workers
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Builders:
        try:
            for _ in range(self._workers):
                self._sessions.append(self._applier.session())
        except BaseException:
            for session in self._sessions:
                session.close()
            raise
        self._threads = [
            threading.Thread(target=self._run, args=(session,), name="build", daemon=True)
            for session in self._sessions
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        # What is not done is rolled back, and built by the next run. That one also ends the sessions which
        # cannot be cancelled now, as where the network is gone.
        for session in self._sessions:
            with suppress(psycopg.Error):
                session.cancel_safe(timeout=_CANCEL_S)
        for thread in self._threads:
            thread.join(_CANCEL_S)

    def offer(self, table: Table) -> None:
        """The table has all its rows, which is `table.bytes` of them. Raises what has failed so far."""
        with self._changed:
            self._raise()
            work = self._works[table.name]
            work.bytes = table.bytes
            self._offered.append(work)
            self._offered.sort(key=lambda one: -one.bytes)
            self._changed.notify_all()

    def finish(self, *, agreeing: bool) -> None:
        """Build what no offered table needs too, and wait for all. Raises what has failed.

        Args:
            agreeing: the rows of all tables are of one state, so that foreign keys hold between them.
        """
        with self._changed:
            if not agreeing:
                self._total -= len(self._keys)
                self._keys = []
            offered = {id(work) for work in self._offered}
            rest = (*self._works.values(), self._others)
            self._offered += [work for work in rest if id(work) not in offered]
            self._complete = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        with self._changed:
            self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self, session: Connection) -> None:
        try:
            with session:  # closed at the end
                while (job := self._take()) is not None:
                    began = time.monotonic()
                    self._do(job, session)
                    self._done(job, time.monotonic() - began)
        except Exception as error:  # noqa: BLE001 - raised by whoever offers or waits
            with self._changed:
                self._failure = self._failure or error
                self._changed.notify_all()

    def _take(self) -> _Job | None:
        with self._changed:
            while not self._stopped and self._failure is None:
                if (job := self._next()) is not None:
                    job.begin()
                    return job
                if self._complete and not self._keys and not any(work.open for work in self._offered):
                    return None
                self._changed.wait()
        return None

    def _next(self) -> _Job | None:
        if self._complete and (key := next((key for key in self._keys if key.ready), None)) is not None:
            self._keys.remove(key)
            return key
        return next((job for work in self._offered if (job := work.take()) is not None), None)

    def _do(self, job: _Job, session: Connection) -> None:
        if job.entry is not None:
            self._applier.apply(job.entry, session, parallel=self._last_ones())
        for table in (work.table for work in job.works if job.entry is None and work.table is not None):
            with explained(self._applier.target, f"analyse {table}"):
                session.execute(sql.SQL("ANALYZE {}").format(table.sql))

    def _last_ones(self) -> bool:
        """Whether sessions are left over. Before, a helper of a build would take another build's processor,
        and two halves of a sort cost more than one whole.
        """
        with self._changed:
            return self._complete and not any(work.todo for work in self._offered)

    def _done(self, job: _Job, seconds: float) -> None:
        with self._changed:
            job.end()
            self._built += job.entry is not None
            built, total = self._built, self._total
            self._changed.notify_all()
        if job.entry is not None:
            target = self._applier.target.label
            line = f"{target}: built {job.entry.name} ({built} of {total} indexes and keys)"
            self._telling.tell(line, seconds, last=built == total)


def _tables_of(
    applier: Applier, entries: Sequence[Entry]
) -> tuple[dict[Entry, Name | None], dict[Entry, Name | None]]:
    """By entry: the table that it stands on, and the one that it references; None where it names none."""
    searched = [
        found[1] if (found := which.search(entry.statements)) else None
        for which in (_TABLE, _REFERENCED)
        for entry in entries
    ]
    names = applier.resolve(searched)
    count = len(entries)
    return dict(zip(entries, names[:count], strict=True)), dict(zip(entries, names[count:], strict=True))
