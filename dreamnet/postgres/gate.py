"""The gate that every write passes: a trigger on each table, an advisory lock, and whether it is shut.

Before a statement that writes, a trigger takes an advisory lock, shared and until its transaction ends, and
reads whether the gate is shut. Whoever takes the lock for himself (see freeze) waits until no transaction
that has written is open, and makes new ones wait at their first write. A transaction that has the lock has it
for its later statements too; so nobody is caught between two tables, in whatever order applications use
them, as with locks on the tables themselves.

Shut or open is the value of a sequence: it takes effect at once for everybody, also for a transaction whose
snapshot is older (REPEATABLE READ), which would not see the row of a table change; and setting it takes no
lock that a waiting writer holds. Replication applies changes with session_replication_role = replica, which
fires no such trigger: changes still flow in through a shut gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql

from dreamnet.errors import GameplanError
from dreamnet.postgres.catalog import STATE_SCHEMA, Name
from dreamnet.postgres.database import Connection, Database

TRIGGER = "dreamnet_gate"
LOCK_TIMEOUT_S = 0.4
"""Longest that one attempt makes writers wait behind us; below PostgreSQL's deadlock_timeout (1 s), so that
we give way before the application's transactions are cancelled."""
ATTEMPTS = 10

_GATE = sql.Identifier(STATE_SCHEMA, "gate")
_PASS = sql.Identifier(STATE_SCHEMA, "pass_gate")
_KEY = sql.SQL("hashtextextended({}, 0)").format(sql.Literal(f"{STATE_SCHEMA}.gate"))
_OPEN, _SHUT = 1, 2

_CREATE = sql.SQL(
    "CREATE SCHEMA IF NOT EXISTS {schema};"
    "CREATE SEQUENCE {gate} MINVALUE {open} MAXVALUE {shut};"
    "CREATE FUNCTION {passes}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "PERFORM pg_advisory_xact_lock_shared({key}); "
    "IF (SELECT last_value FROM {gate}) = {shut} THEN "
    "RAISE EXCEPTION 'this database has moved and no longer takes writes' "
    "USING ERRCODE = 'read_only_sql_transaction', "
    "HINT = 'Reconnect: the connection string has changed.'; "
    "END IF; RETURN NULL; END $$;"
    # Whoever may write must reach what the trigger reads, or he would get a misleading error instead.
    "GRANT USAGE ON SCHEMA {schema} TO PUBLIC;"
    "GRANT SELECT ON SEQUENCE {gate} TO PUBLIC"
).format(schema=sql.Identifier(STATE_SCHEMA), gate=_GATE, passes=_PASS, key=_KEY, open=_OPEN, shut=_SHUT)


def build(database: Database, connection: Connection, names: Iterable[Name]) -> None:
    """Put the gate, open, before those tables that lack it.

    Each table is locked for itself and for an instant; its writers wait as long as the longest transaction
    that has written to it, up to LOCK_TIMEOUT_S at a time.

    Raises:
        GameplanError: one of the tables cannot be locked; says who holds it.
    """
    if not _exists(connection):
        with connection.transaction():
            connection.execute(_CREATE)
    have = set(_guarded(connection))
    for name in names:
        if name not in have:
            statement = sql.SQL(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} "
                "FOR EACH STATEMENT EXECUTE FUNCTION {}()"
            ).format(sql.Identifier(TRIGGER), name.sql, _PASS)
            in_short_attempts(database, connection, statement)


def close_lock(connection: Connection) -> None:
    """Within a transaction: wait for the writers inside, and hold back all others until it ends."""
    connection.execute(sql.SQL("SELECT pg_advisory_xact_lock({})").format(_KEY))


def shut(connection: Connection) -> None:
    """Refuse every write (SQLSTATE 25006) from here on. The gate must have been built."""
    _set(connection, _SHUT)


def thaw(connection: Connection) -> None:
    """Let the database take writes again, all tables at once; where there is no gate, it does already."""
    if _exists(connection):
        _set(connection, _OPEN)


def frozen_tables(connection: Connection) -> list[Name]:
    """Tables that refuse writes because of us: all behind the gate if it is shut, else none."""
    row = connection.execute(
        "SELECT pg_sequence_last_value(to_regclass(%s))", (_GATE.as_string(connection),)
    ).fetchone()
    return _guarded(connection) if row and row[0] == _SHUT else []


def remove(database: Database, connection: Connection) -> None:
    """Take the gate away for good.

    Raises:
        GameplanError: a table is in use for too long; says by whom. What is left does no harm.
    """
    for name in _guarded(connection):
        statement = sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(TRIGGER), name.sql)
        in_short_attempts(database, connection, statement)
    connection.execute(sql.SQL("DROP FUNCTION IF EXISTS {}()").format(_PASS))
    connection.execute(sql.SQL("DROP SEQUENCE IF EXISTS {}").format(_GATE))


def in_short_attempts(
    database: Database, connection: Connection, work: sql.Composed | Callable[[], None]
) -> float:
    """Do what takes locks that others may hold, so that nobody waits behind us for long.

    Args:
        work: one statement, or what begins a transaction of its own and leaves it open.

    Returns:
        time.monotonic() before the attempt that succeeded.

    Raises:
        GameplanError: all attempts failed; names those who have transactions open.
    """
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(LOCK_TIMEOUT_S * 1000)}ms",))
    for attempt in range(ATTEMPTS):
        since = time.monotonic()
        try:
            work() if callable(work) else connection.execute(work)
            return since
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            connection.execute("ROLLBACK")
        time.sleep(0.1 * (attempt + 1))  # let those who waited behind us through
    raise GameplanError(
        f"{database.label} grants no lock in {ATTEMPTS} attempts: {_blockers(connection)} hold locks for too"
        " long.",
        "End or wait for these sessions, then run the same step again; nothing was changed.",
    )


def _blockers(connection: Connection) -> str:
    rows = connection.execute(
        "SELECT pid, application_name, state, round(extract(epoch FROM now() - xact_start)) "
        "FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
        "AND backend_type = 'client backend' ORDER BY xact_start LIMIT 3"
    ).fetchall()
    named = [f"pid {pid} ({name or 'unnamed'}, {status}, {age} s)" for pid, name, status, age in rows]
    return ", ".join(named) or "sessions already gone"


def _exists(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (_GATE.as_string(connection),)).fetchone()
    return bool(row and row[0])


def _guarded(connection: Connection) -> list[Name]:
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = %s ORDER BY 1, 2",
        (TRIGGER,),
    ).fetchall()
    return [Name(*row) for row in rows]


def _set(connection: Connection, value: int) -> None:
    connection.execute(sql.SQL("SELECT setval({}, {})").format(_GATE.as_string(connection), value))
