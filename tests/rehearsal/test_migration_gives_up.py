"""A cut-over that fails: the source takes writes again, as a client proves, or the next run completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.migration_trial import clean_up, fill, fresh_databases, start_servers, titles, writing
from dreamnet.errors import GameplanError, UnreachableError, VerificationError
from dreamnet.postgres import (
    Database,
    Migration,
    alarms,
    cutover,
    finishing,
    giving_up,
    lag_report,
    moving,
    noted,
    replication,
)
from dreamnet.postgres.cutover import SwitchUnfinished, Unproven
from dreamnet.postgres.parties import Parties
from localcloud.engines import Engines

pytestmark = pytest.mark.rehearsal

#: A cut-over that says when it has come to the switch, and hangs there until it is killed.
HANGS = """
import os, sys, time
from dreamnet.postgres import Database, Migration, noted, replication
source, *targets = [Database.from_dsn(dsn) for dsn in os.environ["DSNS"].split("|")]
def switch():
    print("here", flush=True)
    time.sleep(60)
Migration(sys.argv[1], source, targets).cut_over(switch)
"""

#: Giving up, which says when it has called a function so many times, and hangs there until it is killed.
GIVES_UP = """
import os, sys, time
from dreamnet.postgres import Database, Migration, gate, state, traces
source, *targets = [Database.from_dsn(dsn) for dsn in os.environ["DSNS"].split("|")]
module, name, times = globals()[sys.argv[2]], sys.argv[3], int(sys.argv[4])
real, calls = getattr(module, name), []
def called(*arguments):
    real(*arguments)
    calls.append(arguments)
    if len(calls) == times:
        print("here", flush=True)
        time.sleep(60)
setattr(module, name, called)
Migration(sys.argv[1], source, targets).abandon()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engines, list[Database]]]:
    engines, databases = start_servers(Path(tmp_path_factory.mktemp("servers")))
    yield engines, databases
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@pytest.fixture
def databases(world: tuple[Engines, list[Database]]) -> Iterator[list[Database]]:
    fresh = fresh_databases(world[1])
    fill(fresh[0], bulk=10)
    yield fresh
    clean_up(fresh)


def following(databases: list[Database]) -> Migration:
    source, *targets = databases
    migration = Migration(f"move_{source.dbname}", source, targets, workers=2)
    migration.prepare_and_copy(lambda _: None)
    migration.follow(lambda _: None)
    return migration


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def takes_writes(writer: Any) -> None:
    """A client that never stopped gets acknowledgements again."""
    had = len(writer.acknowledged)
    until(lambda: len(writer.acknowledged) > had + 3)


def kill_where_it_hangs(script: str, migration: Migration, *arguments: str) -> None:
    """A process that does something with the migration is killed as soon as it says where it is."""
    databases = (migration.source, *migration.targets)
    environment = {**migration.source.environment(), "DSNS": "|".join(one.dsn() for one in databases)}
    process = subprocess.Popen(
        [sys.executable, "-c", script, migration.name, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def kill_at_the_switch(migration: Migration) -> None:
    """A cut-over is killed between freeze and switch."""
    kill_where_it_hangs(HANGS, migration)


def test_followers_that_do_not_catch_up_within_the_timeout(databases: list[Database]) -> None:
    migration = following(databases)
    with databases[2].connect() as connection:
        subscription = connection.execute("SELECT subname FROM pg_subscription").fetchone()
        assert subscription is not None
        connection.execute(f"ALTER SUBSCRIPTION {subscription[0]} DISABLE".encode())
    with writing(databases[0]) as writer:
        takes_writes(writer)
        with pytest.raises(GameplanError, match=r"has not caught up with .* within 0\.5 s"):
            migration.cut_over(lambda: pytest.fail("switched"), timeout=0.5)
        takes_writes(writer)
        with databases[2].connect() as connection:
            connection.execute(f"ALTER SUBSCRIPTION {subscription[0]} ENABLE".encode())
        migration.cut_over(lambda: setattr(writer, "current", databases[1]))
        takes_writes(writer)
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


def test_nobody_gets_a_write_acknowledged_by_the_new_primary_of_a_switch_that_fails(
    databases: list[Database],
) -> None:
    source, first, _ = databases
    migration = following(databases)
    early: list[object] = []

    def half_switched() -> None:
        with writing(first) as impatient:  # one cloud's secret is written, and somebody reads it at once
            until(lambda: impatient.errors > 2)
        early.extend(impatient.acknowledged)
        raise GameplanError("The other cloud refuses its secret.", "Grant it.")

    with writing(source) as writer:
        with pytest.raises(GameplanError) as caught:
            migration.cut_over(half_switched)
        takes_writes(writer)
    assert caught.value.problem == (
        f"The other cloud refuses its secret. Nothing was switched; {source.label} takes writes."
    )
    assert early == []
    assert migration.status().phase == "following"
    migration.abandon()
    with first.connect() as connection:  # what was copied is the operator's again
        connection.execute("INSERT INTO empty_one VALUES (1)")


def test_killed_between_freeze_and_switch_the_next_run_completes_it(databases: list[Database]) -> None:
    source, first, _ = databases
    migration = following(databases)
    with writing(source) as writer:
        kill_at_the_switch(migration)
        status = migration.status()
        assert (status.phase, status.switching_to) == ("switching", "target")
        with pytest.raises(GameplanError, match="interrupted during its switch"):
            migration.roll_back(lambda: pytest.fail("switched"))
        with pytest.raises(GameplanError, match="Complete the cut-over"):
            migration.abandon()
        migration.cut_over(lambda: setattr(writer, "current", first))
        takes_writes(writer)
    migration.wait_caught_up()
    assert migration.status().phase == "cut over"
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


def test_target_that_is_gone_after_the_freeze_does_not_keep_the_source_frozen(
    databases: list[Database],
) -> None:
    source, first, second = databases
    migration = following(databases)
    gone = replace(first, port=1)
    left = Parties.of(migration.name, source, (gone, second))
    with writing(source) as writer:
        kill_at_the_switch(migration)
        look = Migration(migration.name, source, left.targets).look()
        assert "nobody who answers takes the writes" in lag_report.sentence(look, alarms.find(look))
        met = giving_up.outlook(left, gone)
        assert (met.phase, met.frozen > 5, len(met.kept), set(met.silent)) == ("", True, 2, {gone})
        assert giving_up.outlook(replace(left, targets=(second,)), None).phase == ""
        (other,) = fresh_databases([first])
        look = Migration(migration.name, source, (other, second)).look()
        assert [look.phase, *(one.subject for one in alarms.find(look))] == ["lost", "records"]
        anew = replace(left, targets=(other, second))
        for parties, records in ((left, gone), (anew, other)):
            with pytest.raises(GameplanError, match="they may have moved"):
                giving_up.give_up(parties, records, print)
        giving_up.give_up(left, gone, print, empty=True, names_source=True)
        takes_writes(writer)
    assert kept(source) == kept(second) == ([], [], [])
    assert kept(first)[0], "what does not answer stays as it is"
    with second.connect() as connection:
        assert connection.execute("SELECT to_regclass('dreams')").fetchone() == (None,)
    migration.abandon(empty=True)  # it is back after all
    assert kept(first) == ([], [], [])


def test_follower_that_is_gone_is_no_hurdle(databases: list[Database]) -> None:
    source, first, second = databases
    migration = following(databases)
    gone = replace(second, port=1)
    met = giving_up.give_up(Parties.of(migration.name, source, (first, gone)), first, print)
    assert (met.phase, set(met.silent)) == ("following", {gone})
    assert kept(source) == kept(first) == ([], [], [])


def kept(database: Database) -> tuple[list[str], list[str], list[str]]:
    """Names of a database's subscriptions, slots and publications."""
    with database.connect() as connection:
        row = connection.execute(
            "SELECT ARRAY(SELECT subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
            " WHERE datname = current_database()),"
            " ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database()),"
            " ARRAY(SELECT pubname::text FROM pg_publication)"
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_finished_without_a_follower_that_died_the_primary_keeps_nothing_for_it(
    world: tuple[Engines, list[Database]], databases: list[Database]
) -> None:
    engines = world[0]
    source, first, second = databases
    migration = following(databases)
    parties = Parties.of(migration.name, source, migration.targets)
    migration.cut_over(lambda: None)
    met = finishing.outlook(parties)
    assert (met.phase, len(met.lags), met.silent, met.remains) == ("cut over", 2, {}, parties.everywhere)
    engines.kill("rds")
    try:
        with first.connect() as connection:
            connection.execute("INSERT INTO empty_one VALUES (1)")
        met = finishing.outlook(parties)
        assert (met.phase, set(met.silent), met.remains) == ("cut over", {second}, (source, first))
        assert [lag.subscriber for lag in met.lags] == [source.label]
        with pytest.raises(UnreachableError):
            finishing.finish(parties, print)
        assert len(kept(first)[1]) == 2, "without a word about it, nothing changes"
        finishing.finish(parties, print, met.silent)
        assert kept(source) == kept(first) == ([], [], [])
        met = finishing.outlook(parties)
        assert (met.phase, set(met.silent), met.remains) == ("finished", {second}, ())
    finally:
        engines.start("rds")
    met = finishing.outlook(parties)
    assert (met.phase, met.silent, met.remains) == ("lost", {}, (second,))
    finishing.finish(parties, print)
    assert kept(second) == ([], [], [])
    assert finishing.outlook(parties).phase == "finished"


def test_finish_that_was_killed_on_its_way_goes_on_without_neon(databases: list[Database]) -> None:
    source, first, second = databases
    migration = following(databases)
    migration.cut_over(lambda: None)
    gone = replace(source, port=1)
    parties = Parties.of(migration.name, gone, migration.targets)
    met = finishing.outlook(parties)
    assert (set(met.silent), [lag.subscriber for lag in met.lags]) == ({gone}, [second.label])

    def die(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finishing.finish(parties, die, met.silent)
    met = finishing.outlook(parties)
    assert (met.phase, met.lags, met.remains) == ("cut over", (), (first, second))
    finishing.finish(parties, print, met.silent)
    assert kept(first) == kept(second) == ([], [], [])
    assert finishing.outlook(parties).remains == ()
    migration.finish()  # it is back after all, and goes on refusing writes
    assert kept(source) == ([], [], [])
    with source.connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO empty_one VALUES (1)")


#: Where an abandon is killed, one after the other: behind the call of so many databases.
ON_ITS_WAY = ("gate thaw 2", "traces remove_subscriptions 2", "traces remove_publications 1", "state drop 2")


def test_abandon_that_was_killed_on_its_way_goes_on(databases: list[Database]) -> None:
    migration = following(databases)
    with writing(databases[0]) as writer:
        with pytest.raises(GameplanError, match="The secret store is down"):
            migration.cut_over(secret_store_is_down)  # the first target refuses writes from here on
        for moment in ON_ITS_WAY:
            kill_where_it_hangs(GIVES_UP, migration, *moment.split())
            takes_writes(writer)
        migration.abandon()
        takes_writes(writer)
    for database in databases:
        assert kept(database) == ([], [], [])
        with database.connect() as connection:
            left = connection.execute("SELECT to_regnamespace('dreamnet_migration')").fetchone()
            assert left == (None,)
            connection.execute("INSERT INTO empty_one VALUES (1)")


def test_emptied_targets_take_a_new_attempt(databases: list[Database]) -> None:
    migration = following(databases)
    migration.abandon(empty=True)
    assert migration.precheck().blocking == []
    again = following(databases)
    assert again.verify().equal


def test_target_that_dies_during_the_freeze(
    world: tuple[Engines, list[Database]], databases: list[Database]
) -> None:
    engines = world[0]
    source, first, _ = databases
    migration = following(databases)

    def die(text: str) -> None:
        if text.startswith("freezing"):
            engines.kill("cloudsql")

    with writing(source) as writer:
        try:
            with pytest.raises(UnreachableError):
                migration.cut_over(lambda: pytest.fail("switched"), die, timeout=3)
            takes_writes(writer)
        finally:
            engines.start("cloudsql")

        def die_after_all() -> None:
            engines.kill("cloudsql")
            writer.current = first

        try:
            with pytest.raises(SwitchUnfinished, match=r"names .* already"):
                migration.cut_over(die_after_all, timeout=30)
        finally:
            engines.start("cloudsql")
        assert migration.status().phase == "switching"
        migration.cut_over(lambda: setattr(writer, "current", first), timeout=30)
        takes_writes(writer)
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


def test_a_moment_without_network_leaves_no_follower_behind(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, second = databases
    migration = following(databases)
    real = replication.subscribe
    troubles = [GameplanError("It cannot connect.", "Wait."), UnreachableError("Ours broke.", "Again.")]

    def subscribe(*arguments: Any, **options: Any) -> None:
        if arguments[0] == second and troubles:
            raise troubles.pop()
        real(*arguments, **options)

    monkeypatch.setattr(replication, "subscribe", subscribe)
    with writing(source) as writer:
        with pytest.raises(UnreachableError, match="Ours"):
            migration.cut_over(lambda: pytest.fail("switched"))
        takes_writes(writer)
        moved = migration.cut_over(lambda: setattr(writer, "current", first))
        assert moved.following == {source.label: "following", second.label: "following"}
        takes_writes(writer)
    assert troubles == []
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


@pytest.mark.parametrize("due", [True, False])
def test_without_a_way_back_that_is_due_nothing_is_switched(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch, due: bool
) -> None:
    source, first, second = databases
    migration = following(databases)
    migration.note_return(due)
    real = replication.subscribe

    def subscribe(*arguments: Any, **options: Any) -> None:
        if arguments[0] == source:
            raise GameplanError("It cannot connect.", "Let it.")
        real(*arguments, **options)

    monkeypatch.setattr(replication, "subscribe", subscribe)
    monkeypatch.setattr(moving, "_PAUSES_S", ())
    with writing(source) as writer:
        if due:
            with pytest.raises(GameplanError, match=r"no way back: It cannot connect\.") as caught:
                migration.cut_over(lambda: pytest.fail("switched"))
            assert "prove_return=false" in caught.value.remedy
            takes_writes(writer)
            migration.note_return(False)  # whoever approves it anew does without
        moved = migration.cut_over(lambda: setattr(writer, "current", first))
        takes_writes(writer)
    assert moved.following == {source.label: "It cannot connect.", second.label: "following"}


def test_rows_found_to_differ_after_the_switch_are_looked_at_until_they_are_put_right(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, second = databases
    migration = following(databases)
    monkeypatch.setattr(cutover, "SMALL_BYTES", -1)  # as if all tables were too large for within the freeze
    real = cutover.close

    def damage(database: Database, *arguments: Any) -> None:
        with second.connect() as connection:
            connection.execute("UPDATE bulk SET filler = 'x' || filler WHERE id = 7")
        real(database, *arguments)

    monkeypatch.setattr(cutover, "close", damage)
    with writing(source) as writer:
        with pytest.raises(VerificationError, match=r"public\.bulk .*\(id\)=\(7\)") as caught:
            migration.cut_over(lambda: setattr(writer, "current", first))
        assert caught.value.remedy.startswith(f"The switch is done: {first.label} takes the writes.")
        monkeypatch.undo()
        takes_writes(writer)
        assert migration.status().unsettled
        for again in (migration.cut_over, migration.roll_back):
            with pytest.raises(VerificationError, match=r"public\.bulk"):
                again(lambda: pytest.fail("switched"))
        with second.connect() as connection:
            connection.execute("UPDATE bulk SET filler = substr(filler, 2) WHERE id = 7")
        assert migration.cut_over(lambda: pytest.fail("switched")).proof.equal
        assert not migration.status().unsettled
        migration.roll_back(lambda: setattr(writer, "current", source))
        takes_writes(writer)
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


def secret_store_is_down() -> None:
    raise GameplanError("The secret store is down.", "Wait for it.")


def test_interrupted_after_the_new_primary_was_opened_the_next_run_completes_it(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, _ = databases
    migration = following(databases)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with writing(source) as writer:
        monkeypatch.setattr(noted, "note", interrupt)
        with pytest.raises(KeyboardInterrupt):
            migration.cut_over(lambda: setattr(writer, "current", first))
        monkeypatch.undo()
        takes_writes(writer)  # the new primary's, so that only forward is right
        with source.connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO empty_one VALUES (1)")
        with pytest.raises(GameplanError, match="The secret store is down"):
            migration.cut_over(secret_store_is_down)
        assert migration.status().phase == "switching"
        migration.cut_over(lambda: setattr(writer, "current", first))
        takes_writes(writer)
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)


def test_follower_that_dies_after_the_switch_leaves_a_move_that_has_been_made(
    world: tuple[Engines, list[Database]], databases: list[Database]
) -> None:
    engines = world[0]
    source, first, _ = databases
    migration = following(databases)

    def switch() -> None:
        engines.kill("rds")
        writer.current = first

    with writing(source) as writer:
        takes_writes(writer)
        try:
            with pytest.raises(Unproven, match=f"{first.label} takes the writes"):
                migration.cut_over(switch, timeout=30)
        finally:
            engines.start("rds")
        takes_writes(writer)
        assert migration.status().phase == "cut over"
        assert migration.status().unsettled
        assert migration.cut_over(lambda: pytest.fail("switched again"), timeout=30).proof.equal
        assert not migration.status().unsettled
        takes_writes(writer)
    migration.wait_caught_up()
    assert all(sorted(titles(one)) == sorted(writer.acknowledged) for one in databases)
    with first.connect() as connection:  # the view, too, has been brought up to date
        row = connection.execute("SELECT sum(n) FROM per_mood").fetchone()
    assert row is not None
    assert row[0] > 500
