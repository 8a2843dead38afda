"""What can't be undone waits for a person, and comes after everything that could speak against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dreamnet.errors import VerificationError
from dreamnet.report import Step, WeekReport
from flows import failover_drill, neon_migration, week2_data, week4_global
from tasks.approval import NotApproved


class Steps:
    """Takes the place of a module's tasks; notes their order. `answers` and `raises` go by name."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.asked: list[tuple[str, str, bool]] = []
        self.answers: dict[str, Any] = {}
        self.raises: dict[str, Exception] = {}

    def take(self, monkeypatch: pytest.MonkeyPatch, module: Any, *names: str) -> None:
        for name in names:
            monkeypatch.setattr(module, name, self._noted(name))

    def _noted(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.order.append(name)
            if name == "require_approval":
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
    "require_approval",
    "cut_over",
)


def migrate(steps: Steps, monkeypatch: pytest.MonkeyPatch, auto_approve: bool = False) -> list[Step]:
    steps.take(monkeypatch, neon_migration, *MIGRATION)
    done: list[Step] = neon_migration.neon_migration.fn("acme", auto_approve, "run-1")
    return done


def test_cut_over_comes_last_and_after_approval(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    done = migrate(steps, monkeypatch)
    assert tuple(steps.order) == MIGRATION
    assert [step.title for step in done] == ["copy_database", "follow_source", "verify_copy", "cut_over"]
    ((words, described, auto),) = steps.asked
    assert (words, auto) == ("cut over", False)
    # Whoever approves reads what was measured.
    assert "copy_database did it." in described
    assert "follow_source did it." in described
    assert "verify_copy did it." in described


def test_declined_cut_over_does_not_happen(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.raises["require_approval"] = NotApproved("Declined.", "Ask again.")
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
    steps.answers["check_migration"] = False
    (step,) = migrate(steps, monkeypatch)
    assert step.outcome == "unchanged"
    assert steps.order == ["check_migration"]


def test_approval_of_the_deployment_reaches_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def stop(*arguments: Any) -> Any:
        seen.append(arguments)
        raise NotApproved("Enough seen.", "Go on.")

    monkeypatch.setattr(week2_data, "provision", lambda *arguments: None)
    monkeypatch.setattr(week2_data, "neon_migration", stop)
    with pytest.raises(NotApproved):
        week2_data.week2_data.fn("acme", True, "run-1")
    assert seen == [("acme", True, "run-1")]


WEEK4 = (
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
    monkeypatch.setattr(
        week4_global, "finish_week", lambda profile, week, title, done: WeekReport(week, title, tuple(done))
    )
    report: WeekReport = week4_global.week4_global.fn("acme", False, "run-1")
    return report


def test_way_back_is_closed_only_after_approval(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.answers["drill_on_record"] = None
    report = week4(steps, monkeypatch)
    assert steps.order.index("require_approval") < steps.order.index("close_migration")
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
