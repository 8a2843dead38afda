"""prefect.yaml against a strict schema: Prefect itself ignores the keys it does not know, silently."""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from pydantic import ConfigDict, Field, ValidationError

PROJECT = Path(__file__).resolve().parents[1]
STRICT = ConfigDict(extra="forbid", populate_by_name=True)
# Prefect completes its models only when they are first used.
DeploymentConfig.model_rebuild()
PrefectYamlModel.model_rebuild()
WEEK_FINISHED = re.compile(r"dreamnet\.week\.([1-4])\.([a-z]+)")


class Pool(WorkPoolConfig):
    model_config = STRICT


class Limit(ConcurrencyLimitSpec):
    model_config = STRICT

    collision_strategy: ConcurrencyLimitStrategy


class Schedule(RawScheduleConfig):
    model_config = STRICT


class Trigger(DeploymentEventTrigger):
    model_config = STRICT


class Deployment(DeploymentConfig):
    model_config = STRICT

    name: str
    entrypoint: str
    description: str
    tags: list[str]
    work_pool: Pool
    concurrency_limit: Limit
    schedules: list[Schedule] = Field(default_factory=list)
    triggers: list[Trigger] = Field(default_factory=list)  # type: ignore[assignment]


class PrefectYaml(PrefectYamlModel):
    """`definitions` holds YAML anchors; Prefect does not read it."""

    model_config = STRICT

    definitions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    deployments: list[Deployment]  # type: ignore[assignment]


RAW: dict[str, Any] = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
PARSED = PrefectYaml.model_validate(RAW)


def profile_of(deployment: Deployment) -> str:
    return str(deployment.parameters["profile"])


def shown(deployment: Deployment) -> str:
    return f"{deployment.entrypoint}-{deployment.name}"


each = pytest.mark.parametrize("deployment", PARSED.deployments, ids=shown)


def _first(having: str, document: dict[str, Any]) -> dict[str, Any]:
    return next(deployment for deployment in document["deployments"] if deployment.get(having))


@pytest.mark.parametrize(
    "place",
    [
        lambda document: document,
        lambda document: document["deployments"][0],
        lambda document: document["deployments"][0]["work_pool"],
        lambda document: document["deployments"][0]["concurrency_limit"],
        lambda document: _first("schedules", document)["schedules"][0],
        lambda document: _first("triggers", document)["triggers"][0],
    ],
    ids=["file", "deployment", "work_pool", "concurrency_limit", "schedule", "trigger"],
)
def test_unknown_key_is_refused(place: Any) -> None:
    document = copy.deepcopy(RAW)
    place(document)["paramaters"] = {}
    with pytest.raises(ValidationError, match="paramaters"):
        PrefectYaml.model_validate(document)


def test_pull_steps_exist() -> None:
    from importlib import import_module

    assert PARSED.pull
    for step in PARSED.pull:
        (name,) = step
        module, function = str(name).rsplit(".", 1)
        assert callable(getattr(import_module(module), function))


def test_names_are_unique() -> None:
    names = Counter((deployment.entrypoint, deployment.name) for deployment in PARSED.deployments)
    assert [name for name, count in names.items() if count > 1] == []
    triggers = Counter(trigger.name for deployment in PARSED.deployments for trigger in deployment.triggers)
    assert [name for name, count in triggers.items() if count > 1] == []


@each
def test_schedules_have_a_time_and_a_zone(deployment: Deployment) -> None:
    slugs = [schedule.slug for schedule in deployment.schedules]
    assert len(set(slugs)) == len(slugs)
    for schedule in deployment.schedules:
        assert schedule.cron
        assert schedule.slug
        assert schedule.timezone, f"{deployment.entrypoint}: a schedule without a zone means UTC"
        ZoneInfo(schedule.timezone)
        CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
        # A person decides when a rehearsal sleeps; production's schedules are on.
        assert schedule.active is (profile_of(deployment) == "production")


def test_bad_cron_and_zone_are_refused() -> None:
    with pytest.raises(ValidationError):
        CronSchedule(cron="0 25 * * *", timezone="America/New_York")
    with pytest.raises(ValidationError):
        CronSchedule(cron="0 22 * * *", timezone="America/Gotham")


@each
def test_triggers_are_off_and_follow_the_week_before(deployment: Deployment) -> None:
    week = re.search(r"\.week(\d)_", str(deployment.entrypoint))
    expected = int(week[1]) - 1 if week else 0
    assert len(deployment.triggers) == (1 if expected else 0)
    for trigger in deployment.triggers:
        assert trigger.name
        assert trigger.enabled is False, "a finished week would start the next beside the gameplan"
        assert trigger.expect == {"dreamnet.week.completed"}
        matched = WEEK_FINISHED.fullmatch(str(trigger.match.model_dump()["prefect.resource.id"]))
        assert matched
        assert (int(matched[1]), matched[2]) == (expected, profile_of(deployment))


def test_trigger_that_prefect_would_refuse_is_refused() -> None:
    document = copy.deepcopy(RAW)
    _first("triggers", document)["triggers"][0]["posture"] = "Lazy"
    with pytest.raises(ValidationError, match="posture"):
        PrefectYaml.model_validate(document)


def counterpart(deployment: Deployment) -> str:
    """The name of the same deployment against the other profile."""
    other = "production" if profile_of(deployment) == "rehearsal" else "rehearsal"
    return str(deployment.name).replace(profile_of(deployment), other)


@each
def test_rehearsal_and_production_come_in_pairs(deployment: Deployment) -> None:
    assert profile_of(deployment) in ("rehearsal", "production")
    assert deployment.tags == [profile_of(deployment)]
    (other,) = [
        one
        for one in PARSED.deployments
        if one.entrypoint == deployment.entrypoint and one.name == counterpart(deployment)
    ]
    assert profile_of(other) != profile_of(deployment)
    assert other.description == deployment.description
    own_choices = {"profile", "auto_approve"}
    assert {k: v for k, v in other.parameters.items() if k not in own_choices} == {
        k: v for k, v in deployment.parameters.items() if k not in own_choices
    }
    assert [(s.cron, s.timezone, s.slug) for s in other.schedules] == [
        (s.cron, s.timezone, s.slug) for s in deployment.schedules
    ]


@each
def test_only_a_rehearsal_approves_itself(deployment: Deployment) -> None:
    if profile_of(deployment) == "production":
        assert "auto_approve" not in deployment.parameters


@each
def test_one_run_at_a_time_on_the_pool(deployment: Deployment) -> None:
    assert deployment.concurrency_limit.limit == 1
    assert deployment.work_pool.name == PARSED.definitions["work_pool"]["name"]


@each
def test_what_runs_by_itself_has_a_schedule(deployment: Deployment) -> None:
    scheduled = ("night_scaling", "cost_report", "data_pipeline", "drift_check", "migration_status")
    needs_one = str(deployment.entrypoint).split(".")[1] in scheduled
    assert len(deployment.schedules) == (1 if needs_one else 0)
