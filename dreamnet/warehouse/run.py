"""One run of a pipeline, from the source's snapshot to the tables that people read."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dreamnet.warehouse import load
from dreamnet.warehouse.columns import Column, describe
from dreamnet.warehouse.extract import extract, snapshot
from dreamnet.warehouse.model import Extracted, Figures, Pipeline, PipelineResult, TableResult

if TYPE_CHECKING:
    from dreamnet.clouds.google import GoogleAccount
    from dreamnet.postgres.database import Database

Progress = Callable[[str], None]


def new_run_id(now: dt.datetime | None = None) -> str:
    """A name for a run: its UTC time, and a few random digits."""
    moment = now or dt.datetime.now(dt.UTC)
    return f"{moment:%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def run_pipeline(
    pipeline: Pipeline,
    database: Database,
    google: GoogleAccount,
    progress: Progress = lambda _: None,
    run_id: str | None = None,
) -> PipelineResult:
    """Extract every source as of one moment, load, reconcile and check all of it, then put all of it in
    place.

    Args:
        database: the source; a standby will do.
        progress: told each step.
        run_id: names files and staging tables; a repeat with the same one overwrites its own and nothing
        else.

    Returns:
        What was copied, proven on both sides.

    Raises:
        PrecheckFailed: bucket or dataset is missing.
        ConfigurationError: the pipeline's file does not fit the source.
        VerificationError: source and warehouse differ, or a check fails; the tables are as they were before.
        CredentialsError, UnreachableError, ResourceError: database or Google refuse.
    """
    began = time.monotonic()
    run_id = run_id or new_run_id()
    with load.google_errors(f"Pipeline {pipeline.name}"):
        job = _Job(pipeline, google, run_id, progress)
        moment = job.extract(database)
        try:
            job.load()
            job.put_in_place()
        finally:
            load.drop(job.client, job.staged)
    return PipelineResult(
        pipeline.name,
        run_id,
        moment,
        tuple(job.results()),
        tuple(check.name for check in pipeline.checks),
        time.monotonic() - began,
    )


class _Job:
    def __init__(self, pipeline: Pipeline, google: GoogleAccount, run_id: str, progress: Progress) -> None:
        self.pipeline = pipeline
        self.run_id = run_id
        self.progress = progress
        dataset = f"{google.project}.{pipeline.dataset}"
        name = pipeline.bucket.format(project=google.project)
        self.bucket, location = load.require(google.storage(), google.bigquery(), name, dataset)
        self.client: Any = google.bigquery(location)
        self.targets = {one.table: f"{dataset}.{one.table}" for one in pipeline.sources}
        self.staged = {one.table: f"{dataset}.{one.table}__{run_id}" for one in pipeline.sources}
        self.columns: dict[str, list[Column]] = {}
        self.extracted: dict[str, Extracted] = {}
        self.load_seconds: dict[str, float] = {}
        self.proven: dict[str, Figures] = {}

    def extract(self, database: Database) -> str:
        with snapshot(database) as (connection, moment):
            for source in self.pipeline.sources:
                prefix = f"{self.pipeline.name}/{source.table}/{self.run_id}"
                self.columns[source.table] = describe(connection, source.sql, source.key)
                done = extract(connection, source, self.bucket, prefix, self.pipeline.rows_per_part)
                self.extracted[source.table] = done
                self.progress(
                    f"{source.table}: {done.figures.rows} rows in {len(done.uris)} Parquet files, "
                    f"{done.parquet_bytes / 1e6:.1f} MB, {done.seconds:.1f} s"
                )
        return moment

    def load(self) -> None:
        for name, extracted in self.extracted.items():
            began = time.monotonic()
            load.load(self.client, extracted, self.columns[name], self.staged[name])
            found = load.figures(self.client, self.staged[name], self.columns[name], extracted.source.key)
            load.reconcile(name, extracted.figures, found)
            self.proven[name] = found
            self.load_seconds[name] = time.monotonic() - began
            self.progress(f"{name}: {found.rows} rows loaded and reconciled, {self.load_seconds[name]:.1f} s")
        for check in self.pipeline.checks:
            load.prove(self.client, check, self.staged)
            self.progress(f"holds: {check.name}")

    def put_in_place(self) -> None:
        for name, target in self.targets.items():
            load.put_in_place(self.client, self.staged[name], target)
            self.progress(f"{target}: in place")

    def results(self) -> list[TableResult]:
        return [
            TableResult(
                name,
                self.targets[name],
                self.proven[name],
                tuple(done.uris),
                done.parquet_bytes,
                done.seconds,
                self.load_seconds[name],
            )
            for name, done in self.extracted.items()
        ]
