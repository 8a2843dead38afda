"""Prefect as an operator runs it, on this machine: a server on SQLite and one process worker.

Started as programs; nothing here imports Prefect.
"""

from __future__ import annotations

import sys
from pathlib import Path

import certifi

from localcloud.engines import Engines
from localcloud.state import State

#: The work pool that prefect.yaml names.
WORK_POOL = "dreamnet"
#: What no region's failure touches.
_GLOBAL = "global"
_PROJECT = Path(__file__).resolve().parent.parent


def settings(state: State, api: str) -> dict[str, str]:
    """The environment in which Prefect's programs use this server, and tell nobody about it."""
    return {
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(state.dir / "prefect"),
        "PREFECT_PROFILES_PATH": str(state.dir / "prefect" / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_PREFETCH_SECONDS": "1",
        # The automation that finds dead runs waits for three of these (deployments/automations.py).
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_API_SSL_CERT_FILE": str(state.dir / "prefect" / "authority.pem"),
        "DREAMNET_HOME": str(_PROJECT),
    }


def start_server(state: State, engines: Engines, host: str, port: int) -> str:
    """Start the server; returns the UI's address once its API answers."""
    api = f"http://{host}:{port}/api"
    _write_authority(state.dir / "prefect" / "authority.pem")
    engines.process(
        "prefect-server",
        kind="prefect-server",
        region=_GLOBAL,
        argv=[sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
        environment=settings(state, api),
        ready=f"{api}/health",
        host=host,
        port=port,
    )
    environment = settings(state, api)
    lines = [f"export {name}={value!r}" for name, value in environment.items()]
    (state.dir / "env").write_text("\n".join(lines) + "\n")
    state.update_endpoints(
        {"prefect": {"api": api, "ui": f"http://{host}:{port}", "environment": environment}}
    )
    return f"http://{host}:{port}"


def _write_authority(file: Path) -> None:
    """Keep one certificate authority where Prefect's clients look for them.

    The server speaks plain HTTP, and yet each of the hundred clients that a run makes would read all of
    certifi's authorities first, which takes 35 to 70 ms.
    """
    end = "-----END CERTIFICATE-----\n"
    bundle = Path(certifi.where()).read_text()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(bundle[: bundle.index(end)] + end)


def start_worker(state: State, engines: Engines, host: str, port: int) -> str:
    """Start a process worker for the pool, which is made when it does not exist; returns its address."""
    prefect = state.endpoints()["prefect"]
    engines.process(
        "prefect-worker",
        kind="prefect-worker",
        region=_GLOBAL,
        argv=[
            *(sys.executable, "-m", "prefect", "worker", "start", "--with-healthcheck"),
            *("--name", "rehearsal", "--pool", WORK_POOL, "--type", "process", "--install-policy", "never"),
        ],
        environment=prefect["environment"]
        | {"PREFECT_WORKER_WEBSERVER_HOST": host, "PREFECT_WORKER_WEBSERVER_PORT": str(port)},
        ready=f"http://{host}:{port}/health",
        host=host,
        port=port,
    )
    return f"pool {WORK_POOL}"
