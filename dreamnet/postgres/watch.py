"""One look at a migration: how far followers are behind, what is kept for them, whether the schema changed.

It writes nothing but the next beat of the migration's own heartbeat. That measures the lag in seconds, and
lets a follower of a quiet source confirm something: to Neon a slot is inactive whose subscriber confirms no
progress, and it removes such a slot after about 40 hours if another one is active
(https://neon.com/docs/guides/logical-replication-neon, "Unused replication slots", page of 2025-02-14, read
in November 2026; the page of August 2024 said 75 minutes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from dreamnet.errors import UnreachableError
from dreamnet.postgres import ddl, followers, gate, traces
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.ddl import Change, Schema
from dreamnet.postgres.followers import Follower
from dreamnet.postgres.streams import Stream


@dataclass(frozen=True)
class Look:
    """A migration at one moment.

    Args:
        phase: as Status has it; or unknown, where the records are unreachable.
        primary: who takes the writes; where the phase is unknown or lost, the source: see `taker`.
        frozen: tables that refuse writes, by database.
        wal_limit: bytes that the publisher may keep for a slot: its max_slot_wal_keep_size; None: no limit.
        records: why they cannot be read, where they cannot; else empty.
    """

    migration: str
    phase: str
    primary: str
    at: datetime
    frozen: Mapping[str, int]
    followers: tuple[Follower, ...]
    changes: tuple[Change, ...]
    wal_limit: int | None
    records: str = ""

    @property
    def taker(self) -> str:
        """Who takes the writes, as far as it is known."""
        refused = self.records and self.frozen.get(self.primary)
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
    begun = phase not in ("new", "finished")
    return Look(
        migration=migration,
        phase=phase,
        primary=stream.publisher.label,
        at=datetime.now(UTC).replace(microsecond=0),
        frozen=_frozen(sides, application),
        followers=followers.read(stream, subscribed=phase != "copying") if begun else (),
        changes=_changes(stream, before),
        wal_limit=_wal_limit(stream.publisher, application) if begun else None,
    )


def blind(migration: str, source: Database, target: Database, application: str, *, answers: bool) -> Look:
    """Look without records: at what the source keeps for them.

    Args:
        target: the first one, which should have the records. answers: it does answer, and has none.
    """
    silent = f"{target.label}, which has the migration's records, does not answer"
    why = f"{target.label} has no records of the migration any more" if answers else silent
    with source.connect(application) as connection, explained(source, "read its slots"):
        found = traces.find(connection, migration)
        unread = followers.unread(connection, found.slots, why)
        refusing = len(gate.frozen_tables(connection))
    over = "finished" if refusing else "new"
    return Look(
        migration=migration,
        phase=("lost" if answers else "unknown") if found else over,
        primary=target.label if refusing and not found else source.label,
        at=datetime.now(UTC).replace(microsecond=0),
        frozen={source.label: refusing},
        followers=unread,
        changes=(),
        wal_limit=_wal_limit(source, application),
        records=why if found else "",
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
