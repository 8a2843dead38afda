"""The hand-over as a task: what lives is imported, by its own identifiers; the clouds are only read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.errors import ConfigurationError
from dreamnet.resources.model import Change, Live, Resource
from flows import hand_over
from tasks import handover, resources

DECLARED = """\
id: google/topic
type: pubsub.v1/projects.topics
name: dreams
parent: projects/${google.project}
body: {}
---
id: google/channel
type: monitoring.v3/projects.notificationChannels
name: operator
parent: projects/${google.project}
body: {type: email, labels: {email_address: "${operator.email}"}}
---
id: google/user
type: sqladmin.v1/users
name: dreamnet
parent: projects/${google.project}/instances/dreamnet
body: {password: "${secret.database-password}"}
"""


class Cloud:
    """A cloud that can be read and nothing else: the channel is ours, the topic somebody else's."""

    def remembering(self) -> Cloud:
        return self

    def read(self, resource: Resource) -> Live | None:
        if resource.name == "operator":
            return Live("x", {"name": "projects/acme/notificationChannels/7"}, owned=True)
        return (
            Live("x", {"name": "projects/acme/topics/dreams"}, owned=False)
            if resource.name == "dreams"
            else None
        )

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return []


@pytest.fixture
def written(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Path]:
    """What the task said, and where it wrote."""
    variables = {"google.project": "acme", "operator.email": "ops@acme.example"}
    settings = SimpleNamespace(variables=lambda: variables)
    (tmp_path / "google" / "data").mkdir(parents=True)
    (tmp_path / "google" / "data" / "all.yaml").write_text(DECLARED)
    (tmp_path / "selections.yaml").write_text("gameplan: {description: All of it., resources: [google]}\n")
    monkeypatch.setattr(resources, "INFRASTRUCTURE", tmp_path)
    monkeypatch.setattr(handover, "PROJECT", tmp_path)
    monkeypatch.setattr(handover, "load_profile", lambda name: settings)
    monkeypatch.setattr(handover, "drivers", lambda profile: {"google": Cloud()})
    step = handover.write_handover.fn("acme", "run-1", "gameplan", "out")
    return step, tmp_path / "out"


def test_what_is_ours_and_lives_is_imported(written: tuple[Any, Path], desk: Desk) -> None:
    step, folder = written
    assert step.detail.startswith("1 of 3 resources live. google: 3 of 3 declarations exported")
    imports = (folder / "terraform/gcp/imports.tf").read_text()
    assert imports.count("import {") == 1
    assert 'id = "projects/acme/notificationChannels/7"' in imports
    assert json.loads((folder / "pulumi/gcp/import.json").read_text())["resources"] == [
        {
            "type": "gcp:monitoring/notificationChannel:NotificationChannel",
            "name": "channel",
            "id": "projects/acme/notificationChannels/7",
        }
    ]
    assert "google: 3 of 3 declarations" in desk.artifacts["hand-over-acme-gameplan"]


def test_it_says_where_it_wrote(written: tuple[Any, Path]) -> None:
    step, folder = written
    assert step.detail.endswith(f"Written to {folder}.")
    with pytest.raises(
        ConfigurationError, match=r"can't be written to .*topic.* on the worker: Not a directory"
    ):
        handover.write_handover.fn("acme", "run-1", "gameplan", "out/terraform/gcp/imports.tf/topic")


def test_the_profiles_values_are_filled_in_and_secrets_are_not(written: tuple[Any, Path]) -> None:
    _, folder = written
    values = (folder / "terraform/gcp/terraform.tfvars").read_text()
    assert values.endswith('google_project = "acme"\noperator_email = "ops@acme.example"\n')
    assert "password = var.database_password" in (folder / "terraform/gcp/data.tf").read_text()
    assert "database_password" not in values


def test_the_flow_writes_beside_the_project_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(hand_over, "write_handover", lambda *given: calls.append(given))
    hand_over.hand_over.fn("acme", "full", run="run-1")
    hand_over.hand_over.fn("acme", folder="elsewhere", run="run-1")
    assert calls == [
        ("acme", "run-1", "full", "handover/acme"),
        ("acme", "run-1", "gameplan", "elsewhere"),
    ]
