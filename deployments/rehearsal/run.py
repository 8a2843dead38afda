"""Runs a deployment as an operator does, shows its log while it runs, and its report afterwards."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from dreamnet.errors import GameplanError

#: How often the log is asked for, in seconds.
POLL_SECONDS = 0.5


class RunFailed(GameplanError):
    """A flow run has not completed."""


@dataclass(frozen=True)
class Api:
    """Prefect's REST API, as far as it is needed here.

    Args:
        url: with `/api`.
    """

    url: str
    names: dict[str, str] = field(default_factory=dict, repr=False)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST."""
        answer = httpx.post(f"{self.url}/{path}", json=body, timeout=30, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """The answer to a GET."""
        answer = httpx.get(f"{self.url}/{path}", timeout=30, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def logs_since(self, moment: datetime, seen: set[str]) -> list[dict[str, Any]]:
        """Log lines of all runs from `moment` on that are not in `seen`, oldest first."""
        of_interest = {"timestamp": {"after_": moment.isoformat()}, "level": {"ge_": logging.INFO}}
        lines: list[dict[str, Any]] = []
        while True:
            page = self.post(
                "logs/filter",
                {"logs": of_interest, "sort": "TIMESTAMP_ASC", "limit": 200, "offset": len(lines)},
            )
            lines += page
            if len(page) < 200:
                return [line for line in lines if line["id"] not in seen]

    def task_name(self, task_run_id: str) -> str:
        """A task run's name; asked once, as names do not change while it logs."""
        if task_run_id not in self.names:
            try:
                self.names[task_run_id] = str(self.get(f"task_runs/{task_run_id}")["name"])
            except httpx.HTTPStatusError:  # its row may come later than its first line
                return "task"
        return self.names[task_run_id]

    def latest_artifact(self, key: str) -> dict[str, Any] | None:
        """The newest version of an artifact."""
        try:
            artifact: dict[str, Any] = self.get(f"artifacts/{key}/latest")
        except httpx.HTTPStatusError as error:
            if error.response.status_code == 404:
                return None
            raise
        return artifact


def run_and_follow(api: Api, deployment: str, ui: str) -> str:
    """`prefect deployment run DEPLOYMENT --watch`, with the log of the run and its subflows as it appears.

    Returns:
        The flow run's id.

    Raises:
        RunFailed: it ended in another state than Completed; names the run and how to resume it.
    """
    started, seen = datetime.now(UTC), set[str]()
    with tempfile.TemporaryFile("w+") as output:
        watch = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "prefect",
                "deployment",
                "run",
                deployment,
                "--watch",
                "--watch-interval",
                "1",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        while watch.poll() is None:
            _print_new(api, started, seen)
            time.sleep(POLL_SECONDS)
        _print_new(api, started, seen)
        output.seek(0)
        said = output.read()
    found = re.search(r"UUID: ([0-9a-f-]{36})", said)
    if not found:
        raise RunFailed(
            f"Prefect did not start {deployment}: {said.strip().splitlines()[-1:]}",
            "Look at the server's log under .rehearsal/logs.",
        )
    run_id = found[1]
    state = api.get(f"flow_runs/{run_id}")["state"]
    if state["type"] != "COMPLETED":
        raise RunFailed(
            f"{deployment} ended as {state['name']}: {state.get('message') or 'no message'}",
            f"Look at {ui}/runs/flow-run/{run_id}; `prefect flow-run retry {run_id}` goes on there.",
        )
    return run_id


#: What Prefect says of every run and task, which tells an onlooker nothing.
_CHATTER = re.compile(
    r"Finished in state Completed|deployment (pull )?step|pull step|[Hh]ook .say_step|submitt(ed|ing)"
)


def _print_new(api: Api, since: datetime, seen: set[str]) -> None:
    for line in api.logs_since(since, seen):
        seen.add(line["id"])
        message = line["message"].splitlines()[0]
        if _CHATTER.search(message):
            continue
        at = datetime.fromisoformat(line["timestamp"]).astimezone()
        task = api.task_name(line["task_run_id"]) if line.get("task_run_id") else "flow"
        print(f"  {at:%H:%M:%S}  {task[:28]:<28}  {message[:150]}", flush=True)
