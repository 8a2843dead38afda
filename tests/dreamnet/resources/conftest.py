"""An in-memory cloud behind the driver protocol, and catalogues written by tests."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dreamnet.errors import ResourceError
from dreamnet.resources.model import Change, Live, Problem, Resource


class FakeCloud:
    """Keeps resources by name; counts calls; can fail, and can lose the process between two steps."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self.foreign: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.tokens: dict[str, set[str]] = {}
        self.failing: dict[str, BaseException] = {}
        self.barrier: threading.Barrier | None = None
        self._lock = threading.Lock()

    def validate(self, resource: Resource) -> list[Problem]:
        return [
            Problem(resource.source, f"/{key}", "is unknown")
            for key in resource.body
            if key.startswith("bad")
        ]

    def read(self, resource: Resource) -> Live | None:
        body = self.bodies.get(resource.name)
        if body is None:
            return None
        return Live(f"fake://{resource.name}", dict(body), resource.name not in self.foreign)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return [
            Change(f"/{key}", live.body.get(key), value, replacement=key.startswith("fixed"))
            for key, value in resource.body.items()
            if live.body.get(key) != value
        ]

    def create(self, resource: Resource, token: str, progress: Any) -> Live:
        self._record("create", resource, token)
        progress(f"half way with {resource.body.get('password', 'nothing secret')}")
        self.bodies.setdefault(resource.name, {**resource.body, "link": f"link-of-{resource.name}"})
        return self._live(resource)

    def update(
        self, resource: Resource, live: Live, changes: list[Change], token: str, progress: Any
    ) -> Live:
        self._record("update", resource, token)
        for change in changes:
            self.bodies[resource.name][change.path.removeprefix("/")] = change.after
        return self._live(resource)

    def delete(self, resource: Resource, live: Live, token: str, progress: Any) -> None:
        self._record("delete", resource, token)
        self.bodies.pop(resource.name, None)

    def _live(self, resource: Resource) -> Live:
        live = self.read(resource)
        assert live is not None
        return live

    def _record(self, what: str, resource: Resource, token: str) -> None:
        if self.barrier:
            self.barrier.wait(timeout=5)
        with self._lock:
            self.calls.append((what, resource.name))
            self.tokens.setdefault(f"{what} {resource.name}", set()).add(token)
        if resource.name in self.failing:
            raise self.failing[resource.name]

    def fail(self, name: str, message: str = "quota exceeded") -> None:
        self.failing[name] = ResourceError(f"{name}: {message}.", "Ask for more.")


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
