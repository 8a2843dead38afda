"""The rehearsal as an operator has it: commands, runs, and what the server says of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest

PROJECT = Path(__file__).resolve().parents[1]

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, seconds: float = 60.0, every: float = 0.2) -> T:
    """Look until there is something to see, and return it; fail in words after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
    return seen


@dataclass(frozen=True)
class Rehearsal:
    """A local cloud with Prefect's server and worker, blocks saved, everything deployed.

    Attributes:
        environment: in which Prefect's commands find the server.
    """

    state: Path
    endpoints: dict[str, Any]
    environment: dict[str, str]

    def command(self, *arguments: str, timeout: float = 240) -> str:
        """`python -m ARGUMENTS` as in the operator's shell; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=PROJECT,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )
        assert done.returncode == 0, (
            f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
        return done.stdout

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """An answer of Prefect's API."""
        return self._answer("POST", path, body)

    def get(self, path: str) -> Any:
        """An answer of Prefect's API."""
        return self._answer("GET", path, None)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        url = f"{self.endpoints['prefect']['api']}/{path}"
        for pause in (0.5, 1.0, 2.0, 4.0, 0.0):
            answer = httpx.request(method, url, json=body, timeout=30, trust_env=False)
            # The server answers 503 while its SQLite is locked; Prefect's own client asks again, too.
            if answer.status_code != 503:
                break
            time.sleep(pause)
        answer.raise_for_status()
        return answer.json()

    def start(self, deployment: str) -> str:
        """`prefect deployment run DEPLOYMENT`; returns the flow run's id."""
        said = self.command("prefect", "deployment", "run", deployment)
        found = re.search(r"UUID: ([0-9a-f-]{36})", said)
        assert found, said
        return found[1]

    def state_of(self, run: str) -> dict[str, Any]:
        """A flow run's state."""
        state: dict[str, Any] = self.get(f"flow_runs/{run}")["state"]
        return state

    def wait(self, run: str, *names: str, seconds: float = 180) -> dict[str, Any]:
        """Wait until a flow run has ended, and hold that it ended in one of these states."""

        def ended() -> dict[str, Any] | None:
            state = self.state_of(run)
            return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        state = eventually(ended, f"flow run {run} ends", seconds)
        assert state["name"] in names, f"{state['name']}: {state.get('message')}\n{self.log_of(run)}"
        return state

    def begin(self, deployment: str, **parameters: Any) -> str:
        """Start a deployment as the UI's button does, without a command's imports; returns the run's id."""
        found = self.get(f"deployments/name/{deployment}")
        path = f"deployments/{found['id']}/create_flow_run"
        given = found["parameters"] | parameters
        run: str = self.post(path, {"state": {"type": "SCHEDULED"}, "parameters": given})["id"]
        return run

    def retry(self, run: str) -> None:
        """Retry a flow run that has ended as the UI's button does, without a command's imports."""
        self.post(f"flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED"}, "force": True})

    def run(self, deployment: str, **parameters: Any) -> str:
        """Run a deployment to its good end; returns the run's id."""
        run = self.begin(deployment, **parameters)
        self.wait(run, "Completed")
        return run

    def log_of(self, run: str) -> str:
        """The last lines of a flow run's log."""
        lines = self.post(
            "logs/filter",
            {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_DESC", "limit": 30},
        )
        return "\n".join(line["message"][:1000] for line in reversed(lines))

    def artifacts(self, key: str) -> list[dict[str, Any]]:
        """All versions of an artifact, oldest first."""
        found: list[dict[str, Any]] = self.post(
            "artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "limit": 200}
        )
        return sorted(found, key=lambda artifact: str(artifact["created"]))

    @contextmanager
    def here(self) -> Iterator[None]:
        """Prefect in this process talks to the rehearsal's server."""
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: self.environment["PREFECT_API_URL"]}):
            yield


# ---- the operator's worst day


def process_of(rehearsal: Rehearsal, run: str) -> psutil.Process:
    """The process in which the worker runs a flow run, found among the worker's children."""
    record = json.loads((rehearsal.state / "engines" / "prefect-worker" / "engine.json").read_text())
    worker = psutil.Process(record["pid"])

    def look() -> psutil.Process | None:
        for child in worker.children(recursive=True):
            try:
                if run in " ".join(child.cmdline()) or child.environ().get("PREFECT__FLOW_RUN_ID") == run:
                    return child
            except psutil.Error:
                continue
        return None

    return eventually(look, f"a process of flow run {run}")


def kill(rehearsal: Rehearsal, run: str, begun: Callable[[], bool], after: float) -> None:
    """kill -9 the run's process `after` seconds after something has begun, and wait for the verdict."""
    victim = process_of(rehearsal, run)
    over = executions(rehearsal, run)
    eventually(begun, "the moment to kill", seconds=150, every=0.02)
    time.sleep(after)
    assert victim.is_running()
    os.kill(victim.pid, signal.SIGKILL)
    rehearsal.wait(run, "Crashed", seconds=60)
    # The worker reports a dead process at once, looks for hooks of the flow to run, and reports it again
    # (Prefect 3.9.1, workers/base.py). A retry between the two would be taken for the dead run and ended.
    eventually(lambda: executions(rehearsal, run) > over, "the worker's last word on the dead process", 60)


def executions(rehearsal: Rehearsal, run: str) -> int:
    """How often the worker has said that it is done with a process of this run."""
    answer = rehearsal.post(
        "events/filter", {"filter": {"event": {"name": ["prefect.worker.executed-flow-run"]}}, "limit": 50}
    )
    return sum(
        related["prefect.resource.id"] == f"prefect.flow-run.{run}"
        for event in answer["events"]
        for related in event["related"]
    )
