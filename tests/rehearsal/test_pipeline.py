"""PostgreSQL to Parquet to BigQuery, on real servers: Neon's data, and every type that can travel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import data_plane
import psycopg
import pytest

from data_pipelines import dreams_to_bigquery, flights_to_bigquery
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ConfigurationError, PrecheckFailed, VerificationError
from dreamnet.postgres.database import Database
from dreamnet.warehouse import Check, Pipeline, Source, load, run_pipeline
from localcloud.neon import seed

pytestmark = pytest.mark.rehearsal

TYPES = """
CREATE TYPE sky AS ENUM ('sun', 'rain');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE assorted (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), price numeric(10, 2), free numeric, big bigint,
    small positive, ratio double precision, yes boolean, words text, document jsonb, tags text[],
    kind sky, kinds sky[],
    numbers int[], at timestamptz, local timestamp, day date, clock time, raw bytea);
INSERT INTO assorted (price, free, big, small, ratio, yes, words, document, tags, kind, kinds, numbers,
                      at, local, day, clock, raw) VALUES
(1.50, 1.123456789, 9223372036854775807, 7, -1.2345678901, true, E'quo"te,\nnew line', ' {"a": [1, 2]}',
 ARRAY['x', 'y, z', '"q"'], 'sun', ARRAY['sun', 'rain']::sky[], ARRAY[1, 2],
 '2026-01-01 00:00:00.123456+02', '2026-01-01 00:00:00.5', '2026-01-01', '23:59:59.999999', '\\xdeadbeef'),
(-2.25, -7, -5, NULL, 1e300, false, '', NULL, '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(NULL, NULL, NULL, NULL, 'NaN', NULL, NULL, '"s"', NULL, 'rain', '{}', ARRAY[5],
 '1969-12-31 23:59:59.999999Z', '1900-01-01', '0001-01-01', '00:00', '');
CREATE TABLE nothing (id int PRIMARY KEY, note text);
CREATE TABLE moments (id int PRIMARY KEY, gap interval);
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GoogleAccount, Database]]:
    from google.cloud import bigquery

    with data_plane.rehearsal(tmp_path_factory.mktemp("state"), warehouse=True) as (account, engines):
        neon = engines.postgres("neon", region="neon", user="dreamnet", password="local")
        seed(neon.dsn)
        database = Database.from_dsn(neon.dsn)
        with database.connect() as connection:
            connection.execute(TYPES.encode())
        dataset = bigquery.Dataset("dreamnet-62b49.dreamnet")
        dataset.location, dataset.labels = "us-central1", {"managed-by": "dreamnet-gameplan"}
        assert account.bigquery().create_dataset(dataset).labels == {"managed-by": "dreamnet-gameplan"}
        yield account, database


def pipeline(source: Source, **changes: Any) -> Pipeline:
    given = {"name": "test", "sources": (source,), "bucket": "{project}-lake", "dataset": "dreamnet"}
    return Pipeline(**{**given, "schedule": "0 0 * * *", **changes})


def rows(account: GoogleAccount, query: str) -> list[tuple[Any, ...]]:
    return [tuple(one) for one in account.bigquery().query(query).result()]


def tables(account: GoogleAccount) -> set[str]:
    return {one.table_id for one in account.bigquery().list_tables("dreamnet")}


def test_all_flights_arrive_in_several_files(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    said: list[str] = []
    result = run_pipeline(flights_to_bigquery.PIPELINE, database, account, said.append)
    (flights,) = result.tables
    assert result.rows == flights.figures.rows == flights.figures.distinct_keys == 336_776
    assert [uri.rsplit("/", 1)[-1] for uri in flights.uris] == ["part-000.parquet", "part-001.parquet"]
    with database.connect() as connection:
        expected = connection.execute(
            "SELECT carrier, count(*), sum(distance), max(arr_delay) FROM flights GROUP BY 1 ORDER BY 1"
        ).fetchall()
    grouped = (
        "SELECT carrier, COUNT(*), SUM(distance), MAX(arr_delay) FROM dreamnet.flights GROUP BY 1 ORDER BY 1"
    )
    assert rows(account, grouped) == expected
    assert any("336776 rows" in line for line in said)
    assert not [name for name in tables(account) if "__" in name], "staging tables are gone"


def test_dreams_are_as_of_one_moment_while_others_write(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    written = 0

    def write_between_tables(line: str) -> None:
        # The first table has been read: a new agent with a new dream must show in neither.
        nonlocal written
        if line.startswith("agents:") and "Parquet" in line:
            with database.connect() as connection:
                connection.execute(
                    "WITH a AS (INSERT INTO agents (handle) VALUES ('late') RETURNING id) "
                    "INSERT INTO dreams (agent_id, title, content) SELECT id, 'late', 'late' FROM a"
                )
            written += 1

    result = run_pipeline(dreams_to_bigquery.PIPELINE, database, account, write_between_tables)
    assert written == 1
    assert rows(account, "SELECT COUNT(*) FROM dreamnet.dreams WHERE title = 'late'") == [(0,)]
    with database.connect() as connection:
        now = connection.execute("SELECT count(*) FROM dreams").fetchone()
    counts = {table.table: table.figures.rows for table in result.tables}
    assert now is not None
    assert now[0] == counts["dreams"] + 1
    assert result.checks == tuple(check.name for check in dreams_to_bigquery.PIPELINE.checks)


def test_every_type_keeps_its_value(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    run_pipeline(pipeline(Source("assorted", "public.assorted", ("id",))), database, account)
    wanted = (
        "price, free, big, small, yes, words, document, tags, kind, kinds, numbers, "
        "`at`, local, day, clock, raw"
    )
    first, second, third = rows(
        account, f"SELECT {wanted} FROM dreamnet.assorted ORDER BY big DESC NULLS LAST"
    )
    assert first == (
        Decimal("1.50"), Decimal("1.123456789"), 2**63 - 1, 7, True, 'quo"te,\nnew line', '{"a": [1, 2]}',
        ["x", "y, z", '"q"'], "sun", ["sun", "rain"], [1, 2],
        dt.datetime(2025, 12, 31, 22, 0, 0, 123456, dt.UTC), dt.datetime(2026, 1, 1, 0, 0, 0, 500000),
        dt.date(2026, 1, 1), dt.time(23, 59, 59, 999999), b"\xde\xad\xbe\xef",
    )  # fmt: skip
    assert second[:6] == (Decimal("-2.25"), Decimal("-7"), -5, None, False, ""), "an empty text is no NULL"
    assert third[4:6] == (None, None)
    assert third[11] == dt.datetime(1969, 12, 31, 23, 59, 59, 999999, dt.UTC)
    assert third[15] == b""


def test_a_source_without_rows_gives_an_empty_table(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    result = run_pipeline(pipeline(Source("nothing", "nothing", ("id",))), database, account)
    assert result.rows == 0
    assert rows(account, "SELECT COUNT(*) FROM dreamnet.nothing") == [(0,)]
    assert [one.name for one in account.bigquery().get_table("dreamnet.nothing").schema] == ["id", "note"]


def test_one_changed_value_is_found_and_nothing_is_put_in_place(
    plane: tuple[GoogleAccount, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, database = plane
    one = pipeline(Source("airlines", "airlines", ("carrier",)))
    run_pipeline(one, database, account)
    honest = load.load

    def careless(client: Any, extracted: Any, columns: Any, staging: str) -> None:
        honest(client, extracted, columns, staging)
        client.query(f"UPDATE `{staging}` SET name = 'Nobody' WHERE carrier = 'UA'").result()

    monkeypatch.setattr(load, "load", careless)
    with pytest.raises(VerificationError, match=r"airlines differs.*: checksum"):
        run_pipeline(one, database, account)
    assert rows(account, "SELECT name FROM dreamnet.airlines WHERE carrier = 'UA'") == [
        ("United Air Lines Inc.",)
    ]
    assert not [name for name in tables(account) if "__" in name]


def test_a_broken_rule_leaves_the_tables_as_they_were(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    rule = Check("no airport lies above 100 feet", "SELECT COUNT(*) FROM {high} WHERE alt > 100")
    source = Source("high", "SELECT faa, alt FROM airports", ("faa",))
    with pytest.raises(VerificationError, match="rows break the rule: no airport lies above 100 feet"):
        run_pipeline(pipeline(source, checks=(rule,)), database, account)
    assert "high" not in tables(account)


def test_a_repeated_run_overwrites_its_own_files(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    one = pipeline(Source("planes", "planes", ("tailnum",)))
    first = run_pipeline(one, database, account, run_id="again")
    second = run_pipeline(one, database, account, run_id="again")
    assert first.tables[0].uris == second.tables[0].uris
    found = list(account.storage().list_blobs(data_plane.LAKE, prefix="test/planes/again/"))
    assert len(found) == 1
    assert rows(account, "SELECT COUNT(*) FROM dreamnet.planes") == [(first.rows,)]


def test_what_cannot_travel_is_refused_before_anything_is_loaded(
    plane: tuple[GoogleAccount, Database],
) -> None:
    account, database = plane
    with pytest.raises(ConfigurationError, match=r"tells only \d+ of 1458 rows apart"):
        run_pipeline(pipeline(Source("airports", "airports", ("tzone",))), database, account)
    with pytest.raises(ConfigurationError, match="no column nonsense"):
        run_pipeline(pipeline(Source("airports", "airports", ("nonsense",))), database, account)
    with pytest.raises(ConfigurationError, match=r"Column a has the type _float8.*"):
        run_pipeline(
            pipeline(Source("x", "SELECT 1 AS id, ARRAY[1.5::float8] AS a", ("id",))), database, account
        )
    with pytest.raises(ConfigurationError, match="cannot be carried to BigQuery"):
        run_pipeline(pipeline(Source("x", "SELECT 1 AS id, 1e-12::numeric AS n", ("id",))), database, account)
    with pytest.raises(VerificationError, match="an array with a NULL"):
        run_pipeline(
            pipeline(Source("x", "SELECT 1 AS id, ARRAY['a', NULL] AS n", ("id",))), database, account
        )


def test_missing_bucket_and_dataset_are_named(plane: tuple[GoogleAccount, Database]) -> None:
    account, database = plane
    source = Source("planes", "planes", ("tailnum",))
    with pytest.raises(PrecheckFailed, match="no bucket nowhere"):
        run_pipeline(pipeline(source, bucket="nowhere"), database, account)
    with pytest.raises(PrecheckFailed, match=r"no BigQuery dataset dreamnet-62b49\.nothing"):
        run_pipeline(pipeline(source, dataset="nothing"), database, account)


def test_a_local_file_loads_too(plane: tuple[GoogleAccount, Database], tmp_path: Path) -> None:
    """google-cloud-bigquery sends uploads as `*/*`, in one request or resumably."""
    from google.cloud import bigquery

    account, _ = plane
    schema = [bigquery.SchemaField("id", "INT64")]
    config = bigquery.LoadJobConfig(schema=schema, write_disposition="WRITE_TRUNCATE")
    client = account.bigquery()
    client.load_table_from_json(
        [{"id": 1}, {"id": 2}], "dreamnet-62b49.dreamnet.small", job_config=config
    ).result()
    assert rows(account, "SELECT SUM(id) FROM dreamnet.small") == [(3,)]


def test_nobody_reads_without_a_token(plane: tuple[GoogleAccount, Database]) -> None:
    import httpx

    account, _ = plane
    for path in (
        "bigquery/bigquery/v2/projects/dreamnet-62b49/datasets/dreamnet/tables",
        "storage/storage/v1/b/x/o",
    ):
        root = account.root("storage", "").rsplit("/", 2)[0]
        assert httpx.get(f"{root}/{path}").status_code == 401


def test_a_connection_that_breaks_leaves_no_half_file(
    plane: tuple[GoogleAccount, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamnet.errors import GameplanError
    from dreamnet.warehouse import extract

    account, database = plane
    monkeypatch.setattr(extract, "BLOCK_BYTES", 64 * 1024)
    honest = extract._typed
    seen = 0

    def cut(batch: Any, columns: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == 3:
            with psycopg.connect(database.dsn(), autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'dreamnet-warehouse'"
                )
        return honest(batch, columns)

    monkeypatch.setattr(extract, "_typed", cut)
    with pytest.raises(GameplanError):
        run_pipeline(pipeline(Source("flights2", "flights", ("id",))), database, account, run_id="cut")
    assert list(account.storage().list_blobs(data_plane.LAKE, prefix="test/flights2/cut/")) == []
