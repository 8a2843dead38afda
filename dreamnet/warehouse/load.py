"""Parquet in Cloud Storage to BigQuery: into staging tables first, proven there, then put in place at
once."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dreamnet.errors import (
    CredentialsError,
    PrecheckFailed,
    ResourceError,
    UnreachableError,
    VerificationError,
)
from dreamnet.warehouse.columns import Column, right_figures
from dreamnet.warehouse.model import Check, Extracted, Figures, Staged

if TYPE_CHECKING:
    from google.cloud import bigquery

#: Seconds to wait for one BigQuery job.
JOB_TIMEOUT_S = 1800

#: Seconds until a Google that does not answer at all is given up.
FIRST_CALL_S = 15

#: A staging table that a killed run has left is dropped by BigQuery after this.
STAGING_LIFE = dt.timedelta(days=1)


@contextmanager
def google_errors(what: str) -> Iterator[None]:
    """Translate what google-cloud-* raises; every message begins with `what`."""
    from google.api_core import exceptions as google
    from google.auth.exceptions import GoogleAuthError
    from requests import exceptions as requests

    try:
        yield
    except (google.Unauthorized, google.Forbidden, GoogleAuthError) as error:
        raise CredentialsError(
            f"{what}: Google refused: {_said(error)}.",
            "Check the key in the Google block and the roles of its service account.",
        ) from None
    except (google.RetryError, requests.ConnectionError, requests.Timeout) as error:
        raise UnreachableError(
            f"{what}: Google does not answer ({type(error).__name__}).",
            "Check the network, and the Google block's endpoints where it names any.",
        ) from None
    except (google.GoogleAPICallError, google.ClientError) as error:
        raise ResourceError(
            f"{what}: {_said(error)}.", "Put right what Google names, then run the pipeline again."
        ) from error


def _said(error: Exception) -> str:
    text = getattr(error, "message", "") or (str(error.args[0]) if error.args else type(error).__name__)
    return str(text).splitlines()[0].rstrip(".")


def require(storage: Any, client: bigquery.Client, bucket: str, dataset: str) -> tuple[Any, str]:
    """The bucket, and the dataset's location.

    Raises:
        PrecheckFailed: one of them does not exist.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.storage.retry import DEFAULT_RETRY

    remedy = "Apply infrastructure/google/data first (flow week2-data does)."
    try:
        # The first call to Google: storage's own patience of two minutes helps nobody here.
        found = storage.get_bucket(bucket, retry=DEFAULT_RETRY.with_timeout(FIRST_CALL_S))
    except NotFound:
        raise PrecheckFailed(f"There is no bucket {bucket}.", remedy) from None
    try:
        return found, str(client.get_dataset(dataset).location)
    except NotFound:
        raise PrecheckFailed(f"There is no BigQuery dataset {dataset}.", remedy) from None


def load(client: bigquery.Client, extracted: Extracted, columns: list[Column], staging: str) -> None:
    """Load one table's files into `staging` (`project.dataset.table`), replacing what it holds."""
    from google.cloud import bigquery

    schema = [
        bigquery.SchemaField(
            one.name,
            one.kind.bigquery,
            mode="REPEATED" if one.repeated else "REQUIRED" if one.required else "NULLABLE",
        )
        for one in columns
    ]
    table = bigquery.Table(staging, schema=schema)
    table.expires = dt.datetime.now(dt.UTC) + STAGING_LIFE
    client.create_table(table, exists_ok=True)
    lists: Any = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    lists.enable_list_inference = True
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        schema=schema,
        parquet_options=lists,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
    )
    client.load_table_from_uri(extracted.uris, staging, job_config=config).result(timeout=JOB_TIMEOUT_S)


def figures(client: bigquery.Client, table: str, columns: list[Column], key: tuple[str, ...]) -> Figures:
    """Rows, distinct keys and checksum as BigQuery counts them."""
    rows = client.query(right_figures(table, columns, key)).result(timeout=JOB_TIMEOUT_S)
    return Figures(*(int(one) for one in next(iter(rows))))


def reconcile(table: str, source: Figures, target: Figures) -> None:
    """Prove that both sides hold the same rows.

    Raises:
        VerificationError: they differ; says in what.
    """
    if source == target:
        return
    names = ("rows", "distinct_keys", "checksum")
    differing = [
        f"{name.replace('_', ' ')} {getattr(source, name)} and {getattr(target, name)}"
        for name in names
        if getattr(source, name) != getattr(target, name)
    ]
    raise VerificationError(
        f"Table {table} differs between PostgreSQL and BigQuery: {', '.join(differing)}.",
        "Nothing was put in place; run the pipeline again, and if it differs again compare the rows by key.",
    )


def prove(client: bigquery.Client, check: Check, staged: Staged) -> None:
    """Run a rule on the staging tables.

    Raises:
        VerificationError: rows break it.
    """
    query = check.sql.format(**{name: f"`{table}`" for name, table in staged.items()})
    broken = int(next(iter(client.query(query).result(timeout=JOB_TIMEOUT_S)))[0])
    if broken:
        raise VerificationError(
            f"{broken} rows break the rule: {check.name}.",
            "Nothing was put in place; correct the rows in the source, or the rule in the pipeline's file.",
        )


def put_in_place(client: bigquery.Client, staging: str, target: str) -> None:
    """Replace `target` by `staging` in one step: a reader sees all old rows or all new ones."""
    from google.cloud import bigquery

    config = bigquery.CopyJobConfig(write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE)
    client.copy_table(staging, target, job_config=config).result(timeout=JOB_TIMEOUT_S)


def drop(client: bigquery.Client, tables: Staged) -> None:
    """Remove staging tables, present or not. One that cannot be removed now goes by itself after
    `STAGING_LIFE`:
    what went wrong before it matters more."""
    from google.api_core.exceptions import GoogleAPIError
    from requests import exceptions as requests

    for table in tables.values():
        with contextlib.suppress(GoogleAPIError, requests.ConnectionError, requests.Timeout):
            client.delete_table(table, not_found_ok=True, timeout=30)
