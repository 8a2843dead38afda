"""The migration of one database to one or more others: check, copy, follow, verify, cut over, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from dreamnet.errors import ConfigurationError, UnreachableError
from dreamnet.postgres import (
    alarms,
    copying,
    cutover,
    finishing,
    gate,
    giving_up,
    moving,
    noted,
    precheck,
    state,
    waiting,
    watch,
)
from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.findings import Report
from dreamnet.postgres.initial_copy import InitialCopy
from dreamnet.postgres.parties import Parties, generation_numbers
from dreamnet.postgres.precheck_target import Disk
from dreamnet.postgres.replication import Lag
from dreamnet.postgres.verify import Verification
from dreamnet.postgres.watch import Look

Progress = Callable[[str], None]

_RETURN_DUE = "return due"


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
        phase: new, copying, following, switching, cut over, finished; or lost, where the source has something
            of the migration and the first target no record of it: it is not the database it was.
        switching_to: where an interrupted move was going, "target" or "source"; else empty.
        return_due: whoever approved the cut-over wants the way back proven, and it is not yet.
        unsettled: the last move was interrupted after its switch: the same again completes it.
    """

    name: str
    phase: str
    primary: str
    lag: tuple[Lag, ...]
    frozen_tables: int
    switching_to: str = ""
    return_due: bool = False
    unsettled: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


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
        self._parties = Parties.of(name, source, targets)

    def precheck(self, disks: Sequence[Disk | None] = (), *, way_back: bool = False) -> Report:
        """Everything that can be known before a byte is copied; changes nothing. See precheck.precheck."""
        return precheck.precheck(self.source, self.targets, self.name, disks, way_back=way_back)

    def no_way_back(self) -> str:
        """Why the source could not follow the first target after the cut-over; empty where it can."""
        return precheck.no_way_back(self.source, self.targets[0], self.name)

    def prepare_and_copy(self, progress: Progress) -> CopyReport:
        """Schema, rows from one consistent snapshot, indexes, keys, statistics, subscriptions (disabled yet).

        Raises PrecheckFailed before anything is changed.
        """
        started, parties = time.monotonic(), self._parties
        precheck.precheck(self.source, self.targets, self.name, timed=False).raise_if_blocked()
        with self._parties.alone():
            for target in self.targets:
                with parties.session(target) as connection, explained(target, "keep its records"):
                    state.create(connection)
            if noted.recall(parties) is None:
                noted.note(parties, "source")
            else:
                noted.refuse_changes(parties, parties.forward(), all_changes=False)
            tables = parties.tables(self.source)
            copied = self._initial_copy(progress).run(tables)
            generations = len(parties.generations())
        seconds = round(time.monotonic() - started, 3)
        return CopyReport(len(tables), copied.rows, copied.bytes, copied.seconds, seconds, generations)

    def follow(self, progress: Progress, timeout: float = 3600) -> list[Lag]:
        """Let the targets apply changes, and wait until they have caught up with what is committed now.

        Raises GameplanError as soon as waiting is in vain: DDL at the source, a lost slot.
        """
        with self._parties.alone():
            stream = self._parties.forward()
            noted.refuse_changes(self._parties, stream, all_changes=False)
            stream.enable()
            progress("subscriptions enabled")
            guard = partial(self._guard, progress)
            waiting.wait_caught_up(stream, timeout, progress, guard)
            if not self._parties.all_have("constrained"):
                progress("tables were copied at several moments: checking their foreign keys at a common one")
                self._initial_copy(progress).constrain(stream)
                waiting.wait_caught_up(stream, timeout, progress, guard)
        lag = self.lag()
        for one in lag:
            progress(f"{one.subscriber}: {one.bytes} bytes, {one.seconds} s behind")
        return lag

    def wait_caught_up(self, timeout: float = 600) -> None:
        """Wait until every follower has applied what is committed at the primary now. Raises
        GameplanError.
        """
        self._parties.active().wait_caught_up(timeout)

    def lag(self) -> list[Lag]:
        """How far each follower of the present primary is behind, in bytes and seconds."""
        return self._parties.active().lag()

    def verify(self, timeout: float = 10) -> Verification:
        """Compare every row and the schema at one common state, while writers go on (they wait
        milliseconds). Raises VerificationError if the publisher's schema has changed.
        """
        stream = self._parties.active()
        noted.refuse_changes(self._parties, stream, all_changes=True)
        return cutover.verify_stream(stream, self._parties.tables(stream.publisher), timeout)

    def cut_over(
        self, switch: Callable[[], None], progress: Progress = lambda _: None, timeout: float = 10
    ) -> Move:
        """Make the first target the primary.

        Args:
            switch: puts the new connection string where applications read it; must be repeatable.
            timeout: seconds that draining may take while writers wait; beyond it all is undone.
        Raises VerificationError and others with the source writable again and nothing switched; also where
        the way back is due (see note_return) and the source cannot follow.
        """
        with self._parties.alone():
            returning = _RETURN_DUE in self._parties.steps(self.targets[0], _RETURN_DUE)
            return moving.Journey(self._parties, "target", switch, progress, timeout, returning).make()

    def roll_back(
        self, switch: Callable[[], None], progress: Progress = lambda _: None, timeout: float = 10
    ) -> Move:
        """Make the source the primary again; it has followed since the cut-over, so nothing is lost."""
        with self._parties.alone():
            return moving.Journey(self._parties, "source", switch, progress, timeout).make()

    def note_return(self, due: bool) -> None:
        """Remember that the way back is to be proven, or no longer: what `status` says as `return_due`."""
        if due:
            self._parties.record(self.targets[0], _RETURN_DUE)
        else:
            self._parties.forget(self.targets[0], _RETURN_DUE)

    def finish(self, progress: Progress = lambda _: None) -> None:
        """Remove slots, publications, subscriptions and records on all sides. See finishing, also for what
        to do where a follower is gone for good.
        """
        finishing.finish(self._parties, progress)

    def abandon(self, progress: Progress = lambda _: None, *, empty: bool = False) -> None:
        """Give up: the source keeps no WAL for us and takes writes; targets keep what was copied. See
        giving_up, also for what to do where the first target is gone for good.

        Args:
            empty: drop what was copied from the targets too, so that a new attempt may begin.
        Raises GameplanError where writes have moved, or may have.
        """
        giving_up.give_up(self._parties, self.targets[0], progress, empty=empty)

    def status(self) -> Status:
        """Where it stands, at any time; reads only."""
        steps = self._parties.steps(self.targets[0])
        frozen = len(self._parties.read(self.source, gate.frozen_tables))
        phase = self._parties.phase(steps)
        if "subscribed" not in steps:
            taker = self.targets[0] if phase == "finished" else self.source
            return Status(self.name, phase, taker.label, (), frozen)
        lag = tuple(self._parties.active().lag(measure=False))
        primary = self.targets[0] if steps.get("primary") == "target" else self.source
        to = self._parties.interrupted(steps)
        due, unsettled = _RETURN_DUE in steps, moving.UNSETTLED in steps
        return Status(self.name, phase, primary.label, lag, frozen, to, due, unsettled)

    def look(self) -> Look:
        """All that can be seen of it now, at any time: lag, slots, WAL, schema. See watch and alarms."""
        # Whoever begins a step ends sessions of the other name: they would be a killed process's.
        aside = replace(self._parties, application=f"{self._parties.application}:watch")
        records = self.targets[0]
        try:
            steps = aside.steps(records)
        except UnreachableError:  # its records are out of reach, but the source knows what it keeps
            return watch.blind(self.name, self.source, records, aside.application, answers=False)
        phase = aside.phase(steps)
        if phase == "lost":
            return watch.blind(self.name, self.source, records, aside.application, answers=True)
        # A target that does not answer is what a look reports: only the first one's records are read.
        moved = steps.get("primary") == "target" or phase == "finished"
        stream = aside.back() if moved else aside.forward(generation_numbers(steps))
        kept = noted.recall(aside) if steps else None
        return watch.look(self.name, phase, stream, (self.source, records), kept)

    def _initial_copy(self, progress: Progress) -> InitialCopy:
        return InitialCopy(self._parties, self._workers, self._piece_bytes, progress)

    def _guard(self, progress: Progress) -> None:
        """Raise if waiting for the followers is in vain; say what else is wrong."""
        look = self.look()
        alarms.raise_if_stopped(look)
        for alarm in alarms.find(look):
            progress(f"{alarm.level}: {alarm.what}. {alarm.remedy}")
