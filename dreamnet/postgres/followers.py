"""Who follows a migration's present primary: each slot as its publisher and its subscriber show it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from dreamnet.errors import UnreachableError
from dreamnet.postgres import replication
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.replication import Link
from dreamnet.postgres.streams import Stream

MEASURE_S = 5.0
"""How long a look waits for its heartbeat; beyond it, the lag is the age of the last one that arrived."""


@dataclass(frozen=True)
class Follower:
    """One slot and the subscription on it.

    Args:
        present: the slot exists. active: a subscriber is connected to it now.
        bytes: what the follower has not confirmed. retained_bytes: WAL the publisher keeps for the slot.
        seconds: since a heartbeat was written that the follower has applied: it is no further behind.
        silent_seconds: since it was connected, or where it connects and fails, since it applied something.
        wal_status: as pg_replication_slots has it (reserved, extended, unreserved, lost). spare_bytes: WAL
            until the slot is lost; None: without limit.
        subscription: enabled, disabled, none, or unreachable with the reason in `said`.
        errors: failed attempts to apply so far. said: kinds of conflicts counted (PostgreSQL 18), or why it
            is unreachable.
    """

    subscriber: str
    slot: str
    present: bool
    active: bool
    bytes: int | None
    retained_bytes: int | None
    wal_status: str | None
    spare_bytes: int | None
    seconds: float | None
    arrived: bool
    silent_seconds: float
    subscription: str
    errors: int
    said: str


def read(stream: Stream, *, subscribed: bool) -> tuple[Follower, ...]:
    """Every slot of the stream as its publisher and its subscriber show it; writes the next heartbeat.

    `subscribed` is False while the copy runs: there are slots, and no subscriptions yet.
    """
    with ExitStack() as stack:
        publisher = stack.enter_context(stream.publisher.connect(stream.application))
        with explained(stream.publisher, "read its slots"):
            beats = {link: replication.beat(publisher, link) for link in stream.links} if subscribed else {}
            deadline = time.monotonic() + MEASURE_S
            rows = _slots(publisher, [slot for _, slot, _ in stream.slots])
        found: list[Follower] = []
        for _, database in stream.subscribers:
            own = [(link, slot) for link, slot, owner in stream.slots if owner == database]
            connection: Connection | None = None
            said = ""
            try:
                connection = stack.enter_context(database.connect(stream.application))
            except UnreachableError as error:
                said = error.problem
            for link, slot in own:
                shown = _Shown("unreachable" if said else "none", 0, said, False, None)
                if connection is not None and subscribed:
                    with explained(database, "read its subscription"):
                        shown = _shown(publisher, connection, link, slot, beats[link], deadline)
                age = None
                if slot in rows and not subscribed:  # the heartbeat's row is as old as the slot
                    age = replication.beat_age(publisher, publisher, link)
                found.append(_follower(database, slot, rows.get(slot), shown, age))
        if subscribed:  # positions as of the end, when the heartbeats have arrived
            late = _slots(publisher, [one.slot for one in found])
            found = [_positioned(one, late.get(one.slot)) for one in found]
    return tuple(found)


def unread(publisher: Connection, slots: Sequence[str], why: str) -> tuple[Follower, ...]:
    """Slots as the publisher alone shows them, where nothing says whose they are: `why`."""
    shown = _Shown("unreachable", 0, why, False, None)
    return tuple(_follower(None, slot, row, shown) for slot, row in sorted(_slots(publisher, slots).items()))


@dataclass(frozen=True)
class _Shown:
    """What the subscriber says: its subscription, failures, whether the beat arrived, the last beat's age."""

    subscription: str
    errors: int
    said: str
    arrived: bool
    age: float | None


def _slots(publisher: Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By name, whatever the server's version knows of them, and three figures."""
    rows = publisher.execute(
        "SELECT to_jsonb(s), pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint, "
        "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, "
        "extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float "
        "FROM pg_replication_slots s WHERE slot_name = ANY(%s) AND database = current_database()",
        (list(names),),
    ).fetchall()
    return {
        row[0]["slot_name"]: {**row[0], "behind": row[1], "retained": row[2], "inactive_s": row[3]}
        for row in rows
    }


def _shown(
    publisher: Connection, subscriber: Connection, link: Link, slot: str, beat: int, deadline: float
) -> _Shown:
    enabled = replication.subscribed(subscriber, slot)
    # A subscription that is off applies nothing: no use waiting for it.
    arrived = replication.wait_beat(subscriber, link, beat, deadline if enabled else 0.0)
    row = subscriber.execute(
        "SELECT to_jsonb(s) FROM pg_stat_subscription_stats s WHERE subname = %s", (slot,)
    ).fetchone()
    counted: dict[str, Any] = row[0] if row else {}
    conflicts = [f"{name[6:]} {n}" for name, n in sorted(counted.items()) if name.startswith("confl_") and n]
    return _Shown(
        {None: "none", True: "enabled", False: "disabled"}[enabled],
        int(counted.get("apply_error_count") or 0),
        ", ".join(conflicts),
        arrived,
        replication.beat_age(publisher, subscriber, link),
    )


def _follower(
    database: Database | None,
    slot: str,
    row: dict[str, Any] | None,
    shown: _Shown,
    unread_s: float | None = None,
) -> Follower:
    kept = row or {}
    active = bool(kept.get("active"))
    inactive = kept.get("inactive_s")
    silent = 0.0
    if not shown.arrived and not (active and not shown.errors):
        # A follower that fails reconnects every few seconds, which makes inactive_since (17 and later) new.
        ages = [inactive if not shown.errors and inactive is not None else shown.age, inactive, unread_s]
        silent = next((max(0.0, age) for age in ages if age is not None), 0.0)
    return Follower(
        subscriber=database.label if database else slot,
        slot=slot,
        present=row is not None,
        active=active,
        bytes=kept.get("behind"),
        retained_bytes=kept.get("retained"),
        wal_status=kept.get("wal_status"),
        spare_bytes=kept.get("safe_wal_size"),
        seconds=None if shown.age is None else round(shown.age, 3),
        arrived=shown.arrived,
        silent_seconds=round(silent, 1),
        subscription=shown.subscription,
        errors=shown.errors,
        said=shown.said,
    )


def _positioned(one: Follower, row: dict[str, Any] | None) -> Follower:
    return one if row is None else replace(one, bytes=row["behind"], retained_bytes=row["retained"])
