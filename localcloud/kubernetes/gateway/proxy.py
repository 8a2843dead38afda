"""One Gateway's Caddy: started, given new routes without dropping connections, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamnet.errors import GameplanError
from localcloud.engines import Engines
from localcloud.frontdoor import caddy, load
from localcloud.ports import free_port
from localcloud.state import State, read_json, write_json

logger = logging.getLogger("localcloud.kubernetes.gateway")
RETRY_SECONDS = 2.0


class Proxy:
    """A Caddy that follows what is wanted; `changed` is called when it serves it, or cannot.

    Attributes:
        failing: addresses that answer every request with 500 and with 503.
        serving: the applications that it serves now.
        problem: why it does not serve what is wanted; empty where it does, or is about to.
    """

    def __init__(self, state: Path, engine: str, region: str, changed: Callable[[], None]) -> None:
        self.engine, self._region, self._changed = engine, region, changed
        self._state = state
        self.serving: Any = None
        self.problem = ""
        self._wanted: tuple[str, int, Any] | None = None
        self._wake = asyncio.Event()
        self._closed = False
        self._file = State(state).engines / engine / "caddy.json"
        # One that runs still, from before a restart of the cluster, is reached where it was.
        kept = read_json(self._file).get("admin", {})
        self._admin = str(kept.get("listen") or f"127.0.0.1:{free_port()}")
        self.failing = {code: f"127.0.0.1:{free_port()}" for code in (500, 503)}
        self._task = asyncio.get_running_loop().create_task(self._run())

    def want(self, host: str, port: int, applications: Any) -> None:
        """Serve these applications (Caddy's `apps`); `port` is one of those it listens on."""
        if (host, port, applications) != self._wanted:
            self._wanted = (host, port, applications)
            self._wake.set()

    async def close(self) -> None:
        """Stop Caddy."""
        self._closed = True
        self._wake.set()
        await self._task
        await asyncio.to_thread(Engines(State(self._state)).delete, self.engine)

    async def _run(self) -> None:
        while not self._closed:
            delay = None
            self._wake.clear()
            if self._wanted is not None and self._wanted[2] != self.serving:
                host, port, applications = self._wanted
                try:
                    await asyncio.to_thread(self._serve, host, port, applications)
                    self.serving, self.problem = applications, ""
                except (GameplanError, OSError) as error:
                    self.problem, delay = str(error), RETRY_SECONDS
                    logger.warning("%s: %s", self.engine, error)
                self._changed()
            try:
                await asyncio.wait_for(self._wake.wait(), delay)
            except TimeoutError:
                continue

    def _serve(self, host: str, port: int, applications: Any) -> None:
        engines = Engines(State(self._state))
        configuration = {"admin": {"listen": self._admin, "config": {"persist": False}}, "apps": applications}
        running = engines.get(self.engine)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # The file holds keys of certificates.
        write_json(self._file, configuration)
        if running is not None and running.status == "running" and running.address == f"{host}:{port}":
            load(self._admin, configuration)
            return
        engines.process(
            self.engine,
            kind="caddy",
            region=self._region,
            argv=[str(caddy()), "run", "--config", str(self._file)],
            environment={"XDG_DATA_HOME": str(self._file.parent), "XDG_CONFIG_HOME": str(self._file.parent)},
            ready=None,
            host=host,
            port=port,
        )
