"""Migrations under faults at moments drawn from fixed seeds; benchmarks.migration_faults does many more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.fault_outcome import Outcome, compare
from benchmarks.fault_round import Trial
from benchmarks.migration_faults import IMPATIENT
from benchmarks.migration_trial import SETTINGS, Writer, clean_up, fill, fresh_databases, start_servers
from dreamnet.errors import UnreachableError
from dreamnet.postgres import Database, Migration, reading, replication, session, streams, waiting
from dreamnet.postgres.session import ConnectionLost

pytestmark = pytest.mark.rehearsal


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    scratch = Path(tmp_path_factory.mktemp("faults"))
    trial = Trial(*start_servers(scratch / "state", SETTINGS | IMPATIENT), scratch)
    yield trial
    trial.close()


@pytest.mark.parametrize("seed", [377, 1220])
def test_struck_anywhere_it_goes_on_and_nothing_is_lost_or_doubled(trial: Trial, seed: int) -> None:
    outcome = trial.run(seed)
    assert not outcome.wrong, "\n".join([*outcome.story, *outcome.wrong])
    assert outcome.faults.total() > 1
    assert outcome.resumed > 0
    assert outcome.acknowledged > 50


# ---- what nobody answers any more


@pytest.fixture
def broken(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The source behind its network, where silence is doubtful after tenths of a second."""
    monkeypatch.setattr(session, "DOUBT_S", 0.2)
    monkeypatch.setattr("dreamnet.postgres.database.QUIET_S", 0.3)
    monkeypatch.setattr(reading, "QUIET_S", 0.3)
    return replace(trial.servers[0], host="127.0.0.1", port=trial.networks["neon"].port)


def test_a_session_whose_connection_has_vanished_ends_by_itself(trial: Trial, broken: Database) -> None:
    with broken.connect() as connection:
        connection.execute("SELECT 1")
        trial.networks["neon"].vanish()
        started = time.monotonic()
        with pytest.raises(ConnectionLost, match="broke"), connection.transaction():
            connection.execute("SELECT 1")
    assert time.monotonic() - started < 5


def test_a_session_whose_server_is_at_work_is_waited_for(broken: Database) -> None:
    with broken.connect() as connection:
        row = connection.execute("SELECT count(pg_sleep(0.4)) FROM generate_series(1, 4)").fetchone()
    assert row == (4,)


def test_a_copy_whose_connection_has_vanished_ends_by_itself(trial: Trial, broken: Database) -> None:
    with trial.servers[0].connect() as keeper:
        keeper.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        row = keeper.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        query = sql.SQL("SELECT repeat(n::text, 100), CASE n WHEN 5000 THEN pg_sleep(1) END")
        query += sql.SQL(" FROM generate_series(1, 10000) n")
        read: list[bytes] = []
        with reading.SnapshotReader(broken, "reader", row[0]) as reader:
            assert (
                reader.copy(query, "text", read.append, "copy") == 10_000
            )  # at work, though silent for a second
            blocks, read = len(read), []

            def vanish(block: bytes) -> None:
                read.append(block)
                trial.networks["neon"].vanish()

            with pytest.raises(UnreachableError, match="broke, while we tried to copy"):
                reader.copy(query, "text", vanish, "copy")
        assert 0 < len(read) < blocks


def test_a_follower_that_hangs_while_it_connects_begins_anew(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HANGS_S", 1.0)
    monkeypatch.setattr(waiting, "EVERY_S", 0.5)
    databases = fresh_databases(trial.servers)[:2]
    fill(databases[0], bulk=1)
    network = trial.networks["neon"]
    source = replace(databases[0], host="127.0.0.1", port=network.port)
    migration = Migration(f"hangs_{source.dbname}", source, [databases[1]])
    try:
        migration.prepare_and_copy(lambda _: None)
        network.stall()
        with databases[1].connect() as connection:
            row = connection.execute(
                "SELECT subname FROM pg_subscription s, pg_database d "
                "WHERE d.oid = subdbid AND datname = current_database()"
            ).fetchone()
            assert row is not None
            replication.enable(connection, row[0])
            connecting = (
                "SELECT FROM pg_stat_subscription s JOIN pg_stat_activity a ON a.pid = s.pid "
                "WHERE s.subname = %s AND a.wait_event = 'LibpqwalreceiverConnect'"
            )
            while connection.execute(connecting, row).fetchone() is None:
                time.sleep(0.01)
        network.vanish()
        network.mend()
        started = time.monotonic()
        migration.follow(lambda _: None, timeout=60)
        assert time.monotonic() - started < 30
    finally:
        network.mend()
        clean_up(databases)


# ---- what the comparison sees


def test_lost_doubled_and_different_rows_are_seen(trial: Trial) -> None:
    databases = fresh_databases(trial.servers)[:2]
    for database in databases:
        fill(database, bulk=1)
        with database.connect() as connection:
            for title in ("written 1", "written 2", "written 2", "written 3"):
                connection.execute("INSERT INTO dreams (title) VALUES (%s)", (title,))
    client = Writer(databases[0])
    client.acknowledged, client.unsure, client.refused = (
        ["written 0", "written 2"],
        ["written 1"],
        ["written 3"],
    )
    outcome = Outcome(seed=0)
    compare(databases, client, outcome)
    assert (outcome.lost, outcome.doubled) == (1, 2)
    assert any("public.dreams is" in one for one in outcome.wrong)  # their keys are random
    assert not any("public.moods is" in one for one in outcome.wrong)
