"""The backend's database: pooled connections that follow a changing connection string."""

from __future__ import annotations

import queue
import time
import uuid
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from localcloud.backend_source import Source

_COLUMNS = "id, number, agent_id, title, content, tags, mood, metadata, created_at"

_WRITE = """
    WITH agent AS (SELECT id FROM agents ORDER BY id LIMIT 1),
    dream AS (
        INSERT INTO dreams (id, agent_id, title, content, tags, mood, metadata)
        SELECT %(id)s, agent.id, %(title)s, %(content)s, %(tags)s, %(mood)s::mood, %(metadata)s FROM agent
        ON CONFLICT (id) DO NOTHING
        RETURNING id, agent_id
    )
    SELECT id, agent_id FROM dream
"""

_EVENT = """
    INSERT INTO events (kind, agent_id, dream_id, payload) VALUES ('dream.created', %s, %s, %s)
"""

#: Streaming standbys that lack the log on disk up to a position; logical subscribers' slots don't count.
_DURABLE = """
    SELECT count(*) AS behind FROM pg_stat_replication r
    LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
    WHERE coalesce(s.slot_type, 'physical') = 'physical'
        AND r.state = 'streaming' AND r.flush_lsn < %s::pg_lsn
"""

_WRITABLE = "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"


class NotDurable(Exception):
    """Committed, but not on every standby in time: it must not be acknowledged."""


class Database:
    """Dreams in PostgreSQL.

    Args:
        source: the connection string, which may change: later requests go to the new database.
        durable: a write counts as written only once every standby that streams has it on disk. A standby that
            is away is not waited for: after a failover there is none until the lost region is rebuilt.
        durable_timeout: seconds to wait for them.
    """

    def __init__(self, source: Source, *, durable: bool = False, durable_timeout: float = 5.0) -> None:
        self._source = source
        self._durable = durable
        self._durable_timeout = durable_timeout
        self._idle: queue.LifoQueue[tuple[str, psycopg.Connection[Any]]] = queue.LifoQueue()

    def write(self, dream: dict[str, Any]) -> uuid.UUID:
        """Write a dream and its event in one transaction; a second call with the same id writes nothing.

        Raises:
            psycopg.Error: the database is away, read-only or refuses.
            NotDurable: a standby lacks it still.
        """
        values = {**dream, "metadata": Jsonb(dream["metadata"])}

        def do(connection: psycopg.Connection[Any]) -> None:
            with connection.transaction():
                row = connection.execute(_WRITE, values).fetchone()
                if row is not None:
                    payload = Jsonb({"mood": dream["mood"], "tags": dream["tags"]})
                    connection.execute(_EVENT, (row["agent_id"], row["id"], payload))
            if self._durable:
                self._wait_for_standbys(connection)

        self._with_connection(do)
        identifier: uuid.UUID = dream["id"]
        return identifier

    def dream(self, dream_id: uuid.UUID) -> dict[str, Any] | None:
        """One dream."""
        row: dict[str, Any] | None = self._with_connection(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM dreams WHERE id = %s", (dream_id,)
            ).fetchone()
        )
        return row

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The latest dreams, newest first."""
        rows: list[dict[str, Any]] = self._with_connection(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM dreams ORDER BY number DESC LIMIT %s", (limit,)
            ).fetchall()
        )
        return rows

    def check(self) -> bool:
        """Whether the database takes writes; raises `psycopg.Error` where it cannot be reached."""
        row = self._with_connection(
            lambda connection: connection.execute(f"{_WRITABLE} AS writable").fetchone()
        )
        return bool(row["writable"])

    def _wait_for_standbys(self, connection: psycopg.Connection[Any]) -> None:
        # The insert position is past our commit record, so a standby that has it on disk has our commit.
        row = connection.execute("SELECT pg_current_wal_insert_lsn() AS lsn").fetchone()
        deadline = time.monotonic() + self._durable_timeout
        pause = 0.001
        while time.monotonic() < deadline:
            found = connection.execute(_DURABLE, (row["lsn"],)).fetchone() if row else None
            if found and not found["behind"]:
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        raise NotDurable(f"written, but not on every standby within {self._durable_timeout:g} s")

    def _with_connection(self, do: Any) -> Any:
        url, connection = self._take()
        try:
            result = do(connection)
        except psycopg.Error as error:
            # What a new connection string may cure: look for one before the next request.
            if not isinstance(error, psycopg.DataError | psycopg.IntegrityError):
                connection.close()
                self._source.url(hurry=True)
            self._give_back(url, connection)
            raise
        except BaseException:
            self._give_back(url, connection)
            raise
        self._give_back(url, connection)
        return result

    def _take(self) -> tuple[str, psycopg.Connection[Any]]:
        url = self._source.url()
        if url is None:
            self._source.url(hurry=True)
            raise psycopg.OperationalError("no connection string yet")
        while True:
            try:
                known, connection = self._idle.get_nowait()
            except queue.Empty:
                return url, self._connect(url)
            if known == url and _alive(connection):
                return url, connection
            connection.close()

    def _connect(self, url: str) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(
                url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=2,
                application_name="dreamnet-backend",
                options="-c statement_timeout=5000",
            )
        except psycopg.OperationalError:
            self._source.url(hurry=True)
            raise

    def _give_back(self, url: str, connection: psycopg.Connection[Any]) -> None:
        if not connection.closed:
            self._idle.put((url, connection))


def _alive(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection still stands: one that its server closed has an end of file to read."""
    import select

    if connection.closed:
        return False
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if not readable:
        return True
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True
