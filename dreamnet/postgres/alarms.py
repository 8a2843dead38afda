"""What in a look at a migration needs a person, well before something is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from dreamnet.errors import GameplanError
from dreamnet.postgres.followers import Follower
from dreamnet.postgres.watch import Look

HOUR = 3600.0
GB = 10**9

Level = Literal["notice", "warning", "critical"]


@dataclass(frozen=True)
class Limits:
    """From when on something is an alarm.

    Args:
        idle_warning, idle_critical: seconds that a slot goes unread. Neon drops it after about 40 hours (see
            watch), so there is a day after the first and ten hours after the second.
        wal_bytes: WAL that the publisher may keep for one slot, if its own limit is not lower.
        wal_warning, wal_critical: shares of the limit.
    """

    idle_warning: float = 12 * HOUR
    idle_critical: float = 30 * HOUR
    wal_bytes: int = 10 * GB
    wal_warning: float = 0.5
    wal_critical: float = 0.8


@dataclass(frozen=True)
class Alarm:
    """One thing to look at.

    Args:
        since: ISO 8601; where only a bound is known, with words. then: what happens next if nobody acts.
        stops: waiting goes on in vain.
    """

    level: Level
    subject: str
    what: str
    since: str
    then: str
    remedy: str
    stops: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


_BEGIN_ANEW = "Give the migration up, empty the targets and begin anew."
_LOST = "The copy can no longer be continued."


def find(look: Look, limits: Limits | None = None) -> list[Alarm]:
    """Every alarm of a look, the worst first."""
    given = limits or Limits()
    found = [*_records(look), *_schema(look)]
    for one in look.followers:
        found += [
            *_slot(look, one),
            *_idle(look, one, given),
            *_wal(look, one, given),
            *_subscription(look, one),
        ]
    order: dict[Level, int] = {"critical": 0, "warning": 1, "notice": 2}
    return sorted(found, key=lambda alarm: order[alarm.level])


def raise_if_stopped(look: Look) -> None:
    """Raise what makes waiting for the followers vain.

    Raises:
        GameplanError: in the first such alarm's words.
    """
    for alarm in find(look):
        if alarm.stops:
            raise GameplanError(f"{alarm.what}. {alarm.then}", alarm.remedy)


def unseen(error: GameplanError, at: datetime) -> Alarm:
    """That a look failed is an alarm as well."""
    return Alarm(
        "critical",
        "look",
        error.problem.rstrip("."),
        f"seen {at.isoformat(timespec='seconds')}",
        "Until it can be looked at again, nobody notices what else goes wrong with the migration.",
        error.remedy,
    )


def _records(look: Look) -> Iterator[Alarm]:
    if not look.records:
        return
    refuses = bool(look.frozen.get(look.primary))
    yield Alarm(
        "critical",
        "records",
        look.records + (f", and {look.primary} refuses writes" if refuses else ""),
        f"seen {look.at.isoformat()}",
        "Until then nobody takes writes."
        if refuses
        else f"{look.primary} keeps WAL for it, and an idle slot is dropped (Neon: after about 40 hours).",
        "It is another database than before: give the migration up."
        if look.phase == "lost"
        else "Start it, or make it reachable: all then goes on by itself. If it is gone for good, give the"
        " migration up.",
    )


def _schema(look: Look) -> Iterator[Alarm]:
    for change in look.changes:
        yield Alarm(
            "critical" if change.breaks else "notice",
            "schema",
            f"On {look.primary}, {change.what}",
            f"after {change.since}",
            "Replication of the table's rows fails or loses the change."
            if change.breaks
            else "Rows go on being replicated; the cut-over refuses until it is the same on all sides.",
            change.remedy,
            stops=change.breaks,
        )


def _slot(look: Look, one: Follower) -> Iterator[Alarm]:
    seen = f"seen {look.at.isoformat()}"
    if not one.present and look.phase != "copying":
        yield Alarm(
            "critical",
            "slot",
            f"{look.primary} has no slot {one.slot} any more; {one.subscriber} cannot follow",
            seen,
            _LOST,
            _BEGIN_ANEW,
            stops=True,
        )
    elif one.wal_status == "lost":
        yield Alarm(
            "critical",
            "slot",
            f"{look.primary} has removed WAL that slot {one.slot} of {one.subscriber} needed",
            seen,
            _LOST,
            _BEGIN_ANEW,
            stops=True,
        )
    elif one.wal_status == "unreserved":
        yield Alarm(
            "critical",
            "slot",
            f"{look.primary} keeps WAL for slot {one.slot} beyond its limit (wal_status unreserved)",
            seen,
            "The next checkpoint may remove it, and the slot is lost.",
            f"Let {one.subscriber} catch up at once, or raise max_slot_wal_keep_size on {look.primary}.",
        )


def _idle(look: Look, one: Follower, limits: Limits) -> Iterator[Alarm]:
    if not one.present or one.silent_seconds < limits.idle_warning:
        return
    hours = one.silent_seconds / HOUR
    yield Alarm(
        "critical" if one.silent_seconds >= limits.idle_critical else "warning",
        "idle slot",
        f"{one.subscriber} has read nothing from slot {one.slot} for {hours:.0f} hours",
        (look.at - timedelta(seconds=one.silent_seconds)).isoformat(timespec="seconds"),
        "Neon drops a slot that is idle for about 40 hours while another is active; until then WAL piles up.",
        f"Start {one.subscriber} and enable its subscription, or give the migration up.",
    )


def _wal(look: Look, one: Follower, limits: Limits) -> Iterator[Alarm]:
    limit = min(limits.wal_bytes, look.wal_limit) if look.wal_limit else limits.wal_bytes
    kept = one.retained_bytes or 0
    # The publisher's own count is exact where it has a limit.
    if one.spare_bytes is not None and look.wal_limit:
        kept = max(kept, look.wal_limit - one.spare_bytes)
    if kept < limits.wal_warning * limit:
        return
    share = kept / limit
    own = look.wal_limit is not None and look.wal_limit <= limits.wal_bytes
    yield Alarm(
        "critical" if share >= limits.wal_critical else "warning",
        "WAL",
        f"{look.primary} keeps {kept / GB:.2f} GB of WAL for slot {one.slot} of {one.subscriber},"
        f" {share:.0%} of the limit of {limit / GB:.2f} GB",
        f"seen {look.at.isoformat()}",
        "Beyond max_slot_wal_keep_size the slot is lost." if own else "The publisher's disk fills up.",
        f"See why {one.subscriber} does not catch up (log, size); if it cannot, give the migration up.",
    )


def _subscription(look: Look, one: Follower) -> Iterator[Alarm]:
    if look.phase == "copying" or look.records:
        return
    since = f"after {(look.at - timedelta(seconds=one.seconds or 0)).isoformat(timespec='seconds')}"
    if one.subscription == "unreachable":
        yield Alarm(
            "critical",
            "follower",
            f"{one.said.rstrip('.')}: {one.subscriber} follows no longer",
            f"seen {look.at.isoformat()}",
            "WAL piles up at the publisher, and an idle slot is dropped (Neon: after about 40 hours).",
            f"Start {one.subscriber}, or make it reachable; following then goes on by itself.",
        )
    elif one.subscription in ("disabled", "none"):
        yield Alarm(
            "critical",
            "subscription",
            f"The subscription {one.slot} on {one.subscriber} is "
            f"{'disabled' if one.subscription == 'disabled' else 'gone'}",
            since,
            "It receives nothing; WAL piles up at the publisher.",
            "Run the migration again: it enables what it finds disabled."
            if one.subscription == "disabled"
            else _BEGIN_ANEW,
            stops=True,
        )
    elif one.errors and not one.arrived:
        yield Alarm(
            "critical",
            "apply",
            f"{one.subscriber} has failed {one.errors} times to apply what {look.primary} sent, and is behind"
            + (f" (conflicts: {one.said})" if one.said else ""),
            since,
            "It tries again every few seconds and gets no further; WAL piles up at the publisher.",
            f"Read {one.subscriber}'s log: it names table and reason. Put that right there.",
        )
