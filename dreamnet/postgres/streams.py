"""A stream: one publisher, several subscribers, and the links between them (see replication)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dreamnet.errors import GameplanError
from dreamnet.postgres import freeze, replication
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.replication import Lag, Link

EVERY_S = 5.0
"""Between two looks at what keeps a follower."""
HANGS_S = 30.0
"""Age of an apply worker that should have connected long ago."""

_END_WORKER = """
    SELECT pg_terminate_backend(s.pid) FROM pg_stat_subscription s JOIN pg_stat_activity a ON a.pid = s.pid
    WHERE s.subname = %s AND a.backend_start < clock_timestamp() - %s * interval '1 second'
"""


@dataclass(frozen=True)
class Stream:
    """Changes flow from publisher to every subscriber over every link.

    Args:
        subscribers: by the key that names their slots.
        links: one for each group of tables copied from a snapshot of its own.
    """

    publisher: Database
    subscribers: tuple[tuple[str, Database], ...]
    links: tuple[Link, ...]
    application: str

    @property
    def slots(self) -> list[tuple[Link, str, Database]]:
        """(link, slot and subscription name, subscriber) of every pairing."""
        return [(link, link.slot(key), database) for key, database in self.subscribers for link in self.links]

    def fence(self, connection: Connection, subscribers: Sequence[Connection], timeout: float) -> float:
        """Write a heartbeat and wait until every subscriber shows it. Returns seconds; raises
        GameplanError.
        """
        started = time.monotonic()
        beats = {link: replication.beat(connection, link) for link in self.links}
        deadline = started + timeout
        while late := self.late(beats, subscribers, min(deadline, time.monotonic() + EVERY_S)):
            self.end_hanging_workers(connection, subscribers)
            if time.monotonic() > deadline:
                raise self.not_caught_up(late, timeout)
        return time.monotonic() - started

    def late(
        self, beats: Mapping[Link, int], subscribers: Sequence[Connection], deadline: float
    ) -> Database | None:
        """The first subscriber that does not show these heartbeats by `deadline` (time.monotonic)."""
        for (_, database), subscriber in zip(self.subscribers, subscribers, strict=True):
            with explained(database, "read the heartbeat"):
                for link, number in beats.items():
                    if not replication.wait_beat(subscriber, link, number, deadline):
                        return database
        return None

    def end_hanging_workers(self, publisher: Connection, subscribers: Sequence[Connection]) -> None:
        """End apply workers that have been there for long and hold no slot; their server starts new ones.

        wal_receiver_timeout covers a worker that follows. One that waits for the publisher's answer while it
        connects has no time limit at all, whatever the connection string says (PostgreSQL 18 and before).
        """
        rows = replication.slot_rows(publisher, [slot for _, slot, _ in self.slots])
        sessions = {database: one for (_, database), one in zip(self.subscribers, subscribers, strict=True)}
        for _, slot, database in self.slots:
            if slot in rows and not rows[slot][0]:
                with explained(database, "end an apply worker that hangs"):
                    sessions[database].execute(_END_WORKER, (slot, HANGS_S))

    def not_caught_up(self, late: Database, timeout: float) -> GameplanError:
        """What to raise of a subscriber that was too slow."""
        return GameplanError(
            f"{late.label} has not caught up with {self.publisher.label} within {timeout} s.",
            "Wait until migration-status shows a small lag; if it grows, read the subscriber's log.",
        )

    def lag(self, *, measure: bool = True, timeout: float = 5) -> list[Lag]:
        """How far each subscriber is behind; with `measure`, in seconds too, by a heartbeat (up to
        `timeout`).
        """
        names = [slot for _, slot, _ in self.slots]
        found = []
        with self.publisher.connect(self.application) as connection:
            beats = {link: replication.beat(connection, link) for link in self.links} if measure else {}
            began = time.monotonic()
            waited: dict[str, float | None] = {}
            errors: dict[str, int] = {}
            for link, slot, database in self.slots:
                with database.connect(self.application) as subscriber:
                    arrived = measure and replication.wait_beat(
                        subscriber, link, beats[link], began + timeout
                    )
                    waited[slot] = round(time.monotonic() - began, 4) if arrived else None
                    errors[slot] = replication.apply_errors(subscriber, slot)
            rows = replication.slot_rows(connection, names)
        for _, slot, database in self.slots:
            active, _, behind, retained, _ = rows.get(slot, (False, None, None, None, None))
            found.append(
                Lag(
                    database.label,
                    slot,
                    None if behind is None else int(behind),
                    None if retained is None else int(retained),
                    waited[slot],
                    bool(active),
                    errors[slot],
                )
            )
        return found

    def enable(self) -> None:
        """Let every subscriber apply what it receives."""
        for _, slot, database in self.slots:
            with database.connect(self.application) as connection, explained(database, "enable following"):
                replication.enable(connection, slot)

    def disable(self, timeout: float) -> None:
        """Let every subscriber keep its present state."""
        for _, slot, database in self.slots:
            with database.connect(self.application) as connection, explained(database, "pause following"):
                replication.disable(connection, slot, timeout)

    def wait_caught_up(self, timeout: float) -> None:
        """Wait until every subscriber has applied all that was committed when this was called."""
        with ExitStack() as stack:
            publisher = stack.enter_context(self.publisher.connect(self.application))
            followers = [stack.enter_context(db.connect(self.application)) for _, db in self.subscribers]
            self.fence(publisher, followers, timeout)


@dataclass(frozen=True)
class Point:
    """The publisher with its writers waiting, every subscriber equal to it, and snapshots of that very
    state.
    """

    frozen: freeze.Frozen
    publisher: Connection
    subscribers: tuple[Connection, ...]


@contextmanager
def common_point(
    stream: Stream, tables: Sequence[Table], timeout: float, stack: ExitStack
) -> Iterator[Point]:
    """Hold the publisher's writers, drain, and take a snapshot on every server: all see the same rows.

    Within the block writers wait; the snapshots live as long as `stack`. The pause is the time that the
    subscribers
    need to apply what is under way: milliseconds, and `timeout` at most.
    """
    application = stream.application
    control = stack.enter_context(stream.publisher.connect(application))
    source = stack.enter_context(stream.publisher.connect(application))
    followers = [stack.enter_context(db.connect(application)) for _, db in stream.subscribers]
    stream.fence(control, followers, timeout)  # catch up first, so that the pause is short
    with freeze.freeze(stream.publisher, tables, application) as frozen:
        stream.fence(control, followers, timeout)
        for connection in (source, *followers):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SELECT 1")  # the snapshot is taken by the first statement
        yield Point(frozen, source, tuple(followers))


@contextmanager
def standing_still(stream: Stream, tables: Sequence[Table], timeout: float) -> Iterator[None]:
    """Within the block every subscriber keeps one state that the publisher had, while its writers go on.

    Writers wait as long as the subscribers need to reach that state and to pause: milliseconds.
    """
    try:
        with ExitStack() as stack, common_point(stream, tables, timeout, stack):
            stream.disable(timeout)
        yield
    finally:
        stream.enable()
