"""What tests share: a Prefect of their own, a desk that notes what tasks say, and one rehearsal a session."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, noted_at_a_desk
from operator_shell import Rehearsal
from xdist.scheduler import LoadScopeScheduling

# Before Prefect is imported: no test reads or writes the profile, the database or the results of whoever
# runs it, and none talks to a server that a shell happens to name.
for _name in [name for name in os.environ if name.startswith("PREFECT_")]:
    del os.environ[_name]
_HOME = tempfile.TemporaryDirectory(prefix="prefect-tests-")
os.environ |= {
    "PREFECT_HOME": _HOME.name,
    "PREFECT_PROFILES_PATH": f"{_HOME.name}/profiles.toml",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # The blocks that tests use are registered when they are saved, those of all packages need not be.
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "DO_NOT_TRACK": "1",
    # A block loaded without a server would start one, which outlives the tests: let it fail instead.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}


#: What takes long begins first, so that no worker is left alone with it at the end.
_LONGEST_FIRST = ("e2e", "rehearsal", "deployments", "flows", "benchmarks", "localcloud")


def pytest_configure(config: pytest.Config) -> None:
    """Scopes are handed out in the order below, not by their number of tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order tests by room; within a room they stay as they are."""
    rank = {room: number for number, room in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("/")[1], len(rank)))


class SharedServers(LoadScopeScheduling):  # type: ignore[misc]
    """One pytest worker for tests that share servers: those of a file, of e2e, and of Prefect's server."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        room = file.split("/")[1]
        return {"e2e": "e2e", "flows": "prefect", "deployments": "prefect"}.get(room, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedServers:
    """Called by pytest-xdist in its controller."""
    return SharedServers(config, log)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Lets `.fn` of tasks run outside of a flow; what they would tell Prefect is noted instead."""
    return noted_at_a_desk(monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def _empty_clusters_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """initdb runs once a session: each further PostgreSQL server begins with a copy of what that made."""
    from localcloud.engines import postgresql

    folder, lock = tmp_path_factory.mktemp("clusters"), threading.Lock()
    made: dict[str, str] = {}
    initialise = postgresql.initialise

    def copied(data: str) -> None:
        program = postgresql.binary("initdb")
        with lock:
            if program in made:
                subprocess.run(["cp", "-a", f"{made[program]}/.", data], check=True)
                return
            initialise(data)
            # Without these, a server counts from its own start: rates are amounts over the time since then.
            Path(data, "pg_stat", "pgstat.stat").unlink(missing_ok=True)
            subprocess.run(["cp", "-a", data, folder / str(len(made))], check=True)
            made[program] = str(folder / str(len(made)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(postgresql, "initialise", copied)
        yield


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """A Prefect server for this session, with an empty database; yields its API's address."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # Each flow's end waits a second for its heartbeat thread.
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield str(PREFECT_API_URL.value())


# ---- the rehearsal, as an operator has it


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One rehearsal for all tests of a session that want one; gone afterwards, data and all.

    Only tests in tests/e2e/ use it, which all run on one pytest worker.
    """
    state = tmp_path_factory.mktemp("rehearsal") / "state"
    bare = Rehearsal(state, {}, {})
    try:
        bare.command("localcloud", "up", "--state", str(state))
        endpoints = json.loads((state / "endpoints.json").read_text())
        rehearsal = Rehearsal(state, endpoints, endpoints["prefect"]["environment"])
        rehearsal.command("deployments.rehearsal", "--state", str(state), "--deploy-only")
        yield rehearsal
    finally:
        bare.command("localcloud", "down", "--wipe", "--state", str(state))
