"""Google's data services of a rehearsal, on their own: what the pipeline's and the events' tests need."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamnet.clouds.google import GoogleAccount
from localcloud.engines import Engines
from localcloud.google.data import start_bigquery, start_storage
from localcloud.ports import free_port
from localcloud.state import State

LAKE, ARCHIVES = "dreamnet-62b49-lake", "dreamnet-62b49-functions"
PROJECT = "projects/dreamnet-62b49"


@contextmanager
def rehearsal(directory: Path, *, warehouse: bool) -> Iterator[tuple[GoogleAccount, Engines]]:
    """The control plane with storage, and with BigQuery where asked; the lake's buckets exist."""
    state = State(directory)
    engines = Engines(state)
    try:
        threads = [threading.Thread(target=start_bigquery, args=(state,))] if warehouse else []
        for thread in threads:
            thread.start()
        start_storage(state)
        control_plane(state, engines)
        for thread in threads:
            thread.join()
        account = connect(state)
        for bucket in (LAKE, ARCHIVES):
            account.storage().create_bucket(bucket, location="us-central1")
        yield account, engines
    finally:
        for engine in engines.list():
            engines.delete(engine.name)


def control_plane(state: State, engines: Engines) -> None:
    """Start the control-plane server, or start it again, and wait until Pub/Sub answers too."""
    known = engines.get("google")
    port = known.port if known else free_port()
    # fmt: off
    argv = [sys.executable, "-m", "localcloud.google", "--state", str(state.dir), "--port", str(port)]
    # fmt: on
    engines.process(
        "google",
        kind="google",
        region="global",
        argv=argv,
        environment={},
        ready=f"http://127.0.0.1:{port}/_rehearsal/resources",
        host="127.0.0.1",
        port=port,
    )
    eventually(lambda: "pubsub" in state.endpoints().get("google", {}))


def connect(state: State) -> GoogleAccount:
    endpoints = state.endpoints()
    return GoogleAccount.from_service_account(
        endpoints["credentials"]["google"]["service_account"],
        project="dreamnet-62b49",
        region="us-central1",
        zone="us-central1-a",
        second_region="europe-west1",
        endpoints=endpoints["google"],
    )


def eventually(holds: Any, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def done(account: GoogleAccount, operation: dict[str, Any]) -> dict[str, Any]:
    """A function's operation, when it has ended."""
    operations = account.api("cloudfunctions", "v2").projects().locations().operations()
    deadline = time.monotonic() + 60
    while not operation.get("done"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        operation = operations.get(name=operation["name"]).execute(num_retries=3)
    return operation
