"""Both clouds' control planes in this process, with stand-ins for the engines behind them.

What the engines do (PostgreSQL, Valkey, Kubernetes) is tested elsewhere; here only what the control planes
say of every type. Cloud Storage and BigQuery are passed on to their emulators, which are started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.clouds import Clouds, connect
from localcloud.aws.server import LocalAws
from localcloud.engines import Engines
from localcloud.engines.records import Endpoint, KubernetesEndpoint, PostgresEndpoint
from localcloud.google.auth import Identity
from localcloud.google.data import BIGQUERY, STORAGE, start_bigquery, start_storage
from localcloud.google.hooks import container, sqladmin
from localcloud.google.server import Server
from localcloud.ports import free_port
from localcloud.state import State

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


class StandIns(Engines):
    """Says of each engine that it runs; starts the two emulators only."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._stand_ins: dict[str, Endpoint] = {}

    def get(self, name: str) -> Endpoint | None:
        return self._stand_ins.get(name) or super().get(name)

    def postgres(self, name: str, *, region: str = "", **asked: Any) -> PostgresEndpoint:
        return PostgresEndpoint(name, "127.0.0.1", 5432, "owner", "password", region=region)

    def valkey(self, name: str, *, region: str = "", **asked: Any) -> Endpoint:
        return Endpoint(name, "valkey", region, "127.0.0.1", 6379)

    def kubernetes(self, name: str, *, region: str = "", **asked: Any) -> KubernetesEndpoint:
        where = {"region": region, "host": "127.0.0.1", "port": 6443}
        return KubernetesEndpoint(name, "https://127.0.0.1:6443", CERTIFICATE, Path(name), **where)

    def process(self, name: str, **asked: Any) -> Endpoint:
        if name in (STORAGE, BIGQUERY):
            return super().process(name, **asked)
        found = Endpoint(name, asked["kind"], asked["region"], asked["host"], asked["port"])
        return self._stand_ins.setdefault(name, found)

    def postgres_endpoint(self, name: str) -> PostgresEndpoint:
        return self.postgres(name)

    promote = postgres_endpoint

    def rejoin(self, name: str, primary: str) -> PostgresEndpoint:
        return self.postgres(name)

    def ensure_role(self, *asked: Any) -> None: ...

    def ensure_database(self, *asked: Any, **more: Any) -> None: ...

    def start(self, name: str) -> Endpoint:
        return Endpoint(name, "any", "", "127.0.0.1", 1)

    def stop(self, name: str, **asked: Any) -> None: ...

    def delete(self, name: str) -> None:
        self._stand_ins.pop(name, None)
        if name in (STORAGE, BIGQUERY):
            super().delete(name)


@contextmanager
def control_planes(directory: Path, types: Iterable[str] = ()) -> Iterator[Clouds]:
    """Start both, and end them and what they started.

    Args:
        types: whose APIs are called.
    """
    state = State(directory)
    engines = StandIns(state)
    warehouse = threading.Thread(target=start_bigquery, args=(state,))
    warehouse.start()
    start_storage(state)
    aws = LocalAws(state, free_port(), engines)
    port = free_port()
    google = Server(state, Identity.of(state.credentials()), port, engines)
    threads = [threading.Thread(target=run, daemon=True) for run in (aws.serve, google.run)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while not google.started:
        assert time.monotonic() < deadline, "the Google control plane did not start"
        time.sleep(0.02)
    warehouse.join()
    credentials = state.credentials().endpoints(f"{google.context.base_url}/token")
    state.update_endpoints({"google": google.endpoints(), "aws": aws.url, "credentials": credentials})
    # What would talk to the engines behind them.
    databases = patch.object(sqladmin, "_execute", lambda call, statement: None)
    clusters = patch.object(container, "_kubernetes", lambda *told: None)
    try:
        with databases, clusters:
            yield connect(state, types)
    finally:
        google.shutdown()
        aws.stop()
        for thread in threads:
            thread.join(20)
        for name in (STORAGE, BIGQUERY):
            engines.delete(name)
