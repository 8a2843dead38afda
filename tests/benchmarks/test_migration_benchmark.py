from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks import migration, migration_freeze
from benchmarks.migration_freeze import Moves, move_to_and_fro
from benchmarks.migration_servers import Servers
from localcloud.engines import Engines
from localcloud.state import State

MOVES = Moves((0.2, 0.4), 900, 10, (10, 10, 10), (10, 10, 10))


@pytest.mark.parametrize(
    "wrong", [{"found": (10, 9, 10)}, {"found": (10, 10, 11)}, {"balance": (10, 10, 9)}, {"acknowledged": 11}]
)
def test_a_write_that_is_lost_or_doubled_anywhere_is_wrong(wrong):
    assert MOVES.right
    assert not replace(MOVES, **wrong).right


def test_every_figure_is_shown_beside_the_peers(capsys):
    ours = migration.Copy(10.0, 2.0, 20.0, 60.0)
    copies = {"dreamnet": ours, "dreamnet, two targets": replace(ours, seconds=13.0)}
    copies |= {"pgcopydb": replace(ours, seconds=12.5), "pg_dump | pg_restore": replace(ours, seconds=20.0)}
    migration.show(2.2, copies, 0.8, MOVES)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["ratios"] == {
        "pgcopydb": 0.8,
        "pg_dump | pg_restore": 0.5,
        "two targets vs one": 1.3,
        "client CPU vs servers'": 0.1,
        "checksums vs reading through COPY": 0.8,
    }


@pytest.mark.rehearsal
def test_a_small_database_is_copied_and_its_writers_are_moved_there_and_back(tmp_path, monkeypatch):
    monkeypatch.setattr(migration_freeze, "BEFORE", 0.5)
    servers = Servers(Engines(State(tmp_path)))
    try:
        servers.fill(1)
        contenders = migration.Benchmark(servers, tmp_path).contenders()
        copy = contenders["dreamnet, two targets"]()
        assert copy.seconds > 0
        assert copy.client_cpu > 0
        assert copy.server_cpu > 0
        moves = move_to_and_fro(servers, scale=1, rate=100, times=1)
    finally:
        servers.delete()
    assert moves.right
    assert moves.acknowledged > 0
    assert len(moves.freeze_seconds) == 2
