"""What a pipeline is, as its file declares it, and what a run of it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Source:
    """One table of the warehouse and where its rows come from.

    Attributes:
        table: its name in the warehouse.
        query: a SELECT on the source database, or a table's name (`public.flights`).
        key: columns that together identify a row; they become REQUIRED, and their distinct values are
        counted.
    """

    table: str
    query: str
    key: tuple[str, ...]

    @property
    def sql(self) -> str:
        """A SELECT, whichever way `query` is given."""
        text = self.query.strip().rstrip(";")
        return text if " " in text else f"SELECT * FROM {text}"


@dataclass(frozen=True)
class Check:
    """A rule that the new rows must obey before anyone can read them.

    Attributes:
        name: for people, what holds (`no flight departs before it is scheduled by a day`).
        sql: a BigQuery SELECT that counts the rows that break it; `{table}` style names stand for the new
        tables,
            by their warehouse name (`SELECT COUNT(*) FROM {dreams} WHERE title IS NULL`).
    """

    name: str
    sql: str


@dataclass(frozen=True)
class Pipeline:
    """PostgreSQL to Parquet in a bucket to BigQuery, all rows each time.

    Attributes:
        name: unique; the folder of its files in the bucket.
        sources: what is copied; all of them as of one moment.
        bucket: the lake; `{project}` stands for the project's id.
        dataset: BigQuery dataset, in the same project.
        schedule: cron expression, for whoever runs it.
        timezone: of the schedule.
        checks: rules on the new rows.
        rows_per_part: a new Parquet file begins after so many rows.
    """

    name: str
    sources: tuple[Source, ...]
    bucket: str
    dataset: str
    schedule: str
    timezone: str = "Etc/UTC"
    checks: tuple[Check, ...] = ()
    rows_per_part: int = 200_000


@dataclass(frozen=True)
class Figures:
    """What is counted on both sides of a copy, in SQL of equal meaning.

    Attributes:
        rows: number of rows.
        distinct_keys: number of distinct keys.
        checksum: sum over all rows of the first 32 bits of MD5 over the row's columns.
    """

    rows: int
    distinct_keys: int
    checksum: int


@dataclass(frozen=True)
class TableResult:
    """One table of one run.

    Attributes:
        target: `project.dataset.table`.
        figures: what source and target agreed on.
        uris: the Parquet files, `gs://...`.
        parquet_bytes: their size together.
        extract_seconds, load_seconds: wall-clock time; loading includes reconciling and the checks.
    """

    table: str
    target: str
    figures: Figures
    uris: tuple[str, ...]
    parquet_bytes: int
    extract_seconds: float
    load_seconds: float


@dataclass(frozen=True)
class PipelineResult:
    """A finished run: every table reconciled, every check passed, all tables in place.

    Attributes:
        run_id: names the run's folder and staging tables.
        snapshot: the source's time that all rows are as of (ISO 8601, UTC).
        checks: the rules that were proven.
    """

    pipeline: str
    run_id: str
    snapshot: str
    tables: tuple[TableResult, ...]
    checks: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.figures.rows for table in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a report or an artifact."""
        return {**asdict(self), "rows": self.rows}


@dataclass
class Extracted:
    """One table's files, before they are loaded."""

    source: Source
    figures: Figures
    uris: list[str] = field(default_factory=list)
    parquet_bytes: int = 0
    seconds: float = 0.0


#: Warehouse table name to `project.dataset.table`, of staging tables.
Staged = Mapping[str, str]
