"""The databases of one migration: who follows whom, and the records from which every run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dreamnet.errors import GameplanError
from dreamnet.postgres import catalog, gate, replication, state, traces
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.kept import Kept
from dreamnet.postgres.replication import Link
from dreamnet.postgres.streams import Stream

T = TypeVar("T")

#: Seconds that a run waits for another one to end.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Parties:
    """One source and its targets.

    Args:
        name: the migration's; slots, publications, subscriptions and records carry it.
        targets: the first becomes the primary at cut-over, and keeps the records that all share.
        application: shown in pg_stat_activity; whoever begins a step ends other sessions of this name.
        silent: those out of reach that the migration is ended without.
    """

    name: str
    source: Database
    targets: tuple[Database, ...]
    application: str
    silent: tuple[Database, ...] = ()
    _kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, name: str, source: Database, targets: Sequence[Database]) -> Parties:
        """A migration's databases, for whoever works on them."""
        return cls(name, source, tuple(targets), f"dreamnet:{name}")

    @property
    def everywhere(self) -> tuple[Database, ...]:
        """Source and targets, but for the silent ones."""
        return tuple(one for one in (self.source, *self.targets) if one not in self.silent)

    def out_of_reach(self, candidates: Iterable[Database]) -> dict[Database, str]:
        """Those that do not let us in, and why: refused or unreachable makes no difference here."""
        silent: dict[Database, str] = {}
        for database in candidates:
            try:
                database.connect(self.application).close()
            except GameplanError as error:
                silent[database] = error.problem
        return silent

    # ---- who follows whom

    def link(self, key: int | str) -> Link:
        """The link of a generation of the copy, or `back`."""
        return Link(self.name, str(key))

    def forward(self, generations: Sequence[int] | None = None) -> Stream:
        """From the source to the targets; by default over every generation that is recorded."""
        numbers = self.generations() if generations is None else generations
        subscribers = tuple((str(number), target) for number, target in enumerate(self.targets, 1))
        return Stream(self.source, subscribers, tuple(map(self.link, numbers)), self.application)

    def followers(self) -> list[tuple[str, Database]]:
        """Who is to follow the first target once it is the primary, by key."""
        return [("source", self.source), *((str(n), t) for n, t in enumerate(self.targets[1:], 2))]

    def following(self) -> dict[str, str]:
        """Per follower of the first target, by label: `following`, or why it does not."""
        steps = self.steps(self.targets[0], "following:")
        return {
            database.label: steps[f"following:{key}"]
            for key, database in self.followers()
            if f"following:{key}" in steps
        }

    def back(self) -> Stream:
        """From the first target to those who do follow it and are not silent."""
        steps = self.steps(self.targets[0], "following:")
        subscribers = tuple(
            (key, database)
            for key, database in self.followers()
            if steps.get(f"following:{key}") == "following" and database not in self.silent
        )
        return Stream(self.targets[0], subscribers, (self.link("back"),), self.application)

    def active(self) -> Stream:
        """From the present primary to its followers."""
        return self.back() if self.primary() == "target" else self.forward()

    def primary(self) -> str:
        """Who takes the writes: `source` or `target`."""
        return str(self.steps(self.targets[0], "primary").get("primary", "source"))

    def two_way(self, subscriber: Database) -> bool:
        """Whether it and the source can follow each other."""
        since = replication.ORIGIN_SINCE
        return all(self.read(db, catalog.major_version) >= since for db in (self.source, subscriber))

    def interrupted(self, steps: Mapping[str, Any]) -> str:
        """Where a run that was killed during its switch was going (`source`, `target`); empty if none was.

        Only with the refusal committed had it decided; else the server has undone its freeze.
        """
        to = str(steps.get("switching", ""))
        old = {"target": self.source, "source": self.targets[0]}.get(to)
        return to if old and self.read(old, gate.frozen_tables) else ""

    def phase(self, steps: Mapping[str, Any]) -> str:
        """Where the migration stands by the first target's records, else by the source: see Status."""
        if not steps:
            return self.read(self.source, self._phase_at_the_source)
        if "subscribed" not in steps:
            return "copying"
        if self.interrupted(steps):
            return "switching"
        return "cut over" if steps.get("primary") == "target" else "following"

    def _phase_at_the_source(self, connection: Connection) -> str:
        if traces.find(connection, self.name):
            return "lost"
        return "finished" if gate.frozen_tables(connection) else "new"

    def remove_generation(self, number: int) -> None:
        """Drop subscriptions, slots, publication and heartbeats of a generation of the copy."""
        stream = self.forward((number,))
        for _, slot, database in stream.slots:
            with self.session(database) as connection, explained(database, "drop a subscription"):
                replication.unsubscribe(connection, slot)
        with self.session(self.source) as connection, explained(self.source, "drop slots and publications"):
            for _, slot, _ in stream.slots:
                replication.drop_slot(connection, slot)
            replication.unpublish(connection, self.link(number))

    def remove_streams(self, progress: Callable[[str], None]) -> None:
        """Drop slots, publications and subscriptions in both directions."""
        for remove in (traces.remove_subscriptions, traces.remove_publications):
            for database in self.everywhere:
                with self.session(database) as connection, explained(database, "end following"):
                    remove(connection, self.name)
        progress(f"removed slots, publications and subscriptions of {self.name}")

    # ---- records

    def steps(self, target: Database, prefix: str = "") -> dict[str, Any]:
        """Steps that a target has recorded, with their details."""
        return self.read(target, lambda connection: state.steps(connection, self.name, prefix))

    def generations(self) -> list[int]:
        """Numbers of the copy's generations that any target has recorded."""
        recorded = (generation_numbers(self.steps(target, "generation:")) for target in self.targets)
        return sorted({number for numbers in recorded for number in numbers})

    def all_have(self, step: str) -> bool:
        """Whether every target has recorded a step."""
        return all(step in self.steps(target, step) for target in self.targets)

    def record(self, target: Database, step: str, detail: Any = None) -> None:
        """Note a step as done on a target."""
        with self.session(target) as connection, explained(target, "keep its records"):
            state.record(connection, self.name, step, detail)

    def record_all(self, step: str, detail: Any = None) -> None:
        """Note a step as done on every target."""
        for target in self.targets:
            self.record(target, step, detail)

    def forget(self, target: Database, prefix: str) -> None:
        """Remove the record of steps."""
        with self.session(target) as connection:
            state.forget(connection, self.name, prefix)

    def drop_records(self) -> None:
        """Remove all bookkeeping; a database that refuses writes for us keeps what makes it do so."""
        for database in self.everywhere:
            with self.session(database) as connection, explained(database, "clean up"):
                if not gate.frozen_tables(connection):
                    gate.remove(database, connection)
                    state.drop(connection)
                else:  # what makes it refuse writes lives in the same schema as the records
                    state.forget(connection, self.name)

    # ---- work on them

    def session(self, database: Database) -> AbstractContextManager[Connection]:
        """For small tasks: while this process is `alone`, the one that is kept; else a new one."""
        return self._kept.lend(database, self.application)

    def read(self, database: Database, reader: Callable[[Connection], T]) -> T:
        """What `reader` finds."""
        with self.session(database) as connection, explained(database, "read its catalogue"):
            return reader(connection)

    def tables(self, database: Database) -> list[Table]:
        """The application's tables."""
        return self.read(database, catalog.tables)

    def each_target(self, work: Callable[[Database], None]) -> None:
        """Do it on every target at the same time; raises the first failure once all have ended."""
        with ThreadPoolExecutor(len(self.targets), thread_name_prefix="target") as pool:
            for finished in [pool.submit(work, target) for target in self.targets]:
                finished.result()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time; ends the server sessions that a killed one left behind.

        Raises:
            GameplanError: another one is at work.
        """
        with ExitStack() as stack:
            guard = stack.enter_context(self.targets[0].connect(self.application))
            deadline = time.monotonic() + _PATIENCE
            while not self._try_lock(guard):
                if time.monotonic() > deadline:
                    raise GameplanError(
                        f"Another process is working on the migration {self.name}.",
                        "Wait for it, or end it; then run this step again.",
                    )
                time.sleep(0.1)
            # Asked of the servers: the number that a proxy hands out, as Neon's does, is its own invention.
            row = guard.execute("SELECT pg_backend_pid()").fetchone()
            with self._kept.keep(self.everywhere):
                for database in self.everywhere:
                    self.end_sessions(database, row[0] if row and database == self.targets[0] else 0)
                yield

    def end_sessions(self, database: Database, keep: int = 0) -> None:
        """End what a killed process left behind in a database: its sessions, but for the one of this pid."""
        with self.session(database) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
                "WHERE application_name = %s AND usename = current_user "
                "AND datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)",
                (self.application, keep),
            )

    def _try_lock(self, guard: Connection) -> bool:
        row = guard.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (self.application,)
        ).fetchone()
        return bool(row and row[0])


def generation_numbers(steps: Mapping[str, Any]) -> list[int]:
    """Generations of the copy among recorded steps."""
    return sorted(int(step.split(":")[1]) for step in steps if step.startswith("generation:"))
