"""kill -9 of the migrating process at random moments: run again, it ends with equal data."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from migration_servers import clean_up, fill, fresh_databases, start_servers, titles, writing

from dreamnet.postgres import Database, Migration

pytestmark = pytest.mark.rehearsal

RUN = """
import os, sys
from dreamnet.postgres import Database, Migration
source, *targets = map(Database.from_dsn, os.environ["DSNS"].split("|"))
migration = Migration("killed_" + source.dbname, source, targets, workers=2, piece_bytes=100_000)
say = lambda text: print(text, flush=True)
say("begin")
migration.prepare_and_copy(say)
migration.follow(say)
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    engines, databases = start_servers(Path(tmp_path_factory.mktemp("servers")))
    yield databases
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


def run_and_kill(databases: list[Database], lines: int, pause: float) -> None:
    """Kill it `pause` seconds after its n-th line of progress (or let it end, if it is faster)."""
    dsns = "|".join(database.dsn() for database in databases)
    environment = {**databases[0].environment(), "DSNS": dsns}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _, _ in zip(range(lines), process.stdout, strict=False):
        pass
    time.sleep(pause)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_anywhere_it_goes_on_and_nothing_is_lost_or_doubled(
    servers: list[Database], seed: int
) -> None:
    chance = random.Random(seed)
    databases = fresh_databases(servers)
    source, *targets = databases
    fill(source, bulk=20_000)
    try:
        with writing(source) as writer:
            for _ in range(2):
                run_and_kill(databases, chance.randint(1, 60), chance.uniform(0, 0.4))
            name = f"killed_{source.dbname}"
            migration = Migration(name, source, targets, workers=2, piece_bytes=100_000)
            migration.prepare_and_copy(lambda _: None)
            migration.follow(lambda _: None)
            assert migration.verify().equal
            migration.cut_over(lambda: setattr(writer, "current", targets[0]))
            time.sleep(0.2)
        migration.wait_caught_up()
        for database in databases:
            assert sorted(titles(database)) == sorted(writer.acknowledged)
        migration.finish()
    finally:
        clean_up(databases)
