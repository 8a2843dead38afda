"""Data pipelines: PostgreSQL to Parquet in the lake to BigQuery."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta

from prefect import task

from dreamnet.postgres.database import Database
from dreamnet.report import Clock, Step
from dreamnet.warehouse import Pipeline, run_pipeline
from tasks.kubernetes import database_url
from tasks.support import CLOUD_TASK, google_account, progress, publish

#: Modules under data_pipelines/.
PIPELINES = ("dreams_to_bigquery", "flights_to_bigquery")


def pipeline_named(name: str) -> Pipeline:
    """The pipeline that `data_pipelines/<name>.py` declares."""
    declared = importlib.import_module(f"data_pipelines.{name}").PIPELINE
    assert isinstance(declared, Pipeline)
    return declared


@task(task_run_name="pipeline {name}", **CLOUD_TASK)
def load_pipeline(profile: str, run: str, name: str, fresh_hours: float = 0.0) -> Step:
    """Extract, load, reconcile and check one pipeline.

    Args:
        fresh_hours: leave the warehouse as it is where every table was loaded within these hours.
    """
    pipeline = pipeline_named(name)
    clock = Clock(f"Pipeline {name}")
    google = google_account(profile)
    oldest = _oldest_load(profile, pipeline)
    if oldest and datetime.now(UTC) - oldest < timedelta(hours=fresh_hours):
        return clock.unchanged(f"Loaded at {oldest:%Y-%m-%d %H:%M} UTC; the schedule loads it again.")
    result = run_pipeline(pipeline, Database.from_dsn(database_url(profile)), google, progress())
    rows = [f"- {table.target}: {table.figures.rows:,} rows, checksums equal" for table in result.tables]
    rows += [f"- {check}" for check in result.checks]
    publish(f"pipeline {name} {profile}", "\n".join(rows), f"Run {result.run_id}, as of {result.snapshot}")
    return clock.done(
        f"{result.rows:,} rows in {len(result.tables)} tables, counts and checksums reconciled,"
        f" {len(result.checks)} checks passed."
    )


def _oldest_load(profile: str, pipeline: Pipeline) -> datetime | None:
    """When the table that was loaded longest ago was loaded; None where one is missing."""
    from google.api_core.exceptions import NotFound

    google = google_account(profile)
    client = google.bigquery()
    try:
        tables = [
            client.get_table(f"{google.project}.{pipeline.dataset}.{source.table}")
            for source in pipeline.sources
        ]
    except NotFound:
        return None
    oldest: datetime = min(table.modified for table in tables)
    return oldest
