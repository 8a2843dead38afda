"""The migration's status through Prefect itself: what earlier looks found is read back from its artifacts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dreamnet.postgres.followers import Follower
from dreamnet.postgres.watch import Look
from flows.migration_status import migration_status
from tasks import migration_status as subject

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def look(hour: int) -> Look:
    follower = Follower(
        "rds", "slot", True, True, 1000 * hour, 0, "reserved", None, 0.1, True, 0.0, "enabled", 0, ""
    )
    return Look("neon_acme", "following", "neon", AT + timedelta(hours=hour), {}, (follower,), (), None)


def test_looks_add_up_to_a_history(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.artifacts import Artifact

    looks = iter([look(1), look(2)])
    written: list[str] = []
    monkeypatch.setattr(subject, "migration", lambda name: SimpleNamespace(look=lambda: next(looks)))
    monkeypatch.setattr(subject, "google_account", lambda name: None)
    monkeypatch.setattr(subject, "aws_account", lambda name: None)
    monkeypatch.setattr(subject, "write_metric", lambda account, name, *rest: written.append(name))
    monkeypatch.setattr(subject, "write_metric_aws", lambda account, space, name, *rest: None)
    for hour in (1, 2):
        assert f"rds {hour},000 bytes behind" in migration_status("acme").detail
    found: Any = Artifact.get("migration-lag-acme")
    assert [(row["at"], row["bytes"]) for row in json.loads(found.data)] == [
        ("2026-11-28T13:00:00+00:00", 1000),
        ("2026-11-28T14:00:00+00:00", 2000),
    ]
    shown: Any = Artifact.get("migration-status-acme")
    assert "data:image/png;base64," in shown.data
    assert written.count("dreamnet/migration_lag_bytes") == 2
