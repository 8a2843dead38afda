"""Puts the local Google server together and runs it."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

import uvicorn

from localcloud.google import hooks
from localcloud.google.app import make_app
from localcloud.google.auth import Identity
from localcloud.google.calls import Context
from localcloud.google.hooks import Hook, Proxy
from localcloud.google.operations import Operations
from localcloud.google.store import Store

if TYPE_CHECKING:
    from localcloud.engines import Engines
    from localcloud.state import State

#: The APIs whose addresses are announced. The server answers for every other one as well.
APIS = (
    "aiplatform",
    "artifactregistry",
    "bigquery",
    "bigqueryconnection",
    "bigquerydatatransfer",
    "bigtableadmin",
    "billingbudgets",
    "certificatemanager",
    "cloudbilling",
    "cloudbuild",
    "clouddeploy",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "cloudtasks",
    "compute",
    "container",
    "dataflow",
    "datapipelines",
    "dns",
    "documentai",
    "eventarc",
    "gkebackup",
    "gkehub",
    "iam",
    "logging",
    "monitoring",
    "redis",
    "run",
    "secretmanager",
    "servicenetworking",
    "serviceusage",
    "spanner",
    "sqladmin",
    "storage",
    "storagetransfer",
)


def load_modules() -> list[ModuleType]:
    """Every module of the hooks package."""
    names = [one.name for one in pkgutil.iter_modules(hooks.__path__)]
    return [importlib.import_module(f"{hooks.__name__}.{name}") for name in sorted(names)]


def collect(modules: list[ModuleType]) -> tuple[dict[str, Hook], list[Proxy]]:
    """The hooks by collection, and the proxies, of these modules."""
    found: dict[str, Hook] = {}
    proxies: list[Proxy] = []
    for module in modules:
        for value in vars(module).values():
            if _is_hook(value) and value.__module__ == module.__name__:
                found[value.collection] = value()
        proxies += getattr(module, "proxies", [])
    return found, proxies


def _is_hook(value: object) -> TypeGuard[type[Hook]]:
    return isinstance(value, type) and issubclass(value, Hook) and hasattr(value, "collection")


class Server:
    """The server in this process.

    Args:
        state: the state directory.
        identity: who is let in.
        port: of 127.0.0.1.
        engines: real servers.
    """

    def __init__(self, state: State, identity: Identity, port: int, engines: Engines) -> None:
        self._modules = load_modules()
        by_collection, proxies = collect(self._modules)
        store = Store(state.dir / "google" / "state.sqlite")
        self.context = Context(
            state=state,
            engines=engines,
            store=store,
            identity=identity,
            base_url=f"http://127.0.0.1:{port}",
            hooks=by_collection,
        )
        self.context.operations = Operations(self.context)
        config = uvicorn.Config(
            make_app(self.context, proxies),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
        )
        self._server = uvicorn.Server(config)

    def endpoints(self) -> dict[str, str]:
        """The root URL of each API that the gameplan uses, as endpoints.json lists them."""
        roots = {name: f"{self.context.base_url}/{name}" for name in APIS}
        # `pubsub` itself is the address of the gRPC server.
        return {**roots, "pubsub_rest": f"{self.context.base_url}/pubsub"}

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM, or `shutdown`."""
        threads = [self._thread(module, "start") for module in self._modules]
        for thread in threads:
            thread.start()
        try:
            self._server.run()
        finally:
            for module in self._modules:
                getattr(module, "stop", lambda _context: None)(self.context)
            self.context.store.close()

    def _thread(self, module: ModuleType, name: str) -> threading.Thread:
        def work() -> None:
            getattr(module, name, lambda _context: None)(self.context)

        return threading.Thread(target=work, daemon=True, name=f"{module.__name__}.{name}")

    def shutdown(self) -> None:
        """Stop serving."""
        self._server.should_exit = True

    @property
    def started(self) -> bool:
        """Whether it answers."""
        return bool(self._server.started)
