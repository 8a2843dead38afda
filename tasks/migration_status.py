"""Where the migration stands: artifacts, events, metrics; changes nothing."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, cast

from prefect import task
from prefect.artifacts import Artifact, create_table_artifact
from prefect.events import emit_event

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.monitoring import write_metric, write_metric_aws
from dreamnet.postgres import alarms, lag_report, traces
from dreamnet.postgres.alarms import Alarm, Limits
from dreamnet.postgres.watch import Look
from dreamnet.report import Clock, Step
from tasks.migration import migration, migration_name
from tasks.support import CLOUD_TASK, aws_account, google_account, load_profile, publish

#: What a look emits: where it found an alarm, and of whatever follows.
MIGRATION_ALARM, MIGRATION_LAG = "dreamnet.migration.alarm", "dreamnet.migration.lag"
#: Rows of the lag's history that are kept: two weeks of two followers, looked at every hour.
KEPT = 2 * 24 * 14


@task(task_run_name="migration status", **CLOUD_TASK)
def report_migration(profile: str, run: str, wal_limit_gb: float) -> Step:
    """Look at the migration: phase, lag, slots, WAL, schema. Alarms become an event, lag events and metrics.

    Args:
        wal_limit_gb: WAL (10^9 bytes) that the primary may keep for one follower, if its own limit is higher.

    Raises:
        UnreachableError, CredentialsError: of the database that takes the writes.
    """
    clock = Clock("Migration")
    look = _look(profile)
    if look is None:
        return clock.unchanged("new; there is no database to migrate to yet.")
    found = alarms.find(look, Limits(wal_bytes=int(wal_limit_gb * alarms.GB)))
    if found:
        _emit(MIGRATION_ALARM, profile, look.phase, look.primary, alarms=[one.as_dict() for one in found])
    history = _history(profile, look)
    picture = base64.b64encode(lag_report.chart(history)).decode()
    said = lag_report.sentence(look, found)
    image = f"\n\n![Lag over time](data:image/png;base64,{picture})" if history else ""
    publish(f"migration status {profile}", lag_report.markdown(look, found) + image, said)
    if look.followers:
        _emit(MIGRATION_LAG, profile, look.phase, look.primary, followers=lag_report.samples(look))
        _measure(profile, look, found)
    return clock.unchanged(said)


def report_unseen(profile: str, error: GameplanError) -> None:
    """Say that a look has failed: whoever waits for alarms must not take silence for a good sign."""
    alarm = alarms.unseen(error, datetime.now(UTC))
    _emit(MIGRATION_ALARM, profile, "unknown", "unknown", alarms=[alarm.as_dict()])
    said = lag_report.alarm_table([alarm])
    publish(f"migration status {profile}", said, f"unknown; 1 alarms, the first: {alarm.what}.")


def _look(profile: str) -> Look | None:
    """None before the targets are created."""
    try:
        moving = migration(profile)
    except ResourceError as error:
        began = traces.unfinished(migration_name(profile), load_profile(profile).neon.connection(), ())
        if began:
            raise ResourceError(
                f"{error.problem} Yet {began}.",
                "Restore what is missing; if it is gone for good, give the migration up (migration-abandon).",
            ) from error
        return None
    return moving.look()


def _emit(event: str, profile: str, phase: str, primary: str, **payload: Any) -> None:
    emit_event(
        event,
        resource={"prefect.resource.id": f"dreamnet.migration.{profile}", "dreamnet.profile": profile},
        payload={"phase": phase, "primary": primary, **payload},
    )


def _history(profile: str, look: Look) -> list[dict[str, Any]]:
    """Add the look to what earlier ones found, which the artifact `migration-lag-<profile>` keeps."""
    key = f"migration-lag-{profile}"
    earlier = cast("Artifact | None", Artifact.get(key))
    rows = json.loads(str(earlier.data)) if earlier and earlier.data else []
    kept: list[dict[str, Any]] = [*rows, *lag_report.samples(look)][-KEPT:]
    if look.followers:
        create_table_artifact(key=key, table=kept, description="How far followers were behind, by look")
    return kept


def _measure(profile: str, look: Look, found: list[Alarm]) -> None:
    """Lag, WAL and alarms as metrics of both clouds, one series a follower."""
    google, aws = google_account(profile), aws_account(profile)
    for one in look.followers:
        figures = (
            ("Lag", "Bytes", one.bytes),
            ("Lag", "Seconds", one.seconds),
            ("Wal", "Bytes", one.retained_bytes),
        )
        for what, unit, value in figures:
            if value is not None:
                labels = {"migration": look.migration, "follower": one.subscriber, "slot": one.slot}
                write_metric(google, f"dreamnet/migration_{what.lower()}_{unit.lower()}", value, labels)
                write_metric_aws(aws, "DreamNet", f"Migration{what}{unit}", value, labels, unit)
    labels = {"migration": look.migration}
    write_metric(google, "dreamnet/migration_alarms", len(found), labels)
    write_metric_aws(aws, "DreamNet", "MigrationAlarms", len(found), labels, "Count")
