"""The migration's steps as tasks, up to the cut-over: what stops before anything is touched, what is said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from migration_world import CLOUD_SQL, NEON, RDS, World, world_at

from dreamnet.errors import PrecheckFailed, ResourceError, VerificationError
from dreamnet.postgres.database import Database
from dreamnet.postgres.findings import Report
from dreamnet.postgres.verify import Checked, Difference, Verification
from dreamnet.serving.connection import SECRET
from tasks import migration as subject


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    return world_at(monkeypatch)


# ---- before anything is touched


def test_precheck_lists_its_findings_and_blocks(world: World, desk: Desk) -> None:
    world.moving.report.handled("sequences", "4 sequences", "set at cut-over.")
    assert subject.check_migration.fn("acme", "run-1", True) == ("copy", "cut over")
    world.moving.report.block("keys", "Table flights has no key.", "Give it one.")
    with pytest.raises(PrecheckFailed) as caught:
        subject.check_migration.fn("acme", "run-1", False)
    assert str(caught.value) == "Table flights has no key. Remedy: Give it one."
    assert [row["what"] for row in desk.tables["migration-precheck-acme"]] == ["keys", "sequences"]
    assert desk.artifacts["migration-precheck-acme"].endswith("about 4 s. 1 of 2 findings block.")
    assert world.moving.done == ["precheck for a way back", "precheck"]


@pytest.mark.parametrize(
    ("secret", "anything_to_do"),
    [
        (None, True),
        (NEON.url(), True),
        (replace(NEON, host=NEON.host.replace(".", "-pooler.", 1), password="rotated").url(), True),
        (CLOUD_SQL.url(), False),
    ],
)
def test_connection_secret_says_whether_there_is_anything_to_do(
    world: World, secret: str | None, anything_to_do: bool
) -> None:
    world.secret = secret
    assert bool(subject.check_migration.fn("acme", "run-1", True)) is anything_to_do
    assert bool(world.moving.done) is anything_to_do


@pytest.mark.parametrize("phase", ["lost", "finished"])
def test_what_an_earlier_migration_has_left_is_cleared_first(world: World, phase: str) -> None:
    world.moving.phase = phase
    with pytest.raises(PrecheckFailed, match=f"which is {phase}") as caught:
        subject.check_migration.fn("acme", "run-1", True)
    assert "migration-abandon" in caught.value.remedy
    world.secret = CLOUD_SQL.url()
    assert subject.check_migration.fn("acme", "run-1", True) == ()


@pytest.mark.parametrize(
    ("phase", "towards", "return_due", "unsettled", "left"),
    [
        ("switching", "target", False, False, ("cut over",)),
        ("switching", "target", True, False, ("cut over", "proof")),
        ("switching", "source", True, False, ("proof",)),
        ("switching", "source", False, False, ("cut over",)),  # refuses: the roll back is to be completed
        ("cut over", "", True, False, ("proof",)),
        ("cut over", "", True, True, ("cut over", "proof")),
        ("cut over", "", False, True, ("cut over",)),
        ("cut over", "", False, False, ()),
    ],
)
def test_what_an_earlier_run_has_left_undone_is_found(
    world: World, phase: str, towards: str, return_due: bool, unsettled: bool, left: tuple[str, ...]
) -> None:
    world.secret, world.moving.phase = CLOUD_SQL.url(), phase
    world.moving.switching_to, world.moving.return_due = towards, return_due
    world.moving.unsettled = unsettled
    assert subject.check_migration.fn("acme", "run-1", True) == left
    assert world.moving.done == []


def test_source_alone_is_checked_before_the_weeks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def precheck(source: Database, targets: Any, name: str, *, way_back: bool) -> Report:
        seen.append((source, tuple(targets), name, way_back))
        return world.moving.report

    monkeypatch.setattr(subject, "precheck", precheck)
    step = subject.check_source.fn("acme", "run-1", False)
    assert step.detail == "23 tables, 400,000 rows, 98 MB; nothing blocks."
    assert seen == [(NEON, (), "neon_acme", False)]
    world.moving.report.block("wal_level", "wal_level is replica.", "Turn on logical replication.")
    with pytest.raises(PrecheckFailed, match="wal_level is replica"):
        subject.check_source.fn("acme", "run-1", True)


def test_source_that_was_left_is_not_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.secret = CLOUD_SQL.url()
    monkeypatch.setattr(subject, "precheck", lambda *arguments: pytest.fail("Neon was asked"))
    assert subject.check_source.fn("acme", "run-1", True).outcome == "unchanged"


# ---- what a night may stop


@pytest.mark.parametrize("reason", ["the migration neon_acme is not finished", ""])
def test_databases_of_an_unfinished_migration_are_in_use(
    world: World, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    asked: list[Any] = []

    def unfinished(name: str, source: Database, targets: tuple[Database, ...]) -> str:
        asked.append((name, source, targets))
        return reason

    def gone(*account: Any, **more: Any) -> Database:
        raise ResourceError("There is no Cloud SQL dreamnet.", "Create it.")

    monkeypatch.setattr(subject, "google_account", lambda name: SimpleNamespace(project="p"))
    monkeypatch.setattr(subject, "aws_account", lambda name: SimpleNamespace(region="r"))
    monkeypatch.setattr(subject.traces, "unfinished", unfinished)
    monkeypatch.setattr(subject, "cloud_sql", gone)
    monkeypatch.setattr(subject, "rds", lambda account, password, certificates: RDS)
    kept = {"cloudsql/p/dreamnet": reason, "rds/r/dreamnet": reason}
    assert subject.databases_in_use("acme") == (kept if reason else {})
    assert asked == [("neon_acme", NEON, (RDS,))], "whoever exists is asked"


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


def test_secret_of_both_clouds_has_one_name() -> None:
    from tasks.support import INFRASTRUCTURE

    declared = [path.read_text() for path in INFRASTRUCTURE.rglob("*.yaml")]
    assert sum(SECRET in text for text in declared) >= 2
