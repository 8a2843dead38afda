"""Migrations between real servers, with a writer that never stops."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.migration_trial import clean_up, fill, fresh_databases, start_servers, titles, writing
from dreamnet.errors import GameplanError, PrecheckFailed, VerificationError
from dreamnet.postgres import (
    Database,
    Migration,
    copying,
    gate,
    initial_copy,
    parties,
    precheck_source,
    schema,
    telling,
    verify,
)
from dreamnet.postgres.catalog import Name

pytestmark = pytest.mark.rehearsal


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    engines, databases = start_servers(Path(tmp_path_factory.mktemp("servers")))
    yield databases
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@pytest.fixture
def databases(servers: list[Database]) -> Iterator[list[Database]]:
    fresh = fresh_databases(servers)
    yield fresh
    clean_up(fresh)


def value(database: Database, query: str) -> object:
    with database.connect() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def copied(databases: list[Database]) -> Migration:
    source, *targets = databases
    migration = Migration(f"move_{source.dbname}", source, targets, workers=2, piece_bytes=100_000)
    migration.prepare_and_copy(quiet)
    migration.follow(quiet)
    return migration


def test_there_and_back_and_there_again_loses_and_doubles_nothing(databases: list[Database]) -> None:
    source, first, second = databases
    fill(source)
    with writing(source) as writer:
        migration = copied(databases)
        assert migration.verify().equal
        moved = migration.cut_over(lambda: setattr(writer, "current", first))
        assert moved.proof.equal
        assert 0 < moved.freeze_seconds < 2
        assert moved.following == {source.label: "following", second.label: "following"}
        time.sleep(0.3)
        migration.roll_back(lambda: setattr(writer, "current", source))
        time.sleep(0.3)
        migration.cut_over(lambda: setattr(writer, "current", first))
        time.sleep(0.3)
    assert migration.status().phase == "cut over"
    assert migration.verify().equal
    for database in databases:
        assert sorted(titles(database)) == sorted(writer.acknowledged)
    with source.connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO empty_one VALUES (1)")
    migration.finish()
    assert value(source, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == 0
    assert value(first, "SELECT count(*) FROM pg_publication") == 0
    assert value(second, "SELECT to_regnamespace('dreamnet_migration') IS NULL") is True


def test_tables_copied_at_different_moments_get_their_foreign_keys_at_a_common_one(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    source, *targets = databases
    fill(source, bulk=10)
    with source.connect() as connection:
        connection.execute("CREATE TABLE remarks (id int PRIMARY KEY, dream bigint REFERENCES dreams)")
    migration = Migration(f"move_{source.dbname}", source, targets, workers=1)

    def stop_after_dreams(text: str) -> None:
        if text.startswith("copied public.dreams"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migration.prepare_and_copy(stop_after_dreams)
    with writing(source) as writer:
        time.sleep(0.2)  # now there are events of dreams that the first snapshot did not see
        with source.connect() as connection:  # and a remark, whose table is not partitioned
            connection.execute("INSERT INTO remarks SELECT 1, max(id) FROM dreams")
        again = copied(databases)
        assert again.status().phase == "following"
        assert migration.verify().equal
    again.wait_caught_up()
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
    assert {value(database, keys) for database in databases} == {value(source, keys)}
    for target in targets:
        assert sorted(titles(target)) == sorted(writer.acknowledged)


def test_a_copy_whose_source_has_changed_meanwhile_does_not_go_on(databases: list[Database]) -> None:
    source, first, _ = databases
    fill(source, bulk=10)
    migration = Migration(f"move_{source.dbname}", source, [first], workers=1)

    def stop(text: str) -> None:
        if text.startswith("copying "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migration.prepare_and_copy(stop)
    with source.connect() as connection:
        connection.execute("ALTER TABLE bulk ADD COLUMN more int")
    with pytest.raises(VerificationError, match=r"table public\.bulk has a new column more"):
        migration.prepare_and_copy(stop)


def test_a_copy_keeps_its_sessions_for_small_tasks(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    fill(source, bulk=10)
    opened: list[tuple[Database, str]] = []
    connect = Database.connect

    def note(database: Database, application: str = "dreamnet", **settings: object) -> object:
        opened.append((database, application))
        return connect(database, application, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "connect", note)
    migration = Migration(f"move_{source.dbname}", source, [first], workers=1)
    migration.prepare_and_copy(quiet)
    ours = [database for database, application in opened if application == f"dreamnet:{migration.name}"]
    assert ours.count(source) == 2  # small tasks; who holds the snapshot
    # Small tasks; the lock; the rows; who has WAL flushed; schema before them, indexes, their attaching,
    # statistics, triggers.
    assert ours.count(first) == 9


def test_a_copy_reads_no_sample_to_estimate_its_time(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    fill(source, bulk=10)
    read: list[Database] = []
    monkeypatch.setattr(precheck_source, "read_rate", lambda database, _: read.append(database))
    migration = Migration(f"move_{source.dbname}", source, [first], workers=1)
    migration.precheck()
    assert read == [source]
    migration.prepare_and_copy(quiet)
    assert read == [source]


def test_tables_take_over_the_source_s_statistics_where_the_server_takes_them(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    tables = ("never_analysed", '"Odd ""one"', "of_no_column", "of_no_array", "small")
    with source.connect() as connection:
        for table in tables:
            rows = 2 if table == "small" else 1000
            connection.execute(
                f"CREATE TABLE {table} (id int, v text) WITH (autovacuum_enabled = off)".encode()
            )
            connection.execute(
                f"INSERT INTO {table} SELECT n, 'old' FROM generate_series(1, {rows}) n".encode()
            )
            connection.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL".encode())
        connection.execute(f"ANALYZE {', '.join(tables[1:])}".encode())
        for table in tables:
            connection.execute(f"UPDATE {table} SET v = 'new'".encode())
    read = schema.statistics
    broken = {"public.of_no_column": ("'v'", "'no such column'"), "public.of_no_array": ("'{old}'", "'old}'")}

    def break_some(database: Database, names: list[Name], version: int) -> dict[str, schema.Entry]:
        known = read(database, names, version)
        for name, (there, instead) in broken.items():
            assert there in known[name].statements
            known[name] = replace(known[name], statements=known[name].statements.replace(there, instead))
        return known

    monkeypatch.setattr(schema, "statistics", break_some)
    monkeypatch.setattr(initial_copy, "KNOWN_BYTES", 8193)  # a few rows take 8192
    Migration(f"move_{source.dbname}", source, [first]).prepare_and_copy(quiet)
    with first.connect() as connection:
        rows = connection.execute(
            "SELECT tablename, most_common_vals::text FROM pg_stats WHERE attname = 'v'"
        ).fetchall()
    taken, gathered = "{old}", "{new}"
    assert dict(rows) == {
        "never_analysed": gathered,
        'Odd "one': taken,
        "of_no_column": gathered,
        "of_no_array": gathered,
        "small": gathered,
    }


def test_awkward_values_arrive_as_they_are(databases: list[Database]) -> None:
    source, first, _ = databases
    fill(source, bulk=500)
    copied(databases)
    rows = "SELECT array_agg(t::text ORDER BY t::text) FROM "
    for table in ('"Odd ""Schema"."Select"', "dreams", "moods", "events", "left_side", "per_mood", "titles"):
        assert value(first, rows + table + " t") == value(source, rows + table + " t")
    assert value(first, "SELECT shout FROM dreams WHERE id = 1") == "DREAM 1"


def test_sequences_go_on_after_cut_over(databases: list[Database]) -> None:
    source, first, second = databases
    fill(source, bulk=10)
    copied(databases).cut_over(lambda: None)
    assert value(first, "INSERT INTO dreams (title) VALUES ('next') RETURNING id") == 501
    assert value(first, "INSERT INTO moods (feelings) VALUES ('{}') RETURNING id") == 3
    assert value(second, "SELECT nextval(pg_get_serial_sequence('dreams', 'id'))") == 501


def test_a_sequence_that_is_not_where_it_was_set_refuses_the_cut_over(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    fill(source, bulk=10)
    migration = copied(databases)
    real = verify.compare_sequences

    def drawn_from(wanted: Any, target: Any, label: str) -> list[verify.Difference]:
        target.execute("SELECT nextval(pg_get_serial_sequence('dreams', 'id'))")
        return real(wanted, target, label)

    monkeypatch.setattr(verify, "compare_sequences", drawn_from)
    with pytest.raises(VerificationError, match=rf"public\.dreams_id_seq \(sequence\) on {first.label}"):
        migration.cut_over(lambda: pytest.fail("switched"))
    assert value(source, "INSERT INTO empty_one VALUES (1) RETURNING id") == 1
    monkeypatch.undo()
    assert migration.cut_over(lambda: None).sequences > 0


def test_a_difference_refuses_the_cut_over_and_leaves_the_source_writable(databases: list[Database]) -> None:
    source, first, _ = databases
    fill(source, bulk=10)
    migration = copied(databases)
    with first.connect() as connection:
        connection.execute("UPDATE bulk SET filler = 'x' || substr(filler, 2) WHERE id = 7")
    switched = []
    with pytest.raises(VerificationError, match=r"public\.bulk"):
        migration.cut_over(lambda: switched.append(1))
    assert not switched
    assert value(source, "INSERT INTO empty_one VALUES (1) RETURNING id") == 1
    assert migration.status().phase == "following"


def test_a_table_made_since_the_copy_refuses_the_cut_over(databases: list[Database]) -> None:
    source = databases[0]
    fill(source, bulk=10)
    migration = copied(databases)
    with source.connect() as connection:
        connection.execute("ALTER TABLE bulk ADD COLUMN more int")
    with pytest.raises(VerificationError, match="column more"):
        migration.cut_over(lambda: None)


def test_a_switch_that_fails_is_undone(databases: list[Database]) -> None:
    source = databases[0]
    fill(source, bulk=10)
    migration = copied(databases)

    def broken() -> None:
        raise OSError("the secret store is down")

    with pytest.raises(OSError, match="secret store"):
        migration.cut_over(broken)
    assert value(source, "INSERT INTO empty_one VALUES (1) RETURNING id") == 1
    assert migration.cut_over(lambda: None).proof.equal


def test_a_session_that_holds_locks_is_named_and_nothing_is_changed(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ATTEMPTS", 2)
    source = databases[0]
    fill(source, bulk=10)
    migration = copied(databases)
    with source.connect("long transaction", autocommit=False) as connection:
        connection.execute("INSERT INTO empty_one VALUES (1)")
        with pytest.raises(GameplanError, match="long transaction"):
            migration.cut_over(lambda: None)
    assert migration.status().frozen_tables == 0


def test_only_one_process_at_a_time(databases: list[Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "_PATIENCE", 0.5)
    fill(databases[0], bulk=10)
    migration = copied(databases)
    started, release = threading.Event(), threading.Event()

    def slow_switch() -> None:
        started.set()
        release.wait(20)

    other = threading.Thread(target=migration.cut_over, args=(slow_switch,))
    other.start()
    started.wait(10)
    try:
        with pytest.raises(GameplanError, match="Another process"):
            migration.follow(quiet)
    finally:
        release.set()
        other.join()


def test_abandon_leaves_nothing_at_the_source(databases: list[Database]) -> None:
    source = databases[0]
    fill(source, bulk=10)
    copied(databases).abandon()
    assert value(source, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == 0
    assert value(source, "SELECT count(*) FROM pg_publication") == 0
    assert value(source, "SELECT to_regnamespace('dreamnet_migration') IS NULL") is True


def test_many_interruptions_begin_anew_rather_than_use_up_the_slots(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, *targets = databases
    fill(source)
    migration = Migration("often", source, targets, workers=1, piece_bytes=100_000)
    real = copying.Copier._note

    def note(self: object, piece: object, done: object, total: int) -> None:
        real(self, piece, done, total)
        if piece.table.name.name == "dreams" or piece.of == 1:
            raise GameplanError("interrupted", "again")

    monkeypatch.setattr(copying.Copier, "_note", note)
    for _ in range(4):
        with pytest.raises(GameplanError, match="interrupted"):
            migration.prepare_and_copy(quiet)
    monkeypatch.undo()
    migration.prepare_and_copy(quiet)
    migration.follow(quiet)
    assert migration.verify().equal
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
    assert value(source, slots) <= 2 * initial_copy.MAX_GENERATIONS


def test_long_copies_and_each_index_are_told_of(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    source, target, _ = databases
    fill(source)
    said: list[str] = []
    Migration("told", source, [target]).prepare_and_copy(said.append)
    assert any(re.fullmatch(r"copying public\.bulk: \d+ MB so far", line) for line in said)
    total = sum(" built " in line for line in said)
    assert f"{target.label}: built public.bulk bulk_pkey" in "\n".join(said)
    assert sum(f"of {total} indexes and keys)" in line for line in said) == total > 10
    # CREATE STATISTICS comes before ANALYZE, and every table and partition is analysed.
    assert (
        value(
            target,
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND reltuples < 0 "
            "AND relnamespace = 'public'::regnamespace",
        )
        == 0
    )
    assert value(target, "SELECT count(*) FROM pg_statistic_ext_data") == 1


def test_a_blocked_migration_changes_nothing(databases: list[Database]) -> None:
    source, first, _ = databases
    with source.connect() as connection:
        connection.execute("CREATE TABLE keyless (a int)")
    with pytest.raises(PrecheckFailed, match=r"public\.keyless"):
        copied(databases)
    for database in (source, first):
        assert value(database, "SELECT to_regnamespace('dreamnet_migration') IS NULL") is True
