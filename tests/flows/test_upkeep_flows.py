"""The order of what the upkeep flows call, and what they hand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dreamnet.report import Step
from flows import adopt, destroy, drift_check
from tasks.approval import NotApproved

DONE = Step("it", "done", "Done.", 1.0)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Calls of tasks, in order."""
    calls: list[tuple[Any, ...]] = []

    def noted(name: str, answer: Any) -> Callable[..., Any]:
        return lambda *arguments: calls.append((name, *arguments)) or answer

    monkeypatch.setattr(drift_check, "check_drift", noted("drift", DONE))
    monkeypatch.setattr(adopt, "adopt_resources", noted("adopt", DONE))
    monkeypatch.setattr(destroy, "plan_destruction", noted("plan", "{}"))
    monkeypatch.setattr(destroy, "approve_destruction", noted("approve", None))
    monkeypatch.setattr(destroy, "destroy_resources", noted("destroy", DONE))
    return calls


def test_drift_check_looks_at_one_selection(called: list[Any]) -> None:
    assert drift_check.drift_check.fn("acme", "starter", "run-1") is DONE
    assert called == [("drift", "acme", "run-1", "starter")]


def test_adoption_names_each_resource(called: list[Any]) -> None:
    adopt.adopt.fn("acme", ["aws/vpc"], {"aws/vpc": "vpc-1"}, "run-1")
    adopt.adopt.fn("acme", ["google/lake"], None, "run-1")
    assert called == [
        ("adopt", "acme", "run-1", ("aws/vpc",), {"aws/vpc": "vpc-1"}),
        ("adopt", "acme", "run-1", ("google/lake",), {}),
    ]


def test_destruction_comes_after_its_plan_and_approval(called: list[Any]) -> None:
    consents = ["lift-protection:aws/table"]
    destroy.destroy.fn("acme", "full", ["aws"], consents, False, "run-1")
    assert called == [
        ("plan", "acme", "run-1", ("aws",), "full"),
        ("approve", "acme", "{}", False),
        ("destroy", "acme", "run-1", ("aws",), "full", "{}", tuple(consents)),
    ]


def test_declined_destruction_does_not_happen(called: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def decline(*asked: Any) -> None:
        raise NotApproved("Declined.", "Ask again.")

    monkeypatch.setattr(destroy, "approve_destruction", decline)
    with pytest.raises(NotApproved):
        destroy.destroy.fn("acme", run="run-1")
    assert [call[0] for call in called] == ["plan"]
