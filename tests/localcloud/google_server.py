"""A local Google server in this process, with stand-ins for the engines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet.clouds.google import GoogleAccount
from localcloud.credentials import LocalCredentials, _rsa_key
from localcloud.google.auth import Identity
from localcloud.google.server import Server
from localcloud.ports import free_port

PROJECT = "dreamnet-62b49"

CREDENTIALS = LocalCredentials(
    google_project=PROJECT,
    google_email=f"gameplan@{PROJECT}.iam.gserviceaccount.com",
    google_private_key_id="a" * 40,
    google_private_key=_rsa_key(),
    google_access_token="ya29.only-for-these-tests",
    aws_account_id="1" * 12,
    aws_access_key_id="AKIA0",
    aws_secret_access_key="none",
)


@dataclass
class FakeState:
    dir: Path
    recorded: dict[str, Any] = field(default_factory=dict)

    def update_endpoints(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                self.recorded.setdefault(key, {}).update(value)
            else:
                self.recorded[key] = value

    def remove_endpoint(self, *path: str) -> None:
        self.recorded.get(path[0], {}).pop(path[-1], None)

    def endpoints(self) -> dict[str, Any]:
        return self.recorded

    def credentials(self) -> LocalCredentials:
        return CREDENTIALS


@dataclass
class FakeEndpoint:
    name: str
    host: str
    port: int
    user: str = ""
    password: str = ""
    dsn: str = ""
    server: str = ""
    ca_certificate_pem: str = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    kubeconfig: str = ""


@dataclass
class FakeEngines:
    """Remembers what it was asked."""

    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, verb: str) -> Any:
        if verb.startswith("_"):
            raise AttributeError(verb)

        def ask(name: str, *_: Any, **options: Any) -> FakeEndpoint:
            self.asked.append((verb, name, options))
            host = options.get("host") or "127.0.0.1"
            return FakeEndpoint(name, host, options.get("port") or 5432, server="https://127.0.0.1:6443")

        return ask

    def verbs(self, name: str) -> list[str]:
        return [verb for verb, asked, _ in self.asked if asked == name]


@dataclass
class Running:
    server: Server
    port: int
    engines: Any
    state: Any

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def account(self, **changes: Any) -> GoogleAccount:
        return GoogleAccount.from_service_account(
            changes.get("key") or self.state.credentials().service_account(f"{self.root}/token"),
            project=PROJECT,
            region="us-central1",
            zone="us-central1-a",
            second_region="europe-west1",
            endpoints=self.server.endpoints(),
        )


@contextmanager
def running(directory: Path, engines: Any = None, state: Any = None) -> Iterator[Running]:
    port = free_port()
    state = state or FakeState(directory)
    engines = engines or FakeEngines()
    server = Server(state, Identity.of(state.credentials()), port, engines)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield Running(server, port, engines, state)
    finally:
        server.shutdown()
        thread.join(10)
