"""The arithmetic of the resources' benchmark, and its floor: the same reads, as many at once."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import resources
from benchmarks.reads import floor_seconds, recorded
from benchmarks.resources import longest_chain, measure, table
from dreamnet.clouds import google_rest
from dreamnet.errors import GameplanError, UnreachableError
from dreamnet.resources import load_catalogue
from dreamnet.resources.model import Change, Live, Resource


def test_the_longest_chain_is_the_largest_sum_along_dependencies() -> None:
    graph = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "alone": ()}
    assert longest_chain(graph, {"a": 1, "b": 5, "c": 2, "d": 1, "alone": 6}) == 7
    assert longest_chain({}, {}) == 0


def test_the_floor_makes_every_read_as_many_at_once_and_takes_refusals_for_answers() -> None:
    lock, now, most, made = threading.Lock(), [0], [0], []

    def read() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
            made.append(1)
        raise UnreachableError("x: not there.", "None.")

    seconds = floor_seconds([read] * 16, 8)
    assert len(made) == 16
    assert most[0] == 8
    assert 0.04 <= seconds < 0.5


class Client:
    """boto3's, as far as recording it goes."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []
        self.got: list[str] = []
        self.meta = SimpleNamespace(
            events=SimpleNamespace(
                register=lambda event, handler: self.handlers.append(handler),
                unregister=lambda event, handler: self.handlers.remove(handler),
            )
        )

    def get_resource(self, **params: str) -> None:
        for handler in self.handlers:
            handler(params=params, model=SimpleNamespace(name="GetResource"))
        self.got.append(params["Identifier"])


def test_reads_of_both_clouds_are_recorded_and_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client, sent = Client(), []
    monkeypatch.setattr(google_rest, "call", lambda *what, **more: sent.append(what))
    clouds: Any = SimpleNamespace(aws=SimpleNamespace(client=lambda service, region: client))
    with recorded(clouds, ("us-east-1",)) as noted:
        google_rest.call("account", "GET", "url", what="x")
        client.get_resource(Identifier="vpc-1")
    assert len(noted) == 2
    assert client.handlers == []
    floor_seconds(noted, 2)
    assert sent == [("account", "GET", "url")] * 2
    assert client.got == ["vpc-1", "vpc-1"]


class Cloud:
    """Both clouds in memory; a read is one recorded call."""

    def __init__(self) -> None:
        self.made: dict[str, Live] = {}

    def remembering(self) -> Cloud:
        return self

    def read(self, resource: Resource) -> Live | None:
        google_rest.call("account", "GET", resource.id, what=resource.id)  # type: ignore[arg-type]
        return self.made.get(resource.id)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return [Change("/x", live.body, resource.body)] if live.body != resource.body else []

    def create(self, resource: Resource, token: str, progress: Any) -> Live:
        self.made[resource.id] = Live(resource.id, dict(resource.body), True)
        return self.made[resource.id]

    def delete(self, resource: Resource, live: Live, token: str, progress: Any) -> None:
        del self.made[resource.id]


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(google_rest, "call", lambda *what, **more: time.sleep(0.001))
    cloud, client = Cloud(), Client()
    return SimpleNamespace(
        cloud=cloud,
        drivers={"google": cloud, "aws": cloud},
        variables={"google.project": "p", "aws.region": "us-east-1"},
        delivery=lambda resource: None,
        aws=SimpleNamespace(region="r", second_region="s", client=lambda service, region: client),
    )


def catalogue(folder: Path) -> Any:
    (folder / "google").mkdir(parents=True)
    documents = (
        f"id: google/n{n}\ntype: t\nname: n{n}\nparent: p\nbody: {{x: {n}}}\n"
        + (f"depends_on: [google/n{n - 1}]\n" if n % 2 else "")
        for n in range(6)
    )
    (folder / "google" / "all.yaml").write_text("---\n".join(documents))
    return load_catalogue(folder)


def test_all_passes_on_clouds_in_memory(clouds: Any, tmp_path: Path) -> None:
    figures = measure(clouds, catalogue(tmp_path / "own"), tmp_path / "synthetic", (10, 20))
    assert (figures.resources, figures.types, figures.reads) == (6, 1, 6)
    assert len(clouds.cloud.made) == 20, "the synthetic ones are left to the state directory's end"
    assert 0 < figures.chain_seconds <= figures.apply_seconds
    assert figures.vs_floor == pytest.approx(figures.seconds / figures.floor_seconds)
    assert figures.linearity == pytest.approx(figures.large_seconds / figures.small_seconds / 2)
    assert 10 < figures.peak_mb < 5000
    assert len(table(figures)) == 13
    assert any("time a resource" in line for line in table(replace(figures, linearity=1.5)))


def test_a_plan_that_would_change_something_is_no_figure(clouds: Any, tmp_path: Path) -> None:
    clouds.cloud.diff = lambda resource, live: [Change("/x", 1, 2)]
    with pytest.raises(GameplanError, match="differs from its declaration"):
        measure(clouds, catalogue(tmp_path / "own"), tmp_path / "synthetic", (10, 20))
    with pytest.raises(GameplanError, match="A plan after the apply changes google/n0"):
        resources.unchanged(clouds, load_catalogue(tmp_path / "own"))
