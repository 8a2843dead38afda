"""The migration's status as a task: artifacts, events and metrics of what a look finds."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.errors import ResourceError, UnreachableError
from dreamnet.postgres.followers import Follower
from dreamnet.postgres.watch import Look
from tasks import migration_status as subject

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
FOLLOWER = Follower(
    subscriber="rds:5432/dreamnet",
    slot="dreamnet_neon_1_2",
    present=True,
    active=True,
    bytes=120_000_000,
    retained_bytes=3_000_000_000,
    wal_status="extended",
    spare_bytes=None,
    seconds=4.5,
    arrived=True,
    silent_seconds=0.0,
    subscription="enabled",
    errors=0,
    said="",
)
FOLLOWING = Look("neon_acme", "following", "neon:5432/dreamnet", AT, {}, (FOLLOWER,), (), None)
NEW = Look("neon_acme", "new", "neon:5432/dreamnet", AT, {}, (), (), None)


class World:
    """What a look finds, and what was made of it."""

    def __init__(self) -> None:
        self.look: Look | ResourceError = FOLLOWING
        self.begun = ""
        self.kept: dict[str, str] = {}
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.metrics: dict[str, tuple[float, str]] = {}

    def migration(self, profile: str) -> Any:
        if isinstance(self.look, ResourceError):
            raise self.look
        return SimpleNamespace(look=lambda: self.look)

    def emit(self, event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
        json.dumps(payload)
        self.events.append((event, resource["prefect.resource.id"], payload))

    def table(self, key: str, table: list[dict[str, Any]], description: str) -> None:
        self.kept[key] = json.dumps(table)

    def earlier(self, key: str) -> Any:
        return SimpleNamespace(data=self.kept[key]) if key in self.kept else None


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    neon = SimpleNamespace(connection=lambda: "neon")
    monkeypatch.setattr(subject, "load_profile", lambda name: SimpleNamespace(neon=neon))
    monkeypatch.setattr(subject, "google_account", lambda name: "google")
    monkeypatch.setattr(subject, "aws_account", lambda name: "aws")
    monkeypatch.setattr(subject, "migration", made.migration)
    monkeypatch.setattr(subject.traces, "unfinished", lambda name, source, targets: made.begun)
    monkeypatch.setattr(subject, "emit_event", made.emit)
    monkeypatch.setattr(subject, "create_table_artifact", made.table)
    monkeypatch.setattr(subject, "Artifact", SimpleNamespace(get=made.earlier))
    monkeypatch.setattr(
        subject,
        "write_metric",
        lambda account, name, value, labels: made.metrics.update({name: (value, labels.get("follower", ""))}),
    )
    monkeypatch.setattr(
        subject,
        "write_metric_aws",
        lambda account, space, name, value, labels, unit: made.metrics.update(
            {f"{space}/{name}": (value, unit)}
        ),
    )
    return made


def test_lag_is_an_artifact_an_event_and_metrics_of_both_clouds(world: World, desk: Desk) -> None:
    step = subject.report_migration.fn("acme", "run-1", 10.0)
    assert step.outcome == "unchanged"
    assert step.detail == (
        "following; neon:5432/dreamnet takes the writes; "
        "rds:5432/dreamnet 120,000,000 bytes behind; no alarm."
    )
    shown = desk.artifacts["migration-status-acme"]
    assert "| rds:5432/dreamnet | dreamnet_neon_1_2 | 120,000,000 bytes | 4.5 s | 3,000.0 MB |" in shown
    picture = shown.split("data:image/png;base64,")[1].rstrip(")")
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    ((event, resource, payload),) = world.events
    assert (event, resource) == ("dreamnet.migration.lag", "dreamnet.migration.acme")
    assert payload["followers"][0]["bytes"] == 120_000_000
    assert world.metrics == {
        "dreamnet/migration_lag_bytes": (120_000_000, "rds:5432/dreamnet"),
        "dreamnet/migration_lag_seconds": (4.5, "rds:5432/dreamnet"),
        "dreamnet/migration_wal_bytes": (3_000_000_000, "rds:5432/dreamnet"),
        "dreamnet/migration_alarms": (0, ""),
        "DreamNet/MigrationLagBytes": (120_000_000, "Bytes"),
        "DreamNet/MigrationLagSeconds": (4.5, "Seconds"),
        "DreamNet/MigrationWalBytes": (3_000_000_000, "Bytes"),
        "DreamNet/MigrationAlarms": (0, "Count"),
    }


def test_alarm_is_an_event_and_on_top(world: World, desk: Desk) -> None:
    subject.report_migration.fn("acme", "run-1", 5.0)
    event, resource, payload = world.events[0]
    assert (event, resource, payload["phase"]) == (
        "dreamnet.migration.alarm",
        "dreamnet.migration.acme",
        "following",
    )
    (alarm,) = payload["alarms"]
    assert (alarm["level"], alarm["subject"]) == ("warning", "WAL")
    assert "60% of the limit of 5.00 GB" in alarm["what"]
    assert alarm["what"] in desk.artifacts["migration-status-acme"]


def test_history_grows_by_each_look_and_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "KEPT", 3)
    for hour in range(5):
        world.look = replace(FOLLOWING, at=AT + timedelta(hours=hour))
        subject.report_migration.fn("acme", f"run-{hour}", 10.0)
    rows = json.loads(world.kept["migration-lag-acme"])
    assert [row["at"][11:13] for row in rows] == ["14", "15", "16"]


def test_without_a_migration_nothing_is_sent(world: World, desk: Desk) -> None:
    world.look = NEW
    step = subject.report_migration.fn("acme", "run-1", 10.0)
    assert step.detail == "new; neon:5432/dreamnet takes the writes; no alarm."
    assert (world.events, world.metrics, world.kept) == ([], {}, {})


def test_without_targets_it_is_new_unless_the_source_publishes_for_them(world: World) -> None:
    world.look = ResourceError("There is no Cloud SQL dreamnet.", "Create it.")
    assert subject.report_migration.fn("acme", "run-1", 10.0).detail.startswith("new;")
    world.begun = "the migration neon_acme is not finished"
    with pytest.raises(
        ResourceError, match=r"no Cloud SQL dreamnet\. Yet the migration .* is not finished\. .*abandon"
    ):
        subject.report_migration.fn("acme", "run-1", 10.0)


def test_flow_hands_on_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import migration_status

    called: list[Any] = []
    monkeypatch.setattr(migration_status, "report_migration", lambda *given: called.append(given))
    migration_status.migration_status.fn("acme", 4.0, "run-1")
    assert called == [("acme", "run-1", 4.0)]


def test_look_that_fails_is_an_alarm_and_a_failure(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import migration_status

    def fail(*given: Any) -> None:
        raise UnreachableError("Nothing usable answers at neon:5432/dreamnet.", "Check that it runs.")

    monkeypatch.setattr(migration_status, "report_migration", fail)
    with pytest.raises(UnreachableError):
        migration_status.migration_status.fn("acme", 4.0, "run-1")
    ((event, resource, payload),) = world.events
    assert (event, resource) == ("dreamnet.migration.alarm", "dreamnet.migration.acme")
    assert (payload["phase"], payload["alarms"][0]["level"]) == ("unknown", "critical")
    assert payload["alarms"][0]["what"] == "Nothing usable answers at neon:5432/dreamnet"
    assert "| critical | Nothing usable answers at neon" in desk.artifacts["migration-status-acme"]
