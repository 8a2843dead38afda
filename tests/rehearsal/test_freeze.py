"""Freezing a busy database: writers wait, whatever their order of tables; then all are refused, or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from dreamnet.errors import GameplanError
from dreamnet.postgres import Database, catalog, freeze, gate
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal
SCHEMA = """
DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;
CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who int);
CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who int);
CREATE TABLE days (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
GRANT USAGE ON SCHEMA public TO guest;
GRANT INSERT ON a, b TO guest;
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    engines = Engines(State(Path(tmp_path_factory.mktemp("servers"))))
    endpoint = engines.postgres("neon", region="here", user="owner", password="owner", database="dreamnet")
    database = Database.from_dsn(endpoint.dsn)
    with database.connect() as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    yield database
    engines.delete("neon")


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    with server.connect() as connection:
        connection.execute(SCHEMA.encode())
    yield server
    with server.connect() as connection:
        gate.thaw(connection)
        gate.remove(server, connection)


def tables(database: Database) -> list[catalog.Table]:
    with database.connect() as connection:
        return catalog.tables(connection)


def count(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").fetchone()[0]


class Crowd:
    """Writers without a pause between transactions; half of them go from a to b, half from b to a."""

    def __init__(self, database: Database) -> None:
        self._database, self.stop, self.done = database, threading.Event(), [0] * 6

    def write(self, number: int) -> str:
        first, second = ("a", "b") if number % 2 else ("b", "a")
        with self._database.connect(f"writer {number}") as connection:
            while not self.stop.is_set():
                try:
                    with connection.transaction():
                        connection.execute(f"INSERT INTO {first} (who) VALUES (1)".encode())
                        connection.execute(f"INSERT INTO {second} (who) VALUES (1)".encode())
                except psycopg.Error as error:
                    return str(error.sqlstate)
                self.done[number] += 1
        return "stopped"


@contextmanager
def crowd(database: Database) -> Iterator[tuple[Crowd, list]]:
    writers = Crowd(database)
    with ThreadPoolExecutor(len(writers.done)) as pool:
        ends = [pool.submit(writers.write, number) for number in range(len(writers.done))]
        try:
            until(lambda: min(writers.done) > 5)
            yield writers, ends
        finally:
            writers.stop.set()


def until(condition, seconds=20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_crowd_that_writes_to_two_tables_in_both_orders_waits_and_goes_on(database: Database) -> None:
    with crowd(database) as (writers, ends):
        for _ in range(5):
            with freeze.freeze(database, tables(database), "test"):
                held = count(database)
                time.sleep(0.1)
                assert count(database) == held
            done = sum(writers.done)
            until(lambda done=done: sum(writers.done) > done + 20)
    assert {end.result() for end in ends} == {"stopped"}
    assert count(database) == 2 * sum(writers.done)


def test_once_kept_every_writer_is_refused_and_nothing_acknowledged_is_missing(database: Database) -> None:
    with crowd(database) as (writers, ends):
        with freeze.freeze(database, tables(database), "test") as frozen:
            frozen.keep()
            held = count(database)
        assert {end.result(timeout=10) for end in ends} == {"25006"}
        assert count(database) == held == 2 * sum(writers.done)
    with database.connect() as connection:
        assert [str(name) for name in gate.frozen_tables(connection)] == [
            "public.a",
            "public.b",
            "public.days",
            "public.days_1",
        ]
        for statement in ("TRUNCATE a", "DELETE FROM days_1", "UPDATE b SET who = 2"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(statement.encode())
        gate.thaw(connection)
        assert gate.frozen_tables(connection) == []
        connection.execute("INSERT INTO a (who) VALUES (1)")


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_from_before_the_freeze_does_not_slip_through(database: Database, level: str) -> None:
    with freeze.freeze(database, tables(database), "test"):
        pass  # the gate is there
    with database.connect() as late, ThreadPoolExecutor(1) as pool:
        late.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        late.execute("SELECT count(*) FROM a")
        with freeze.freeze(database, tables(database), "test") as frozen:
            waiting = pool.submit(late.execute, "INSERT INTO a (who) VALUES (1)")
            until(lambda: waits(database))
            frozen.keep()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            waiting.result(timeout=10)
    assert count(database) == 0


def waits(database: Database) -> bool:
    with database.connect() as connection:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        return connection.execute(query.encode()).fetchone()[0]


def test_whoever_may_write_but_owns_nothing_is_told_why_not(database: Database) -> None:
    from dataclasses import replace

    with freeze.freeze(database, tables(database), "test") as frozen:
        frozen.keep()
    guest = replace(database, user="guest", password="guest")
    with (
        guest.connect() as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="has moved"),
    ):
        connection.execute("INSERT INTO a (who) VALUES (1)")


def test_truncate_does_not_stand_in_the_way_of_readers_behind_the_gate(database: Database) -> None:
    with database.connect() as other, ThreadPoolExecutor(1) as pool:
        with freeze.freeze(database, tables(database), "test"):
            waiting = pool.submit(other.execute, "TRUNCATE b")
            until(lambda: pending(database))
            with database.connect() as reader:
                assert reader.execute("SELECT count(*) FROM a").fetchone() == (0,)
        waiting.result(timeout=10)


def pending(database: Database) -> bool:
    with database.connect() as connection:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted)"
        return connection.execute(query.encode()).fetchone()[0]


def test_a_transaction_that_stays_open_is_named_and_hinders_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ATTEMPTS", 2)
    with database.connect("open one", autocommit=False) as blocking:
        blocking.execute("INSERT INTO a (who) VALUES (1)")
        for _ in range(2):  # first where the gate is built, then at the gate
            with pytest.raises(GameplanError, match=r"open one, idle in transaction"):
                freeze.freeze(database, tables(database), "test")
            with database.connect() as another:
                another.execute("INSERT INTO b (who) VALUES (1)")
            blocking.commit()
            with freeze.freeze(database, tables(database), "test"):
                pass
            blocking.execute("INSERT INTO a (who) VALUES (1)")
        blocking.commit()
