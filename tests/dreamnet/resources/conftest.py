"""An in-memory cloud behind the driver protocol, and catalogues written by tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_world import FakeCloud, World


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files under a catalogue's root, given as `{relative path: text}`, and returns the root."""

    def write_files(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


@pytest.fixture
def world(write: Callable[..., Path], cloud: FakeCloud) -> World:
    """A network, a database with a password on it, an application on both, and a bucket apart."""
    made = World(write, cloud)
    made.declare(
        network="size: 1",
        database="net: '${resource:google/network.link}', password: '${secret.pw}', tier: micro",
        app="db: '${resource:google/database.link}', image: 'img-${google.project}'",
        bucket="fixed_location: EU",
    )
    return made
