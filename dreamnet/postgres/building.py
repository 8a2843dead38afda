"""What one target's tables need once they have their rows: indexes and keys, the planner's statistics, then
foreign keys.

Several sessions build them, for a table that is complete while others are still copied: the target's
processors sort while its network loads. Indexes of a table are built side by side, a key's too; what locks
its table for itself (making a key of its index, ANALYZE, a foreign key both its tables) waits for a gap, and
the sessions turn to other tables meanwhile, instead of waiting for the lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import psycopg

from dreamnet.postgres import statements
from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.database import Connection
from dreamnet.postgres.schema import BUILT, Applier, Entry
from dreamnet.postgres.telling import Telling

_SHARED = ("INDEX",)
_FOREIGN_KEY = "FK CONSTRAINT"
_CANCEL_S = 10.0


@dataclass
class _Work:
    """What is to be done for one table. `analyse`: its statistics are wanted and not made yet, and `early`:
    they may be before its indexes, so that they are not what all wait for in the end. `statistics`: the
    source's, which save analysing it.
    """

    table: Name | None
    bytes: int
    todo: list[Entry] = field(default_factory=list)
    running: int = 0
    locked: bool = False
    analyse: bool = True
    early: bool = True
    statistics: Entry | None = None

    def add(self, entry: Entry) -> None:
        # What takes longest, and is hardly shortened by helpers, is not to be what all wait for in the end.
        self.todo.insert(0 if statements.takes_long(entry) else len(self.todo), entry)
        self.early = self.early and not statements.widens_statistics(entry)

    @property
    def open(self) -> bool:
        return bool(self.todo) or self.analyse

    def take(self) -> _Job | None:
        """The next that no other session on this table hinders."""
        if self.locked:
            return None
        if self.analyse and not self.running and (self.early or not self.todo):
            self.analyse = False
            return _Job((self,), None)
        for entry in self.todo:
            if entry.kind in _SHARED or not self.running:
                self.todo.remove(entry)
                return _Job((self,), entry)
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
        statistics: the source's by table, for where the target takes them over.
    """

    def __init__(
        self,
        applier: Applier,
        entries: Iterable[Entry],
        tables: Sequence[Table],
        statistics: Mapping[str, Entry],
        workers: int,
        progress: Callable[[str], None],
    ) -> None:
        self._applier, self._telling = applier, Telling(progress)
        # Partitions are analysed with their parents, at the end.
        self._works: dict[Name | None, _Work] = {
            table.name: _Work(
                table.name,
                table.bytes,
                analyse=not table.partition and not table.partitioned,
                statistics=statistics.get(str(table.name)),
            )
            for table in tables
        }
        self._others = _Work(None, 0, analyse=False)
        self._keys: list[_Job] = []
        self._plan(list(entries), tables)
        todo = [entry for work in (*self._works.values(), self._others) for entry in work.todo]
        self._total = len(self._keys) + sum(entry.kind != statements.KEY for entry in todo)
        self._built = 0
        self._offered: list[_Work] = []
        self._changed = threading.Condition()
        self._complete = self._stopped = False
        self._failure: Exception | None = None
        self._sessions: list[Connection] = []
        self._workers = workers
        self._threads: list[threading.Thread] = []

    def _plan(self, entries: list[Entry], tables: Sequence[Table]) -> None:
        """Give each table what is not done yet."""
        built = [entry for entry in entries if entry.kind in BUILT]
        keys = [entry for entry in entries if entry.kind == _FOREIGN_KEY]
        resolve = self._applier.resolve
        names = resolve([statements.table_of(entry) for entry in (*built, *keys)])
        others = resolve([statements.referenced_by(key) for key in keys])
        ends = {key: {one, other} for key, one, other in zip(keys, names[len(built) :], others, strict=True)}
        partitioned = {table.name for table in tables if table.partitioned}
        places: dict[Entry, Name | None] = {}
        for entry, name in zip(built, names, strict=False):
            places |= dict.fromkeys((entry,) if name in partitioned else statements.apart(entry), name)
        # Partitions are not attached to each other yet, which a key to or from them needs.
        whole = {table.name for table in tables if not table.partition and not table.partitioned}
        for entry in self._applier.open([*places, *keys]):
            if entry in places:
                self._works.get(places[entry], self._others).add(entry)
            elif whole.issuperset(ends[entry]):
                self._keys.append(_Job(tuple(self._works[name] for name in ends[entry]), entry))

    def __enter__(self) -> Builders:
        self._threads = [
            threading.Thread(target=self._run, name="build", daemon=True) for _ in range(self._workers)
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
            sessions = list(self._sessions)
        # What is not done is rolled back, and built by the next run. That one also ends the sessions which
        # cannot be cancelled now, as where the network is gone.
        for session in sessions:
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

    def _run(self) -> None:
        try:
            with self._applier.session() as session:
                with self._changed:
                    self._sessions.append(session)
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
            return
        for work in job.works:
            taken = work.early and work.statistics and self._applier.take_over(work.statistics, session)
            if work.table is not None and not taken:
                self._applier.analyse(work.table, session)

    def _last_ones(self) -> bool:
        """Whether sessions are left over. Before, a helper of a build would take another build's processor,
        and two halves of a sort cost more than one whole.
        """
        with self._changed:
            left = (entry for work in self._offered for entry in work.todo)
            return self._complete and all(entry.kind == statements.KEY for entry in left)

    def _done(self, job: _Job, seconds: float) -> None:
        with self._changed:
            job.end()
            tells = job.entry is not None and job.entry.kind != statements.KEY
            self._built += tells
            built, total = self._built, self._total
            self._changed.notify_all()
        if job.entry is not None and tells:
            target = self._applier.target.label
            line = f"{target}: built {job.entry.name} ({built} of {total} indexes and keys)"
            self._telling.tell(line, seconds, last=built == total)
