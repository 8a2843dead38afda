"""Real servers: made, found, killed, promoted, and gone at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dreamnet.errors import ConfigurationError, UnreachableError
from localcloud.engines import Engines, PostgresEndpoint, processes
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

_IMPORTS = "from localcloud.engines import Engines; from localcloud.state import State"


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    engines = Engines(State(tmp_path))
    yield engines
    for engine in engines.list():
        engines.delete(engine.name)


def _primary(engines: Engines, **changes: object) -> PostgresEndpoint:
    arguments = {
        "region": "r1",
        "user": "owner",
        "password": "it's secret",
        "database": "dreamnet",
        **changes,
    }
    return engines.postgres("primary", **arguments)  # type: ignore[arg-type]


def _eventually(dsn: str, query: str, expected: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    found: object = None
    while time.monotonic() < deadline:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(query).fetchone()
        found = row[0] if row else None
        if found == expected:
            return
        time.sleep(0.02)
    pytest.fail(f"{query}: {found!r}, not {expected!r}")


def test_the_owner_is_no_superuser_but_may_subscribe(engines: Engines) -> None:
    primary = _primary(engines)
    assert engines.state.endpoints()["postgres"]["primary"] == primary.dsn
    with psycopg.connect(primary.dsn) as connection:
        attributes = "SELECT rolsuper, rolreplication, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(attributes).fetchone() == (False, True, True)
        member = "SELECT pg_has_role('pg_create_subscription', 'member'), current_setting('wal_level')"
        assert connection.execute(member).fetchone() == (True, "logical")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_read_file('postgresql.conf')")


def test_a_wrong_password_is_refused_and_no_secret_shows(engines: Engines) -> None:
    primary = _primary(engines)
    assert "secret" not in repr(primary)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(primary.dsn.replace("secret", "wrong"))


def test_asking_again_finds_the_same_server_and_brings_settings_and_password_along(engines: Engines) -> None:
    first = _primary(engines)
    record = engines.get("primary")
    assert _primary(engines) == first
    assert engines.get("primary") == record
    changed = _primary(engines, password="another", settings={"work_mem": "5MB"})
    assert changed.port == first.port
    with psycopg.connect(changed.dsn) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
    with pytest.raises(ConfigurationError, match="another region"):
        _primary(engines, region="r2")


def test_data_survives_stop_kill_and_start_from_another_process(engines: Engines) -> None:
    primary = _primary(engines)
    with psycopg.connect(primary.dsn) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
        connection.execute("INSERT INTO kept VALUES (1)")
    engines.stop("primary")
    assert engines.postgres_endpoint("primary").status == "stopped"
    code = f"{_IMPORTS}\nEngines(State({str(engines.state.dir)!r})).start('primary')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    engines.kill("primary")
    found = engines.get("primary")
    assert found is not None
    assert found.status == "failed"
    engines.start("primary")
    _eventually(primary.dsn, "SELECT count(*) FROM kept", 1)


def test_a_standby_follows_is_promoted_and_the_old_primary_rejoins(engines: Engines) -> None:
    primary = _primary(engines)
    with psycopg.connect(primary.dsn) as connection:
        connection.execute("CREATE TABLE rows (n integer)")
    standby = engines.postgres("standby", region="r2", user="", password="", replica_of="primary")
    assert (standby.user, standby.database) == (primary.user, primary.database)
    with psycopg.connect(primary.dsn) as connection:
        connection.execute("INSERT INTO rows VALUES (1)")
    _eventually(standby.dsn, "SELECT count(*) FROM rows", 1)
    with psycopg.connect(standby.dsn) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO rows VALUES (2)")

    assert engines.fail_region("r1") == ["primary"]
    assert engines.promote("standby").replica_of is None
    engines.promote("standby")
    with psycopg.connect(standby.dsn) as connection:
        connection.execute("INSERT INTO rows VALUES (2)")
    assert engines.restore_region("r1") == ["primary"]
    _eventually(primary.dsn, "SELECT count(*) FROM rows", 1)
    rejoined = engines.rejoin("primary", "standby")
    assert (rejoined.port, rejoined.replica_of) == (primary.port, "standby")
    _eventually(primary.dsn, "SELECT count(*) FROM rows", 2)
    _eventually(primary.dsn, "SELECT pg_is_in_recovery()", True)


def test_a_deleted_standby_leaves_no_slot(engines: Engines) -> None:
    primary = _primary(engines)
    engines.postgres("standby", region="r2", user="", password="", replica_of="primary")
    slots = "SELECT count(*) FROM pg_replication_slots"
    _eventually(primary.dsn, slots, 1)
    engines.delete("standby")
    _eventually(primary.dsn, slots, 0)
    assert "standby" not in engines.state.endpoints()["postgres"]


def test_a_reused_process_number_is_never_killed(engines: Engines) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        created = psutil.Process(bystander.pid).create_time()
        assert processes.find(bystander.pid, created) is not None
        assert processes.find(bystander.pid, created - 5) is None
    finally:
        bystander.kill()
        bystander.wait()


def test_stopping_a_server_takes_its_children_but_not_the_engines_it_started(engines: Engines) -> None:
    port = _free()
    script = (
        f"{_IMPORTS}; import http.server, subprocess\n"
        "child = subprocess.Popen(['sleep', '77'])\n"
        f"Engines(State({str(engines.state.dir)!r})).valkey('cache', region='r1')\n"
        f"handler, address = http.server.SimpleHTTPRequestHandler, ('127.0.0.1', {port})\n"
        "http.server.HTTPServer(address, handler).serve_forever()"
    )
    parent = engines.process(
        "parent",
        kind="test",
        region="r1",
        argv=[sys.executable, "-c", script],
        environment={},
        ready=None,
        host="127.0.0.1",
        port=port,
    )
    assert parent.pid is not None
    children = psutil.Process(parent.pid).children()
    assert [child.cmdline() for child in children] == [["sleep", "77"]]
    engines.stop("parent")
    assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE
    cache = engines.get("cache")
    assert cache is not None
    assert cache.status == "running"
    with socket.create_connection((cache.host, cache.port)) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"


def test_a_server_that_ends_at_once_is_told_with_its_last_words(engines: Engines) -> None:
    with pytest.raises(UnreachableError, match="the disk is made of cheese"):
        engines.process(
            "broken",
            kind="test",
            region="r1",
            argv=[
                sys.executable,
                "-c",
                "import time; time.sleep(0.1); raise SystemExit('the disk is made of cheese')",
            ],
            environment={},
            ready=None,
            host="127.0.0.1",
            port=_free(),
        )
    found = engines.get("broken")
    assert found is not None
    assert found.status == "stopped"


@pytest.mark.skipif(
    os.name != "posix" or sys.platform != "linux", reason="only Linux answers on all of 127/8"
)
def test_a_port_that_is_taken_is_named_and_nothing_stays(engines: Engines) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(ConfigurationError, match="is taken"):
            _primary(engines, port=server.getsockname()[1])
    assert engines.get("primary") is None
    _primary(engines)


def _free() -> int:
    from localcloud.ports import free_port

    return free_port()
