"""Making a server flush its WAL often, with a WAL writer that hardly does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamnet.postgres import Database, flushing
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

_APPLICATION = "dreamnet:flushing"
_PATIENCE_S = 3.0


@pytest.fixture
def lazy(tmp_path: Path) -> Iterator[Database]:
    """A server whose WAL writer looks every ten seconds, if nobody wakes it."""
    engines = Engines(State(tmp_path))
    endpoint = engines.postgres(
        "lazy", region="here", user="owner", password="pw", settings={"wal_writer_delay": "10s"}
    )
    yield Database.from_dsn(endpoint.dsn)
    engines.delete("lazy")


def until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_what_is_not_committed_yet_is_flushed_nevertheless(lazy: Database) -> None:
    told: list[str] = []
    with lazy.connect(autocommit=False) as writer, lazy.connect() as looker:
        writer.execute("CREATE TABLE loaded (v text)")

        def flushed() -> bool:
            # The WAL writer flushes a MB or more: wal_writer_flush_after.
            behind = "SELECT pg_wal_lsn_diff(%s, pg_current_wal_flush_lsn()) <= 1024 * 1024"
            return looker.execute(behind, written).fetchone() == (True,)

        # More than once, as the server flushes now and then for reasons of its own.
        with flushing.often([lazy], _APPLICATION, told.append):
            for _ in range(4):
                writer.execute("INSERT INTO loaded SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
                written = looker.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
                assert until(flushed)
    assert told == []


def test_a_session_that_ends_is_told_and_the_block_goes_on(lazy: Database) -> None:
    told: list[str] = []
    end = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = %s"
    with lazy.connect() as other:
        with flushing.often([lazy], _APPLICATION, told.append):
            assert until(lambda: other.execute(end, (_APPLICATION,)).fetchone() is not None)
            assert until(lambda: bool(told))
        assert told[0].startswith("the copy goes on, only slower: ")
        assert other.execute(end, (_APPLICATION,)).fetchone() is None


def test_the_session_ends_with_the_block(lazy: Database) -> None:
    sessions = "SELECT FROM pg_stat_activity WHERE application_name = %s"
    with lazy.connect() as other:
        with flushing.often([lazy], _APPLICATION, print):
            assert until(lambda: other.execute(sessions, (_APPLICATION,)).fetchone() is not None)
        assert until(lambda: other.execute(sessions, (_APPLICATION,)).fetchone() is None)
