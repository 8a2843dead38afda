"""Neon's data, the stand-in backend on it, the front door before it, and the fault injector behind it."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from dreamnet.traffic import WriteClient, lost
from localcloud.engines import Engines, PostgresEndpoint
from localcloud.frontdoor import set_frontdoor
from localcloud.neon import is_seeded, seed
from localcloud.ports import free_port
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

_DISCONNECT = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                 WHERE application_name = 'dreamnet-backend'"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    engines = Engines(State(tmp_path_factory.mktemp("backend")))
    yield engines
    for engine in engines.list():
        engines.delete(engine.name)


@pytest.fixture(scope="module")
def neon(engines: Engines) -> PostgresEndpoint:
    endpoint = engines.postgres("neon", region="r1", user="owner", password="secret", database="dreamnet")
    assert not is_seeded(endpoint.dsn)
    counts = seed(endpoint.dsn, now=datetime.now(UTC))
    assert (counts["flights"], counts["weather"], counts["planes"]) == (336_776, 26_115, 3_322)
    return endpoint


@pytest.fixture(autouse=True)
def _tidy(engines: Engines, neon: PostgresEndpoint) -> Iterator[None]:
    yield
    for engine in engines.list():
        if engine.name != "neon":
            engines.delete(engine.name)
    engines.start("neon")


def _call(url: str, body: dict[str, Any] | None = None) -> tuple[int, Any, dict[str, str]]:
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as answer:
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as error:
        content = error.read()
        return error.code, json.loads(content) if content[:1] == b"{" else content, dict(error.headers)


def _backend(engines: Engines, name: str, region: str = "r1", **environment: str) -> str:
    endpoint = engines.backend(name, region=region, host="127.0.0.1", port=None, environment=environment)
    return f"http://{endpoint.address}"


def test_the_seed_is_whole_relational_and_repeatable(neon: PostgresEndpoint) -> None:
    assert is_seeded(neon.dsn)
    with psycopg.connect(neon.dsn) as connection:

        def value(query: str) -> Any:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
            return row[0] if row else None

        assert value("SELECT count(*) FROM flights WHERE dep_time IS NULL") == 8255
        assert value("SELECT count(*) FROM dreams d JOIN agents a ON a.id = d.agent_id") == 9888
        assert value("SELECT count(*) FROM dream_activity") == 16
        assert value("SELECT md5('agent ' || 'UA')::uuid IN (SELECT id FROM agents)") is True
        keyless = """SELECT count(*) FROM pg_class c
                     WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT EXISTS
                       (SELECT 1 FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')"""
        assert value(keyless) == 0
        this_month = f"events_{datetime.now(UTC):%Y_%m}"
        assert value(f"SELECT '{this_month}'::regclass IN (SELECT inhrelid FROM pg_inherits)") is True


def test_a_dream_is_written_with_its_event_once(engines: Engines, neon: PostgresEndpoint) -> None:
    url = _backend(engines, "api", DATABASE_URL=neon.dsn)
    body = {"title": "t", "content": "c", "tags": ["a"], "mood": "serene", "metadata": {"k": 1}}
    status, answer, headers = _call(f"{url}/dreams", body)
    assert (status, headers["X-Region"]) == (201, "r1")
    again = _call(f"{url}/dreams", {**body, "id": answer["id"]})
    assert again[:2] == (201, answer)
    assert _call(f"{url}/dreams/{answer['id']}")[1]["metadata"] == {"k": 1}
    assert _call(f"{url}/dreams?limit=1")[1]["dreams"][0]["id"] == answer["id"]
    with psycopg.connect(neon.dsn) as connection:
        events = connection.execute(
            "SELECT count(*) FROM events WHERE dream_id = %s", (answer["id"],)
        ).fetchone()
    assert events == (1,)


@pytest.mark.parametrize(
    "body",
    [{"title": "t"}, {"title": "", "content": "c"}, {"title": "t", "content": "c", "mood": "happy"},
     {"title": "t" * 201, "content": "c"}, {"title": "t", "content": "c", "id": "x"},
     {"title": "t", "content": "a\x00b"}],
)  # fmt: skip
def test_what_is_no_dream_is_refused(engines: Engines, neon: PostgresEndpoint, body: dict[str, Any]) -> None:
    status, answer, _ = _call(f"{_backend(engines, 'api', DATABASE_URL=neon.dsn)}/dreams", body)
    assert status == 400
    assert answer["error"]


def test_a_frozen_or_absent_database_is_503_and_the_backend_recovers_by_itself(
    engines: Engines, neon: PostgresEndpoint
) -> None:
    url = _backend(engines, "api", DATABASE_URL=neon.dsn)
    dream = {"title": "t", "content": "c"}
    assert _call(f"{url}/healthz")[0] == 200
    with psycopg.connect(neon.dsn, autocommit=True) as connection:
        connection.execute("ALTER DATABASE dreamnet SET default_transaction_read_only = on")
        connection.execute(_DISCONNECT)
        status, answer, headers = _call(f"{url}/dreams", dream)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "ReadOnlySqlTransaction" in answer["error"]
        assert _call(f"{url}/healthz")[0] == 503
        assert _call(f"{url}/readyz")[0] == 200
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER DATABASE dreamnet RESET default_transaction_read_only")
        connection.execute(_DISCONNECT)
    assert _call(f"{url}/dreams", dream)[0] == 201
    engines.kill("neon")
    status, answer, _ = _call(f"{url}/dreams", dream)
    assert status == 503
    assert "secret" not in str(answer)
    assert _call(f"{url}/readyz")[0] == 503
    assert _call(f"{url}/livez")[0] == 200
    engines.start("neon")
    assert _call(f"{url}/dreams", dream)[0] == 201


def test_the_backend_follows_the_file_with_its_connection_string(
    engines: Engines, neon: PostgresEndpoint, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://nobody@127.0.0.1:9/none")
    url = _backend(engines, "api", DATABASE_URL_FILE=str(file))
    assert _call(f"{url}/dreams", {"title": "t", "content": "c"})[0] == 503
    file.write_text(neon.dsn)
    time.sleep(0.25)
    assert _call(f"{url}/dreams", {"title": "t", "content": "c"})[0] == 201


def test_no_acknowledged_write_is_lost_by_a_killed_database(engines: Engines, neon: PostgresEndpoint) -> None:
    client = WriteClient(_backend(engines, "api", DATABASE_URL=neon.dsn), 50).start()
    time.sleep(0.5)
    engines.kill("neon")
    time.sleep(0.5)
    engines.start("neon")
    time.sleep(1.0)
    report = client.stop()
    assert report.errors > 0
    assert report.longest_gap_s >= 0.5
    with psycopg.connect(neon.dsn) as connection:

        def reader(ids: list[str]) -> list[str]:
            query = "SELECT id::text FROM dreams WHERE id = ANY(%s::uuid[])"
            return [row[0] for row in connection.execute(query, (ids,))]

        assert lost(client.ledger.writes(), reader) == []


def test_a_durable_write_waits_for_the_standby(engines: Engines, neon: PostgresEndpoint) -> None:
    engines.postgres("standby", region="r2", user="", password="", replica_of="neon")
    url = _backend(engines, "api", DATABASE_URL=neon.dsn, DURABLE_WRITES="1", DURABLE_TIMEOUT_SECONDS="0.5")
    dream = {"title": "t", "content": "c"}
    assert _call(f"{url}/dreams", dream)[0] == 201
    standby = engines.get("standby")
    assert standby is not None
    assert standby.pid is not None
    frozen = [
        process for process in psutil.Process(standby.pid).children() if "walreceiver" in _title(process)
    ]
    assert frozen
    frozen[0].suspend()
    status, answer, _ = _call(f"{url}/dreams", dream)
    assert status == 503
    assert "not on every standby" in answer["error"]
    frozen[0].resume()
    assert _call(f"{url}/dreams", dream)[0] == 201
    engines.kill("standby")
    assert _call(f"{url}/dreams", dream)[0] == 201, "a standby that is gone is not waited for"


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def test_the_front_door_takes_the_first_healthy_region_and_comes_back(
    engines: Engines, neon: PostgresEndpoint
) -> None:
    port = free_port()
    faults = engines.process(
        "faults",
        kind="faults",
        region="global",
        argv=[
            sys.executable,
            "-m",
            "localcloud.faults",
            "--state",
            str(engines.state.dir),
            "--port",
            str(port),
        ],
        environment={},
        ready=f"http://127.0.0.1:{port}/regions",
        host="127.0.0.1",
        port=port,
    )
    upstreams = []
    for region in ("west", "east"):
        url = _backend(engines, f"api-{region}", region=region, DATABASE_URL=neon.dsn)
        upstreams.append({"address": url.removeprefix("http://"), "region": region})
    door = set_frontdoor(engines, upstreams[:1])
    assert set_frontdoor(engines, upstreams) == door
    url = f"{engines.state.endpoints()['frontdoor']}/dreams"
    dream = {"title": "t", "content": "c"}
    assert _call(url, dream)[2]["X-Region"] == "west"
    assert _call(f"http://{faults.address}/regions/west/fail", {})[1]["killed"] == ["api-west"]
    # A write on a connection that broke may have arrived: Caddy does not send it elsewhere, the client
    # tries again.
    _wait_for_region(url, "east")
    assert _call(f"http://{faults.address}/regions/west/restore", {})[1]["started"] == ["api-west"]
    _wait_for_region(url, "west")
    assert _call(f"http://{faults.address}/regions/mars/fail", {})[0] == 404
    set_frontdoor(engines, [])
    assert _call(url, dream)[0] == 503


def _wait_for_region(url: str, region: str) -> None:
    deadline = time.monotonic() + 10
    while _call(url, {"title": "t", "content": "c"})[2].get("X-Region") != region:
        assert time.monotonic() < deadline
        time.sleep(0.1)
