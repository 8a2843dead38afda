"""Waiting for followers of a long backlog: how far they are behind, how long it will take, what stops it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from dreamnet.postgres import replication
from dreamnet.postgres.database import Connection, explained
from dreamnet.postgres.streams import EVERY_S, Stream

_WINDOW = 12
"""Looks (a minute) over which the pace is taken: the backlog is not uniform."""


@dataclass
class Pace:
    """How fast one follower gains on its publisher, from what was seen lately."""

    seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def note(self, at: float, behind: int) -> None:
        """Args: at: time.monotonic(). behind: bytes."""
        self.seen.append((at, behind))

    def seconds_left(self) -> float | None:
        """Until it has caught up; None while nothing is known or it does not gain."""
        (first, most), (last, behind) = self.seen[0], self.seen[-1]
        gained = most - behind
        return None if gained <= 0 else behind * (last - first) / gained


def wait_caught_up(
    stream: Stream,
    timeout: float,
    progress: Callable[[str], None],
    guard: Callable[[], None],
) -> None:
    """Wait until every subscriber has applied all that was committed when this was called.

    Every EVERY_S seconds `progress` hears how far each is behind, and `guard` raises if waiting is in vain;
    a follower that hangs while it connects begins anew.

    Raises:
        GameplanError: not within `timeout` seconds.
    """
    with ExitStack() as stack:
        publisher = stack.enter_context(stream.publisher.connect(stream.application))
        followers = [stack.enter_context(db.connect(stream.application)) for _, db in stream.subscribers]
        deadline = time.monotonic() + timeout
        paces: dict[str, Pace] = {}
        with explained(stream.publisher, "write a heartbeat"):
            beats = {link: replication.beat(publisher, link) for link in stream.links}
        while (late := stream.late(beats, followers, min(deadline, time.monotonic() + EVERY_S))) is not None:
            if time.monotonic() > deadline:
                raise stream.not_caught_up(late, timeout)
            guard()
            stream.end_hanging_workers(publisher, followers)
            for line in _lines(stream, publisher, followers, paces):
                progress(line)


def _lines(
    stream: Stream, publisher: Connection, followers: list[Connection], paces: dict[str, Pace]
) -> list[str]:
    """One for each slot: bytes, seconds, the estimate."""
    rows = replication.slot_rows(publisher, [slot for _, slot, _ in stream.slots])
    lines = []
    for (_, database), follower in zip(stream.subscribers, followers, strict=True):
        for link, slot, _ in [one for one in stream.slots if one[2] == database]:
            behind = rows[slot][2] if slot in rows else None
            if behind is None:
                continue
            pace = paces.setdefault(slot, Pace())
            pace.note(time.monotonic(), int(behind))
            age = replication.beat_age(publisher, follower, link)
            left = pace.seconds_left()
            estimate = "no estimate yet" if len(pace.seen) < 2 else "it does not gain on the source"
            if left is not None:
                estimate = f"caught up in about {left:,.0f} s"
            lines.append(
                f"{database.label}: {int(behind):,} bytes and at most {age:,.0f} s behind; {estimate}"
            )
            # The next line's seconds are counted from here, once it has come this far.
            replication.beat(publisher, link)
    return lines
