"""Freezing writes at a publisher: short, without superuser, and undone by itself if we die.

How, and why so. Other ways were weighed:

* `default_transaction_read_only` for the database is only a default that a client may override, reaches
existing
  sessions only by ending them (errors at once, not after the switch), and stays behind if we die.
* REVOKE does not hold back an owner for good and would also stop replication back to this database.

Instead one transaction takes SHARE ROW EXCLUSIVE locks on all tables: it waits for writers at work, lets
readers
through, and makes new writers *wait* instead of fail. If our process or its connection dies, the server
rolls the
transaction back and writing goes on. In the same transaction triggers are made that refuse every write. To
go on,
it is rolled back; to leave the database read-only, it is committed: at that instant the waiting writers
meet the
triggers and get an error (SQLSTATE 25006) that no application takes for an acknowledgement. There is no
moment in
between in which a stale writer could slip through. Replication applies changes with
session_replication_role=replica, which does not fire these triggers, so changes can still flow back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType

import psycopg
from psycopg import sql

from dreamnet.errors import GameplanError
from dreamnet.postgres.catalog import STATE_SCHEMA, Name, Table
from dreamnet.postgres.database import Connection, Database, explained

TRIGGER = "dreamnet_frozen"
LOCK_TIMEOUT_S = 0.4
"""Longest that one attempt makes writers wait behind us; below PostgreSQL's deadlock_timeout (1 s), so that
we give
way before the application's transactions are cancelled."""
ATTEMPTS = 10

_REFUSE = sql.Identifier(STATE_SCHEMA, "refuse_write")


class Frozen:
    """A held freeze. Leaving the `with` block without `keep()` ends it and lets writers go on."""

    def __init__(self, database: Database, connection: Connection, since: float) -> None:
        self._database, self._connection = database, connection
        self.since = since
        """time.monotonic() at which the first write could have begun to wait."""
        self._open = True

    def __enter__(self) -> Frozen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()  # an open transaction is rolled back by the server

    def keep(self, tables: Sequence[Table]) -> None:
        """Commit the refusing triggers: from here on every write ends in an error until `thaw`."""
        with explained(self._database, "make tables refuse writes"):
            for table in tables:
                self._connection.execute(
                    sql.SQL(
                        "CREATE OR REPLACE TRIGGER {} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} "
                        "FOR EACH STATEMENT EXECUTE FUNCTION {}()"
                    ).format(sql.Identifier(TRIGGER), table.name.sql, _REFUSE)
                )
            self._connection.execute("COMMIT")


def prepare(connection: Connection) -> None:
    """Make the function that refuses writes, ahead of the freeze."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(STATE_SCHEMA)))
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'this database has moved and no longer takes writes' "
            "USING ERRCODE = 'read_only_sql_transaction', "
            "HINT = 'Reconnect: the connection string has changed.'; "
            "END $$"
        ).format(_REFUSE)
    )
    # Whoever may write must reach the function, or he would get a misleading error instead.
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(sql.Identifier(STATE_SCHEMA)))


def freeze(database: Database, tables: Sequence[Table], application: str, hold_s: float = 30) -> Frozen:
    """Make writers wait. Raises GameplanError naming who blocks us if the locks cannot be had in short
    attempts.

    Args:
        hold_s: the server ends our transaction if we are silent for so long (a hung client freezes nobody
        for ever).
    """
    connection = database.connect(application)
    try:
        with explained(database, "lock tables"):
            connection.execute(
                "SELECT set_config('lock_timeout', %s, false)", (f"{int(LOCK_TIMEOUT_S * 1000)}ms",)
            )
            connection.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, false)",
                (f"{int(hold_s * 1000)}ms",),
            )
            for attempt in range(ATTEMPTS):
                since = time.monotonic()
                if _lock(connection, [table.name for table in tables if not table.partition]):
                    return Frozen(database, connection, since)
                time.sleep(0.1 * (attempt + 1))  # let those who waited behind us through
            blockers = _blockers(connection)
    except BaseException:
        connection.close()
        raise
    connection.close()
    raise GameplanError(
        f"Writes on {database.label} cannot be frozen: {blockers} hold locks for too long.",
        "End or wait for these sessions, then cut over again; nothing was changed.",
    )


def _lock(connection: Connection, names: Iterable[Name]) -> bool:
    # Locking a partitioned table locks its partitions too.
    listed = sql.SQL(", ").join(name.sql for name in names)
    connection.execute("BEGIN")
    try:
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(listed))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        connection.execute("ROLLBACK")
        return False
    return True


def _blockers(connection: Connection) -> str:
    rows = connection.execute(
        "SELECT pid, application_name, state, round(extract(epoch FROM now() - xact_start)) "
        "FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
        "AND backend_type = 'client backend' ORDER BY xact_start LIMIT 3"
    ).fetchall()
    named = [f"pid {pid} ({name or 'unnamed'}, {status}, {age} s)" for pid, name, status, age in rows]
    return ", ".join(named) or "sessions already gone"


def frozen_tables(connection: Connection) -> list[Name]:
    """Tables that refuse writes because of us."""
    return [name for name, enabled in _triggers(connection) if enabled]


def thaw(connection: Connection) -> None:
    """Let the database take writes again, all tables at once.

    The triggers are disabled, not dropped: dropping one waits for every reader of its table, disabling does
    not.
    """
    with connection.transaction():
        for name in frozen_tables(connection):
            connection.execute(
                sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(name.sql, sql.Identifier(TRIGGER))
            )


def remove(connection: Connection) -> None:
    """Drop the refusing triggers for good."""
    with connection.transaction():
        for name, _ in _triggers(connection):
            connection.execute(sql.SQL("DROP TRIGGER {} ON {}").format(sql.Identifier(TRIGGER), name.sql))


def _triggers(connection: Connection) -> list[tuple[Name, bool]]:
    rows = connection.execute(
        "SELECT n.nspname, c.relname, t.tgenabled <> 'D' "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = %s ORDER BY 1, 2",
        (TRIGGER,),
    ).fetchall()
    return [(Name(row[0], row[1]), bool(row[2])) for row in rows]
