"""Logical replication: publications, slots that share one snapshot, subscriptions, and a heartbeat to fence
on.

Names are deterministic. A *link* is one publication at a publisher with one slot and one subscription a
subscriber.
Its *heartbeat* is a one-row table in the publication: after we write beat N at the publisher, a subscriber
that
shows beat N has applied every transaction that committed before it, since apply follows commit order. That
proves
more than comparing positions, and needs no monitoring privilege.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import sql

from dreamnet.errors import GameplanError
from dreamnet.postgres import subscriptions
from dreamnet.postgres.catalog import STATE_SCHEMA, Name
from dreamnet.postgres.database import Connection, Database, explained

ORIGIN_SINCE = 16
"""First major version with `origin = none`: the filter that lets two databases replicate to each other."""


@dataclass(frozen=True)
class Link:
    """Names of one publication and what hangs on it.

    Args:
        migration: the migration's name. key: which stream of it, e.g. `1` (first generation) or `back`.
    """

    migration: str
    key: str

    @property
    def publication(self) -> str:
        """Also the stem of slot and subscription names; PostgreSQL allows slots [a-z0-9_], up to 63."""
        stem = re.sub(r"[^a-z0-9_]", "_", self.migration.lower())[:36]
        return f"dreamnet_{stem}_{self.key}"

    def slot(self, subscriber: int | str) -> str:
        """Slot (and subscription) of one subscriber."""
        return f"{self.publication}_{subscriber}"

    @property
    def heartbeat(self) -> Name:
        """The heartbeat table, the same name at both ends."""
        return Name(STATE_SCHEMA, f"heartbeat_{self.publication}")


@dataclass(frozen=True)
class Lag:
    """How far one subscriber is behind. `bytes` is None while the slot is unknown or not yet used.

    `seconds` is measured by the heartbeat when it was asked for, else None. `retained_bytes`: WAL that the
    publisher
    must keep for this slot.
    """

    subscriber: str
    slot: str
    bytes: int | None
    retained_bytes: int | None
    seconds: float | None
    active: bool
    error_count: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def create_heartbeat(connection: Connection, link: Link) -> None:
    """Make the heartbeat table with its one row, if it is not there."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(STATE_SCHEMA)))
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} "
            "(id int PRIMARY KEY, beat bigint NOT NULL, at timestamptz NOT NULL)"
        ).format(link.heartbeat.sql)
    )
    connection.execute(
        sql.SQL("INSERT INTO {} VALUES (1, 0, now()) ON CONFLICT DO NOTHING").format(link.heartbeat.sql)
    )


def publish(connection: Connection, link: Link, tables: Iterable[Name]) -> None:
    """Create the publication of these tables and the heartbeat, or set its list to them.

    An explicit list, as FOR ALL TABLES and TABLES IN SCHEMA demand a superuser, which no provider gives. Leaf
    partitions are listed (not their root), so both ends have the same partitions and rows go straight to
    them.
    """
    listed = sql.SQL(", ").join(
        sql.SQL("TABLE ONLY {}").format(name.sql) for name in (*tables, link.heartbeat)
    )
    known = connection.execute(
        "SELECT FROM pg_publication WHERE pubname = %s", (link.publication,)
    ).fetchone()
    verb = "ALTER PUBLICATION {} SET " if known is not None else "CREATE PUBLICATION {} FOR "
    connection.execute(sql.SQL(verb).format(sql.Identifier(link.publication)) + listed)


def unpublish(connection: Connection, link: Link) -> None:
    """Drop publication and heartbeat table, if they are there."""
    connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(link.publication)))
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(link.heartbeat.sql))


@dataclass(frozen=True)
class SharedSnapshot:
    """Slots at one position, and the exported snapshot of that position. Lives as long as `keeper` is
    open.
    """

    keeper: Connection
    snapshot: str
    lsn: str


def create_slots(
    publisher: Database, connection: Connection, link: Link, subscribers: int, application: str
) -> SharedSnapshot:
    """One slot a subscriber, all at the same position, with the snapshot to copy from.

    Args:
        connection: to the publisher. application: of the one that the snapshot lives by.

    Two slots made one after the other would have two positions, hence two snapshots and two reads of the
    source.
    So the first is created with its snapshot exported, and the others are copies of it
    (pg_copy_logical_replication_slot keeps both restart and confirmed position).
    """
    keeper = publisher.connect(application, replication=True)
    try:
        with explained(publisher, "create a logical replication slot"):
            row = keeper.execute(
                f"CREATE_REPLICATION_SLOT {link.slot(1)} LOGICAL pgoutput (SNAPSHOT 'export')"
            ).fetchone()
            if row is None:
                raise GameplanError(f"{publisher.label} created no slot.", "Check its log for the reason.")
            for number in range(2, subscribers + 1):
                connection.execute(
                    "SELECT pg_copy_logical_replication_slot(%s, %s)", (link.slot(1), link.slot(number))
                )
    except BaseException:
        keeper.close()
        raise
    return SharedSnapshot(keeper, snapshot=row[2], lsn=row[1])


def create_slot(connection: Connection, name: str) -> None:
    """A slot from now on, if it is not there."""
    if slot_rows(connection, [name]):
        return
    connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))


def slot_rows(connection: Connection, names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """By slot name: (active, active_pid, bytes behind, bytes retained, wal_status)."""
    rows = connection.execute(
        "SELECT slot_name, active, active_pid, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), "
        "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), wal_status "
        # Slot names are the whole server's: one of another database is not ours to touch.
        "FROM pg_replication_slots WHERE slot_name = ANY(%s) AND database = current_database()",
        (list(names),),
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def drop_slot(connection: Connection, name: str, timeout: float = 20) -> None:
    """Drop a slot if it is there; ends a walsender that still holds it (an orphan of a killed process)."""
    deadline = time.monotonic() + timeout
    while rows := slot_rows(connection, [name]):
        active, pid = rows[name][:2]
        if active:
            connection.execute("SELECT pg_terminate_backend(%s, 1000)", (pid,))
        else:
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = %s AND NOT active",
                (name,),
            )
        if time.monotonic() > deadline:
            raise GameplanError(
                f"The replication slot {name} stays in use.",
                "Stop its subscription and run the same step again.",
            )


def subscribed(connection: Connection, name: str) -> bool | None:
    """Whether the subscription is enabled; None if there is none."""
    row = connection.execute(
        "SELECT subenabled FROM pg_subscription WHERE subname = %s "
        "AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (name,),
    ).fetchone()
    return None if row is None else bool(row[0])


def subscribe(
    subscriber: Database, connection: Connection, publisher: Database, link: Link, slot: str, *, two_way: bool
) -> None:
    """Create the subscription on an existing slot, without copying, disabled; nothing if it is there."""
    if subscribed(connection, slot) is not None:
        return
    with explained(subscriber, f"subscribe to {publisher.label}"):
        subscriptions.create(connection, slot, publisher, link.publication, slot=slot, two_way=two_way)


def enable(connection: Connection, name: str) -> None:
    """Let the subscription apply."""
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(sql.Identifier(name)))


def disable(connection: Connection, name: str, timeout: float) -> None:
    """Let the subscription rest, and wait until its worker has left.

    Raises:
        GameplanError: the worker is still there after `timeout` seconds.
    """
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(name)))
    deadline = time.monotonic() + timeout
    while connection.execute(
        "SELECT FROM pg_stat_subscription WHERE subname = %s AND pid IS NOT NULL", (name,)
    ).fetchone():
        if time.monotonic() > deadline:
            raise GameplanError(
                f"The subscription {name} was disabled, but its worker has not ended within {timeout} s.",
                "Read the subscriber's log, and run the same step again.",
            )
        time.sleep(0.002)


def unsubscribe(connection: Connection, name: str) -> None:
    """Drop a subscription if it is there; its slot is left for `drop_slot`, so an unreachable publisher is
    no hurdle.
    """
    if subscribed(connection, name) is None:
        return
    identifier = sql.Identifier(name)
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(identifier))
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(identifier))
    connection.execute(sql.SQL("DROP SUBSCRIPTION {}").format(identifier))


def apply_errors(connection: Connection, name: str) -> int:
    """How often applying has failed (and been retried) so far."""
    row = connection.execute(
        "SELECT apply_error_count FROM pg_stat_subscription_stats WHERE subname = %s", (name,)
    ).fetchone()
    return int(row[0]) if row else 0


def beat(connection: Connection, link: Link) -> int:
    """Write the next heartbeat at the publisher; returns its number."""
    row = connection.execute(
        sql.SQL("UPDATE {} SET beat = beat + 1, at = clock_timestamp() WHERE id = 1 RETURNING beat").format(
            link.heartbeat.sql
        )
    ).fetchone()
    if row is None:
        raise GameplanError(
            f"The heartbeat row of {link.publication} is gone.", "Abandon this migration and start it anew."
        )
    return int(row[0])


def beat_age(publisher: Connection, subscriber: Connection, link: Link) -> float:
    """Seconds, by the publisher's clock, since the beat that the subscriber shows was written.

    It has applied all that was committed before that beat: so it is at most as far behind.
    """
    shown = subscriber.execute(
        sql.SQL("SELECT at FROM {} WHERE id = 1").format(link.heartbeat.sql)
    ).fetchone()
    now = publisher.execute("SELECT clock_timestamp()").fetchone()
    if shown is None or now is None:
        raise GameplanError(
            f"The heartbeat row of {link.publication} is gone.", "Abandon this migration and start it anew."
        )
    return max(0.0, float((now[0] - shown[0]).total_seconds()))


def wait_beat(connection: Connection, link: Link, number: int, deadline: float) -> bool:
    """Wait until the subscriber shows heartbeat `number`; False once `deadline` (time.monotonic) has
    passed.
    """
    query = sql.SQL("SELECT beat FROM {} WHERE id = 1").format(link.heartbeat.sql)
    pause = 0.001
    while True:
        row = connection.execute(query).fetchone()
        if row is not None and row[0] >= number:
            return True
        if time.monotonic() > deadline:
            return False
        # Apply takes milliseconds when near, minutes when far: poll accordingly.
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
