"""The writes' moves as tasks: what a client sees of each, what is lost, who is asked, what is refused."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from migration_world import CLOUD_SQL, NEON, RDS, World, world_at

from dreamnet.errors import GameplanError, VerificationError
from dreamnet.postgres.forecast import Forecast
from tasks import cutover as subject
from tasks import ways_out


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    return world_at(monkeypatch)


@contextmanager
def backend(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A real HTTP service that takes dreams, and databases that hold them unless a test loses some on one."""
    held: set[str] = set()
    control = SimpleNamespace(open=threading.Event(), status=201, lose=0, on=CLOUD_SQL, lost=set())
    control.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            control.open.wait(5)
            held.add(body["id"])
            if control.lose:
                control.lose -= 1
                control.lost.add(body["id"])
            self.send_response(control.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing a request."""

    def present(database: Any, ids: list[str]) -> set[str]:
        return (held - (control.lost if database == control.on else set())) & set(ids)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    world.legacy_url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(subject, "present_dreams", present)
    monkeypatch.setattr(subject, "MEASURED_MARGIN", 0.2)

    def freeze() -> None:
        control.open.clear()
        threading.Event().wait(0.3)
        control.open.set()

    world.moving.while_frozen = freeze
    try:
        yield control
    finally:
        control.open.set()
        server.shutdown()
        server.server_close()


def waits(text: str) -> list[float]:
    """Seconds that the client waited, move by move."""
    return [float(one) for one in text.split("waited ")[1].split(" at most")[0].replace(" s", "").split(", ")]


def test_cut_over_measures_the_freeze_from_outside(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with backend(world, monkeypatch):
        step = subject.cut_over.fn("acme", "run-1", True)
    assert world.secret == CLOUD_SQL.url()
    assert step.detail.startswith(
        "Neon to Cloud SQL: writes frozen for 250 ms (drain 50, checks 100, switch 100); 400,000 rows"
    )
    (waited,) = waits(step.detail)
    assert 0.25 <= waited < 5
    assert "0 refused" in step.detail
    assert step.detail.endswith("0 lost on 3 databases.")
    artifact = desk.artifacts["cut-over-acme"]
    assert "A client writing 100 a second" in artifact
    png = base64.b64decode(artifact.split("base64,")[1].split(")")[0])
    assert png.startswith(b"\x89PNG")
    (event,) = world.events
    assert (event["event"], event["freeze_ms"]) == ("dreamnet.migration.moved", 250)


def test_way_back_is_gone_both_ways_under_one_client(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.moving.phase, world.secret, world.moving.return_due = "cut over", CLOUD_SQL.url(), True
    seen: list[str | None] = []
    with backend(world, monkeypatch):
        freeze = world.moving.while_frozen
        world.moving.while_frozen = lambda: (seen.append(world.secret), freeze())[1]
        step = subject.prove_way_back.fn("acme", "run-1")
    assert world.moving.done == ["roll back", "cut over", "caught up"]
    assert world.moving.return_due is False
    assert seen == [CLOUD_SQL.url(), NEON.url()]
    assert world.secret == CLOUD_SQL.url()
    assert "Cloud SQL to Neon: writes frozen" in step.detail
    assert all(0.25 <= one < 5 for one in waits(step.detail))
    assert len(waits(step.detail)) == len(world.events) == 2


@pytest.mark.parametrize(
    ("phase", "towards", "done"),
    [
        ("following", "", ["cut over"]),
        ("switching", "target", ["cut over"]),
        ("switching", "source", ["roll back", "cut over"]),
    ],
)
def test_proof_that_was_killed_on_its_way_ends_on_the_new_primary(
    world: World, phase: str, towards: str, done: list[str]
) -> None:
    world.moving.phase, world.moving.switching_to = phase, towards
    subject.prove_way_back.fn("acme", "run-1")
    assert world.moving.done == [*done, "caught up"]
    assert world.secret == CLOUD_SQL.url()


@pytest.mark.parametrize("where", [CLOUD_SQL, NEON, RDS])
def test_write_that_any_database_lacks_is_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch, where: Any
) -> None:
    with backend(world, monkeypatch) as service:
        service.lose, service.on = 2, where
        with pytest.raises(VerificationError) as caught:
            subject.cut_over.fn("acme", "run-1", True)
    assert caught.value.problem.startswith("2 of ")
    assert where.label in caught.value.problem


def test_service_that_takes_no_writes_is_found_before_the_freeze(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subject._until_acknowledged
    monkeypatch.setattr(subject, "_until_acknowledged", lambda client: real(client, timeout=0.5))
    with backend(world, monkeypatch) as service:
        service.status = 503
        with pytest.raises(VerificationError, match="acknowledges no writes"):
            subject.cut_over.fn("acme", "run-1", True)
    assert world.moving.done == []
    assert world.secret is None


def test_without_a_service_nobody_measures(world: World, desk: Desk) -> None:
    step = subject.cut_over.fn("acme", "run-1", True)
    assert step.detail.endswith("400,000 rows proven equal.")
    assert world.secret == CLOUD_SQL.url()
    assert "data:image" not in desk.artifacts["cut-over-acme"]


def test_second_cut_over_changes_nothing(world: World) -> None:
    world.moving.phase = "cut over"
    assert subject.cut_over.fn("acme", "run-1", True).outcome == "unchanged"
    assert world.moving.done == []


@pytest.mark.parametrize(
    ("phase", "go", "title"),
    [("cut over", "cut over", "Neon to Cloud SQL"), ("following", "roll back", "Cloud SQL to Neon")],
)
def test_a_move_whose_proof_was_interrupted_is_proven_by_the_next_run(
    world: World, phase: str, go: str, title: str
) -> None:
    world.moving.phase, world.moving.unsettled, world.secret = phase, True, "as switched"
    if go == "roll back":
        assert "prove all rows equal" in ways_out.describe_way_back.fn("acme", "run-1")
    step = (
        subject.cut_over.fn("acme", "run-1", False)
        if go == "cut over"
        else subject.roll_back.fn("acme", "run-1")
    )
    assert world.moving.done == [go, "caught up"]
    assert step.detail == f"{title}: an earlier run has switched; 400,000 rows proven equal."
    assert world.secret == "as switched"


@pytest.mark.parametrize("wanted", [True, False])
def test_proof_is_due_from_before_the_switch_until_it_is_done_or_somebody_rolls_back(
    world: World, wanted: bool
) -> None:
    world.moving.return_due = not wanted
    seen: list[bool] = []
    world.moving.while_frozen = lambda: seen.append(world.moving.return_due)
    subject.cut_over.fn("acme", "run-1", wanted)
    assert seen == [wanted]
    assert world.moving.return_due is wanted
    subject.roll_back.fn("acme", "run-1")
    assert seen == [wanted, False]


# ---- back


def test_roll_back_switches_the_secret_once(world: World) -> None:
    world.moving.phase, world.secret = "cut over", CLOUD_SQL.url()
    assert subject.roll_back.fn("acme", "run-1").outcome == "done"
    assert world.secret == NEON.url()
    assert subject.roll_back.fn("acme", "run-1").outcome == "unchanged"
    assert world.moving.done == ["roll back", "caught up"]


@pytest.mark.parametrize("phase", ["new", "copying"])
def test_no_way_back_is_said_before_anybody_is_asked(world: World, phase: str) -> None:
    world.moving.phase = phase
    for refused in (subject.roll_back.fn, ways_out.describe_way_back.fn):
        with pytest.raises(GameplanError, match=f"the migration is {phase}"):
            refused("acme", "run-1")
    assert world.moving.done == []


# ---- what is read before


def test_whoever_approves_reads_lag_proof_freeze_failure_and_way_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def forecast(publisher: Any, followers: Any, lags: Any) -> Forecast:
        asked.append((publisher, list(followers)))
        return Forecast(0.05, 0.3, 0.02, 23, 20, 3_400_000)

    monkeypatch.setattr(ways_out, "forecast", forecast)
    world.moving.lags = [
        replace(lag, subscriber=one.label, bytes=1200, seconds=0.05)
        for lag, one in zip(world.moving.lags, (CLOUD_SQL, RDS), strict=True)
    ]
    world.moving.phase = "following"
    said = ways_out.describe_cut_over.fn("acme", "run-1", "5 rows.", "23 tables equal.")
    for part in (
        "- Copy: 5 rows.",
        "- Proof: 23 tables equal.",
        f"- Replication: {RDS.label} is 1,200 bytes behind and shows a write after 0.05 s.",
        "- Expected freeze: about 0.4 s",
        "20 small tables (3.4 MB)",
        "nothing is switched, Neon takes writes again",
        "`migration-roll-back`",
        "two more freezes",
    ):
        assert part in said
    world.moving.impossible = "Neon is PostgreSQL 15."
    said = ways_out.describe_cut_over.fn("acme", "run-1", "5 rows.", "23 tables equal.")
    assert "There is no going back once Cloud SQL has taken a write.** Neon is PostgreSQL 15." in said
    assert "migration-roll-back" not in said
    world.moving.phase, world.moving.lags = "cut over", [replace(world.moving.lags[0], subscriber=NEON.label)]
    assert "Expected freeze" in ways_out.describe_way_back.fn("acme", "run-1")
    assert asked == [(NEON, [CLOUD_SQL, RDS])] * 2 + [(CLOUD_SQL, [NEON])]
