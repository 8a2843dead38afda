"""The connection of a subscription, which the subscriber's server makes by itself, from its own machine.

A managed server has none of the files of the machine that runs the migration, and what Google's and AWS's
documentation says of subscriptions (searched in November 2026) names no certificate authority's file that one
could use there. What a subscription could do instead:

- `sslmode=verify-full sslrootcert=system` needs libpq 16 and certificates in the server's operating system,
  which nobody promises. It cannot work on the way back: Cloud SQL's certificates are signed by an authority
  of the instance (Cloud SQL "About instance settings", GOOGLE_MANAGED_INTERNAL_CA), RDS's by roots of AWS's
  own that no system's store holds (the RDS trust store, read August 2026).
- `sslmode=require` alone encrypts, and takes anybody for the publisher.
- `sslmode=require channel_binding=require` needs no file, and libpq 13. The publisher must prove that it
  holds the verifier of the role's password, in an exchange that covers the certificate of this very TLS
  session (SCRAM-SHA-256-PLUS, RFC 5802 and 5929): who stands between can neither answer nor pass it on. libpq
  refuses every other way of authentication then (its documentation, "channel_binding"). A password that can
  be guessed weakens this, as the exchange allows guesses at it.

The third is what a publisher is followed with whose certificate we verify ourselves, whatever the
subscriber's version, which is 15 or newer. Neon offers it and has put both words into the connection strings
of its console since June 2025 (Neon's changelog of 27 June 2025). PostgreSQL offers it over TLS to roles
whose password is stored for SCRAM, the default since 14. A publisher that does not offer it is refused, and
the pre-check says so before anything is copied.
"""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import sql

from dreamnet.postgres.database import CONNECT_TIMEOUT_S, Connection, Database
from dreamnet.postgres.session import CLIENT_SETTINGS

#: Keywords of a connection string that libpq 15 knows, and that name no file of this machine.
_TRAVEL = ("hostaddr", "options", "channel_binding", "sslsni", "ssl_min_protocol_version", "gssencmode")

# Errors, logs, pg_stat_activity and pg_stat_statements show statements, and CREATE SUBSCRIPTION holds a
# password. So it is handed over as a parameter and executed out of sight: an error that is caught goes
# unlogged, and warnings of a function's body, unlike those of EXECUTE, do not repeat the statement.
_OUT_OF_SIGHT = """
DO $$
BEGIN
    EXECUTE format(
        'CREATE FUNCTION pg_temp.dreamnet_statement() RETURNS void LANGUAGE sql AS %L',
        current_setting('dreamnet.statement'));
    PERFORM pg_temp.dreamnet_statement();
    DROP FUNCTION pg_temp.dreamnet_statement();
EXCEPTION WHEN OTHERS OR query_canceled THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM;
END $$
"""


def conninfo(publisher: Database) -> str:
    """The connection string with which a subscriber's server reaches a publisher; it holds the password.

    A publisher whose certificate we do not verify (one on this machine) is reached as we reach it.
    """
    options = {name: value for name, value in publisher.options if name in _TRAVEL}
    sslmode = publisher.sslmode
    if sslmode in ("verify-ca", "verify-full"):
        sslmode, options["channel_binding"] = "require", "require"
    reached = replace(publisher, sslmode=sslmode, sslrootcert="", options=tuple(options.items()))
    return reached.dsn(**CLIENT_SETTINGS)


def create(
    connection: Connection, name: str, publisher: Database, publication: str, *, slot: str, two_way: bool
) -> None:
    """Create a subscription on an existing slot, without copying, disabled.

    The connection string is stored in the subscriber's catalogue, password included: PostgreSQL's design.
    Only superusers and the subscription's owner see it; it goes away with the subscription.

    Raises psycopg.Error, without the statement: refused, or the publisher was not reached in time.
    """
    options = "create_slot = false, slot_name = {slot}, copy_data = false, enabled = false"
    if two_way:
        options += ", origin = none"
    statement = sql.SQL(
        "CREATE SUBSCRIPTION {name} CONNECTION {dsn} PUBLICATION {publication} WITH (" + options + ")"
    ).format(
        name=sql.Identifier(name),
        dsn=sql.Literal(conninfo(publisher)),
        publication=sql.Identifier(publication),
        slot=sql.Identifier(slot) if slot else sql.SQL("NONE"),
    )
    with connection.transaction():
        # CREATE SUBSCRIPTION heeds no connect_timeout, and a firewall that drops packets says nothing.
        connection.execute(f"SET LOCAL statement_timeout = '{CONNECT_TIMEOUT_S}s'")
        connection.execute(
            "SELECT set_config('dreamnet.statement', %s, true)", (statement.as_string(connection),)
        )
        connection.execute(_OUT_OF_SIGHT)


def refusal(connection: Connection, publisher: Database, name: str) -> psycopg.Error | None:
    """Why this server could not subscribe to a publisher; None if it could.

    It tries, in a transaction that is rolled back: rights, password, network, TLS and the publisher's consent
    are those of the real thing. Nothing stays on either side, as neither slot nor publication is made.

    Args:
        name: of a subscription that does not exist.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ WRITE")  # of a session that otherwise only reads
            create(connection, name, publisher, name, slot="", two_way=False)
    except psycopg.Error as error:
        if error.diag.message_primary is None:  # not the server's answer: our own connection broke
            raise
        return error
    return None


def reason(error: psycopg.Error) -> str:
    """The server's own words for a refusal, in one line and without a full stop."""
    said = str(error.diag.message_primary).partition("could not connect to the publisher: ")
    words = " ".join((said[2] or said[0]).split())
    return words.partition(" Is the server running on that host")[0].rstrip(".")
