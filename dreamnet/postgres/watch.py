"""One look at a migration: how far followers are behind, what is kept for them, whether the schema changed.

It writes nothing but the next beat of the migration's own heartbeat. That measures the lag in seconds, and
lets a follower of a quiet source confirm something: to Neon a slot is inactive whose subscriber confirms no
progress, and it removes such a slot after about 40 hours if another one is active
(https://neon.com/docs/guides/logical-replication-neon, "Unused replication slots", page of 2025-02-14, read
in November 2026; the page of August 2024 said 75 minutes).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from dreamnet.errors import UnreachableError
from dreamnet.postgres import ddl, gate, replication, traces
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.ddl import Change, Schema
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


@dataclass(frozen=True)
class Look:
    """A migration at one moment.

    Args:
        phase: new, copying, following, switching, cut over; or unknown, where its records are unreachable.
        primary: who takes the writes; where the phase is unknown, the source: see `taker`.
        frozen: tables that refuse writes, by database.
        wal_limit: bytes that the publisher may keep for a slot: its max_slot_wal_keep_size; None: no limit.
        silent: the target that has the records, where it does not answer; else empty.
    """

    migration: str
    phase: str
    primary: str
    at: datetime
    frozen: Mapping[str, int]
    followers: tuple[Follower, ...]
    changes: tuple[Change, ...]
    wal_limit: int | None
    silent: str = ""

    @property
    def taker(self) -> str:
        """Who takes the writes, as far as it is known."""
        refused = self.phase == "unknown" and self.frozen.get(self.primary)
        return "nobody who answers" if refused else self.primary

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "at": self.at.isoformat(timespec="seconds")}


def look(
    migration: str, phase: str, stream: Stream, sides: Sequence[Database], before: Schema | None
) -> Look:
    """Look at a migration.

    Args:
        stream: from the present primary to whoever follows it. sides: databases that may refuse writes.
        before: the primary's schema as it was noted; None: it isn't compared.

    Raises:
        UnreachableError, CredentialsError: of the primary; a follower that does not answer is reported.
    """
    application = stream.application
    begun = phase != "new"
    return Look(
        migration=migration,
        phase=phase,
        primary=stream.publisher.label,
        at=datetime.now(UTC).replace(microsecond=0),
        frozen=_frozen(sides, application),
        followers=_followers(stream, subscribed=phase != "copying") if begun else (),
        changes=_changes(stream, before),
        wal_limit=_wal_limit(stream.publisher, application) if begun else None,
    )


def blind(migration: str, source: Database, target: Database, application: str) -> Look:
    """Look where the target that holds the records does not answer: at what the source keeps for it."""
    with source.connect(application) as connection, explained(source, "read its slots"):
        found = traces.find(connection, migration)
        rows = _slots(connection, found.slots)
    lost = _Shown("unreachable", 0, f"{target.label} does not answer", False, None)
    return Look(
        migration=migration,
        phase="unknown" if found else "new",
        primary=source.label,
        at=datetime.now(UTC).replace(microsecond=0),
        frozen=_frozen([source], application),
        followers=tuple(_follower(None, slot, row, lost) for slot, row in sorted(rows.items())),
        changes=(),
        wal_limit=_wal_limit(source, application),
        silent=target.label,
    )


def _frozen(sides: Sequence[Database], application: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for database in sides:
        # Whoever does not answer is reported as a follower.
        with (
            suppress(UnreachableError),
            database.connect(application) as connection,
            explained(database, "read its triggers"),
        ):
            found[database.label] = len(gate.frozen_tables(connection))
    return found


def _followers(stream: Stream, *, subscribed: bool) -> tuple[Follower, ...]:
    """Every slot of the stream as its publisher and its subscriber show it.

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
                found.append(_follower(database, slot, rows.get(slot), shown))
        if subscribed:  # positions as of the end, when the heartbeats have arrived
            late = _slots(publisher, [one.slot for one in found])
            found = [_positioned(one, late.get(one.slot)) for one in found]
    return tuple(found)


def _changes(stream: Stream, before: Schema | None) -> tuple[Change, ...]:
    """How the publisher's schema differs from what was noted; nothing where nothing was."""
    if before is None:
        return ()
    with ExitStack() as stack:
        publisher = stack.enter_context(stream.publisher.connect(stream.application))
        others = []
        for _, database in stream.subscribers:
            try:
                others.append((database, stack.enter_context(database.connect(stream.application))))
            except UnreachableError:
                continue  # `followers` reports it
        with explained(stream.publisher, "read its schema"):
            try:
                return tuple(ddl.compare(before, publisher, others))
            except psycopg.errors.LockNotAvailable:
                return (_UNREADABLE,)


_UNREADABLE = Change(
    "the schema cannot be read: a session has a table locked",
    "unknown",
    False,
    "Look again; if it lasts, see pg_locks for who holds ACCESS EXCLUSIVE.",
)


def _wal_limit(database: Database, application: str) -> int | None:
    """The server's own limit of WAL kept for a slot, in bytes; None: it keeps all, until its disk is full."""
    with database.connect(application) as connection, explained(database, "read its settings"):
        row = connection.execute(
            "SELECT setting::bigint * 1024 * 1024 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"
        ).fetchone()
    return None if row is None or row[0] < 0 else int(row[0])


# ---- one slot


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


def _follower(database: Database | None, slot: str, row: dict[str, Any] | None, shown: _Shown) -> Follower:
    kept = row or {}
    active = bool(kept.get("active"))
    inactive = kept.get("inactive_s")
    silent = 0.0
    if not shown.arrived and not (active and not shown.errors):
        # A follower that fails reconnects every few seconds, which makes inactive_since (17 and later) new.
        ages = [inactive if not shown.errors and inactive is not None else shown.age, inactive]
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
