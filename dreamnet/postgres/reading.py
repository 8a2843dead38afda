"""Reading COPY streams of one snapshot in large blocks.

The server sends a message a row. libpq hands out one at a time, which costs Python about as much as the
servers need for the row; asyncpg joins all that has arrived into one block (six million rows: 0.9 against 5.1
seconds of our processor). So the rows come through asyncpg; everything else goes through psycopg.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from psycopg import sql

from dreamnet.errors import CredentialsError, GameplanError, UnreachableError
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import CONNECT_TIMEOUT_S, Database
from dreamnet.postgres.session import KEEPALIVE, LOST_S, QUIET_S, Silence

READ_BYTES = 1024**2
"""What is taken from the socket at once, at most. With asyncio's 256 KiB, Python and all behind it wake so
often that a copy of 2 GB takes 0.4 s more of our processor than 2.5; more than this saves nothing.
"""

#: libpq's default for sslrootcert (documentation of libpq, "SSL Support").
_DEFAULT_ROOTS = Path("~/.postgresql/root.crt")

_KEEPALIVE = (
    (socket.TCP_KEEPIDLE, KEEPALIVE["idle"]),
    (socket.TCP_KEEPINTVL, KEEPALIVE["interval"]),
    (socket.TCP_KEEPCNT, KEEPALIVE["count"]),
    (socket.TCP_USER_TIMEOUT, LOST_S * 1000),
)


class SnapshotReader:
    """One connection that sees an exported snapshot. Use it within one thread, and as a context manager.

    Raises:
        UnreachableError: the connection cannot be made, or breaks. GameplanError: the server refuses.
    """

    def __init__(self, database: Database, application: str, snapshot: str) -> None:
        self._database = database
        self._runner = asyncio.Runner()
        try:
            with _explained(database, "read at the exported snapshot"):
                self._connection, self._pid = self._runner.run(_open(database, application, snapshot))
        except BaseException:
            self._runner.close()
            raise

    def __enter__(self) -> SnapshotReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.terminate()  # the transaction only read: there is nothing to end in good order
        self._runner.close()

    def copy(self, what: Table | sql.Composed, form: str, sink: Callable[[bytes], object], doing: str) -> int:
        """Hand the COPY stream of a whole table or of a query to `sink`, block by block; the next is read
        when it returns.

        Args:
            form: `binary` or `text`. doing: named in an error, as "copy public.dreams".

        Returns:
            How many rows it held.
        """

        silence = Silence(QUIET_S, partial(self._database.at_work, self._pid))

        async def hand_on(block: bytes) -> None:
            sink(block)
            silence.heard()

        async def read() -> str:
            copying = asyncio.ensure_future(self._stream(what, output=hand_on, format=form))
            while not (await asyncio.wait({copying}, timeout=1))[0]:
                if silence.dead():
                    self._connection.terminate()  # which ends the copy, in an error
            return copying.result()

        with _explained(self._database, doing):
            return int(self._runner.run(read()).removeprefix("COPY "))

    async def _stream(self, what: Table | sql.Composed, **options: Any) -> str:
        if isinstance(what, sql.Composed):
            return str(await self._connection.copy_from_query(what.as_string(), **options))
        # Without a query its rows come straight from the table: some 3 % less of the source's processor time.
        name, columns = what.name, what.columns or None
        copying = self._connection.copy_from_table(
            name.name, schema_name=name.schema, columns=columns, **options
        )
        return str(await copying)


def rate(database: Database, application: str, query: sql.Composed, form: str, seconds: float) -> float:
    """Bytes a second of a query's COPY stream, read as a copy reads it: to its end, or for so many seconds.

    Raises:
        As SnapshotReader.
    """
    size = 0

    async def count(block: bytes) -> None:
        nonlocal size
        size += len(block)

    async def read() -> float:
        connection, _ = await _open(database, application)
        started = time.monotonic()
        try:
            with suppress(TimeoutError):
                await connection.copy_from_query(
                    query.as_string(), output=count, format=form, timeout=seconds
                )
            return size / (time.monotonic() - started)
        finally:
            connection.terminate()

    with _explained(database, "read a sample of it"):
        return asyncio.run(read())


@contextmanager
def _explained(database: Database, doing: str) -> Iterator[None]:
    label = database.label
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise CredentialsError(
            f"{label} does not let role {database.user} {doing}: {error.message}.",
            "Grant the role this privilege, or use the role that owns the tables.",
        ) from None
    except (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
    ):
        raise UnreachableError(
            f"The connection to {label} broke, while we tried to {doing}.",
            "Run the same step again: it continues where it stopped.",
        ) from None
    except asyncpg.PostgresError as error:
        raise GameplanError(
            f"{label} failed to {doing}: {error.message}.",
            "Put right what the server names and run the same step again: it continues where it stopped.",
        ) from None


async def _open(database: Database, application: str, snapshot: str = "") -> tuple[asyncpg.Connection, int]:
    connection = await asyncpg.connect(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password,
        database=database.dbname,
        ssl=_tls(database),
        timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": application, "options": database.session_options(stalling=True)},
    )
    connection._transport.max_size = READ_BYTES  # without TLS: asyncio's TLS has a buffer of its own
    wire = connection._transport.get_extra_info("socket")
    for option, value in _KEEPALIVE:
        wire.setsockopt(socket.IPPROTO_TCP, option, value)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    statements = ["BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"]
    if snapshot:
        statements.append(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)).as_string())
    for statement in statements:
        await connection.execute(statement, timeout=CONNECT_TIMEOUT_S)
    return connection, await connection.fetchval("SELECT pg_backend_pid()", timeout=CONNECT_TIMEOUT_S)


def _tls(database: Database) -> ssl.SSLContext | str:
    """What libpq's sslmode, sslrootcert (PGSSLROOTCERT too), sslcert and sslkey mean, for asyncpg."""
    if database.sslmode in ("disable", "allow", "prefer"):
        return database.sslmode
    roots = database.sslrootcert or os.environ.get("PGSSLROOTCERT", "")
    if not roots and _DEFAULT_ROOTS.expanduser().exists():
        roots = str(_DEFAULT_ROOTS.expanduser())
    context = ssl.create_default_context(cafile=None if roots in ("", "system") else roots)
    context.check_hostname = database.sslmode == "verify-full"
    # As in libpq, a root certificate that is given is used by `require` too.
    if database.sslmode == "require" and not roots:
        context.verify_mode = ssl.CERT_NONE
    options = dict(database.options)
    if "sslcert" in options:
        context.load_cert_chain(options["sslcert"], options.get("sslkey"))
    return context
