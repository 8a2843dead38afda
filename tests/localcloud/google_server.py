"""A local Google server in this process, with stand-ins for the engines."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dreamnet.clouds.google import GoogleAccount
from localcloud.google.auth import Identity
from localcloud.google.server import Server

PROJECT = "dreamnet-62b49"
TOKEN = "ya29.only-for-these-tests"

_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class FakeState:
    directory: Path
    recorded: dict[str, Any] = field(default_factory=dict)

    def update_endpoints(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                self.recorded.setdefault(key, {}).update(value)
            else:
                self.recorded[key] = value

    def remove_endpoint(self, kind: str, name: str) -> None:
        self.recorded.get(kind, {}).pop(name, None)

    def endpoints(self) -> dict[str, Any]:
        return self.recorded


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

        def ask(name: str, **options: Any) -> FakeEndpoint:
            self.asked.append((verb, name, options))
            host = options.get("host") or "127.0.0.1"
            return FakeEndpoint(name, host, options.get("port") or 5432, server="https://127.0.0.1:6443")

        return ask

    def verbs(self, name: str) -> list[str]:
        return [verb for verb, asked, _ in self.asked if asked == name]


def service_account_key(port: int, private: Any = _PRIVATE) -> dict[str, Any]:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": f"gameplan@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"http://127.0.0.1:{port}/token",
    }


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
        names = (
            "container sqladmin redis secretmanager compute serviceusage cloudresourcemanager cloudbilling "
            "monitoring cloudscheduler storage bigquery cloudfunctions spanner bigtableadmin logging"
        )
        endpoints = {name: f"{self.root}/{name}" for name in names.split()}
        endpoints["pubsub_rest"] = f"{self.root}/pubsub"
        return GoogleAccount.from_service_account(
            changes.get("key") or service_account_key(self.port),
            project=PROJECT,
            region="us-central1",
            zone="us-central1-a",
            second_region="europe-west1",
            endpoints=endpoints,
        )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(directory: Path, engines: Any = None, state: Any = None) -> Iterator[Running]:
    port = free_port()
    state = state or FakeState(directory)
    engines = engines or FakeEngines()
    server = Server(state, Identity.from_key(service_account_key(port), TOKEN), port, engines)
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


def text(payload: str) -> str:
    return base64.b64decode(payload).decode()


def dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
