"""The drill against a small service of two regions with real HTTP, where databases are lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dreamnet.errors import GameplanError, UnreachableError
from dreamnet.failover import Drill, WebhookOutage, run_drill
from dreamnet.failover.drill import longest_gap
from dreamnet.traffic import Write


class World:
    """Load balancer, backends, databases and fault injector of two regions, and a record of what was
    asked.
    """

    def __init__(self, loses: int = 0) -> None:
        self.rows: dict[str, list[str]] = {"one": [], "two": []}
        self.role = {"one": "primary", "two": "replica"}
        self.up = {"one": True, "two": True}
        self.attached = {"one": True, "two": True}
        self.calls: list[str] = []
        self.loses = loses
        self.break_at = ""
        self.split_brain = False
        self.lock = threading.Lock()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.break_at:
            raise GameplanError("broken", "mend")

    def serving(self) -> str | None:
        for region in ("one", "two"):
            if self.attached[region] and self.up[region] and self.role[region] != "replica":
                self.split_brain |= self.role[region] == "stale"
                return region
        return None

    def write(self, identifier: str) -> str | None:
        with self.lock:
            region = self.serving()
            if region is not None:
                self.rows[region].append(identifier)
                other = "two" if region == "one" else "one"
                if self.role[other] == "replica" and self.up[other]:
                    self.rows[other].append(identifier)
            return region

    def fail(self, region: str) -> None:
        self._note(f"fail {region}")
        self.up[region] = False

    def restore(self, region: str) -> None:
        self._note(f"restore {region}")
        self.up[region] = True

    def promote(self, region: str) -> None:
        self._note(f"promote {region}")
        with self.lock:
            other = "two" if region == "one" else "one"
            if self.loses:
                del self.rows[region][-self.loses :]
                self.loses = 0
            self.role.update({region: "primary", other: "stale"})

    def rebuild(self, region: str, primary: str) -> None:
        self._note(f"rebuild {region}")
        with self.lock:
            self.rows[region] = list(self.rows[primary])
            self.role[region] = "replica"

    def caught_up(self, region: str, primary: str) -> bool:
        return self.rows[region] == self.rows[primary]

    def attach(self, region: str) -> None:
        self._note(f"attach {region}")
        self.attached[region] = True

    def detach(self, region: str) -> None:
        self._note(f"detach {region}")
        self.attached[region] = False


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            identifier = body.get("id", "probe")
            region = world.write(identifier)
            self._answer(201 if region else 503, {"id": identifier}, region)

        def do_GET(self) -> None:
            self._answer(200 if world.serving() else 503, {}, world.serving())

        def _answer(self, status: int, body: Any, region: str | None) -> None:
            self.send_response(status)
            self.send_header("X-Region", region or "")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def drill(world: World, url: str) -> Drill:
    return Drill(
        url,
        "one",
        "two",
        outage=world,
        databases=world,
        traffic=world,
        read_back=lambda ids: set(ids) & set(world.rows["one"]),
        rate=50,
        settle_s=0.2,
        timeout_s=5,
    )


def test_there_and_back_without_loss(world: World, url: str) -> None:
    result = run_drill(drill(world, url))
    assert (result.lost, result.rpo_s) == (0, 0)
    assert 0 < result.rto_s < 5
    assert result.after.region == "one"
    assert not world.split_brain
    assert (
        world.calls.index("detach one") < world.calls.index("restore one") < world.calls.index("rebuild one")
    )
    assert world.calls[-2:] == ["rebuild two", "attach two"]
    assert {step.name for step in result.steps} >= {"promote two", "first acknowledged write", "drain two"}
    json.dumps(result.as_dict())


def test_lost_acknowledged_writes_are_counted(world: World, url: str) -> None:
    world.loses = 3
    result = run_drill(drill(world, url))
    assert result.lost == 3
    assert result.rpo_s > 0


@pytest.mark.parametrize("broken", ["promote two", "rebuild one", "promote one", "rebuild two"])
def test_whatever_breaks_the_region_comes_back_and_no_stale_database_is_attached(
    world: World, url: str, broken: str
) -> None:
    world.break_at = broken
    with pytest.raises(GameplanError, match="broken"):
        run_drill(drill(world, url))
    assert all(world.up.values())
    assert not world.split_brain
    world.write("later")
    assert not world.split_brain


def test_stopping_undoes(world: World, url: str) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(GameplanError, match="stopped"):
        run_drill(drill(world, url), stop=stop)
    assert world.calls == []


def test_a_service_that_is_not_well_is_not_drilled(world: World, url: str) -> None:
    world.up["one"] = False
    with pytest.raises(GameplanError, match="steady state"):
        run_drill(drill(world, url))
    assert world.calls == []


def test_the_gap_is_the_longest_between_acknowledgements_in_the_window() -> None:
    writes = [Write(str(at), at, at) for at in (1.0, 10.0, 10.5, 14.0, 20.0)]
    assert longest_gap(writes, 9.5, 15.0) == 3.5


def test_a_fault_injector_that_is_away_is_named() -> None:
    with pytest.raises(UnreachableError, match="fault injector"):
        WebhookOutage("http://127.0.0.1:1").fail("one")
