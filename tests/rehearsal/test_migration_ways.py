"""Cut over, back and forward, back again: the tasks' own code on real servers, under the backend's writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

import tasks.cutover
import tasks.finishing
import tasks.ways_out
from benchmarks.migration_trial import start_servers
from dreamnet.errors import GameplanError
from dreamnet.postgres import Database, Migration
from dreamnet.postgres.parties import Parties
from dreamnet.traffic import WriteClient, lost
from localcloud.neon.seed import _partitions, _script
from tasks.migration import present_dreams

pytestmark = pytest.mark.rehearsal


@dataclass(frozen=True)
class Place:
    """Three servers with DreamNet's tables, and its backend, which follows the secret's file."""

    databases: list[Database]
    backend: str
    secret: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = Path(tmp_path_factory.mktemp("servers"))
    engines, databases = start_servers(folder)
    with databases[0].connect() as connection:
        connection.execute(_script("schema.sql"))
        _partitions(connection, datetime.now(UTC))
        connection.execute(_script("keys.sql"))
        connection.execute("INSERT INTO agents (handle) VALUES ('aa')")  # dreams are an agent's
    secret = folder / "secret"
    secret.write_text(databases[0].url())
    service = engines.backend(
        "old", region="here", host="127.0.0.1", port=None, environment={"DATABASE_URL_FILE": str(secret)}
    )
    yield Place(databases, f"http://{service.host}:{service.port}", secret)
    for name in ("old", "rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@pytest.fixture
def moving(place: Place, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Migration:
    """The migration, with a file in place of both clouds' secrets."""
    source, *targets = place.databases
    moving = Migration("ways", source, targets, workers=2)
    profile = SimpleNamespace(legacy_url=place.backend)

    def publish_url(google: Any, aws: Any, url: str) -> bool:
        place.secret.write_text(url)
        return True

    for module in (tasks.cutover, tasks.ways_out):
        monkeypatch.setattr(module, "migration", lambda name: moving)
        monkeypatch.setattr(module, "google_account", lambda name: None)
    monkeypatch.setattr(tasks.cutover, "aws_account", lambda name: None)
    monkeypatch.setattr(tasks.cutover, "load_profile", lambda name: profile)
    monkeypatch.setattr(tasks.cutover, "publish_url", publish_url)
    monkeypatch.setattr(tasks.cutover, "emit_event", lambda *arguments, **more: None)
    monkeypatch.setattr(tasks.ways_out, "current_url", lambda google: place.secret.read_text())
    left = Parties.of(moving.name, source, targets)
    monkeypatch.setattr(tasks.finishing, "what_is_left", lambda name: (left, targets[0]))
    monkeypatch.setattr(tasks.finishing, "google_account", lambda name: None)
    monkeypatch.setattr(tasks.finishing, "current_url", lambda google: place.secret.read_text())
    monkeypatch.setattr(tasks.finishing, "moved", lambda name: place.secret.read_text() != source.url())
    return moving


def test_there_and_back_and_there_again_under_a_constant_load_loses_no_acknowledged_write(
    place: Place, moving: Migration, desk: Desk
) -> None:
    source, first, _ = place.databases
    with WriteClient(place.backend, 200) as user:
        moving.prepare_and_copy(lambda _: None)
        moving.follow(lambda _: None)
        said = tasks.ways_out.describe_cut_over.fn("acme", "run", "Copied.", "Equal.")
        assert f"- Replication: {first.label} is " in said
        assert "shows a write after 0." in said
        there = tasks.cutover.cut_over.fn("acme", "run", True)
        assert moving.status().return_due
        proven = tasks.cutover.prove_way_back.fn("acme", "run")
        assert not moving.status().return_due
        assert place.secret.read_text() == first.url()
        assert "Expected freeze: about" in tasks.ways_out.describe_way_back.fn("acme", "run")
        back = tasks.cutover.roll_back.fn("acme", "run")
        assert place.secret.read_text() == source.url()
        with pytest.raises(GameplanError, match="DreamNet reads Neon"):
            tasks.finishing.close_migration.fn("acme", "run", ())
    for step, moves in ((there, 1), (proven, 2), (back, 1)):
        assert step.detail.count("writes frozen for") == moves
        assert step.detail.endswith("0 lost on 3 databases.")
    assert "data:image/png" in desk.artifacts["way-back-acme"]
    moving.wait_caught_up()
    assert moving.verify().equal
    writes = list(user.ledger.writes())
    assert len(writes) > 300
    for database in place.databases:
        assert lost(writes, lambda ids, database=database: present_dreams(database, ids)) == []
