"""How rows travel: in which format, read how often, how many tables at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.migration_trial import SERVERS, SETTINGS, clean_up, fill, fresh_databases, start_servers
from dreamnet.postgres import Database, Migration, catalog, session, telling, writing
from dreamnet.postgres import database as database_module
from dreamnet.postgres.session import ConnectionLost
from localcloud.engines import Engines

pytestmark = pytest.mark.rehearsal

#: So that logs tell who was asked for what, and where.
LOGGED = {"log_statement": "all", "log_line_prefix": "%d "}
_LOCK = 7
#: Far more than sockets and libpq hold.
_MB = 64

TYPES = """
CREATE TYPE phase AS ENUM ('light', 'deep');
CREATE TYPE pair AS (a int, b int);
CREATE TABLE ordinary (id int PRIMARY KEY, a numeric, b text[], c jsonb, d timestamptz, e uuid, f phase);
CREATE TABLE in_pieces (id int PRIMARY KEY, filler text);
CREATE TABLE never_binary (id int PRIMARY KEY, may aclitem);
CREATE TABLE never_binary_in_pieces (id int PRIMARY KEY, may aclitem, filler text);
CREATE TABLE numbered_types (id int PRIMARY KEY, phases phase[]);
CREATE TABLE numbered_columns (id int PRIMARY KEY, both_of pair);
CREATE TABLE numbered_objects (id int PRIMARY KEY, of regclass);
INSERT INTO ordinary VALUES (1, 'NaN', '{a,NULL}', '{}', 'infinity', gen_random_uuid(), 'deep');
INSERT INTO in_pieces SELECT n, repeat('x', 200) FROM generate_series(1, 1000) n;
INSERT INTO never_binary VALUES (1, makeaclitem('owner'::regrole, 'owner'::regrole, 'SELECT', false));
INSERT INTO never_binary_in_pieces SELECT n, NULL, repeat('x', 200) FROM generate_series(1, 1000) n;
INSERT INTO numbered_types VALUES (1, '{light,deep}');
INSERT INTO numbered_columns VALUES (1, '(1,2)');
INSERT INTO numbered_objects VALUES (1, 'pg_class');
"""
FORMATS = {
    "ordinary": "binary",
    "in_pieces": "binary",
    "never_binary": "text",
    "never_binary_in_pieces": "text",
    "numbered_types": "text",
    "numbered_columns": "text",
    "numbered_objects": "text",
}

#: A table whose rows wait for a lock wherever they are loaded; its indexes have it copied first.
HELD = f"""
CREATE FUNCTION hold() RETURNS bool LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN true; END';
CREATE TABLE held (id int PRIMARY KEY, twin int UNIQUE, filler text CHECK (hold()));
CREATE TABLE other (id int PRIMARY KEY);
INSERT INTO held SELECT n, n, repeat('x', 1024 * 1024) FROM generate_series(1, {_MB}) n;
INSERT INTO other VALUES (1);
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engines, list[Database]]]:
    engines, databases = start_servers(Path(tmp_path_factory.mktemp("servers")), SETTINGS | LOGGED)
    yield engines, databases
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@pytest.fixture
def databases(world: tuple[Engines, list[Database]]) -> Iterator[list[Database]]:
    fresh = fresh_databases(world[1])
    yield fresh
    clean_up(fresh)


def copies(engines: Engines, server: str, database: Database, word: str) -> list[tuple[str, str]]:
    """Table and format of each COPY ... `word` ... that was asked of a database."""
    statement = rf"^{database.dbname} LOG: .*: COPY (.*{word} STD.*)$"
    asked = re.findall(statement, engines.state.log(server).read_text(), re.MULTILINE)
    found = [re.search(r"""\."(\w+)".*\(FORMAT '?(\w+)""", one) for one in asked]
    return [(one[1], one[2]) for one in found if one]


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def test_rows_go_binary_where_their_types_allow_it(
    world: tuple[Engines, list[Database]], databases: list[Database]
) -> None:
    source, first, _ = databases
    with source.connect() as connection:
        connection.execute(TYPES.encode())
    Migration(f"move_{source.dbname}", source, [first], piece_bytes=100_000).prepare_and_copy(lambda _: None)
    read, loaded = copies(world[0], "neon", source, "TO"), copies(world[0], "cloudsql", first, "FROM")
    assert dict(read) == dict(loaded) == FORMATS
    assert sorted(read) == sorted(loaded)
    assert len(set(read)) == len(FORMATS) < len(read)
    with source.connect() as here, first.connect() as there:
        for table in FORMATS:
            rows = f"SELECT t::text FROM {table} t ORDER BY 1".encode()
            assert here.execute(rows).fetchall() == there.execute(rows).fetchall() != []


def test_two_targets_are_fed_by_one_read_of_the_source(
    world: tuple[Engines, list[Database]], databases: list[Database]
) -> None:
    source, *targets = databases
    fill(source, bulk=500)
    with source.connect() as connection:
        tables = sorted(one.name.name for one in catalog.tables(connection) if not one.partitioned)
    Migration(f"move_{source.dbname}", source, targets, workers=2).prepare_and_copy(lambda _: None)
    for server, database, word in zip(SERVERS, databases, ("TO", "FROM", "FROM"), strict=True):
        assert sorted(table for table, _ in copies(world[0], server, database, word)) == tables


def test_one_table_is_copied_to_its_end_while_another_is_under_way(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    source, first, _ = databases
    with source.connect() as connection:
        connection.execute(HELD.encode())
    said: list[str] = []
    with source.connect() as looker, first.connect() as holder:
        holder.execute(f"SET idle_session_timeout = '30s'; SELECT pg_advisory_lock({_LOCK})")
        reading = "SELECT FROM pg_stat_progress_copy WHERE relid = 'held'::regclass AND command = 'COPY TO'"

        def progress(text: str) -> None:
            if text.startswith("copied public."):
                said.append(text.split(":")[0])
            if text.startswith("copied public.other"):
                until(lambda: looker.execute(reading).fetchone() is not None)
                holder.execute(f"SELECT pg_advisory_unlock({_LOCK})")

        Migration(f"move_{source.dbname}", source, [first], workers=2).prepare_and_copy(progress)
    assert said == ["copied public.other", "copied public.held"]


def send(database: Database) -> None:
    """Rows, by a session that does not reckon with a server that takes none."""
    with database.connect() as sender, writing.load(sender, sql.SQL("COPY held FROM STDIN")) as copy:
        for number in range(_MB):
            copy.write(b"%d\t%d\t%s\n" % (number, number, b"x" * 1024**2))


def lose_a_connection(database: Database) -> None:
    with database.connect() as holder:
        holder.execute(HELD.encode())
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})")
        with pytest.raises(ConnectionLost):
            send(database)


def test_a_target_that_takes_nothing_for_longer_than_a_lost_connection_is_waited_for(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    monkeypatch.setitem(session.CLIENT_SETTINGS, "tcp_user_timeout", 1000)
    monkeypatch.setattr(database_module, "SERVER_SETTINGS", "-c tcp_user_timeout=1000")
    source, first, second = databases
    with source.connect() as connection:
        connection.execute(HELD.encode())
    with first.connect() as holder:
        holder.execute(f"SET idle_session_timeout = '60s'; SELECT pg_advisory_lock({_LOCK})")

        def progress(text: str) -> None:
            if text.startswith("copied public.other"):
                lose_a_connection(second)
                holder.execute(f"SELECT pg_advisory_unlock({_LOCK})")

        report = Migration(f"move_{source.dbname}", source, [first], workers=2).prepare_and_copy(progress)
    assert (report.tables, report.rows) == (2, _MB + 1)
