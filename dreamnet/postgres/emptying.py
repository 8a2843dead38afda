"""Emptying a database that a migration filled, so that a new attempt finds it as the first one did."""

from __future__ import annotations

from psycopg import sql

from dreamnet.postgres.database import Database, explained

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# What an extension made is the extension's (pg_depend's kind e), and providers install some of their own. An
# identity column's sequence (kind i) goes with its table and cannot be dropped by itself.
_OBJECTS = f"""
    SELECT 'SCHEMA', quote_ident(n.nspname) FROM pg_namespace n WHERE {_OURS} AND n.nspname <> 'public'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = n.oid AND d.deptype = 'e')
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
             WHEN 'c' THEN 'TYPE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
           format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid
                      AND (d.deptype = 'e' OR d.deptype = 'i' AND c.relkind = 'S'))
    UNION ALL
    SELECT CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
           format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {_OURS} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, format('%I.%I', n.nspname, t.typname)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE {_OURS} AND t.typtype IN ('e', 'd', 'r')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
"""


def drop_everything(database: Database, application: str) -> None:
    """Drop every schema, table, view, sequence, function and type that is no extension's, in one transaction.

    The bookkeeping of migrations goes too. Subscriptions must have been dropped before.
    """
    with (
        database.connect(application) as connection,
        explained(database, "drop what was copied"),
        connection.transaction(),
    ):
        for kind, name in connection.execute(_OBJECTS.encode()).fetchall():
            connection.execute(sql.SQL(f"DROP {kind} IF EXISTS {name} CASCADE"))
