"""Moving a migration's writers: to the first target or back; completed where it was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from dreamnet.errors import CredentialsError, GameplanError, UnreachableError
from dreamnet.postgres import catalog, cutover, gate, noted, replication, state
from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.replication import Link
from dreamnet.postgres.streams import Stream

Progress = Callable[[str], None]

UNSETTLED = "move to settle"
"""Recorded with a move until the new primary's materialised views are refreshed and all rows proven equal."""

_PAUSES_S = (1.0, 3.0, 6.0)
"""Between attempts at letting a server follow."""


@dataclass(frozen=True)
class Journey:
    """One move.

    Args:
        to: `target` or `source`.
        switch: puts the new connection string where applications read it; must be repeatable.
        timeout: seconds that draining may take while writers wait.
        returning: nothing is switched unless the source follows the first target from then on.
    """

    parties: Parties
    to: str
    switch: Callable[[], None]
    progress: Progress
    timeout: float
    returning: bool = False

    def make(self) -> Move:
        """Move the writers, unless they are there already.

        Raises:
            VerificationError: something differs; nothing was switched, unless the message says so.
            GameplanError: nobody follows there, a server refuses, or an earlier move must be completed first.
        """
        parties = self.parties
        new = parties.targets[0] if self.to == "target" else parties.source
        stream = parties.forward() if self.to == "target" else parties.back()
        if new not in [database for _, database in stream.subscribers]:
            raise GameplanError(
                f"{new.label} does not follow the primary, so writes cannot move there.",
                "See what cut-over reported under `following`.",
            )
        interrupted = parties.interrupted(parties.steps(parties.targets[0]))
        if interrupted == self.to:
            self.progress("an earlier run was interrupted during the switch: completing it")
            self._complete(stream.publisher, new)
        elif interrupted:
            raise GameplanError(
                f"An earlier move away from {new.label} was interrupted during its switch.",
                "Run that move again: it completes the switch. Then move the other way.",
            )
        if parties.primary() == self.to:
            return self._already(new)
        return self._go(stream, new)

    def _complete(self, old: Database, new: Database) -> None:
        with self.parties.session(new) as connection:
            if gate.frozen_tables(connection):
                cutover.switch_over(old, new, connection, self.switch, self.parties.application)
            else:  # It takes writes: the old one must not be opened, whatever fails.
                self.switch()
        self._arrived()

    def _go(self, stream: Stream, new: Database) -> Move:
        parties, old = self.parties, stream.publisher
        tables = parties.tables(old)
        same = noted.refuse_changes(parties, stream, all_changes=self.to == "target")
        self.progress("comparing all rows before writes are frozen")
        before = cutover.verify_stream(stream, tables, self.timeout)
        cutover.raise_on(before.differences, f"Nothing was switched; {old.label} takes writes.")
        following = self._follow_back() if self.to == "target" else parties.following()
        cutover.close(new, parties.tables(new), parties.application)
        self.progress(f"freezing writes on {old.label}")

        def intend() -> None:
            parties.record(parties.targets[0], "switching", self.to)

        try:
            moved = cutover.move(
                stream,
                new,
                tables,
                self.switch,
                checks=same,
                before_switch=intend,
                after_switch=self._arrived,
                timeout=self.timeout,
            )
        except (cutover.SwitchUnfinished, cutover.Unproven):
            raise
        except BaseException as error:
            self._gave_up(error, old, new)
            raise
        self.progress(f"writes were frozen for {moved.freeze_seconds} s")
        self._refresh(new)
        self._settled(moved)
        return replace(moved, following=following)

    def _follow_back(self) -> dict[str, str]:
        following = follow_back(self.parties, self.progress)
        source, new = self.parties.source, self.parties.targets[0]
        if self.returning and (why := following[source.label]) != "following":
            raise GameplanError(
                f"{source.label} does not follow {new.label}, so there would be no way back: {why}",
                f"Nothing was switched; {source.label} takes writes. Put that right, or do without the proof"
                " of the way back (prove_return=false).",
            )
        return following

    def _already(self, primary: Database) -> Move:
        self._refresh(primary)
        active = self.parties.active()
        proof = cutover.verify_stream(active, self.parties.tables(active.publisher), self.timeout)
        moved = Move(primary.label, 0.0, 0.0, 0.0, 0.0, 0, proof, self.parties.following())
        self._settled(moved)
        return moved

    def _arrived(self) -> None:
        parties = self.parties
        noted.note(parties, self.to)
        with parties.session(parties.targets[0]) as connection, connection.transaction():
            state.record(connection, parties.name, "primary", self.to)
            state.forget(connection, parties.name, "switching")
            state.record(connection, parties.name, UNSETTLED)

    def _refresh(self, primary: Database) -> None:
        """Refresh the materialised views after a move: replication doesn't."""
        parties = self.parties
        if UNSETTLED in parties.steps(parties.targets[0], UNSETTLED):
            with parties.session(primary) as connection, explained(primary, "refresh views"):
                catalog.refresh(connection, catalog.materialized_views(connection))

    def _settled(self, moved: Move) -> None:
        """Nothing is left of the move, unless something differs."""
        cutover.raise_on(
            moved.proof.differences,
            f"The switch is done: {moved.primary} takes the writes. Put right what is wrong where it is wrong"
            f" (a change on {moved.primary} reaches the others) and run the same step again: while anything"
            " differs, no way leads back.",
        )
        self.parties.forget(self.parties.targets[0], UNSETTLED)

    def _gave_up(self, error: BaseException, old: Database, new: Database) -> None:
        """Forget the intent; let the error say who takes writes now."""
        # Where a server is gone the note stays: it counts only while the old primary refuses writes, and with
        # all checks passed the switch may be completed then. It must stay where the new one takes writes.
        with suppress(GameplanError):
            if self.parties.read(new, gate.frozen_tables):
                self.parties.forget(self.parties.targets[0], "switching")
        if isinstance(error, GameplanError):
            frozen: object = "unknown"
            with suppress(GameplanError):
                frozen = self.parties.read(old, gate.frozen_tables)
            now = "may refuse writes: run the same step again, or abandon" if frozen else "takes writes"
            error.extend(f"{error.problem} Nothing was switched; {old.label} {now}.")


def follow_back(parties: Parties, progress: Progress) -> dict[str, str]:
    """Let source and further targets follow the first target, before it takes its first write.

    `origin = none` sends only what is written there by applications, not what it applied itself.

    Returns:
        Per database, by label: `following`, or why it does not.

    Raises:
        UnreachableError: our own connection broke. Going on would leave a follower behind for good.
    """
    primary, link = parties.targets[0], parties.link("back")
    with parties.session(primary) as connection, explained(primary, "publish its tables"):
        replication.create_heartbeat(connection, link)
        names = [table.name for table in parties.tables(primary) if not table.partitioned]
        replication.publish(connection, link, names)
    for key, database in parties.followers():
        try:
            _follow_primary(parties, key, database)
            parties.record(primary, f"following:{key}", "following")
        except UnreachableError:
            raise
        except GameplanError as error:
            progress(f"{database.label} will not follow the new primary: {error.problem}")
            parties.record(primary, f"following:{key}", error.problem)
    return parties.following()


def _follow_primary(parties: Parties, key: str, database: Database) -> None:
    primary, link = parties.targets[0], parties.link("back")
    since = replication.ORIGIN_SINCE
    if not (parties.two_way(database) and parties.read(primary, catalog.major_version) >= since):
        raise GameplanError(f"PostgreSQL {since} is needed on both sides.", "Upgrade.")
    with parties.session(primary) as connection, explained(primary, "create a slot"):
        replication.create_slot(connection, link.slot(key))
    with parties.session(database) as connection, explained(database, "follow the new primary"):
        replication.create_heartbeat(connection, link)
        _subscribe(database, connection, primary, link, key)
        replication.enable(connection, link.slot(key))


def _subscribe(database: Database, connection: Connection, primary: Database, link: Link, key: str) -> None:
    """A server that does not reach the primary now may in a moment, and else would be left behind."""
    for pause in (*_PAUSES_S, None):
        try:
            return replication.subscribe(database, connection, primary, link, link.slot(key), two_way=True)
        except (CredentialsError, UnreachableError):
            raise
        except GameplanError:
            if pause is None:
                raise
        time.sleep(pause)
