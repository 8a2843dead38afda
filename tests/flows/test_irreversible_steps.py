"""What can't be undone waits for a person, and comes after everything that could speak against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dreamnet.errors import VerificationError
from dreamnet.report import Step, WeekReport
from flows import (
    failover_drill,
    migration_abandon,
    migration_finish,
    migration_roll_back,
    neon_migration,
    week2_data,
    week4_global,
)
from tasks.approval import NotApproved
from tasks.finishing import Closing


class Steps:
    """Takes the place of a module's tasks; notes their order. `answers` and `raises` go by name."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.asked: list[tuple[str, str, bool]] = []
        self.proving: bool | None = None
        self.without: tuple[str, ...] | None = None
        self.answers: dict[str, Any] = {}
        self.raises: dict[str, Exception] = {}

    def take(self, monkeypatch: pytest.MonkeyPatch, module: Any, *names: str) -> None:
        for name in names:
            monkeypatch.setattr(module, name, self._noted(name))

    def _noted(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.order.append(name)
            if name == "close_migration":
                self.without = arguments[2]
            if name == "check_migration":
                self.proving = arguments[2]
            if name in ("require_approval", "approve_cut_over"):
                self.asked.append(arguments[:3])
            if name in self.raises:
                raise self.raises[name]
            return self.answers.get(name, Step(name, "done", f"{name} did it.", 1.0))

        return call


@pytest.fixture
def steps() -> Steps:
    return Steps()


MIGRATION = (
    "check_migration",
    "copy_database",
    "follow_source",
    "verify_copy",
    "describe_cut_over",
    "approve_cut_over",
    "cut_over",
    "prove_way_back",
)


class Reader:
    """The task that lets a cluster follow the connection secret, as `submit` starts it."""

    def __init__(self, steps: Steps) -> None:
        self._steps, self._where = steps, ""

    def submit(self, profile: str, run: str, where: str) -> Reader:
        self._steps.order.append(where)
        started = Reader(self._steps)
        started._where = where
        return started

    def result(self) -> Step:
        return Step(self._where, "done", "It follows.", 1.0)


READERS = ("gke", "eks")


def migrate(steps: Steps, monkeypatch: pytest.MonkeyPatch, auto_approve: bool = False) -> list[Step]:
    steps.take(monkeypatch, neon_migration, *MIGRATION)
    monkeypatch.setattr(neon_migration, "follow_connection", Reader(steps))
    steps.answers.setdefault("check_migration", ("copy", "cut over"))
    done: list[Step] = neon_migration.neon_migration.fn("acme", auto_approve, "run-1")
    return done


def test_cut_over_and_its_proof_come_last_and_after_approval(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.answers |= {"describe_cut_over": "Writes move.", "approve_cut_over": True}
    done = migrate(steps, monkeypatch)
    assert tuple(steps.order) == (*MIGRATION, *READERS)
    assert [step.title for step in done] == [*MIGRATION[1:4], "cut_over", "prove_way_back", *READERS]
    assert steps.asked == [("Writes move.", False, True)]


@pytest.mark.parametrize("proving", [True, False])
def test_a_way_back_that_is_to_be_proven_is_looked_for_first(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, proving: bool
) -> None:
    steps.answers |= {"check_migration": ()}
    steps.take(monkeypatch, neon_migration, *MIGRATION)
    monkeypatch.setattr(neon_migration, "follow_connection", Reader(steps))
    neon_migration.neon_migration.fn("acme", True, "run-1", proving)
    assert steps.proving is proving


def test_whoever_approves_decides_about_the_way_back(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.answers |= {"describe_cut_over": "Writes move.", "approve_cut_over": False}
    assert [step.title for step in migrate(steps, monkeypatch)][-3:] == ["cut_over", *READERS]


def test_declined_cut_over_does_not_happen(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.raises["approve_cut_over"] = NotApproved("Declined.", "Ask again.")
    with pytest.raises(NotApproved):
        migrate(steps, monkeypatch)
    assert "cut_over" not in steps.order


def test_difference_is_not_put_before_a_person(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.raises["verify_copy"] = VerificationError("Rows differ.", "Begin anew.")
    with pytest.raises(VerificationError):
        migrate(steps, monkeypatch, auto_approve=True)
    assert steps.asked == []
    assert "cut_over" not in steps.order


def test_migration_that_is_over_asks_nobody(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.answers["check_migration"] = ()
    step, *_ = migrate(steps, monkeypatch)
    assert step.outcome == "unchanged"
    assert steps.order == ["check_migration", *READERS]


@pytest.mark.parametrize(
    ("left", "done"),
    [
        (("cut over", "proof"), ["cut_over", "prove_way_back"]),
        (("cut over",), ["cut_over"]),
        (("proof",), ["prove_way_back"]),
    ],
)
def test_what_a_killed_run_has_left_undone_was_approved_before(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, left: tuple[str, ...], done: list[str]
) -> None:
    steps.answers["check_migration"] = left
    migrate(steps, monkeypatch)
    assert steps.order == ["check_migration", *done, *READERS]


def test_approval_of_the_deployment_reaches_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def stop(*arguments: Any) -> Any:
        seen.append(arguments)
        raise NotApproved("Enough seen.", "Go on.")

    monkeypatch.setattr(week2_data, "provision", lambda *arguments: None)
    monkeypatch.setattr(week2_data, "neon_migration", stop)
    with pytest.raises(NotApproved):
        week2_data.week2_data.fn("acme", True, "run-1", False)
    assert seen == [("acme", True, "run-1", False)]


WEEK4 = (
    "describe_finish",
    "require_approval",
    "provision",
    "close_migration",
    "deploy_second_region",
    "connect_regions",
    "drill_on_record",
    "failover_drill",
)


def week4(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> WeekReport:
    steps.take(monkeypatch, week4_global, *WEEK4)
    steps.answers.setdefault("describe_finish", Closing("RDS is gone.", "close without rds", ("RDS",)))
    monkeypatch.setattr(
        week4_global, "finish_week", lambda profile, week, title, done: WeekReport(week, title, tuple(done))
    )
    report: WeekReport = week4_global.week4_global.fn("acme", False, "run-1")
    return report


def test_way_back_is_closed_only_after_approval(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.answers["drill_on_record"] = None
    report = week4(steps, monkeypatch)
    assert steps.order.index("require_approval") < steps.order.index("close_migration")
    (asked,) = steps.asked
    assert asked[0] == "close without rds"
    assert asked[1].endswith("RDS is gone.")
    assert steps.without == ("RDS",), "what was approved, and nothing more"
    assert steps.order[-1] == "failover_drill"
    assert report.steps[-1].title == "failover_drill"


def test_declined_week_4_changes_nothing(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.raises["require_approval"] = NotApproved("Declined.", "Ask again.")
    with pytest.raises(NotApproved):
        week4(steps, monkeypatch)
    assert not {"close_migration", "provision", "failover_drill"} & set(steps.order)


def test_declined_plan_leaves_the_way_back_open(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.raises["provision"] = NotApproved("Declined.", "Ask again.")
    with pytest.raises(NotApproved):
        week4(steps, monkeypatch)
    assert "close_migration" not in steps.order


def test_drill_that_was_passed_is_not_repeated(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.answers["drill_on_record"] = Step("Failover drill", "unchanged", "Passed.", 0.0)
    assert week4(steps, monkeypatch).steps[-1].outcome == "unchanged"
    assert "failover_drill" not in steps.order


def test_region_goes_down_only_after_approval(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.take(monkeypatch, failover_drill, "require_approval", "drill")
    failover_drill.failover_drill.fn("acme", False, "run-1")
    assert steps.order == ["require_approval", "drill"]
    steps.order.clear()
    steps.raises["require_approval"] = NotApproved("Declined.", "Ask again.")
    with pytest.raises(NotApproved):
        failover_drill.failover_drill.fn("acme", False, "run-1")
    assert steps.order == ["require_approval"]


# ---- the ways out of a migration

#: Module, its description, what it does after approval, the words, and the flow's arguments.
WAYS_OUT = [
    (
        migration_roll_back,
        "describe_way_back",
        "roll_back",
        "roll back",
        migration_roll_back.migration_roll_back,
    ),
    (
        migration_finish,
        "describe_finish",
        "close_migration",
        "close the migration",
        migration_finish.migration_finish,
    ),
    (
        migration_abandon,
        "describe_abandon",
        "abandon_migration",
        "abandon",
        migration_abandon.migration_abandon,
    ),
]
way_out = pytest.mark.parametrize(
    ("module", "describe", "act", "words", "flow"), WAYS_OUT, ids=[w[3] for w in WAYS_OUT]
)


def outlook(module: Any, words: str, text: str) -> str | Closing:
    """What a way out's description returns."""
    return Closing(text, words, ("Neon",)) if module is migration_finish else text


@way_out
def test_way_out_is_described_asked_for_and_gone(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, module: Any, describe: str, act: str, words: str, flow: Any
) -> None:
    steps.take(monkeypatch, module, describe, "require_approval", act)
    if module is migration_roll_back:
        monkeypatch.setattr(module, "follow_connection", Reader(steps))
    steps.answers[describe] = outlook(module, words, "What will happen.")
    flow.fn("acme", run="run-1")
    readers = READERS if module is migration_roll_back else ()
    assert steps.order == [describe, "require_approval", act, *readers]
    assert steps.asked == [(words, "What will happen.", False)]
    assert steps.without == (("Neon",) if module is migration_finish else None)


@way_out
def test_way_out_declined_or_only_tried_changes_nothing(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, module: Any, describe: str, act: str, words: str, flow: Any
) -> None:
    steps.take(monkeypatch, module, describe, "require_approval", act)
    steps.answers[describe] = outlook(module, words, "What will happen.")
    flow.fn("acme", dry_run=True, run="run-1")
    assert steps.order == [describe]
    steps.raises["require_approval"] = NotApproved("Declined.", "Ask again.")
    with pytest.raises(NotApproved):
        flow.fn("acme", run="run-1")
    assert act not in steps.order


def test_end_of_the_way_back_that_was_gone_asks_nobody(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.take(monkeypatch, migration_finish, "describe_finish", "require_approval", "close_migration")
    steps.answers["describe_finish"] = outlook(migration_finish, "close the migration", "")
    assert migration_finish.migration_finish.fn("acme", run="run-1").outcome == "unchanged"
    assert steps.order == ["describe_finish"]


def test_roll_back_that_was_killed_before_the_clusters_followed_lets_them_and_asks_nobody(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.take(monkeypatch, migration_roll_back, "describe_way_back", "require_approval", "roll_back")
    monkeypatch.setattr(migration_roll_back, "follow_connection", Reader(steps))
    steps.answers["describe_way_back"] = ""
    migration_roll_back.migration_roll_back.fn("acme", run="run-1")
    assert steps.order == ["describe_way_back", "roll_back", *READERS]
