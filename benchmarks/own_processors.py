"""Servers that can take no more than a fixed share of a processor each, as if each had a machine of its own.

Linux' control groups do it, where we may write to them (root may); both of their versions. Source: the
kernel's documentation, admin-guide/cgroup-v1 and cgroup-v2 (`cpu.cfs_quota_us`, `cpu.max`), read 2026-11.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from dreamnet.errors import ConfigurationError

PERIOD_US = 20_000
"""Short, so that a server never stands still for longer than a message takes on a real network."""

_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def own_processors(servers: Mapping[str, int], share: float, root: Path = _ROOT) -> Iterator[None]:
    """Hold each server, and all processes that it starts, to `share` of one processor.

    Args:
        servers: process number of each server's first process, by name.

    Raises:
        ConfigurationError: this machine has no control groups that we may write to.
    """
    quota = str(round(share * PERIOD_US))
    with ExitStack() as stack:
        for name, pid in servers.items():
            group = stack.enter_context(_group(root, f"dreamnet-{os.getpid()}-{name}"))
            if group.parent.name == "cpu":
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(quota)
            else:
                (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
            _move(_family(pid), group)
        yield


@contextmanager
def _group(root: Path, name: str) -> Iterator[Path]:
    """A group of our own; at the end its processes go back to where they came from."""
    parent = root / "cpu" if (root / "cpu").is_dir() else root
    group = parent / name
    try:
        if parent == root:
            (root / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
    except OSError as error:
        raise ConfigurationError(
            f"Servers cannot be held to processors of their own: {error.strerror} ({group}).",
            "Run it as root on Linux; all other figures do without.",
        ) from None
    try:
        yield group
    finally:
        while pids := (group / "cgroup.procs").read_text().split():
            _move(map(int, pids), parent)
        group.rmdir()


def _move(pids: Iterable[int], group: Path) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has just ended
            (group / "cgroup.procs").write_text(str(pid))


def _family(pid: int) -> Iterator[int]:
    """The process itself first: whatever it starts from then on is born in its group."""
    yield pid
    yield from (one.pid for one in psutil.Process(pid).children(recursive=True))
