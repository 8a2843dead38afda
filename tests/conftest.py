"""What tests share: a Prefect of their own, a desk that notes what tasks say, and one rehearsal a session."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from operator_shell import Rehearsal

# Before Prefect is imported: no test reads or writes the profile, the database or the results of whoever
# runs it, and none talks to a server that a shell happens to name.
for _name in [name for name in os.environ if name.startswith("PREFECT_")]:
    del os.environ[_name]
_HOME = tempfile.TemporaryDirectory(prefix="prefect-tests-")
os.environ |= {
    "PREFECT_HOME": _HOME.name,
    "PREFECT_PROFILES_PATH": f"{_HOME.name}/profiles.toml",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}

# ---- tasks and flows without an engine


@dataclass
class Desk:
    """What tasks said while no server listened.

    Attributes:
        artifacts: markdown and descriptions by key, in order of publication.
        tables: rows by key.
        lines: progress.
    """

    artifacts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Lets `.fn` of tasks run outside of a flow; what they would tell Prefect is noted instead."""
    import tasks.approval
    import tasks.costs
    import tasks.failover
    import tasks.migration
    import tasks.support

    noted = Desk()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            noted.lines.append(record.getMessage())

    logger = logging.Logger("desk", logging.INFO)
    logger.addHandler(Noting())

    def markdown(key: str, markdown: str, description: str) -> None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key), f"Prefect refuses the artifact key {key!r}"
        noted.artifacts[key] = f"{description}\n\n{markdown}"

    def table(key: str, table: list[dict[str, Any]], description: str) -> None:
        json.dumps(table)
        noted.tables[key] = table

    monkeypatch.setattr(tasks.support, "get_run_logger", lambda: logger)
    monkeypatch.setattr(tasks.approval, "get_run_logger", lambda: logger)
    monkeypatch.setattr(tasks.support, "create_markdown_artifact", markdown)
    for module in (tasks.costs, tasks.failover, tasks.migration):
        monkeypatch.setattr(module, "create_table_artifact", table)
    return noted


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

    Tests that use it belong to the group `e2e` (`@pytest.mark.xdist_group("e2e")`), so that of several
    pytest workers only one starts it.
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
