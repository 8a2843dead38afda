"""What all tasks rest on: profiles by name, when to try again, artifacts, cache keys."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

import tasks
from dreamnet.errors import ConfigurationError, CredentialsError, UnreachableError
from tasks import approval, support
from tasks.approval import CutOverApproval, NotApproved, approve_cut_over, require_approval


def all_tasks() -> dict[str, Task[..., Any]]:
    """Every task of the project by name."""
    from importlib import import_module
    from pkgutil import iter_modules

    modules = [import_module(f"tasks.{module.name}") for module in iter_modules(tasks.__path__)]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Task) and value.fn.__module__ == module.__name__
    }


TASKS = all_tasks()


@pytest.mark.parametrize("name", sorted(TASKS))
def test_task_is_found_again_by_a_retry(name: str) -> None:
    task = TASKS[name]
    parameters = list(inspect.signature(task.fn).parameters)
    assert parameters[0] == "profile"
    if name.startswith("tasks.promotion."):  # a retry looks again: what was promoted may have been put back
        assert task.cache_policy == NO_CACHE
        return
    if name == "tasks.report.conclude":  # the report of the whole run is written anew each time
        return
    assert parameters[1] == "run", "without the run among the inputs, another run would find this result"
    assert task.persist_result
    assert task.cache_policy == support.ONCE_A_RUN
    for parameter in inspect.signature(task.fn).parameters.values():
        # A client or a lock can't be the key of a result.
        assert str(parameter.annotation).split(" ")[0].split("[")[0] in (
            "str", "bool", "int", "float", "tuple", "Mapping", "Where", "None",
        )  # fmt: skip


def test_there_are_tasks() -> None:
    assert len(TASKS) >= 20


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UnreachableError("Nothing answers at db.", "Look."), True),
        (CredentialsError("Refused.", "Put a valid key there."), False),
        (ConfigurationError("No.", "Correct it."), False),
        (RuntimeError("a bug"), False),
    ],
)
def test_only_silence_is_tried_again(error: Exception, again: bool) -> None:
    assert support.transient(object(), None, Failed(data=error)) is again  # type: ignore[arg-type]


def test_same_inputs_have_the_same_key_and_another_run_another() -> None:
    task = TASKS["tasks.migration.copy_database"]

    def key(run: str) -> str | None:
        context: Any = SimpleNamespace(task=task, task_run=None, parameters={})
        return task.cache_policy.compute_key(
            task_ctx=context, inputs={"profile": "acme", "run": run}, flow_parameters={}
        )

    assert key("1") == key("1")
    assert key("1") != key("2")


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("plan acme ('google/gke', 'aws/eks')", "plan-acme-google-gke-aws-eks"),
        ("cut-over Ärger", "cut-over-rger"),
        ("  Week 1  ", "week-1"),
    ],
)
def test_artifact_keys_are_what_prefect_takes(desk: Desk, key: str, stored: str) -> None:
    support.publish(key, "text", "what it is")
    assert desk.artifacts == {stored: "what it is\n\ntext"}


# ---- approval


class Person:
    """Types an answer, and remembers what was asked."""

    def __init__(self) -> None:
        self.types, self.ticks = "", True
        self.asked: list[dict[str, Any]] = []

    def pause(self, wait_for_input: Any, **options: Any) -> SimpleNamespace:
        self.asked.append({"form": wait_for_input, **options})
        return SimpleNamespace(confirmation=self.types, prove_return=self.ticks)


@pytest.fixture
def person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Person:
    person = Person()
    monkeypatch.setattr(approval, "pause_flow_run", person.pause)
    return person


def test_rehearsal_approves_itself_and_says_so(person: Person, desk: Desk) -> None:
    require_approval("cut over", "Writes are frozen for a second.", auto_approve=True)
    assert person.asked == []
    assert desk.lines == ["Approved by the deployment's auto_approve: Writes are frozen for a second."]


@pytest.mark.parametrize("typed", ["cut over", " Cut Over \n"])
def test_person_approves(person: Person, typed: str) -> None:
    person.types = typed
    require_approval("cut over", "Writes are frozen for a second.", auto_approve=False, timeout=60)
    (question,) = person.asked
    assert (question["timeout"], question["key"]) == (60, "cut over")
    described = question["form"]._description
    assert described.startswith("Writes are frozen for a second.")
    assert "Type **cut over** to go on." in described


@pytest.mark.parametrize("ticked", [True, False])
def test_whoever_approves_the_cut_over_chooses_whether_the_way_back_is_proven(
    person: Person, ticked: bool
) -> None:
    person.types, person.ticks = "cut over", ticked
    assert approve_cut_over("Writes move.", auto_approve=False, prove_return=not ticked) is ticked
    form = person.asked[0]["form"]
    assert issubclass(form, CutOverApproval)
    assert form.model_fields["prove_return"].default is (not ticked)  # what the form suggests


@pytest.mark.parametrize("chosen", [True, False])
def test_without_a_person_the_parameter_chooses(person: Person, chosen: bool) -> None:
    assert approve_cut_over("Writes move.", auto_approve=True, prove_return=chosen) is chosen
    assert person.asked == []


@pytest.mark.parametrize("typed", ["", "yes", "no", "cut  over", "cut over!"])
def test_anything_else_declines(person: Person, typed: str) -> None:
    person.types = typed
    with pytest.raises(NotApproved) as caught:
        require_approval("cut over", "Writes are frozen for a second.", auto_approve=False)
    assert caught.value.problem == "The approval of 'cut over' was declined."
    assert "Nothing irreversible was done" in caught.value.remedy
    assert len(person.asked) == 1
