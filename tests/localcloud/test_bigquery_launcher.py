"""The BigQuery emulator's launcher: offline, on loopback, below the state directory."""

from __future__ import annotations

from pathlib import Path

from bqemulator.api.routes import upload
from bqemulator.config import PersistenceMode
from bqemulator.storage.engine import DuckDBEngine

from localcloud.google.data import bigquery_server, parts


def test_settings_stay_on_this_machine(tmp_path: Path) -> None:
    chosen = bigquery_server.settings(
        data=tmp_path / "data", objects=tmp_path / "objects", project="p", host="127.0.0.1", port=1234
    )
    assert (chosen.rest_host, chosen.grpc_host, chosen.rest_port) == ("127.0.0.1", "127.0.0.1", 1234)
    assert chosen.persistence_mode is PersistenceMode.PERSISTENT
    assert chosen.gcs_local_root == tmp_path / "objects"
    assert chosen.enable_format_extensions is False, "it would download one"


def test_the_engine_starts_without_an_extension_and_takes_any_upload(tmp_path: Path) -> None:
    import asyncio

    bigquery_server.prepare()
    engine = DuckDBEngine(
        bigquery_server.settings(data=tmp_path, objects=tmp_path, project="p", host="127.0.0.1", port=0)
    )
    asyncio.run(engine.start())
    assert engine.execute("SELECT 6 * 7").fetchall() == [(42,)]
    asyncio.run(engine.stop())
    assert upload._is_permitted_media_type("*/*")


def test_parts_name_the_two_engines() -> None:
    assert set(parts()) == {"google-storage", "google-bigquery"}
