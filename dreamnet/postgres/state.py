"""What a migration has finished, kept in the target itself, so that it commits together with the work.

A step is a row (migration, step, detail). The work and its row are one transaction: after kill -9 at any
moment
a step is either done and recorded, or neither. Nothing secret is stored.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from dreamnet.postgres.catalog import STATE_SCHEMA
from dreamnet.postgres.database import Connection

_STEPS = sql.Identifier(STATE_SCHEMA, "steps")


def create(connection: Connection) -> None:
    """Make the bookkeeping schema, if it is not there."""
    with connection.transaction():
        # Two runs may meet here; IF NOT EXISTS alone does not make concurrent creation safe.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (STATE_SCHEMA,))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(STATE_SCHEMA)))
        connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (migration text NOT NULL, step text NOT NULL, detail jsonb, "
                "at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (migration, step))"
            ).format(_STEPS)
        )


def exists(connection: Connection) -> bool:
    """Whether this database has bookkeeping of any migration."""
    row = connection.execute("SELECT to_regclass(%s)", (f"{STATE_SCHEMA}.steps",)).fetchone()
    return bool(row and row[0])


def record(connection: Connection, migration: str, step: str, detail: Any = None) -> None:
    """Note a step as done, in the caller's transaction. Noting it again replaces the detail."""
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (migration, step, detail) VALUES (%s, %s, %s) "
            "ON CONFLICT (migration, step) DO UPDATE SET detail = excluded.detail, at = now()"
        ).format(_STEPS),
        (migration, step, Jsonb(detail)),
    )


def steps(connection: Connection, migration: str, prefix: str = "") -> dict[str, Any]:
    """Steps done, with their details, oldest first."""
    if not exists(connection):
        return {}
    rows = connection.execute(
        sql.SQL(
            "SELECT step, detail FROM {} WHERE migration = %s AND starts_with(step, %s) ORDER BY at, step"
        ).format(_STEPS),
        (migration, prefix),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def forget(connection: Connection, migration: str, prefix: str = "") -> None:
    """Remove the record of steps that are to be done again."""
    if exists(connection):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE migration = %s AND starts_with(step, %s)").format(_STEPS),
            (migration, prefix),
        )


def migrations(connection: Connection) -> list[str]:
    """Names of the migrations that this database has bookkeeping of."""
    if not exists(connection):
        return []
    query = sql.SQL("SELECT DISTINCT migration FROM {} ORDER BY 1").format(_STEPS)
    return [row[0] for row in connection.execute(query).fetchall()]


def drop(connection: Connection) -> None:
    """Remove the bookkeeping schema and all in it."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(STATE_SCHEMA)))
