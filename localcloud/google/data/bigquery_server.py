"""BigQuery for the rehearsal: bqemulator on DuckDB, made to start without a network.

    python -m localcloud.google.data.bigquery_server --data DIR --objects DIR --project ID --port PORT

Four things differ from `bqemulator start`:

* The emulator downloads DuckDB's `spatial` extension at start and refuses to run without it. No wheel of
  it exists
  for the DuckDB release in use (2.0), so that step is left out here: GEOGRAPHY functions answer with an
  error,
  everything else works.
* google-cloud-bigquery uploads a local file (`load_table_from_file`, `_dataframe`, `_json`) with the media
  type
  `*/*`, which BigQuery accepts and the emulator refuses.
* A statement whose result nobody fetches (a view's creation) would block every streaming insert after it.
* A view is shown with its query, which the emulator keeps to itself.

It asks for no token: the Google control-plane server stands before it and has checked it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bqemulator.api.routes import tables, upload
from bqemulator.config import LogLevel, PersistenceMode, Settings
from bqemulator.server import run_forever
from bqemulator.storage.engine import DuckDBEngine


def settings(*, data: Path, objects: Path, project: str, host: str, port: int) -> Settings:
    """The emulator's settings.

    Args:
        data: folder of the DuckDB file and of uploads under way.
        objects: folder that `gs://` stands for (one folder a bucket).
        project: the project of a request that names none.
    """
    uploads = data / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    return Settings(
        rest_host=host,
        rest_port=port,
        grpc_host=host,
        grpc_port=0,
        persistence_mode=PersistenceMode.PERSISTENT,
        data_dir=data,
        upload_staging_dir=uploads,
        gcs_local_root=objects,
        default_project_id=project,
        enable_format_extensions=False,
        log_level=LogLevel.WARNING,
    )


def prepare() -> None:
    """Fit the emulator to an offline machine and to Google's own client."""
    DuckDBEngine._load_spatial = lambda self: None
    upload._PERMITTED_MEDIA_CONTENT_TYPES = (*upload._PERMITTED_MEDIA_CONTENT_TYPES, "*/*")
    original = DuckDBEngine.connection.fget
    DuckDBEngine.connection = property(lambda self: _idle(original(self)))
    shown = tables._table_to_rest
    tables._table_to_rest = lambda table: _with_query(table, shown(table))


def _idle(connection: Any) -> Any:
    """The connection without a result that nobody has fetched: DuckDB refuses other work until then."""
    connection.complete()
    return connection


def _with_query(table: Any, body: dict[str, Any]) -> dict[str, Any]:
    """A view with its query, as BigQuery shows it."""
    if table.view_query:
        body["view"] = {"query": table.view_query, "useLegacySql": False}
    return body


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    prepare()
    run_forever(
        settings(
            data=given.data, objects=given.objects, project=given.project, host=given.host, port=given.port
        )
    )


if __name__ == "__main__":
    main()
