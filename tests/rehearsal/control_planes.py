"""Both clouds' control planes in this process, with stand-ins for the engines behind them.

What the engines do (PostgreSQL, Valkey, Kubernetes) is tested elsewhere; here only what the control planes
say of every type. Cloud Storage and BigQuery are passed on to their emulators, which are started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.google.driver import GoogleDriver
from dreamnet.resources.model import Driver
from localcloud.aws.server import LocalAws
from localcloud.engines import Engines
from localcloud.engines.records import Endpoint, KubernetesEndpoint, PostgresEndpoint
from localcloud.google.auth import Identity
from localcloud.google.data import BIGQUERY, STORAGE, start_bigquery, start_storage
from localcloud.google.server import Server
from localcloud.ports import free_port
from localcloud.state import State

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
REGION, SECOND_REGION = "us-east-1", "us-west-2"


class StandIns(Engines):
    """Says of each engine that it runs; starts the two emulators only."""

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
        return Endpoint(name, asked["kind"], asked["region"], asked["host"], asked["port"])

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
        if name in (STORAGE, BIGQUERY):
            super().delete(name)


@dataclass
class ControlPlanes:
    """Both clouds."""

    google: GoogleAccount
    aws: AwsAccount
    state: State

    @property
    def drivers(self) -> dict[str, Driver]:
        return {"google": GoogleDriver(self.google), "aws": AwsDriver(self.aws)}

    @property
    def variables(self) -> dict[str, str]:
        """As the rehearsal's profile has them."""
        google = self.state.credentials().endpoints("")["google"]
        return {
            "google.project": self.google.project,
            "google.project_number": google["project_number"],
            "google.billing_account": google["billing_account"],
            "google.region": self.google.region,
            "google.zone": self.google.zone,
            "google.second_region": self.google.second_region,
            "aws.account_id": self.aws.account_id,
            "aws.region": self.aws.region,
            "aws.second_region": self.aws.second_region,
            "image": "dreamnet/backend:rehearsal",
            "frontdoor.port": "8080",
            "operator.email": "operator@dreamnet.example",
            "domain": "dreamnet.example",
        }


@contextmanager
def control_planes(directory: Path, apis: Iterable[str] = ()) -> Iterator[ControlPlanes]:
    """Start both, and end them and what they started.

    Args:
        apis: Google APIs besides those that the server announces; it answers for every one.
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
    try:
        yield ControlPlanes(_google(state, google, apis), _aws(state, aws.url), state)
    finally:
        google.shutdown()
        aws.stop()
        for thread in threads:
            thread.join(20)
        for name in (STORAGE, BIGQUERY):
            engines.delete(name)


def _google(state: State, server: Server, apis: Iterable[str]) -> GoogleAccount:
    url = server.context.base_url
    return GoogleAccount.from_service_account(
        state.credentials().service_account(f"{url}/token"),
        project=state.credentials().google_project,
        region="us-central1",
        zone="us-central1-a",
        second_region="us-east1",
        endpoints={**{api: f"{url}/{api}" for api in apis}, **server.endpoints()},
    )


def _aws(state: State, url: str) -> AwsAccount:
    keys = state.credentials()
    return AwsAccount.from_keys(
        account_id=keys.aws_account_id,
        region=REGION,
        second_region=SECOND_REGION,
        access_key_id=keys.aws_access_key_id,
        secret_access_key=keys.aws_secret_access_key,
        endpoint_url=url,
    )
