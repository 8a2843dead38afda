from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import migration, migration_freeze
from benchmarks.migration_contenders import (
    DUMPED,
    FLOOR,
    FLOOR_TWO,
    OURS,
    OURS_TWO,
    SPLIT_UP,
    WHOLE,
    Contenders,
    Copy,
)
from benchmarks.migration_freeze import Moves, move_to_and_fro
from benchmarks.migration_servers import SOURCE, TARGETS, Servers
from dreamnet.postgres import Database
from localcloud.engines import Engines
from localcloud.state import State

MOVES = Moves((0.2, 0.4), (800, 900, 1000), 10, (10, 10, 10), (10, 10, 10))


@pytest.mark.parametrize(
    "wrong", [{"found": (10, 9, 10)}, {"found": (10, 10, 11)}, {"balance": (10, 10, 9)}, {"acknowledged": 11}]
)
def test_a_write_that_is_lost_or_doubled_anywhere_is_wrong(wrong):
    assert MOVES.right
    assert not replace(MOVES, **wrong).right


def copies_at(*speeds: float) -> dict[str, list[Copy]]:
    """A pass each at which everything is so many times slower."""
    seconds = {OURS: 10, OURS_TWO: 18, WHOLE: 12.5, DUMPED: 20, FLOOR: 14, FLOOR_TWO: 25}
    return {
        name: [Copy(took * speed, 1.0 * speed, 0.5 * took * speed, 60.0) for speed in speeds]
        for name, took in seconds.items()
    }


def test_ratios_are_of_one_pass_so_that_a_slow_minute_tells_nothing():
    quiet, wavering = migration.ratios_of(copies_at(1, 1, 1)), migration.ratios_of(copies_at(3, 1, 2))
    assert quiet == wavering
    assert quiet == {
        WHOLE: 0.8,
        DUMPED: 0.5,
        "processor time vs the statements alone": 0.75,
        "two targets vs one": 1.8,
        "processor time of two vs one, the statements alone": 1.69,
        "client CPU vs servers'": 0.2,
    }


def test_every_figure_is_shown_beside_the_peers(capsys):
    own = {
        f"{name}{migration.OWN}": taken for name, taken in copies_at(4).items() if name in (OURS, OURS_TWO)
    }
    migration.show(2.2, copies_at(1, 2) | own, 0.8, MOVES)
    shown = capsys.readouterr().out
    figures = json.loads(shown.splitlines()[-1])
    assert figures["ratios"][f"two targets vs one{migration.OWN}"] == 1.8
    assert figures["ratios"]["checksums vs reading through COPY"] == 0.8
    assert all(name in shown for name in (OURS, WHOLE, DUMPED, FLOOR_TWO, "900 transactions/s"))


#: Of the statistics, whether they are there: each contender gets its own.
WHAT_ALL_COPY = (
    "SELECT * FROM dreams ORDER BY id",
    "SELECT indexdef FROM pg_indexes ORDER BY 1",
    "SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public' ORDER BY 1, 2",
)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.rehearsal
def test_a_small_database_is_copied_and_its_writers_are_moved_there_and_back(tmp_path, monkeypatch):
    monkeypatch.setattr(migration_freeze, "BEFORE", 0.5)
    servers = Servers(Engines(State(tmp_path)))
    try:
        servers.fill(1)
        contenders = Contenders(servers, tmp_path).all()
        for name in [OURS_TWO, FLOOR_TWO, DUMPED, *({WHOLE, SPLIT_UP} & contenders.keys())]:
            copy = contenders[name]()
            assert copy.seconds > 0
            assert copy.client_cpu > 0
            assert copy.server_cpu > 0
            of = servers.databases if name in (OURS_TWO, FLOOR_TWO) else (SOURCE, TARGETS[0])
            for query in WHAT_ALL_COPY:
                first, *others = [rows(servers.databases[server], query) for server in of]
                assert first != []
                assert all(other == first for other in others)
        moves = move_to_and_fro(servers, scale=1, rate=100, times=1)
    finally:
        servers.delete()
    assert moves.right
    assert moves.acknowledged > 0
    assert len(moves.freeze_seconds) == 2
