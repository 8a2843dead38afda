"""Real processes: one a Deployment of DreamNet's backend, started, probed, restarted and stopped as asked."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dreamnet.errors import GameplanError
from localcloud.kubernetes.storage import Object

logger = logging.getLogger("localcloud.kubernetes.kubelet")
#: Restart delays double from here to here, as a kubelet's do from 10 s to 5 min; short, for a rehearsal.
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 20.0
PROBE_TIMEOUT_SECONDS = 2.0


def backoff(restarts: int) -> float:
    """Seconds before a container that ended so many times starts again."""
    return float(min(BACKOFF_SECONDS * 2 ** min(restarts, 6), MAX_BACKOFF_SECONDS))


@dataclass(frozen=True)
class Desired:
    """What should run.

    Attributes:
        revision: uid of the ReplicaSet whose template this is; another one means a restart.
        probe: path of the readiness probe; None: an accepted connection is enough.
    """

    revision: str
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    host: str = ""
    port: int = 0
    probe: str | None = None


async def http_ready(host: str, port: int, path: str | None) -> bool:
    """Whether ``path`` answers below 400 (as a kubelet's HTTP probe), or a connection is accepted."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                if path is None:
                    return True
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
                    "User-Agent: kube-probe/1\r\nConnection: close\r\n\r\n".encode()
                )
                line = await reader.readline()
                parts = line.split()
                return len(parts) > 1 and parts[1].isdigit() and 200 <= int(parts[1]) < 400
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


class Backend:
    """The process of one Deployment; ``changed`` is called whenever what can be seen of it changes."""

    def __init__(self, state: Path, engine: str, region: str, changed: Callable[[], None]) -> None:
        self.engine, self._region, self._changed = engine, region, changed
        self._state_directory = state
        self.desired: Desired | None = None
        self.running: Desired | None = None
        self.ready, self.restarts, self.problem = False, 0, ""
        self.last: Object | None = None
        self.pid: int | None = None
        self._process: psutil.Process | None = None
        self._started = 0.0
        self._failures = 0
        self._wake = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def want(self, desired: Desired | None) -> None:
        """Bring the process there; None stops it."""
        if desired != self.desired:
            self.desired = desired
            self._wake.set()

    async def close(self) -> None:
        """Stop the process and the loop."""
        self.want(None)
        self._wake.set()
        await self._task

    @property
    def log(self) -> Path:
        """The process's log."""
        from localcloud.state import State

        return Path(State(self._state_directory).log(self.engine))

    def usage(self) -> tuple[float, float] | None:
        """CPU seconds used so far and resident bytes, with children; None while there is no process."""
        if self._process is None:
            return None
        try:
            family = [self._process, *self._process.children(recursive=True)]
            times = [p.cpu_times() for p in family]
            return sum(t.user + t.system for t in times), float(sum(p.memory_info().rss for p in family))
        except psutil.Error:
            return None

    async def _run(self) -> None:
        while self.desired is not None or not self._wake.is_set() or self.running is not None:
            self._wake.clear()
            if self.desired is None:
                if self.running is None:
                    await self._wake.wait()
                    continue
                await self._stop()
                return
            delay = await self._step(self.desired)
            try:
                await asyncio.wait_for(self._wake.wait(), delay)
            except TimeoutError:
                continue

    async def _step(self, desired: Desired) -> float:
        """Start, restart or probe; seconds until the next look."""
        if desired != self.running:
            return await self._start(desired)
        if not (
            self._process is not None
            and self._process.is_running()
            and self._process.status() != psutil.STATUS_ZOMBIE
        ):
            return self._died()
        ready = await http_ready(desired.host, desired.port, desired.probe)
        if ready:
            self._failures = 0
        elif self.ready:
            # As a readiness probe's failureThreshold: one lost answer is not an outage.
            self._failures += 1
            ready = self._failures < 3
        if ready != self.ready:
            self.ready = ready
            self._changed()
        return 0.5 if ready else 0.1

    def _died(self) -> float:
        lived = time.monotonic() - self._started
        self.ready, self.running, self._process = False, None, None
        self.restarts += 1
        self.last = {"terminated": {"exitCode": 137, "reason": "Error"}}
        self.problem = "" if lived > MAX_BACKOFF_SECONDS else "back-off restarting failed container"
        self._changed()
        if lived > MAX_BACKOFF_SECONDS:
            return 0.0
        return backoff(self.restarts)

    async def _start(self, desired: Desired) -> float:
        if self.ready:
            self.ready = False
            self._changed()
        replaced = self.running is not None and self.running.revision != desired.revision
        try:
            self.pid = await asyncio.to_thread(self._start_engine, desired, replaced)
            self._process = psutil.Process(self.pid) if self.pid else None
        except (GameplanError, psutil.Error) as error:
            self.running, self._process = None, None
            self.restarts += 1
            self.problem = str(error)
            logger.warning("%s did not start: %s", self.engine, error)
            self._changed()
            return backoff(self.restarts)
        self.running, self._started, self.problem = desired, time.monotonic(), ""
        self._changed()
        return 0.0

    def _start_engine(self, desired: Desired, replaced: bool) -> int | None:
        from localcloud.engines import Engines
        from localcloud.state import State

        engines = Engines(State(self._state_directory))
        if replaced and engines.get(self.engine) is not None:
            # The same command and environment would be left running: a new ReplicaSet asks for a new process.
            engines.stop(self.engine)
        endpoint = engines.backend(
            self.engine,
            region=self._region,
            host=desired.host,
            port=desired.port,
            environment=dict(desired.environment),
        )
        return endpoint.pid

    async def _stop(self) -> None:
        self.running, self._process, self.ready = None, None, False
        await asyncio.to_thread(self._stop_engine)
        self._changed()

    def _stop_engine(self) -> None:
        from localcloud.engines import Engines
        from localcloud.state import State

        Engines(State(self._state_directory)).delete(self.engine)
