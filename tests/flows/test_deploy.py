"""The deploy commands: what each covers, in which order it goes, and what stops it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dreamnet.errors import PrecheckFailed
from dreamnet.report import Step
from dreamnet.resources.plan import Plan
from dreamnet.resources.plan import Step as PlanStep
from flows import deploy, provisioning
from tasks import approval
from tasks.approval import NotApproved
from tasks.kubernetes import declared_clusters
from tasks.resources import catalogue

COMMANDS = {
    "deploy-gke",
    "deploy-eks",
    "deploy-data-gcp",
    "deploy-data-aws",
    "deploy-serverless-gcp",
    "deploy-serverless-aws",
    "deploy-events-gcp",
    "deploy-events-aws",
    "deploy-infra-gcp",
    "deploy-infra-aws",
    "deploy-full-gcp",
    "deploy-full-aws",
    "deploy-multi-cloud",
}
FLOWS = {flow.name: flow for flow in vars(deploy).values() if hasattr(flow, "fn") and flow.name in COMMANDS}


def planned(*actions: str) -> str:
    steps = [
        PlanStep(f"google/{n}", "storage.v1/buckets", action, (), (), None, "hash", "file:1")  # type: ignore[arg-type]
        for n, action in enumerate(actions)
    ]
    return Plan(tuple(steps)).to_json()


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The flow's tasks, in place of which their names and arguments are noted."""
    seen: list[tuple[Any, ...]] = []

    def noted(name: str, answer: Any) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            seen.append((name, *arguments))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    class Submitted:
        def submit(self, *arguments: Any) -> Submitted:
            seen.append(("deploy_application", *arguments))
            return self

        def result(self) -> Step:
            return Step("DreamNet", "done", "2 replicas", 1.0)

    plan = planned("create", "none")
    for name in ("check_accounts", "check_declarations", "enable_google_apis", "check_ready"):
        monkeypatch.setattr(deploy, name, noted(name, None))
    for module in (deploy, provisioning):
        monkeypatch.setattr(module, "plan_resources", noted("plan_resources", plan))
    for name in ("check_plan_price", "approve_plan"):
        monkeypatch.setattr(provisioning, name, noted(name, None))
    applied = Step("Resources", "done", "1 done", 1.0)
    monkeypatch.setattr(provisioning, "apply_resources", noted("apply_resources", applied))
    monkeypatch.setattr(deploy, "deploy_application", Submitted())
    monkeypatch.setattr(deploy, "publish_steps", noted("publish_steps", None))
    return seen


def test_every_command_of_the_plan_is_a_flow() -> None:
    assert set(FLOWS) == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS - {"deploy-multi-cloud"}))
def test_a_command_covers_resources_that_the_weeks_build(command: str, called: list[tuple[Any, ...]]) -> None:
    FLOWS[command].fn("acme", plan_only=True, run="run-1")
    name, *_, folders, selection = called[-1]
    assert name == "plan_resources"
    assert len(catalogue(folders, selection)) > 1


def test_checked_planned_approved_applied_and_deployed_in_this_order(called: list[tuple[Any, ...]]) -> None:
    steps = FLOWS["deploy-gke"].fn("acme", run="run-1")
    assert [call[0] for call in called] == [
        "check_accounts",
        "check_declarations",
        "enable_google_apis",
        "check_ready",
        "plan_resources",
        "check_plan_price",
        "approve_plan",
        "apply_resources",
        "deploy_application",
        "publish_steps",
    ]
    by_name = {call[0]: call[1:] for call in called}
    assert by_name["approve_plan"][2] is False, "nobody approves unless the deployment says so"
    assert by_name["deploy_application"] == ("acme", "run-1", "gke")
    assert by_name["publish_steps"][3] == steps
    assert len(steps) == 2


def test_what_is_not_ready_is_not_planned(
    called: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise PrecheckFailed("Billing is off.", "Link the project.")

    monkeypatch.setattr(deploy, "check_accounts", refuse)
    with pytest.raises(PrecheckFailed):
        FLOWS["deploy-data-aws"].fn("acme", run="run-1")
    assert called == []


def test_declined_plan_is_not_applied(called: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    def decline(*arguments: Any) -> None:
        raise NotApproved("Declined.", "Ask again.")

    monkeypatch.setattr(provisioning, "approve_plan", decline)
    with pytest.raises(NotApproved):
        FLOWS["deploy-data-aws"].fn("acme", run="run-1")
    assert "apply_resources" not in [call[0] for call in called]


def test_nobody_is_asked_for_what_is_over_the_budget(
    called: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise PrecheckFailed("AWS needs USD 900.00 a month.", "Choose a smaller selection.")

    monkeypatch.setattr(provisioning, "check_plan_price", refuse)
    with pytest.raises(PrecheckFailed):
        FLOWS["deploy-data-aws"].fn("acme", run="run-1")
    assert not {"approve_plan", "apply_resources"} & {call[0] for call in called}


def test_dreamnet_goes_where_the_selection_declares_a_cluster() -> None:
    assert declared_clusters((), "gameplan", ("gke", "gke-second", "eks")) == ("gke", "gke-second", "eks")
    assert declared_clusters(("aws/data",), "gameplan", ("gke", "eks")) == ()


@pytest.mark.parametrize(("actions", "asked"), [(("none", "none"), False), (("none", "update"), True)])
def test_a_person_types_the_plans_id_and_only_for_changes(
    monkeypatch: pytest.MonkeyPatch, actions: tuple[str, ...], asked: bool
) -> None:
    questions: list[tuple[Any, ...]] = []
    monkeypatch.setattr(approval, "require_approval", lambda *arguments: questions.append(arguments))
    plan = planned(*actions)
    approval.approve_plan("acme", plan, False)
    assert [question[0] for question in questions] == ([Plan.from_json(plan).id] if asked else [])


def test_commands_have_a_deployment_for_each_profile() -> None:
    text = (Path(deploy.__file__).parents[1] / "prefect.yaml").read_text()
    for name in COMMANDS:
        assert text.count(f"entrypoint: flows.deploy.{name.replace('-', '_')}\n") == 2, name
