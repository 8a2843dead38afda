"""Looks at migrations between real servers: lag, slots, WAL, and DDL that would break them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from benchmarks.migration_trial import clean_up, fill, fresh_databases, start_servers, writing
from dreamnet.errors import GameplanError, VerificationError
from dreamnet.postgres import (
    Database,
    Migration,
    alarms,
    followers,
    moving,
    replication,
    telling,
    traces,
    waiting,
)
from dreamnet.postgres.alarms import Limits

pytestmark = pytest.mark.rehearsal


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    engines, databases = start_servers(Path(tmp_path_factory.mktemp("servers")))
    yield databases
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in vain waits shortly."""
    monkeypatch.setattr(followers, "MEASURE_S", 0.5)
    monkeypatch.setattr(waiting, "EVERY_S", 0.2)


@pytest.fixture
def databases(servers: list[Database]) -> Iterator[list[Database]]:
    fresh = fresh_databases(servers)
    yield fresh
    clean_up(fresh)


def quiet(_: str) -> None:
    pass


def execute(database: Database, *statements: str) -> None:
    with database.connect("application") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def following(databases: list[Database]) -> Migration:
    source, *targets = databases
    fill(source, bulk=10)
    migration = Migration(f"move_{source.dbname}", source, targets, workers=2)
    migration.prepare_and_copy(quiet)
    migration.follow(quiet)
    return migration


def subjects(migration: Migration, limits: Limits | None = None) -> list[tuple[str, str]]:
    return [(alarm.level, alarm.subject) for alarm in alarms.find(migration.look(), limits)]


# ---- where it stands


def test_each_phase_is_seen_with_its_followers(databases: list[Database]) -> None:
    source, first, second = databases
    fill(source, bulk=10)
    migration = Migration(f"move_{source.dbname}", source, [first, second], workers=2)
    look = migration.look()
    assert (look.phase, look.primary, look.followers, look.frozen[source.label]) == (
        "new",
        source.label,
        (),
        0,
    )

    migration.prepare_and_copy(quiet)
    look = migration.look()
    assert [one.subscription for one in look.followers] == ["disabled", "disabled"]
    migration.follow(quiet)
    look = migration.look()
    assert look.phase == "following"
    assert [one.subscriber for one in look.followers] == [first.label, second.label]
    for one in look.followers:
        assert one.arrived
        assert one.active
        assert one.bytes is not None
        assert one.retained_bytes is not None
        assert 0 <= (one.seconds or 0.0) < 3
    assert look.wal_limit == 2 * 1024**3
    assert alarms.find(look) == []

    seen = []
    migration.cut_over(lambda: seen.append(migration.look()))
    assert [(one.phase, one.primary) for one in seen] == [("switching", source.label)]
    look = migration.look()
    assert (look.phase, look.primary) == ("cut over", first.label)
    assert {one.subscriber for one in look.followers} == {source.label, second.label}
    assert all(one.arrived for one in look.followers)
    assert look.frozen[source.label] > 5
    assert look.frozen[first.label] == 0
    migration.roll_back(lambda: None)
    assert (migration.look().phase, migration.look().primary) == ("following", source.label)
    migration.finish()
    assert migration.look().phase == "new"


def test_copying_is_seen_and_is_no_reason_to_worry(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    source, *targets = databases
    fill(source, bulk=10)
    migration = Migration(f"move_{source.dbname}", source, targets, workers=1)
    looks = []

    def look(text: str) -> None:
        if text.startswith("copied public.dreams") and not looks:
            looks.append(migration.look())

    migration.prepare_and_copy(look)
    assert [one.phase for one in looks] == ["copying"]
    assert [one.subscription for one in looks[0].followers] == ["none", "none"]
    assert alarms.find(looks[0]) == []


def test_unfinished_as_long_as_anybody_who_answers_says_so(databases: list[Database]) -> None:
    source, first, second = databases
    name = f"move_{source.dbname}"
    nobody = [replace(database, port=1) for database in databases]

    def said(source: Database, *targets: Database) -> str:
        return traces.unfinished(name, source, targets)

    assert said(source, first, second) == ""
    migration = following(databases)
    not_finished = f"the migration {name} is not finished"
    assert said(*databases) == said(source, *nobody[1:]) == said(nobody[0], nobody[1], second) == not_finished
    assert traces.unfinished("move", source, [first, second]) == "", "its names begin like the other's"
    assert "cannot be told: no answer from 127.0.0.1:1/" in said(*nobody)
    migration.cut_over(lambda: None)
    assert said(*databases) == said(source, *nobody[1:]) == said(nobody[0], first, nobody[2]) == not_finished
    migration.finish()
    assert said(*databases) == said(source, *nobody[1:]) == said(nobody[0], first, nobody[2]) == ""
    for targets in ([first, second], nobody[1:]):
        look = Migration(name, source, targets).look()
        assert (look.phase, look.primary, alarms.find(look)) == ("finished", targets[0].label, [])
    assert migration.status().primary == first.label


# ---- slots and subscriptions


def test_subscription_that_is_off_is_an_alarm_and_its_slot_ages(databases: list[Database]) -> None:
    migration = following(databases)
    slot = migration.look().followers[0].slot
    execute(databases[1], f"ALTER SUBSCRIPTION {slot} DISABLE")
    with databases[0].connect() as connection:
        while replication.slot_rows(connection, [slot])[slot][0]:
            pass
    look = migration.look()
    one, other = look.followers
    assert (one.subscription, one.active, one.arrived) == ("disabled", False, False)
    assert one.silent_seconds > 0
    assert (other.active, other.silent_seconds) == (True, 0.0)
    (found,) = alarms.find(look)
    assert (found.level, found.subject, found.stops) == ("critical", "subscription", True)
    assert slot in found.what
    age = one.silent_seconds
    assert subjects(migration, Limits(idle_warning=age, idle_critical=1e9)) == [
        ("critical", "subscription"),
        ("warning", "idle slot"),
    ]
    migration.follow(quiet)
    assert subjects(migration) == []


def test_slot_that_is_gone_stops_following(databases: list[Database]) -> None:
    migration = following(databases)
    slot = migration.look().followers[0].slot
    execute(databases[1], f"ALTER SUBSCRIPTION {slot} DISABLE")
    with databases[0].connect() as connection:
        replication.drop_slot(connection, slot)
    assert ("critical", "slot") in subjects(migration)
    with pytest.raises(GameplanError, match=f"no slot {slot} any more"):
        alarms.raise_if_stopped(migration.look())


def test_wal_kept_for_a_slot_is_held_against_both_limits(databases: list[Database]) -> None:
    migration = following(databases)
    slot = migration.look().followers[1].slot
    execute(databases[2], f"ALTER SUBSCRIPTION {slot} DISABLE")
    execute(databases[0], "INSERT INTO bulk SELECT n, repeat('x', 2000) FROM generate_series(100, 1500) n")
    one = migration.look().followers[1]
    assert one.retained_bytes > 2_000_000
    assert one.spare_bytes == pytest.approx(2 * 1024**3 - one.retained_bytes, abs=64 * 1024**2)
    found = subjects(migration, Limits(wal_bytes=int(one.retained_bytes * 1.6)))
    assert ("warning", "WAL") in found
    assert ("critical", "WAL") in subjects(migration, Limits(wal_bytes=int(one.retained_bytes * 1.1)))


def test_follower_that_cannot_be_reached_is_reported(databases: list[Database]) -> None:
    source, first, second = databases
    migration = following(databases)
    away = Migration(migration.name, source, [first, replace(second, port=1)])
    found = alarms.find(away.look())
    assert [(alarm.subject, alarm.level) for alarm in found] == [("follower", "critical")]
    assert "Nothing usable answers" in found[0].what
    blind = Migration(migration.name, source, [replace(first, port=1), second]).look()
    assert blind.phase == "unknown"
    assert [one.slot for one in blind.followers] == [one.slot for one in migration.look().followers]
    assert all(one.retained_bytes is not None for one in blind.followers)
    assert [(one.level, one.subject) for one in alarms.find(blind)] == [("critical", "records")]
    migration.abandon()
    asleep = Migration(migration.name, source, [replace(first, port=1), second]).look()
    assert (asleep.phase, alarms.find(asleep)) == ("new", []), "nothing is under way: it may sleep"


def test_row_that_cannot_be_applied_is_an_alarm(databases: list[Database]) -> None:
    source, first, _ = databases
    migration = following(databases)
    execute(first, "INSERT INTO empty_one VALUES (1)")
    execute(source, "INSERT INTO empty_one VALUES (1)")
    while not (found := alarms.find(migration.look())):
        pass
    assert [(alarm.subject, alarm.level) for alarm in found] == [("apply", "critical")]
    assert first.label in found[0].what
    execute(first, "DELETE FROM empty_one")
    migration.wait_caught_up()
    assert subjects(migration) == []


def test_waiting_says_how_far_behind_and_how_long(databases: list[Database]) -> None:
    source, first, _ = databases
    migration = following(databases)
    lines: list[str] = []
    with first.connect("holds a lock", autocommit=False) as holder:
        holder.execute("LOCK TABLE bulk")
        execute(source, "INSERT INTO bulk VALUES (100, 'x')")

        def note(line: str) -> None:
            lines.append(line)
            if len(lines) == 8:
                holder.rollback()

        with writing(source):
            migration.follow(note)
    behind = [line for line in lines if "bytes and at most" in line]
    assert len(behind) >= 4
    assert any(line.startswith(first.label) and "it does not gain" in line for line in behind)


# ---- DDL at the source


BREAKING = [
    ("ALTER TABLE dreams ADD COLUMN sleep int", "table public.dreams has a new column sleep (integer)"),
    ("ALTER TABLE bulk DROP COLUMN filler", "table public.bulk has lost its column filler"),
    ("ALTER TABLE bulk ALTER id TYPE bigint", "column id of table public.bulk is bigint not null and was"),
    ("ALTER TYPE mood ADD VALUE 'odd'", "type public.mood is different: 'calm', 'wild', 'odd'"),
    (
        "ALTER TABLE dreams DROP CONSTRAINT dreams_key_key",
        "constraint dreams_key_key of table public.dreams is",
    ),
    ("DROP TABLE empty_one", "table public.empty_one is gone"),
]
OTHER = [
    ("CREATE INDEX odd_index ON bulk (filler)", "index odd_index of table public.bulk is new"),
    (
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "function public.touch() is different",
    ),
    ("CREATE OR REPLACE VIEW titles AS SELECT id, title FROM dreams WHERE id > 3", "view public.titles is"),
    ("DROP TRIGGER touch ON dreams", "trigger touch of table public.dreams is gone"),
    ("CREATE SEQUENCE counted", "sequence public.counted is new"),
    ("CREATE POLICY mine ON bulk USING (id > 3)", "policy mine of table public.bulk is new"),
]


def refused(migration: Migration) -> Iterator[str]:
    """What each step that compares says, while the source goes on taking writes."""
    for step in (migration.verify, lambda: migration.cut_over(lambda: pytest.fail("it switched"))):
        with pytest.raises(VerificationError, match="since the copy began") as caught:
            step()
        execute(migration.source, "UPDATE moods SET span = 'empty'")
        yield str(caught.value)


def test_ddl_that_breaks_following_stops_it_until_it_is_everywhere(databases: list[Database]) -> None:
    source, *targets = databases
    migration = following(databases)
    for statement, said in BREAKING:
        execute(source, statement)
        found = [alarm for alarm in alarms.find(migration.look()) if alarm.subject == "schema"]
        assert said in " ".join(alarm.what for alarm in found)
        assert found[0].stops
        with pytest.raises(VerificationError, match="since the copy began"):
            migration.follow(quiet)
        for words in refused(migration):
            assert said in words
            assert f"Run the same statement on {targets[0].label} and {targets[1].label}" in words
        execute(targets[0], statement)
        assert all(targets[0].label not in one.remedy for one in migration.look().changes)
        execute(targets[1], statement)
        assert migration.look().changes == ()
    execute(source, "INSERT INTO dreams (title, sleep, feeling) VALUES ('late', 8, 'odd')")
    migration.follow(quiet)
    assert migration.verify().equal
    assert migration.cut_over(lambda: None).proof.equal


def test_new_table_stops_following_until_it_is_gone(databases: list[Database]) -> None:
    migration = following(databases)
    for database in databases:  # that it exists everywhere does not replicate its rows
        execute(database, "CREATE TABLE nights (id int PRIMARY KEY)")
    (found,) = alarms.find(migration.look())
    assert "table public.nights is new and in no publication" in found.what
    with pytest.raises(VerificationError, match=r"public\.nights"):
        migration.follow(quiet)
    assert all("public.nights" in words for words in refused(migration))
    for database in databases:
        execute(database, "DROP TABLE nights")
    migration.follow(quiet)
    assert migration.look().changes == ()


def test_other_ddl_is_reported_and_waits_for_the_cut_over(databases: list[Database]) -> None:
    source, *targets = databases
    migration = following(databases)
    for statement, said in OTHER:
        execute(source, statement)
        (found,) = alarms.find(migration.look())
        assert (found.level, found.subject, found.stops) == ("notice", "schema", False)
        assert said in found.what
        migration.follow(quiet)
        for words in refused(migration):
            assert said in words
        for target in targets:
            execute(target, statement)
        assert migration.look().changes == ()
    assert migration.cut_over(lambda: None).proof.equal


def test_truncate_is_replicated(databases: list[Database]) -> None:
    source, first, second = databases
    migration = following(databases)
    execute(source, "TRUNCATE bulk")
    migration.follow(quiet)
    for database in (first, second):
        with database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM bulk").fetchone() == (0,)
    assert migration.verify().equal


def test_new_column_stops_a_run_that_waits(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    migration = following(databases)
    with first.connect("holds a lock", autocommit=False) as holder:
        holder.execute("LOCK TABLE bulk")
        execute(source, "INSERT INTO bulk VALUES (100, 'x')")

        def alter(line: str) -> None:
            if "bytes and at most" in line:
                execute(source, "ALTER TABLE moods ADD COLUMN IF NOT EXISTS more int")

        with pytest.raises(GameplanError, match=r"table public\.moods has a new column more"):
            migration.follow(alter)


def test_table_made_at_the_last_moment_is_seen_within_the_freeze(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = databases[0]
    migration = following(databases)
    real = moving.follow_back  # the last step between the comparison of everything and the freeze

    def then_create(*arguments: object) -> object:
        following = real(*arguments)
        execute(source, "CREATE TABLE late (id int PRIMARY KEY)")
        return following

    monkeypatch.setattr(moving, "follow_back", then_create)
    with pytest.raises(VerificationError, match=r"table public\.late is new and in no publication"):
        migration.cut_over(lambda: pytest.fail("it switched"))
    execute(source, "INSERT INTO empty_one VALUES (1)")


def test_ddl_at_the_new_primary_is_seen_too(databases: list[Database]) -> None:
    source, first, _ = databases
    migration = following(databases)
    migration.cut_over(lambda: None)
    execute(first, "ALTER TABLE bulk ADD COLUMN more int")
    (found, *_) = alarms.find(migration.look())
    assert found.what.startswith(f"On {first.label}, table public.bulk has a new column more")
    with pytest.raises(VerificationError, match="column more"):
        migration.roll_back(lambda: None)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        execute(source, "INSERT INTO empty_one VALUES (9)")
