"""The migration of one database to one or more others: check, copy, follow, verify, cut over, and back."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, TypeVar

from psycopg import sql

from dreamnet.errors import ConfigurationError, GameplanError, UnreachableError
from dreamnet.postgres import (
    alarms,
    catalog,
    copying,
    cutover,
    ddl,
    emptying,
    freeze,
    precheck,
    replication,
    schema,
    state,
    streams,
    waiting,
    watch,
)
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.findings import Report
from dreamnet.postgres.precheck_target import Disk
from dreamnet.postgres.replication import Lag, Link
from dreamnet.postgres.streams import Stream
from dreamnet.postgres.verify import Verification
from dreamnet.postgres.watch import Look

Progress = Callable[[str], None]
T = TypeVar("T")

MAX_GENERATIONS = 3
"""Interrupted copies that keep their finished tables; then all begins anew, as each needs a slot a target,
and
providers offer about ten."""

_NOTED = "noted:"
_UNCHANGED = "Nothing was switched, and whoever took writes goes on taking them."


@dataclass(frozen=True)
class CopyReport:
    """What prepare_and_copy did now (0 rows: all was done before)."""

    tables: int
    rows: int
    bytes: int
    copy_seconds: float
    seconds: float
    generations: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True)
class Status:
    """Where the migration stands.

    Args:
        phase: new (also once finished), copying, following, switching, cut over.
        switching_to: where an interrupted move was going, "target" or "source"; else empty.
    """

    name: str
    phase: str
    primary: str
    lag: tuple[Lag, ...]
    frozen_tables: int
    switching_to: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def _numbers(steps: Mapping[str, Any]) -> list[int]:
    """Generations of the copy that are recorded."""
    return sorted(int(step.split(":")[1]) for step in steps if step.startswith("generation:"))


def _phase(steps: Mapping[str, Any]) -> str:
    """See Status."""
    if "subscribed" not in steps:
        return "copying" if steps else "new"
    if "switching" in steps:
        return "switching"
    return "cut over" if steps.get("primary") == "target" else "following"


class Migration:
    """One migration. Every method may be called again, in a new process too: it continues where it stopped.

    Args:
        name: also names slots, publications and subscriptions; [a-z0-9_] of it count.
        targets: the first becomes the primary at cut-over; the others follow it from then on.
        workers: parallel copies and index builds.
    """

    def __init__(
        self,
        name: str,
        source: Database,
        targets: Sequence[Database],
        *,
        workers: int = 4,
        piece_bytes: int = copying.PIECE_BYTES,
    ) -> None:
        if not targets:
            raise ConfigurationError("The migration has no target.", "Name at least one target database.")
        self.name, self.source, self.targets = name, source, tuple(targets)
        self._workers, self._piece_bytes = workers, piece_bytes
        self._application = f"dreamnet:{name}"

    # ---- steps

    def precheck(self, disks: Sequence[Disk | None] = ()) -> Report:
        """Everything that can be known before a byte is copied; changes nothing. `disks`: the targets'."""
        return precheck.precheck(self.source, self.targets, self.name, disks)

    def prepare_and_copy(self, progress: Progress) -> CopyReport:
        """Schema, rows from one consistent snapshot, indexes, keys, statistics, subscriptions (disabled yet).

        Raises PrecheckFailed before anything is changed.
        """
        started = time.monotonic()
        self.precheck().raise_if_blocked()
        with self._alone():
            for target in self.targets:
                with target.connect(self._application) as connection, explained(target, "keep its records"):
                    state.create(connection)
            if self._noted() is None:
                self._note_schema("source")
            self._refuse_changes(self._forward(), all_changes=False)
            version = self._read(self.source, catalog.major_version)
            tables = self._read(self.source, catalog.tables)
            if not self._all_have("copied"):
                entries = schema.dump(self.source, "pre-data", version)
                self._each_target(lambda target: self._applier(target, progress).pre_data(entries))
            copied = self._copy([table for table in tables if not table.partitioned], progress)
            if not self._all_have("ready"):
                self._refuse_changes(self._forward(), all_changes=False)
                entries = schema.dump(self.source, "post-data", version)
                self._each_target(lambda target: self._finish_target(target, entries, progress))
            self._subscribe()
        seconds = round(time.monotonic() - started, 3)
        generations = len(self._generations())
        return CopyReport(len(tables), copied.rows, copied.bytes, copied.seconds, seconds, generations)

    def follow(self, progress: Progress, timeout: float = 3600) -> list[Lag]:
        """Let the targets apply changes, and wait until they have caught up with what is committed now.

        Raises GameplanError as soon as waiting is in vain: DDL at the source, a lost slot.
        """
        with self._alone():
            stream = self._forward()
            self._refuse_changes(stream, all_changes=False)
            stream.enable()
            progress("subscriptions enabled")
            guard = partial(self._guard, progress)
            waiting.wait_caught_up(stream, timeout, progress, guard)
            if not self._all_have("constrained"):
                progress("tables were copied at several moments: checking their foreign keys at a common one")
                self._constrain(stream, progress)
                waiting.wait_caught_up(stream, timeout, progress, guard)
        lag = self.lag()
        for one in lag:
            progress(f"{one.subscriber}: {one.bytes} bytes, {one.seconds} s behind")
        return lag

    def wait_caught_up(self, timeout: float = 600) -> None:
        """Wait until every follower has applied what is committed at the primary now. Raises
        GameplanError.
        """
        self._active().wait_caught_up(timeout)

    def lag(self) -> list[Lag]:
        """How far each follower of the present primary is behind, in bytes and seconds."""
        return self._active().lag()

    def verify(self, timeout: float = 10) -> Verification:
        """Compare every row and the schema at one common state, while writers go on (they wait
        milliseconds). Raises VerificationError if the publisher's schema has changed.
        """
        stream = self._active()
        self._refuse_changes(stream, all_changes=True)
        return cutover.verify_stream(stream, self._tables(stream.publisher), timeout)

    def cut_over(
        self, switch: Callable[[], None], progress: Progress = lambda _: None, timeout: float = 10
    ) -> Move:
        """Make the first target the primary.

        Args:
            switch: puts the new connection string where applications read it; must be repeatable.
            timeout: seconds that draining may take while writers wait; beyond it all is undone.
        Raises VerificationError and others with the source writable again and nothing switched.
        """
        return self._move("target", switch, progress, timeout)

    def roll_back(
        self, switch: Callable[[], None], progress: Progress = lambda _: None, timeout: float = 10
    ) -> Move:
        """Make the source the primary again; it has followed since the cut-over, so nothing is lost."""
        return self._move("source", switch, progress, timeout)

    def finish(self, progress: Progress = lambda _: None) -> None:
        """Remove slots, publications, subscriptions and records on all sides.

        Whoever is not the primary keeps refusing writes if it has been frozen.
        """
        with self._alone():
            self._remove_streams(progress)
            self._drop_records()
        progress("finished")

    def abandon(self, progress: Progress = lambda _: None, *, empty: bool = False) -> None:
        """Give up: the source keeps no WAL for us and takes writes; targets keep what was copied.

        Args:
            empty: drop what was copied from the targets too, so that a new attempt may begin.
        Raises GameplanError where writes have moved, or may have.
        """
        steps = self._steps(self.targets[0])
        if steps.get("primary") == "target" or self._interrupted(steps):
            raise GameplanError(
                f"{self.targets[0].label} is the primary already, or an interrupted switch to it may be.",
                "Complete the cut-over if it was interrupted; then roll back first, or finish the migration.",
            )
        filled = [target for target in self.targets if self._steps(target, "generation:")]
        with self._alone():
            for database in (self.source, *self.targets):
                with database.connect(self._application) as connection, explained(database, "thaw"):
                    freeze.thaw(connection)
            self._remove_streams(progress)
            for target in filled if empty else ():
                emptying.drop_everything(target, self._application)
                progress(f"emptied {target.label}")
            self._drop_records()
        progress("abandoned")

    def status(self) -> Status:
        """Where it stands, at any time; reads only."""
        steps = self._steps(self.targets[0])
        frozen = len(self._read(self.source, freeze.frozen_tables))
        phase = _phase(steps)
        if "subscribed" not in steps:
            return Status(self.name, phase, self.source.label, (), frozen)
        lag = tuple(self._active().lag(measure=False))
        primary = self.targets[0] if steps.get("primary") == "target" else self.source
        return Status(self.name, phase, primary.label, lag, frozen, steps.get("switching", ""))

    def look(self) -> Look:
        """All that can be seen of it now, at any time: lag, slots, WAL, schema. See watch and alarms."""
        aside = copy.copy(self)
        # Whoever begins a step ends sessions of the other name: they would be a killed process's.
        aside._application = f"{self._application}:watch"
        return aside._look()

    def _look(self) -> Look:
        try:
            steps = self._steps(self.targets[0])
        except UnreachableError:  # its records are out of reach, but the source knows what it keeps
            return watch.blind(self.name, self.source, self.targets[0], self._application)
        # A target that does not answer is what a look reports: only the first one's records are read.
        moved = steps.get("primary") == "target"
        stream = self._back() if moved else self._forward(_numbers(steps))
        noted = self._noted() if steps else None
        return watch.look(self.name, _phase(steps), stream, (self.source, self.targets[0]), noted)

    # ---- copy

    def _copy(self, tables: list[Table], progress: Progress) -> copying.Copied:
        if self._all_have("copied"):
            return copying.Copied(0, 0, 0.0)
        kept = self._keep_finished(progress)
        todo = [table for table in tables if str(table.name) not in kept]
        copied = copying.Copied(0, 0, 0.0)
        if todo:
            copied = self._generation(max(self._generations(), default=0) + 1, todo, progress)
        self._record_all("copied")
        return copied

    def _keep_finished(self, progress: Progress) -> set[str]:
        """Keep the tables that an interrupted run finished on every target; drop what else it began."""
        kept: set[str] = set()
        found = self._generations()
        for generation in found:
            done = set.intersection(
                *(
                    copying.finished_tables(self._steps(target, "copy:"), generation)
                    for target in self.targets
                )
            )
            if not done or len(found) >= MAX_GENERATIONS:
                self._drop_generation(generation)
                continue
            progress(f"keeping {len(done)} tables that an earlier run has copied")
            kept |= done
            self._shrink(generation, done)
        return kept

    def _shrink(self, generation: int, done: set[str]) -> None:
        # The subscription takes its tables from the publication; those copied later get another one.
        link = self._link(generation)
        with (
            self.source.connect(self._application) as connection,
            explained(self.source, "set the publication"),
        ):
            names = [table.name for table in catalog.tables(connection) if str(table.name) in done]
            replication.publish(connection, link, names)

    def _drop_generation(self, generation: int) -> None:
        self._forward((generation,)).remove()
        for target in self.targets:
            with target.connect(self._application) as connection, connection.transaction():
                state.forget(connection, self.name, f"generation:{generation}")
                state.forget(connection, self.name, f"copy:{generation}:")

    def _generation(self, number: int, tables: list[Table], progress: Progress) -> copying.Copied:
        link = self._link(number)
        self._forward((number,)).remove()  # leftovers of a run killed before it recorded anything
        with (
            self.source.connect(self._application) as connection,
            explained(self.source, "publish its tables"),
        ):
            replication.create_heartbeat(connection, link)
            replication.publish(connection, link, [table.name for table in tables])
        self._empty(link, tables)
        shared = replication.create_slots(self.source, link, len(self.targets), self._application)
        with shared.keeper:
            self._record_all(f"generation:{number}", {"lsn": shared.lsn})
            progress(f"copying {len(tables)} tables as of {shared.lsn}")
            copier = copying.Copier(
                self.source, self.targets, self.name, workers=self._workers, progress=progress
            )
            return copier.run(copying.pieces(tables, self._piece_bytes), shared.snapshot, number)

    def _empty(self, link: Link, tables: list[Table]) -> None:
        listed = sql.SQL(", ").join(sql.SQL("ONLY {}").format(table.name.sql) for table in tables)
        for target in self.targets:
            with (
                target.connect(self._application) as connection,
                explained(target, "empty unfinished tables"),
            ):
                replication.create_heartbeat(connection, link)
                with connection.transaction():
                    connection.execute(sql.SQL("TRUNCATE {}").format(listed))
                    for generation in self._generations():
                        for table in tables:
                            state.forget(connection, self.name, f"copy:{generation}:{table.name}:")

    def _finish_target(self, target: Database, entries: list[schema.Entry], progress: Progress) -> None:
        applier = self._applier(target, progress)
        applier.indexes(entries)
        if len(self._generations()) == 1:
            applier.constraints(entries)
            self._record(target, "constrained")
        progress(f"{target.label}: refreshing views, gathering statistics")
        with target.connect(self._application) as connection, explained(target, "refresh views"):
            for view in self._read(self.source, catalog.materialized_views):
                connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(view.sql))
        applier.statistics(self._read(target, catalog.tables))
        self._record(target, "ready")

    def _constrain(self, stream: Stream, progress: Progress, timeout: float = 60) -> None:
        """Foreign keys hold between tables of one state: the copy's snapshot, or what the followers reach."""
        entries = schema.dump(self.source, "post-data", self._read(self.source, catalog.major_version))
        with streams.standing_still(stream, self._tables(self.source), timeout):
            self._each_target(lambda target: self._applier(target, progress).constraints(entries))
        self._record_all("constrained")

    def _subscribe(self) -> None:
        if self._all_have("subscribed"):
            return
        for link, slot, target in self._forward().slots:
            with target.connect(self._application) as connection:
                two_way = self._two_way(target)
                replication.subscribe(target, connection, self.source, link, slot, two_way=two_way)
        self._record_all("subscribed")

    # ---- moving

    def _move(self, to: str, switch: Callable[[], None], progress: Progress, timeout: float) -> Move:
        with self._alone():
            new = self.targets[0] if to == "target" else self.source
            stream = self._forward() if to == "target" else self._back()
            if new not in [database for _, database in stream.subscribers]:
                raise GameplanError(
                    f"{new.label} does not follow the primary, so writes cannot move there.",
                    "See what cut-over reported under `following`.",
                )
            interrupted = self._interrupted(self._steps(self.targets[0]))
            if interrupted == to:
                progress("an earlier run was interrupted during the switch: completing it")
                with new.connect(self._application) as connection:
                    cutover.switch_over(stream.publisher, new, connection, switch, self._application)
                self._moved(to)
            elif interrupted:
                raise GameplanError(
                    f"An earlier move away from {new.label} was interrupted during its switch.",
                    "Run that move again: it completes the switch. Then move the other way.",
                )
            if self._primary() == to:
                return self._already(new, timeout)
            return self._move_now(stream, new, to, switch, progress, timeout)

    def _move_now(
        self,
        stream: Stream,
        new: Database,
        to: str,
        switch: Callable[[], None],
        progress: Progress,
        timeout: float,
    ) -> Move:
        tables = self._tables(stream.publisher)
        same = self._refuse_changes(stream, all_changes=to == "target")
        progress("comparing all rows before writes are frozen")
        before = cutover.verify_stream(stream, tables, timeout)
        cutover.raise_on(before.differences, f"Nothing was switched; {stream.publisher.label} takes writes.")
        following = self._follow_back(progress) if to == "target" else dict(self._following())
        with (
            stream.publisher.connect(self._application) as connection,
            explained(stream.publisher, "prepare the freeze"),
        ):
            freeze.prepare(connection)
        cutover.close(new, self._tables(new), self._application)
        progress(f"freezing writes on {stream.publisher.label}")

        def intend() -> None:
            self._record(self.targets[0], "switching", to)

        try:
            moved = cutover.move(
                stream, new, tables, switch, checks=same, before_switch=intend, timeout=timeout
            )
        except cutover.SwitchUnfinished:
            raise
        except BaseException as error:
            self._gave_up(error, stream.publisher)
            raise
        self._moved(to)
        self._refresh(new)
        progress(f"writes were frozen for {moved.freeze_seconds} s")
        cutover.raise_on(moved.proof.differences, "The switch is done: roll back now, which loses no write.")
        return replace(moved, following=following)

    def _already(self, primary: Database, timeout: float) -> Move:
        active = self._active()
        proof = cutover.verify_stream(active, self._tables(active.publisher), timeout)
        return Move(primary.label, 0.0, 0.0, 0.0, 0.0, 0, proof, dict(self._following()))

    def _moved(self, to: str) -> None:
        with self.targets[0].connect(self._application) as connection, connection.transaction():
            state.record(connection, self.name, "primary", to)
            state.forget(connection, self.name, "switching")
        self._note_schema(to)

    def _refresh(self, primary: Database) -> None:
        with primary.connect(self._application) as connection, explained(primary, "refresh views"):
            for view in catalog.materialized_views(connection):
                connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(view.sql))

    def _follow_back(self, progress: Progress) -> dict[str, str]:
        """Let source and further targets follow the first target, before it takes its first write.

        `origin = none` sends only what is written there by applications, not what it applied itself.
        """
        primary, link = self.targets[0], self._link("back")
        with primary.connect(self._application) as connection, explained(primary, "publish its tables"):
            replication.create_heartbeat(connection, link)
            replication.publish(
                connection, link, [t.name for t in self._tables(primary) if not t.partitioned]
            )
        for key, database in self._followers():
            try:
                self._follow_primary(key, database, link)
                self._record(primary, f"following:{key}", "following")
            except GameplanError as error:
                progress(f"{database.label} will not follow the new primary: {error.problem}")
                self._record(primary, f"following:{key}", error.problem)
        return dict(self._following())

    def _follow_primary(self, key: str, database: Database, link: Link) -> None:
        primary = self.targets[0]
        if not (self._two_way(database) and self._read(primary, catalog.major_version) >= 16):
            raise GameplanError("PostgreSQL 16 is needed on both sides.", "Upgrade.")
        with primary.connect(self._application) as connection, explained(primary, "create a slot"):
            replication.create_slot(connection, link.slot(key))
        with database.connect(self._application) as connection, explained(database, "follow the new primary"):
            replication.create_heartbeat(connection, link)
            replication.subscribe(database, connection, primary, link, link.slot(key), two_way=True)
            replication.enable(connection, link.slot(key))

    def _gave_up(self, error: BaseException, old: Database) -> None:
        """Forget the intent; let the error say who takes writes now."""
        # Where the target is gone the note stays and counts for nothing: nobody refuses writes because of it.
        with suppress(GameplanError):
            self._forget(self.targets[0], "switching")
        if isinstance(error, GameplanError):
            frozen: object = "unknown"
            with suppress(GameplanError):
                frozen = self._read(old, freeze.frozen_tables)
            state = "may refuse writes: run the same step again, or abandon" if frozen else "takes writes"
            error.extend(f"{error.problem} Nothing was switched; {old.label} {state}.")

    def _interrupted(self, steps: dict[str, Any]) -> str:
        """Where a run that was killed during its switch was going; empty if none was.

        Only with the refusal committed had it decided; else the server has undone its freeze.
        """
        to = str(steps.get("switching", ""))
        old = {"target": self.source, "source": self.targets[0]}.get(to)
        return to if old and self._read(old, freeze.frozen_tables) else ""

    # ---- who is who

    def _followers(self) -> list[tuple[str, Database]]:
        return [("source", self.source), *((str(n), t) for n, t in enumerate(self.targets[1:], 2))]

    def _following(self) -> Iterator[tuple[str, str]]:
        steps = self._steps(self.targets[0], "following:")
        for key, database in self._followers():
            if f"following:{key}" in steps:
                yield database.label, steps[f"following:{key}"]

    def _link(self, key: int | str) -> Link:
        return Link(self.name, str(key))

    def _forward(self, generations: Sequence[int] | None = None) -> Stream:
        """From the source to the targets."""
        numbers = self._generations() if generations is None else generations
        subscribers = tuple((str(number), target) for number, target in enumerate(self.targets, 1))
        return Stream(self.source, subscribers, tuple(map(self._link, numbers)), self._application)

    def _back(self) -> Stream:
        """From the first target to those who follow it."""
        steps = self._steps(self.targets[0], "following:")
        subscribers = tuple(
            (key, database)
            for key, database in self._followers()
            if steps.get(f"following:{key}") == "following"
        )
        return Stream(self.targets[0], subscribers, (self._link("back"),), self._application)

    def _active(self) -> Stream:
        return self._back() if self._primary() == "target" else self._forward()

    def _primary(self) -> str:
        return str(self._steps(self.targets[0], "primary").get("primary", "source"))

    def _two_way(self, subscriber: Database) -> bool:
        since = replication.ORIGIN_SINCE
        return all(self._read(db, catalog.major_version) >= since for db in (self.source, subscriber))

    def _remove_streams(self, progress: Progress) -> None:
        back = Stream(self.targets[0], tuple(self._followers()), (self._link("back"),), self._application)
        for stream in (self._forward(), back):
            stream.remove()
            progress(f"removed slots, publications and subscriptions of {stream.publisher.label}")

    def _drop_records(self) -> None:
        for database in (self.source, *self.targets):
            with database.connect(self._application) as connection, explained(database, "clean up"):
                if not freeze.frozen_tables(connection):
                    freeze.remove(connection)
                    state.drop(connection)
                else:  # what makes it refuse writes lives in the same schema as the records
                    state.forget(connection, self.name)

    # ---- schema

    def _note_schema(self, primary: str) -> None:
        """Remember what the primary declares: what its followers are copies of."""
        database = self.targets[0] if primary == "target" else self.source
        noted = self._read(database, ddl.read).stored()
        self._record(self.targets[0], f"{_NOTED}{primary}", noted)

    def _noted(self) -> ddl.Schema | None:
        noted = self._steps(self.targets[0], _NOTED).get(f"{_NOTED}{self._primary()}")
        return None if noted is None else ddl.Schema.from_stored(noted)

    def _refuse_changes(self, stream: Stream, *, all_changes: bool) -> cutover.Checks:
        """Raise VerificationError if the publisher's schema has changed; returns the same check."""
        same = partial(ddl.refuse, self._noted(), _UNCHANGED, all_changes)
        with stream.connected() as (publisher, followers), explained(stream.publisher, "read its schema"):
            same(publisher, followers)
        return same

    def _guard(self, progress: Progress) -> None:
        """Raise if waiting for the followers is in vain; say what else is wrong."""
        look = self.look()
        alarms.raise_if_stopped(look)
        for alarm in alarms.find(look):
            progress(f"{alarm.level}: {alarm.what}. {alarm.remedy}")

    # ---- records

    def _generations(self) -> list[int]:
        return sorted(
            {number for target in self.targets for number in _numbers(self._steps(target, "generation:"))}
        )

    def _steps(self, target: Database, prefix: str = "") -> dict[str, Any]:
        return self._read(target, lambda connection: state.steps(connection, self.name, prefix))

    def _all_have(self, step: str) -> bool:
        return all(step in self._steps(target, step) for target in self.targets)

    def _record(self, target: Database, step: str, detail: Any = None) -> None:
        with target.connect(self._application) as connection, explained(target, "keep its records"):
            state.record(connection, self.name, step, detail)

    def _record_all(self, step: str, detail: Any = None) -> None:
        for target in self.targets:
            self._record(target, step, detail)

    def _forget(self, target: Database, prefix: str) -> None:
        with target.connect(self._application) as connection:
            state.forget(connection, self.name, prefix)

    # ---- helpers

    def _applier(self, target: Database, progress: Progress) -> schema.Applier:
        return schema.Applier(target, self.name, progress, self._workers)

    def _tables(self, database: Database) -> list[Table]:
        return self._read(database, catalog.tables)

    def _read(self, database: Database, reader: Callable[[Connection], T]) -> T:
        with database.connect(self._application) as connection, explained(database, "read its catalogue"):
            return reader(connection)

    def _each_target(self, work: Callable[[Database], None]) -> None:
        with ThreadPoolExecutor(len(self.targets), thread_name_prefix="target") as pool:
            for finished in [pool.submit(work, target) for target in self.targets]:
                finished.result()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time; ends the server sessions that a killed one left behind."""
        with ExitStack() as stack:
            guard = stack.enter_context(self.targets[0].connect(self._application))
            deadline = time.monotonic() + 5
            while not self._try_lock(guard):
                if time.monotonic() > deadline:
                    raise GameplanError(
                        f"Another process is working on the migration {self.name}.",
                        "Wait for it, or end it; then run this step again.",
                    )
                time.sleep(0.1)
            for database in (self.source, *self.targets):
                with database.connect(self._application) as connection:
                    keep = [connection.info.backend_pid]
                    keep += [guard.info.backend_pid] if database == self.targets[0] else []
                    connection.execute(
                        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
                        "WHERE application_name = %s "
                        "AND usename = current_user AND datname = current_database() AND pid <> ALL(%s)",
                        (self._application, keep),
                    )
            yield

    def _try_lock(self, guard: Connection) -> bool:
        row = guard.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (self._application,)
        ).fetchone()
        return bool(row and row[0])
