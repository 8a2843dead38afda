"""Copy, follow, verify, cut over and back between major versions 15 to 18, on real servers of each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from postgresql_versions import programs, serving

from benchmarks.migration_trial import clean_up, fill, fresh_databases, titles, writing
from dreamnet.postgres import Database, Migration, initial_copy, schema
from dreamnet.postgres.catalog import Name, major_version
from dreamnet.postgres.precheck import precheck

pytestmark = pytest.mark.rehearsal

# Only 15 may be absent: no wheel holds it.
VERSIONS = (16, 17, 18) if programs(15) is None else (15, 16, 17, 18)
if 15 not in VERSIONS:
    print("PostgreSQL 15 is not installed here (Debian's package postgresql-15): left out")
PAIRS = (*((source, 18) for source in VERSIONS if source < 18), (16, 16))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Database]]:
    folder = Path(tmp_path_factory.mktemp("pg"))
    with ExitStack() as stack:
        yield {version: stack.enter_context(serving(version, folder / str(version))) for version in VERSIONS}


def remember_other_rows(source: Database) -> None:
    """Bulk's statistics name no frequent value of `filler`, which all its rows share."""
    with source.connect() as connection:
        connection.execute("ALTER TABLE bulk SET (autovacuum_enabled = off)")
        connection.execute("ANALYZE bulk")
        connection.execute("UPDATE bulk SET filler = 'the same'")


def frequent(database: Database) -> object:
    """What bulk's statistics name."""
    query = "SELECT most_common_vals::text FROM pg_stats WHERE (tablename, attname) = ('bulk', 'filler')"
    with database.connect() as connection:
        ((values,),) = connection.execute(query).fetchall()
    return values


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_there_and_back_between_versions(
    servers: dict[int, Database], old: int, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_copy, "KNOWN_BYTES", 8192)  # what the least table with rows has
    read, asked = schema.statistics, list[Name]()

    def note(database: Database, tables: list[Name], version: int) -> dict[str, schema.Entry]:
        asked.extend(tables)
        return read(database, tables, version)

    monkeypatch.setattr(schema, "statistics", note)
    (source,), (target,) = fresh_databases([servers[old]]), fresh_databases([servers[new]])
    with source.connect() as one, target.connect() as other:
        assert (major_version(one), major_version(other)) == (old, new)
    fill(source, bulk=500)
    remember_other_rows(source)
    migration = Migration(f"move_{source.dbname}", source, [target], workers=2)
    said = {finding.subject: finding.problem for finding in migration.precheck().findings}
    assert ("changes made after cut-over will not flow back" in said.get("rolling back", "")) is (old < 16)
    assert migration.no_way_back() == said.get("rolling back", "")
    assert (f"runs PostgreSQL {new}, the source {old}." in said.get("version", "")) is (old < new)
    alone = precheck(source, (), migration.name, way_back=True).blocking  # before there is a target
    assert [finding.subject for finding in alone] == ["rolling back"] * (old < 16)
    assert all(f"it is PostgreSQL {old}, and 16 is needed" in finding.problem for finding in alone)
    with writing(source) as writer:
        migration.prepare_and_copy(lambda _: None)
        assert (Name("public", "bulk") in asked) is bool(asked) is (new >= 18)
        assert Name("public", "events_old") not in asked  # a partition
        assert frequent(target) == (None if new >= 18 else '{"the same"}')
        migration.follow(lambda _: None)
        proof = migration.verify()
        assert (proof.differences, proof.tables) == ((), 11)
        moved = migration.cut_over(lambda: setattr(writer, "current", target))
        if old < 16:
            assert moved.following[source.label] == "PostgreSQL 16 is needed on both sides."
        else:
            assert moved.following == {source.label: "following"}
            assert migration.verify().equal
            migration.roll_back(lambda: setattr(writer, "current", source))
    primary = target if old < 16 else source
    assert sorted(titles(primary)) == sorted(writer.acknowledged)
    clean_up([source, target])


def test_of_two_targets_the_newer_takes_over_statistics(
    servers: dict[int, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_copy, "KNOWN_BYTES", 8192)
    databases = source, older, newer = fresh_databases([servers[version] for version in (16, 17, 18)])
    fill(source, bulk=500)
    remember_other_rows(source)
    Migration(f"move_{source.dbname}", source, [older, newer]).prepare_and_copy(lambda _: None)
    assert (frequent(older), frequent(newer)) == ('{"the same"}', None)
    clean_up(databases)


def test_a_target_older_than_the_source_is_refused(servers: dict[int, Database]) -> None:
    (source,), (target,) = fresh_databases([servers[18]]), fresh_databases([servers[17]])
    fill(source, bulk=1)
    (found,) = [f for f in Migration("down", source, [target]).precheck().blocking if f.subject == "version"]
    assert "runs PostgreSQL 17, older than the source's 18" in found.problem
    assert "version 18 or newer" in found.remedy


@pytest.mark.parametrize("version", [16, 18])
def test_slots_of_a_copy_that_was_left_grow_old(servers: dict[int, Database], version: int) -> None:
    """Before version 17 no server says since when nobody reads a slot."""
    (source,), (target,) = fresh_databases([servers[version]]), fresh_databases([servers[18]])
    fill(source, bulk=10)
    migration = Migration(f"left_{source.dbname}", source, [target], workers=1)

    def leave(text: str) -> None:
        if text.startswith("copying"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migration.prepare_and_copy(leave)
    ages = []
    for _ in range(2):
        (one,) = migration.look().followers
        assert (one.present, one.active, one.subscription) == (True, False, "none")
        ages.append(one.silent_seconds)
        time.sleep(0.3)
    assert 0 < ages[0] < ages[1] < 60
    migration.abandon()
