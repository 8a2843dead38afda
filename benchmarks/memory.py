"""The memory that a rehearsal takes: all its servers and commands, sampled while they run."""

from __future__ import annotations

import os
import threading
from types import TracebackType

import psutil

from localcloud.engines import Engines

#: Seconds between two samples.
PERIOD = 1.0
#: The name under which the commands are counted that the benchmark itself has started.
COMMANDS = "commands"


class MemorySampler:
    """Samples while its context is open.

    Memory is the proportional set size (PSS): a page that several processes share is divided among them, so
    that the sum over processes counts it once.

    Attributes:
        peak: bytes by server at the moment when their sum was the largest.
        samples: how many were taken.
    """

    def __init__(self, engines: Engines, period: float = PERIOD) -> None:
        self.peak: dict[str, int] = {}
        self.samples = 0
        self._engines, self._period = engines, period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MemorySampler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._period):
            roots = {
                engine.name: engine.pid
                for engine in self._engines.list()
                if engine.pid and engine.status == "running"
            }
            self.add(by_root(roots, {COMMANDS: os.getpid()}))

    def add(self, sample: dict[str, int]) -> None:
        """Take one sample into account."""
        self.samples += 1
        if sum(sample.values()) > sum(self.peak.values()):
            self.peak = sample


def by_root(roots: dict[str, int], parents: dict[str, int]) -> dict[str, int]:
    """Bytes by name: of each root process with all its descendants, and of each parent's descendants alone.

    A process that descends from two of them counts for the first.
    """
    seen: set[int] = set()
    found: dict[str, int] = {}
    for name, pid in [*roots.items(), *parents.items()]:
        members = _family(pid, itself=name in roots)
        found[name] = sum(_memory(member) for member in members if member.pid not in seen)
        seen.update(member.pid for member in members)
    return found


def _family(pid: int, *, itself: bool) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return ([process] if itself else []) + process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
