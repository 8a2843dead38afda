"""Drift, adoption and destruction as tasks: what they tell the operator, and what they leave alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.resources.data import lift_protection
from dreamnet.resources.model import Change, Live, Resource
from tasks import destruction, resources, support, upkeep

DECLARED = """\
id: google/topic
type: pubsub.v1/projects.topics
name: dreams
parent: projects/${google.project}
body: {keep: 7d}
---
id: google/database
type: sqladmin.v1/instances
name: dreamnet
parent: projects/${google.project}
depends_on: [google/topic]
body: {tier: micro, password: "${secret.database-password}"}
"""


class Cloud:
    """Resources in memory, by name."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {
            "dreams": {"keep": "7d"},
            "dreamnet": {"tier": "micro", "password": "owner password"},
        }
        self.owners = dict.fromkeys(self.bodies, "us")
        self.done: list[tuple[str, str]] = []

    def remembering(self) -> Cloud:
        return self

    def read(self, resource: Resource) -> Live | None:
        if resource.name not in self.bodies:
            return None
        owner = self.owners[resource.name]
        return Live(f"fake://{resource.name}", dict(self.bodies[resource.name]), owner == "us", owner)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return [
            Change(f"/{key}", live.body.get(key), value)
            for key, value in resource.body.items()
            if live.body.get(key) != value
        ]

    def update(self, resource: Resource, live: Live, changes: Any, token: str, progress: Any) -> Live:
        self.done.append(("update", resource.id))
        self.bodies[resource.name].update(resource.body)
        return live

    def delete(self, resource: Resource, live: Live, token: str, progress: Any) -> None:
        self.done.append(("delete", resource.id))
        if self.bodies[resource.name].get("deletionProtection"):
            raise ResourceError(f"{resource.id}: protected.", "Lift it.")
        del self.bodies[resource.name]

    def listing(self, resource: Resource) -> str | None:
        return resource.type

    def undeclared(self, declared: list[Resource], live: Any) -> list[Live]:
        names = {one.name for one in declared} | {"dreams", "dreamnet"}
        left = [name for name in self.bodies if name not in names and "topics" in declared[0].type]
        return [Live(f"fake://{name}", {}, True, "us") for name in left]

    def mark(self, resource: Resource, live: Live, token: str, progress: Any) -> Live:
        self.done.append(("mark", resource.id))
        self.owners[resource.name] = "us"
        return Live(live.identifier, live.body, True, "us")


@pytest.fixture
def cloud(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud in memory on which all of two declarations lives."""
    made = Cloud()
    settings = SimpleNamespace(variables=lambda: {"google.project": "dreamnet"})
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "all.yaml").write_text(DECLARED)
    (tmp_path / "selections.yaml").write_text(
        "gameplan: {description: All of it., resources: [google]}\n"
        "topics: {description: A part., resources: [google/topic]}\n"
    )
    for name in ("prices.yaml", "usage.yaml"):
        shutil.copy(support.INFRASTRUCTURE / name, tmp_path / name)
    for module in (resources, upkeep, destruction):
        monkeypatch.setattr(module, "INFRASTRUCTURE", tmp_path)
        monkeypatch.setattr(module, "load_profile", lambda name: settings)
        monkeypatch.setattr(module, "drivers", lambda profile: {"google": made})
    return made


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was emitted."""
    emitted: list[dict[str, Any]] = []
    monkeypatch.setattr(
        upkeep, "emit_event", lambda event, resource, payload: emitted.append({"event": event, **payload})
    )
    return emitted


def drift(selection: str = "gameplan") -> Any:
    return upkeep.check_drift.fn("acme", "run-1", selection)


def test_no_drift_is_a_report_and_no_event(cloud: Cloud, desk: Desk, events: list[Any]) -> None:
    step = drift()
    assert (step.outcome, step.detail) == ("unchanged", "All 2 resources are as declared.")
    assert "All 2 resources" in desk.artifacts["drift-acme-gameplan"]
    assert events == []


def test_drift_is_an_artifact_and_an_event_without_values(
    cloud: Cloud, desk: Desk, events: list[Any]
) -> None:
    cloud.bodies["dreamnet"]["tier"] = "huge"
    del cloud.bodies["dreams"]
    cloud.bodies["left-over"], cloud.owners["left-over"] = {}, "us"
    assert drift().detail == "Of 2 resources, 1 changed, 1 absent, 0 foreign, 1 undeclared."
    assert "| /tier | huge | micro |" in desk.artifacts["drift-acme-gameplan"]
    ((event),) = events
    assert event["event"] == "dreamnet.drift.found"
    assert event["changed"] == ["google/database /tier"]
    assert event["absent"] == ["google/topic"]
    assert event["undeclared"] == ["pubsub.v1/projects.topics fake://left-over"]
    assert "huge" not in json.dumps(event)
    assert "owner password" not in json.dumps(event) + str(desk)
    assert cloud.done == []


def test_drift_of_a_part_knows_the_whole(cloud: Cloud, events: list[Any]) -> None:
    assert drift("topics").detail == "All 1 resources are as declared."


def adopt(*names: str) -> Any:
    return upkeep.adopt_resources.fn("acme", "run-1", names, {})


def test_adoption_tells_what_still_differs(cloud: Cloud, desk: Desk) -> None:
    cloud.owners["dreamnet"] = ""
    cloud.bodies["dreamnet"]["tier"] = "huge"
    step = adopt("google/database", "google/topic")
    assert (step.outcome, step.detail) == ("done", "1 adopted, 1 were ours; 1 fields differ.")
    assert cloud.done == [("mark", "google/database")]
    assert "| google/database | /tier | huge | micro |" in desk.artifacts["adopted-acme"]
    assert adopt("google/database").outcome == "unchanged"


def test_adoption_of_what_is_anothers_is_refused(cloud: Cloud, desk: Desk) -> None:
    cloud.owners["dreamnet"] = "terraform"
    with pytest.raises(PrecheckFailed, match="belongs to terraform"):
        adopt("google/database")
    assert cloud.done == []


def plan() -> str:
    planned: str = destruction.plan_destruction.fn("acme", "run-1", (), "gameplan")
    return planned


def destroy(planned: str, *consents: str) -> Any:
    return destruction.destroy_resources.fn("acme", "run-1", (), "gameplan", planned, consents)


def test_whoever_destroys_reads_what_goes_above_the_button(
    cloud: Cloud, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(destruction, "require_approval", lambda *arguments: asked.append(arguments))
    planned = plan()
    destruction.approve_destruction("acme", planned, False)
    ((words, described, auto),) = asked
    assert words == json.loads(planned)["id"]
    assert "databases, and backups with them" in described
    assert auto is False
    artifact = desk.artifacts["destroy-plan-acme-selection-gameplan"]
    assert words in artifact
    assert "| google/database | delete |" in artifact, "what a month saves"
    assert cloud.done == []


def test_whoever_destroys_a_migrations_databases_reads_that_it_is_not_finished(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(destruction, "require_approval", lambda words, said, auto: asked.append(said))
    monkeypatch.setattr(
        destruction, "databases_in_use", lambda name: dict.fromkeys("ab", "it is not finished")
    )
    planned = plan()
    destruction.approve_destruction("acme", planned, False)
    monkeypatch.setattr(destruction, "TARGETS", {"google/database"})
    destruction.approve_destruction("acme", planned, False)
    assert ["it is not finished" in said for said in asked] == [False, True]
    assert asked[1].count("it is not finished") == 1


def test_targets_of_the_migration_are_declared() -> None:
    from dreamnet.resources.catalogue import load_catalogue

    assert set(load_catalogue(support.INFRASTRUCTURE).resources) >= destruction.TARGETS


def test_destruction_goes_in_reverse_and_tells(cloud: Cloud, desk: Desk) -> None:
    step = destroy(plan())
    assert cloud.done == [("delete", "google/database"), ("delete", "google/topic")]
    assert (step.outcome, step.detail) == ("done", "2 of 2 resources deleted.")
    assert "google/topic" in desk.artifacts["destroyed-acme-selection-gameplan"]
    assert destroy(plan()).detail == "Nothing of it exists."


def test_what_is_protected_goes_only_by_its_named_consent(cloud: Cloud, desk: Desk) -> None:
    cloud.bodies["dreamnet"]["deletionProtection"] = True
    planned = plan()
    with pytest.raises(PrecheckFailed, match="google/database, which /deletionProtection protects"):
        destroy(planned)
    assert cloud.done == []
    destroy(planned, lift_protection("google/database"))
    assert cloud.bodies == {}


def test_nobody_is_asked_where_nothing_goes(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destruction, "require_approval", lambda *asked: pytest.fail("somebody was asked"))
    cloud.bodies.clear()
    destruction.approve_destruction("acme", plan(), False)
