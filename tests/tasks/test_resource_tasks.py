"""Plan and apply as tasks: what they tell the operator, and that an unchanged world is left alone."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from blocks import Budget
from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.resources.model import Change, Live, Problem, Resource
from tasks import checks, costs, resources, support

FOLDERS = ("google/data",)
DECLARED = """\
id: google/bucket
type: storage.v1/buckets
name: {project}-lake
parent: projects/${{google.project}}
body: {{class: {storage_class}, key: "${{secret.database-password}}"}}
---
id: google/dataset
type: bigquery.v2/datasets
name: dreams
parent: projects/${{google.project}}
depends_on: [google/bucket]
body: {{where: US}}
"""


class Cloud:
    """Resources in memory, by name."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self.done: list[tuple[str, str]] = []
        self.refuse: set[str] = set()
        self._lock = threading.Lock()

    def validate(self, resource: Resource) -> list[Problem]:
        return (
            [Problem(resource.source, "/class", "is unknown")] if resource.body.get("class") == "WARM" else []
        )

    def remembering(self) -> Cloud:
        return self

    def read(self, resource: Resource) -> Live | None:
        body = self.bodies.get(resource.name)
        return None if body is None else Live(f"fake://{resource.name}", dict(body), True)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return [
            Change(f"/{key}", live.body.get(key), value)
            for key, value in resource.body.items()
            if key != "key" and live.body.get(key) != value
        ]

    def create(self, resource: Resource, token: str, progress: Any) -> Live:
        return self._put("create", resource)

    def update(self, resource: Resource, live: Live, changes: Any, token: str, progress: Any) -> Live:
        return self._put("update", resource)

    def delete(self, resource: Resource, live: Live, token: str, progress: Any) -> None:
        raise AssertionError("no plan of ours deletes")

    def _put(self, what: str, resource: Resource) -> Live:
        with self._lock:
            self.done.append((what, resource.id))
        if resource.id in self.refuse:
            raise ResourceError(f"{resource.id}: quota exceeded.", "Ask for more.")
        self.bodies[resource.name] = dict(resource.body)
        live = self.read(resource)
        assert live
        return live


@pytest.fixture
def cloud(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud in memory, and two declarations in a folder of their own."""
    cloud = Cloud()
    settings = SimpleNamespace(
        variables=lambda: {"google.project": "dreamnet"},
        secrets=lambda: {"database-password": "owner password", "neon-url": "postgresql://u:neon@h/d"},
        budget=Budget(billing_table="billing.export"),
    )
    monkeypatch.setattr(resources, "INFRASTRUCTURE", tmp_path)
    monkeypatch.setattr(resources, "load_profile", lambda name: settings)
    for name in ("prices.yaml", "usage.yaml"):
        shutil.copy(support.INFRASTRUCTURE / name, tmp_path / name)
    for account in ("google_account", "aws_account"):
        monkeypatch.setattr(resources, account, lambda name: None)
    monkeypatch.setattr(costs, "load_profile", lambda name: settings)
    for module in (resources, checks):
        monkeypatch.setattr(module, "drivers", lambda profile: {"google": cloud, "aws": cloud})
    monkeypatch.setattr(checks, "INFRASTRUCTURE", tmp_path)
    declare(tmp_path)
    return cloud


def declare(root: Path, storage_class: str = "STANDARD") -> None:
    (root / "google" / "data").mkdir(parents=True, exist_ok=True)
    (root / "selections.yaml").write_text(
        "gameplan: {description: All of it., resources: [google]}\n"
        "full: {description: All of it., resources: [google]}\n"
    )
    (root / "google" / "data" / "lake.yaml").write_text(
        DECLARED.format(project="dreamnet", storage_class=storage_class)
    )


def plan() -> str:
    planned: str = resources.plan_resources.fn("acme", "run-1", FOLDERS)
    return planned


def apply(planned: str) -> Any:
    return resources.apply_resources.fn("acme", "run-1", FOLDERS, planned)


def test_plan_says_what_it_would_do_and_does_nothing(cloud: Cloud, desk: Desk) -> None:
    planned = plan()
    assert cloud.done == []
    artifact = desk.artifacts["plan-acme-google-data"]
    assert "google/bucket" in artifact
    assert "| google/bucket | create | 0.00 | 0.08 | +0.08 |" in artifact, "and what a month then costs"
    assert "| Google Cloud | 0.00 | 1300.00 | ∞ | 155 |" in artifact, "beside the plan's own figure"
    assert any("2 create" in line for line in desk.lines)
    assert "owner password" not in planned + str(desk)


def test_apply_does_it_in_order_and_tells(cloud: Cloud, desk: Desk) -> None:
    step = apply(plan())
    assert cloud.done == [("create", "google/bucket"), ("create", "google/dataset")]
    assert cloud.bodies["dreamnet-lake"]["key"] == "owner password"
    assert (step.outcome, step.detail) == ("done", "2 done")
    assert "google/dataset" in desk.artifacts["applied-acme-google-data"]
    assert any(line.startswith("google/bucket: creating") for line in desk.lines)
    assert "owner password" not in str(desk)


def test_apply_over_the_budget_stops_before_anything_is_done(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan()
    (tmp_path / "usage.yaml").write_text(
        "types: {storage.v1/buckets: {storage-nearline-gb: 10}, bigquery.v2/datasets: {}}\n"
        "resources: {}\nrunning: {}\n"
    )
    budget = Budget(billing_table="billing.export", google_monthly=0.01)
    monkeypatch.setattr(resources.load_profile("acme"), "budget", budget)
    for over in (apply, lambda plan: costs.check_plan_price.fn("acme", "run-1", FOLDERS, plan)):
        with pytest.raises(PrecheckFailed, match=r"the budget is 0\.01: drop google/"):
            over(planned)
    assert cloud.done == []


def test_price_of_a_plan_is_what_it_adds_and_what_all_costs_then(cloud: Cloud) -> None:
    step = costs.check_plan_price.fn("acme", "run-1", FOLDERS, plan())
    assert step.outcome == "unchanged"
    assert step.detail.startswith("+0.00 USD a month. Google Cloud needs USD 0.00 a month")


def test_unchanged_world_is_left_alone(cloud: Cloud, desk: Desk) -> None:
    apply(plan())
    cloud.done.clear()
    desk.artifacts.clear()
    step = apply(plan())
    assert (step.outcome, step.detail) == ("unchanged", "All 2 resources are as declared.")
    assert cloud.done == []
    assert "applied-acme-google-data" not in desk.artifacts


def test_one_change_changes_one_resource(cloud: Cloud, tmp_path: Path) -> None:
    apply(plan())
    cloud.done.clear()
    declare(tmp_path, "NEARLINE")
    assert apply(plan()).detail == "1 done, 1 unchanged"
    assert cloud.done == [("update", "google/bucket")]


def test_stale_plan_is_refused_and_nothing_done(cloud: Cloud, tmp_path: Path) -> None:
    planned = plan()
    declare(tmp_path, "NEARLINE")
    with pytest.raises(PrecheckFailed) as caught:
        apply(planned)
    assert cloud.done == []
    assert caught.value.remedy


def test_refusal_names_the_resource_and_what_waited_for_it_was_not_begun(cloud: Cloud, desk: Desk) -> None:
    cloud.refuse.add("google/bucket")
    with pytest.raises(ResourceError, match=r"google/bucket: quota exceeded"):
        apply(plan())
    assert cloud.done == [("create", "google/bucket")]
    # What was and was not done is there to read although the task failed.
    assert "google/dataset" in desk.artifacts["applied-acme-google-data"]


def test_second_apply_after_a_refusal_does_what_is_missing(cloud: Cloud) -> None:
    cloud.refuse.add("google/dataset")
    with pytest.raises(ResourceError):
        apply(plan())
    cloud.refuse.clear()
    cloud.done.clear()
    apply(plan())
    assert cloud.done == [("create", "google/dataset")]


# ---- checks


def test_declarations_are_checked_before_anything_is_created(cloud: Cloud, tmp_path: Path) -> None:
    assert checks.check_declarations.fn("acme", "run-1").detail.startswith("2 resources")
    declare(tmp_path, "WARM")
    with pytest.raises(PrecheckFailed) as caught:
        checks.check_declarations.fn("acme", "run-1")
    assert "lake.yaml" in caught.value.problem
    assert "/class: is unknown (1 problems in all)" in caught.value.problem
    assert "python -m dreamnet.resources validate" in caught.value.remedy
    assert cloud.done == []


def test_full_disk_is_one_sentence_before_anything_is_read(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=12_000_000))
    monkeypatch.setattr(checks, "load_catalogue", lambda root: pytest.fail("the catalogue was read"))
    with pytest.raises(PrecheckFailed) as caught:
        checks.check_declarations.fn("acme", "run-1")
    assert caught.value.problem.startswith("Only 12 MB are free")
    assert caught.value.remedy == "Free at least 500 MB."


def test_accounts_say_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "google_account", lambda name: SimpleNamespace(check=lambda: "somebody"))
    monkeypatch.setattr(checks, "aws_account", lambda name: SimpleNamespace(check=lambda: "arn:somebody"))
    step = checks.check_accounts.fn("acme", "run-1")
    assert (step.outcome, step.detail) == ("unchanged", "somebody; arn:somebody")
