"""The migration's steps as tasks: what is measured of the freeze, what stops before anything is touched."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.errors import PrecheckFailed, VerificationError
from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Database
from dreamnet.postgres.findings import Report
from dreamnet.postgres.migration import CopyReport
from dreamnet.postgres.precheck_target import Disk
from dreamnet.postgres.replication import Lag
from dreamnet.postgres.verify import Checked, Difference, Verification
from dreamnet.serving.connection import SECRET
from tasks import migration as subject

NEON = Database("neon.example", "dreamnet", "owner", "neon password")
CLOUD_SQL = Database("10.0.0.3", "dreamnet", "dreamnet", "owner password")
PROOF = Verification(23, 400_000, (), 1.0, "one point")

DISKS = (Disk(10, 20), Disk(30, 30))


class Moving:
    """A migration that answers what a test wants, and notes what was done."""

    def __init__(self) -> None:
        self.targets = (CLOUD_SQL,)
        self.phase = "new"
        self.done: list[str] = []
        self.rows = 400_000
        self.proof = PROOF
        self.report = Report("neon", ["cloud sql"], tables=23, rows=400_000, bytes=98_000_000)
        self.while_frozen: Callable[[], None] = lambda: None

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(phase=self.phase)

    def precheck(self, disks: tuple[Disk, ...]) -> Report:
        assert disks == DISKS
        self.done.append("precheck")
        return self.report

    def prepare_and_copy(self, progress: Callable[[str], None]) -> CopyReport:
        self.done.append("copy")
        progress("copying 23 tables")
        return CopyReport(23, self.rows, 98_000_000 if self.rows else 0, 4.25, 9.0, 1)

    def follow(self, progress: Callable[[str], None]) -> list[Lag]:
        return [Lag(name, "slot", 0, 0, 0.1, True, 0) for name in ("cloud sql", "rds")]

    def verify(self) -> Verification:
        return self.proof

    def cut_over(self, switch: Callable[[], None], progress: Callable[[str], None]) -> Move:
        self.done.append("cut over")
        self.while_frozen()
        switch()
        return Move("cloud sql", 0.25, 0.05, 0.1, 0.1, 4, PROOF, {})

    def finish(self, progress: Callable[[str], None]) -> None:
        self.done.append("finish")


class World:
    """What surrounds a migration: the connection secret, and the backend that a client writes to."""

    def __init__(self) -> None:
        self.moving = Moving()
        self.secret: str | None = None
        self.legacy_url = ""


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def publish_url(google: Any, aws: Any, url: str) -> bool:
        world.secret = url
        return True

    profile = SimpleNamespace(neon=SimpleNamespace(connection=lambda: NEON))
    monkeypatch.setattr(
        subject, "load_profile", lambda name: SimpleNamespace(**vars(profile), legacy_url=world.legacy_url)
    )
    monkeypatch.setattr(subject, "google_account", lambda name: None)
    monkeypatch.setattr(subject, "aws_account", lambda name: None)
    monkeypatch.setattr(subject, "disks", lambda name: DISKS)
    monkeypatch.setattr(subject, "current_url", lambda google: world.secret)
    monkeypatch.setattr(subject, "publish_url", publish_url)
    monkeypatch.setattr(subject, "migration", lambda profile: world.moving)
    return world


# ---- before anything is touched


def test_precheck_lists_its_findings_and_blocks(world: World, desk: Desk) -> None:
    world.moving.report.handled("sequences", "4 sequences", "set at cut-over.")
    assert subject.check_migration.fn("acme", "run-1") is True
    world.moving.report.block("keys", "Table flights has no key.", "Give it one.")
    with pytest.raises(PrecheckFailed) as caught:
        subject.check_migration.fn("acme", "run-1")
    assert str(caught.value) == "Table flights has no key. Remedy: Give it one."
    assert [row["what"] for row in desk.tables["migration-precheck-acme"]] == ["keys", "sequences"]
    assert desk.artifacts["migration-precheck-acme"].endswith("about 4 s. 1 of 2 findings block.")
    assert world.moving.done == ["precheck", "precheck"]


@pytest.mark.parametrize(
    ("secret", "anything_to_do"), [(None, True), (NEON.url(), True), (CLOUD_SQL.url(), False)]
)
def test_connection_secret_says_whether_there_is_anything_to_do(
    world: World, secret: str | None, anything_to_do: bool
) -> None:
    world.secret = secret
    assert subject.check_migration.fn("acme", "run-1") is anything_to_do
    assert bool(world.moving.done) is anything_to_do


def test_move_that_was_interrupted_is_completed(world: World) -> None:
    world.secret, world.moving.phase = CLOUD_SQL.url(), "switching"
    assert subject.check_migration.fn("acme", "run-1") is True


def test_source_alone_is_checked_before_the_weeks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def precheck(source: Database, targets: Any, name: str) -> Report:
        seen.append((source, tuple(targets), name))
        return world.moving.report

    monkeypatch.setattr(subject, "precheck", precheck)
    step = subject.check_source.fn("acme", "run-1")
    assert step.detail == "23 tables, 400,000 rows, 98 MB; nothing blocks."
    assert seen == [(NEON, (), "neon_acme")]
    world.moving.report.block("wal_level", "wal_level is replica.", "Turn on logical replication.")
    with pytest.raises(PrecheckFailed, match="wal_level is replica"):
        subject.check_source.fn("acme", "run-1")


def test_source_that_was_left_is_not_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.secret = CLOUD_SQL.url()
    monkeypatch.setattr(subject, "precheck", lambda *arguments: pytest.fail("Neon was asked"))
    assert subject.check_source.fn("acme", "run-1").outcome == "unchanged"


# ---- copy, follow, verify


def test_copy_says_how_much(world: World, desk: Desk) -> None:
    step = subject.copy_database.fn("acme", "run-1")
    assert (step.outcome, step.detail) == ("done", "400,000 rows of 23 tables, 98 MB in 4.2 s")
    assert desk.lines == ["copying 23 tables"]


def test_copy_that_was_done_before_changed_nothing(world: World) -> None:
    world.moving.rows = 0
    assert subject.copy_database.fn("acme", "run-1").outcome == "unchanged"


def test_following_says_how_far_behind(world: World) -> None:
    step = subject.follow_source.fn("acme", "run-1")
    assert step.detail == "cloud sql 0 bytes behind; rds 0 bytes behind"


def test_difference_stops_and_is_named(world: World, desk: Desk) -> None:
    assert subject.verify_copy.fn("acme", "run-1").detail == "23 tables, 400,000 rows equal on all servers."
    rows = Difference("rds", "rows", "public.flights", "10 rows", "9 rows", ("(id)=(7): missing",))
    schema = Difference("rds", "schema", "public.crew column name", "text", "nothing")
    checked = tuple(
        Checked(target, "public.flights", 10, 2**70, 0.1234, target != "rds")
        for target in ("cloud sql", "rds")
    )
    world.moving.proof = Verification(23, 400_000, (rows, schema), 1.0, "one point", checked)
    with pytest.raises(VerificationError) as caught:
        subject.verify_copy.fn("acme", "run-1")
    assert (
        "public.flights (rows) on rds: 9 rows instead of 10 rows: (id)=(7): missing" in caught.value.problem
    )
    assert desk.lines == [
        "rds, public.crew column name: schema differs: nothing instead of text",
        "rds, public.flights: differs at (id)=(7): missing",
        "cloud sql, public.flights: equal",
    ]
    assert desk.tables["migration-verification-acme"][1] == {
        "target": "rds",
        "table": "public.flights",
        "rows": 10,
        "checksum": str(2**70),
        "seconds": 0.123,
        "result": "differs at (id)=(7): missing",
    }
    assert caught.value.remedy.startswith("Nothing was switched.")


# ---- cut-over


@contextmanager
def backend(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A real HTTP service that takes dreams, and a database that holds them unless a test loses some."""
    held: set[str] = set()
    control = SimpleNamespace(open=threading.Event(), status=201, lose=0)
    control.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            control.open.wait(5)
            if control.lose:
                control.lose -= 1
            else:
                held.add(body["id"])
            self.send_response(control.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing a request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    world.legacy_url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(subject, "present_dreams", lambda database, ids: held & set(ids))
    monkeypatch.setattr(subject, "MEASURED_MARGIN", 0.2)
    try:
        yield control
    finally:
        control.open.set()
        server.shutdown()
        server.server_close()


def test_cut_over_measures_the_freeze_from_outside(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with backend(world, monkeypatch) as service:

        def freeze() -> None:
            service.open.clear()
            threading.Event().wait(0.4)
            service.open.set()

        world.moving.while_frozen = freeze
        step = subject.cut_over.fn("acme", "run-1")
    assert world.secret == CLOUD_SQL.url()
    assert step.detail.startswith("Writes frozen for 250 ms (drain 50, checks 100, switch 100); 400,000 rows")
    waited = float(step.detail.split("waited ")[1].split(" s")[0])
    assert 0.35 <= waited < 5
    assert "0 refused" in step.detail
    assert step.detail.endswith("0 lost.")
    assert "A client writing 100 a second" in desk.artifacts["cut-over-acme"]


def test_lost_write_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend(world, monkeypatch) as service:
        service.lose = 2
        with pytest.raises(VerificationError) as caught:
            subject.cut_over.fn("acme", "run-1")
    assert caught.value.problem.startswith("2 of ")
    assert "Roll back" in caught.value.remedy


def test_service_that_takes_no_writes_is_found_before_the_freeze(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subject._until_acknowledged
    monkeypatch.setattr(subject, "_until_acknowledged", lambda client: real(client, timeout=0.5))
    with backend(world, monkeypatch) as service:
        service.status = 503
        with pytest.raises(VerificationError, match="acknowledges no writes"):
            subject.cut_over.fn("acme", "run-1")
    assert world.moving.done == []
    assert world.secret is None


def test_without_a_service_nobody_measures(world: World) -> None:
    step = subject.cut_over.fn("acme", "run-1")
    assert step.detail.endswith("400,000 rows proven equal.")
    assert world.secret == CLOUD_SQL.url()


def test_second_cut_over_changes_nothing(world: World) -> None:
    world.moving.phase = "cut over"
    assert subject.cut_over.fn("acme", "run-1").outcome == "unchanged"
    assert world.moving.done == []


def test_closing_is_done_once(world: World) -> None:
    world.moving.phase = "cut over"
    assert subject.close_migration.fn("acme", "run-1").outcome == "done"
    world.moving.phase = "new"
    assert subject.close_migration.fn("acme", "run-1").outcome == "unchanged"
    assert world.moving.done == ["finish"]


def test_secret_of_both_clouds_has_one_name() -> None:
    from tasks.support import INFRASTRUCTURE

    declared = [path.read_text() for path in INFRASTRUCTURE.rglob("*.yaml")]
    assert sum(SECRET in text for text in declared) >= 2
