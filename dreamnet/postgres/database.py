"""How a PostgreSQL database is addressed, and what it means when it refuses us."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dreamnet.errors import ConfigurationError, CredentialsError, GameplanError, UnreachableError
from dreamnet.postgres.session import (
    AT_WORK,
    CLIENT_SETTINGS,
    QUIET_S,
    SERVER_SETTINGS,
    STALLING,
    Session,
)

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 10
LOOPBACK = ("127.", "localhost", "::1", "/")

_ADDRESS = ("host", "port", "dbname", "user", "password", "sslmode", "sslrootcert")
# Settings that must not differ between two servers whose rows are compared as text.
TEXT_SETTINGS = (
    "-c TimeZone=UTC -c DateStyle=ISO,MDY -c IntervalStyle=postgres -c extra_float_digits=1 "
    "-c bytea_output=hex -c lc_monetary=C -c xmlbinary=base64"
)

# Roles and providers limit sessions (Neon ends one that idles in a transaction), and ours keep a snapshot for
# as long as the copy takes.
SESSION_LIMITS = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database and the role we use there. The password is in no repr.

    Args:
        sslmode: libpq's sslmode; `verify-full` for anything outside this machine.
        sslrootcert: CA file, or `system` for the operating system's store; empty: libpq's default.
        options: further libpq keywords of the connection string (for example channel_binding).
    """

    host: str
    dbname: str
    user: str
    password: str = field(repr=False)
    port: int = 5432
    sslmode: str = "prefer"
    sslrootcert: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_dsn(cls, dsn: str) -> Database:
        """Read a connection URL or a libpq keyword string.

        Raises ConfigurationError (without repeating the string) if it is malformed or lacks a part.
        """
        try:
            parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        except psycopg.ProgrammingError:
            raise ConfigurationError(
                "The database's connection string cannot be read.",
                "Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
            ) from None
        missing = [name for name in ("host", "user", "dbname") if not parts.get(name)]
        if missing:
            raise ConfigurationError(
                f"The database's connection string names no {' and no '.join(missing)}.",
                "Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
            )
        extra = tuple(sorted((name, value) for name, value in parts.items() if name not in _ADDRESS))
        return cls(
            host=parts["host"],
            dbname=parts["dbname"],
            user=parts["user"],
            password=parts.get("password", ""),
            port=int(parts.get("port", "5432")),
            sslmode=parts.get("sslmode", "prefer"),
            sslrootcert=parts.get("sslrootcert", ""),
            options=extra,
        )

    @property
    def label(self) -> str:
        """`host:port/database`: how messages name it."""
        return f"{self.host}:{self.port}/{self.dbname}"

    @property
    def direct(self) -> Database:
        """The same database without Neon's pooler, which serves under a host name of its own."""
        name, dot, domain = self.host.partition(".")
        return replace(self, host=f"{name.removesuffix('-pooler')}{dot}{domain}")

    @property
    def is_loopback(self) -> bool:
        """Whether the traffic stays on this machine, where TLS adds nothing."""
        return self.host.startswith(LOOPBACK)

    def dsn(self, **changes: str | int) -> str:
        """The libpq connection string. Holds the password: hand it only to libpq or a secret store."""
        parts: dict[str, str | int] = {name: getattr(self, name) for name in _ADDRESS if getattr(self, name)}
        return make_conninfo("", **{**parts, **dict(self.options), **changes})

    def url(self) -> str:
        """The same as a URL (what most applications expect in a secret). Holds the password."""
        from urllib.parse import quote, urlencode

        query = {"sslmode": self.sslmode, "sslrootcert": self.sslrootcert, **dict(self.options)}
        text = urlencode({name: value for name, value in query.items() if value})
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(self.dbname, safe='')}?{text}"

    def session_options(self, *, stalling: bool = False) -> str:
        """libpq's `options` of our sessions: the address' own, then limits of time, and comparable text.

        Args:
            stalling: the server sends us rows, of which we may take none for a while; see session.STALLING.
        """
        own = dict(self.options).get("options")
        last = " ".join(f"-c {name}={value}" for name, value in STALLING.items()) if stalling else None
        return " ".join(filter(None, (own, SESSION_LIMITS, SERVER_SETTINGS, TEXT_SETTINGS, last)))

    def environment(self) -> dict[str, str]:
        """Our own environment plus the PG* variables, for PostgreSQL's programs: nothing secret in argv."""
        named = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.dbname,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGSSLMODE": self.sslmode,
            "PGSSLROOTCERT": self.sslrootcert,
            "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
        }
        return {**os.environ, **{name: value for name, value in named.items() if value}}

    def connect(
        self,
        application: str = "dreamnet",
        *,
        autocommit: bool = True,
        replication: bool = False,
        patience: float | None = None,
        stalling: bool = False,
    ) -> Connection:
        """Open a connection whose text output is the same on every server.

        Args:
            application: shown in pg_stat_activity; a migration finds its own orphans by it.
            replication: a walsender connection, for CREATE_REPLICATION_SLOT.
            patience: seconds of silence after which the server is asked whether it works for this session;
                None: QUIET_S.
            stalling: rows are sent to the server, which may take none for a while; see session.STALLING.
        Raises: CredentialsError, UnreachableError, ConfigurationError: one sentence, no secret.
        """
        settings: dict[str, str | int] = {
            "application_name": application,
            "connect_timeout": CONNECT_TIMEOUT_S,
            **CLIENT_SETTINGS,
            **(STALLING if stalling else {}),
            "options": self.session_options(),
        }
        if replication:
            settings["replication"] = "database"
        session = self._open(settings, autocommit)
        session.label = self.label
        # Asked of the server: the number that a proxy hands out, as Neon's does, is its own invention.
        row = session.execute("SELECT pg_backend_pid()").fetchone()
        session.rollback()
        session.patience = QUIET_S if patience is None else patience
        session.at_work = partial(self.at_work, row[0] if row else 0)
        return session

    def at_work(self, pid: int) -> bool:
        """Whether the server has a session of this number that does not wait for its client."""
        settings: dict[str, str | int] = {"connect_timeout": CONNECT_TIMEOUT_S, **CLIENT_SETTINGS}
        try:
            with self._open(settings, autocommit=True) as looking:
                row = looking.execute(AT_WORK, (pid,)).fetchone()
        except UnreachableError:
            return False
        return bool(row and row[0])

    def _open(self, settings: dict[str, str | int], autocommit: bool) -> Session:
        try:
            return Session.connect(self.dsn(**settings), autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise explain_connection(self, error) from None


# Text of libpq's and the server's refusals (they carry no SQLSTATE before a connection exists).
_REFUSALS: Mapping[str, tuple[type[GameplanError], str, str]] = {
    "password authentication failed": (
        CredentialsError,
        "{label} refuses the password of role {user}.",
        "Correct user and password in the database's block.",
    ),
    "no password supplied": (
        CredentialsError,
        "{label} wants a password for role {user}, and none is given.",
        "Enter the password in the database's block.",
    ),
    "no pg_hba.conf entry": (
        CredentialsError,
        "{label} does not admit role {user} from this address.",
        "Allow this address (authorised networks, security group), and TLS if the server demands it.",
    ),
    "role": (
        CredentialsError,
        "{label} does not know the role {user}, or does not let it log in.",
        "Create it with LOGIN, or correct the user in the database's block.",
    ),
    "database": (
        ConfigurationError,
        "The server {host}:{port} has no database {dbname}.",
        "Create it, or correct the database's name in its block.",
    ),
    "certificate": (
        UnreachableError,
        "The TLS certificate of {label} cannot be verified.",
        "Give the provider's CA file as sslrootcert, or `system`, and the host name the certificate names.",
    ),
    "ssl": (
        UnreachableError,
        "{label} does not speak the TLS that sslmode={sslmode} demands.",
        "Enable TLS on the server, or correct sslmode in the database's block.",
    ),
    "could not translate host name": (
        UnreachableError,
        "The host name {host} cannot be resolved.",
        "Correct the host in the database's block, or check DNS.",
    ),
    "too many": (
        UnreachableError,
        "{label} has no connection left for us.",
        "Close idle clients or raise max_connections.",
    ),
}


def explain_connection(database: Database, error: psycopg.OperationalError) -> GameplanError:
    """Turn a failed connection into one sentence and a remedy; never repeats the server's own text."""
    text = str(error).lower()
    facts = {name: getattr(database, name) for name in ("label", "host", "port", "dbname", "user", "sslmode")}
    for needle, (kind, problem, remedy) in _REFUSALS.items():
        # "role" and "database" alone are too common words: the server says `role "x" does not exist`.
        sought = f'{needle} "' if needle in ("role", "database") else needle
        if sought in text and (needle != "database" or "does not exist" in text):
            return kind(problem.format(**facts), remedy)
    return UnreachableError(
        f"Nothing usable answers at {database.label}.",
        "Check that the server runs and that host, port and firewall are right.",
    )


@contextmanager
def explained(database: Database, doing: str) -> Iterator[None]:
    """Translate what psycopg raises while `doing` something on `database`.

    The server's primary message is kept (it names objects, not values); detail and the statement, which may
    hold row values or a password, are dropped.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise CredentialsError(
            f"{database.label} does not let role {database.user} {doing}: {error.diag.message_primary}.",
            "Grant the role this privilege, or use the role that owns the tables.",
        ) from None
    except psycopg.OperationalError as error:
        if error.diag.message_primary is None:
            raise UnreachableError(
                f"The connection to {database.label} broke, while we tried to {doing}.",
                "Run the same step again: it continues where it stopped.",
            ) from None
        raise _refused(database, doing, error) from None
    except psycopg.Error as error:
        raise _refused(database, doing, error) from None


def _refused(database: Database, doing: str, error: psycopg.Error) -> GameplanError:
    said = " ".join((error.diag.message_primary or type(error).__name__).split()).rstrip(".")
    return GameplanError(
        f"{database.label} failed to {doing}: {said}.",
        "Put right what the server names and run the same step again: it continues where it stopped.",
    )
