"""The four weeks as Prefect runs them: in order, stopped by the first that fails, heard of by events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prefect.events.worker import EventsWorker
from prefect.states import State

from dreamnet.errors import PrecheckFailed
from dreamnet.report import Step, WeekReport
from flows import gameplan as gameplan_module
from flows import weeks
from flows.weeks import WeekStopped, finish_week, run_key, run_week

RUN = "2c97fa55-6b1e-42fe-8c19-412d749199de"
STEP = Step("step", "done", "it was done", 1.0)
CHECKS = [
    "check_accounts",
    "check_declarations",
    "enable_google_apis",
    "check_ready",
    "check_price",
    "check_source",
]


def blocked() -> WeekReport:
    raise PrecheckFailed("Table flights has no key.", "Give it one.")


# ---- without an engine


def test_stopped_week_says_what_to_fix_and_how_to_go_on() -> None:
    with pytest.raises(WeekStopped) as caught:
        run_week(2, blocked, RUN)
    assert caught.value.problem == ("Week 2 stopped, and no later week was begun: Table flights has no key.")
    assert caught.value.remedy == (
        f"Give it one. Then go on where it stopped with `prefect flow-run retry {RUN}`."
    )
    assert isinstance(caught.value.__cause__, PrecheckFailed)


def test_bug_is_not_dressed_as_a_remedy() -> None:
    def broken() -> WeekReport:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        run_week(2, broken, RUN)


def test_week_that_ends_well_is_handed_on() -> None:
    report = WeekReport(1, "Kubernetes", (STEP,))
    assert run_week(1, lambda: report, RUN) is report


def test_run_of_the_outermost_flow_is_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weeks.flow_run, "get_id", lambda: "inner")
    assert run_key(RUN) == RUN
    assert run_key(None) == "inner"


def test_finished_week_is_published_and_announced(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(weeks, "emit_event", lambda name, **rest: emitted.append((name, rest)))
    report = finish_week("acme", 3, "Functions", [STEP])
    assert (report.week, report.steps, report.changed) == (3, (STEP,), True)
    assert "| step | done | 1.0 | it was done |" in desk.artifacts["week-3-acme"]
    ((name, event),) = emitted
    assert name == "dreamnet.week.completed"
    # The triggers of prefect.yaml match this id.
    assert event["resource"]["prefect.resource.id"] == "dreamnet.week.3.acme"
    assert event["payload"] == {"title": "Functions", "steps": 1, "changed": True}


# ---- on a server


@pytest.fixture
def plan(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The gameplan with weeks and checks that only note their calls; `fails` names one that fails."""
    seen: dict[str, Any] = {"called": [], "fails": None, "concluded": None}

    def noted(name: str, answer: Any) -> Callable[..., Any]:
        def call(profile: str, *rest: Any) -> Any:
            seen["called"].append((name, profile, *rest))
            if seen["fails"] == name:
                blocked()
            return answer

        return call

    for name in (*CHECKS, "plan_resources"):
        monkeypatch.setattr(gameplan_module, name, noted(name, STEP))
    for number, name in enumerate(("week1_kubernetes", "week2_data", "week3_services", "week4_global"), 1):
        monkeypatch.setattr(gameplan_module, name, noted(name, WeekReport(number, name, (STEP,))))
    monkeypatch.setattr(
        gameplan_module, "conclude", lambda profile, checks, reports: seen.update(concluded=len(reports))
    )
    return seen


def run_gameplan(**parameters: Any) -> State[Any]:
    state: State[Any] = gameplan_module.gameplan("acme", **parameters, return_state=True)
    return state


def names(plan: dict[str, Any]) -> list[str]:
    return [call[0] for call in plan["called"]]


def test_weeks_run_in_order_after_the_checks(plan: dict[str, Any]) -> None:
    state = run_gameplan(auto_approve=True)
    assert state.is_completed()
    assert names(plan) == [*CHECKS, "week1_kubernetes", "week2_data", "week3_services", "week4_global"]
    assert plan["concluded"] == 4
    by_name = {call[0]: call[1:] for call in plan["called"]}
    run = by_name["week1_kubernetes"][2]
    assert run == str(state.state_details.flow_run_id)
    assert all(run in call for call in plan["called"]), "a retry would not find what is finished"
    weeks_called = ("week1_kubernetes", "week2_data", "week3_services", "week4_global")
    assert {by_name[week][:3] for week in weeks_called} == {("acme", True, run)}


@pytest.mark.parametrize("wanted", [True, False])
def test_source_is_checked_for_the_proof_that_week_2_makes(plan: dict[str, Any], wanted: bool) -> None:
    run_gameplan(**({} if wanted else {"prove_return": False}))  # by default it is made
    by_name = {call[0]: call for call in plan["called"]}
    assert by_name["check_source"][-1] is by_name["week2_data"][-1] is wanted


def test_nobody_approves_unless_the_deployment_says_so(plan: dict[str, Any]) -> None:
    run_gameplan()
    assert {call[2] for call in plan["called"] if call[0].startswith("week")} == {False}


def test_plan_only_checks_and_plans_and_begins_no_week(plan: dict[str, Any]) -> None:
    state = run_gameplan(plan_only=True)
    assert state.is_completed()
    assert names(plan) == [*(name for name in CHECKS if name != "enable_google_apis"), "plan_resources"]
    assert plan["concluded"] is None


@pytest.mark.parametrize("week", [1, 2, 3, 4])
def test_failing_week_stops_the_later_ones(plan: dict[str, Any], week: int) -> None:
    plan["fails"] = ["week1_kubernetes", "week2_data", "week3_services", "week4_global"][week - 1]
    state = run_gameplan()
    assert state.is_failed()
    assert names(plan)[-1] == plan["fails"]
    assert len(names(plan)) == len(CHECKS) + week
    assert plan["concluded"] is None
    # What the operator reads in the UI.
    assert f"Week {week} stopped, and no later week was begun: Table flights has no key." in str(
        state.message
    )
    assert f"`prefect flow-run retry {state.state_details.flow_run_id}`" in str(state.message)


@pytest.mark.parametrize("check", CHECKS)
def test_failing_check_stops_before_the_first_week(plan: dict[str, Any], check: str) -> None:
    plan["fails"] = check
    state = run_gameplan()
    assert state.is_failed()
    assert "Table flights has no key. Remedy: Give it one." in str(state.message)
    assert names(plan) == CHECKS[: CHECKS.index(check) + 1]


def test_finished_week_is_heard_of_on_the_server(prefect_server: str) -> None:
    import httpx
    from operator_shell import eventually
    from prefect import flow

    @flow
    def week() -> None:
        finish_week("acme", 2, "Data", [STEP])

    EventsWorker.drain_all()  # what earlier tests left must not stand in the way
    week()
    EventsWorker.drain_all()

    def heard() -> list[dict[str, Any]]:
        body = {"filter": {"event": {"name": ["dreamnet.week.completed"]}}, "limit": 10}
        answer = httpx.post(f"{prefect_server}/events/filter", json=body, trust_env=False)
        events: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
        return events

    (event,) = eventually(heard, "the event of the finished week", 30)
    assert event["resource"]["prefect.resource.id"] == "dreamnet.week.2.acme"
    assert event["payload"]["steps"] == 1
