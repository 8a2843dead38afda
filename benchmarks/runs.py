"""Flow runs with their tasks and subflows, as Prefect's API has recorded them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.spans import Span
from deployments.rehearsal.run import Api
from dreamnet.errors import UnreachableError

#: Task runs reach the database a moment after they have ended: seconds to wait for them, and between looks.
PATIENCE, PAUSE = 60.0, 1.0
_PAGE = 200


@dataclass(frozen=True)
class Run:
    """One flow run.

    Attributes:
        created: when it was asked for (seconds since the epoch).
        scheduled: when it should have begun.
        span: from the first line of the flow to its end.
        tasks: its own tasks; the stand-ins that Prefect keeps for subflows are left out.
        subflows: in the order in which they began.
    """

    id: str
    created: float
    scheduled: float
    span: Span
    tasks: tuple[Span, ...]
    subflows: tuple[Run, ...]

    def all_tasks(self) -> Iterator[Span]:
        """Its tasks and those of its subflows."""
        yield from self.tasks
        for subflow in self.subflows:
            yield from subflow.all_tasks()

    @property
    def waited(self) -> float:
        """Seconds from the time it should have begun to its first task."""
        return min(task.start for task in self.all_tasks()) - self.scheduled


def latest_run(api: Api, flow: str, deployment: str) -> Run:
    """The newest run of a deployment, once all that belongs to it has been recorded.

    Raises:
        UnreachableError: there is none, or the record stays incomplete.
    """
    asked = {
        "flows": {"name": {"any_": [flow]}},
        "deployments": {"name": {"any_": [deployment]}},
        "sort": "START_TIME_DESC",
        "limit": 1,
    }
    found = api.post("flow_runs/filter", asked)
    if not found:
        raise UnreachableError(f"{flow}/{deployment} has never run.", "Run it first.")
    deadline, before = time.monotonic() + PATIENCE, -1
    while True:
        flow_runs = _with_subflows(api, found)
        task_runs = _task_runs(api, [run["id"] for run in flow_runs])
        if _settled([*flow_runs, *task_runs]) and len(task_runs) == before:
            return build(flow_runs, task_runs)
        before = len(task_runs)
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"Prefect has not recorded all tasks of {flow}/{deployment} after {PATIENCE:.0f} s.",
                "Look at the server's log.",
            )
        time.sleep(PAUSE)


def build(flow_runs: list[dict[str, Any]], task_runs: list[dict[str, Any]]) -> Run:
    """Put the API's rows together; the first flow run is the outermost."""
    children: dict[str, list[dict[str, Any]]] = {}
    stand_ins = {run["parent_task_run_id"]: run for run in flow_runs if run.get("parent_task_run_id")}
    tasks: dict[str, list[Span]] = {}
    for row in task_runs:
        if subflow := stand_ins.get(row["id"]):
            children.setdefault(row["flow_run_id"], []).append(subflow)
        elif row["start_time"]:  # one that was cached has not begun
            tasks.setdefault(row["flow_run_id"], []).append(_span(row))

    def one(row: dict[str, Any]) -> Run:
        own = sorted(tasks.get(row["id"], []), key=lambda span: span.start)
        below = sorted((one(child) for child in children.get(row["id"], [])), key=lambda r: r.span.start)
        times = moment(row["created"]), moment(row["expected_start_time"])
        return Run(row["id"], *times, _span(row), tuple(own), tuple(below))

    return one(flow_runs[0])


def moment(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 time."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _span(row: dict[str, Any]) -> Span:
    return Span(row["name"], moment(row["start_time"]), moment(row["end_time"]))


def _with_subflows(api: Api, roots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [api.get(f"flow_runs/{root['id']}") for root in roots]
    level = found
    while level:
        parents = {"parent_flow_run_id": {"any_": [run["id"] for run in level]}}
        level = api.post("flow_runs/filter", {"flow_runs": parents, "limit": _PAGE})
        found = [*found, *level]
    return found


def _task_runs(api: Api, flow_runs: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        asked = {
            "flow_runs": {"id": {"any_": flow_runs}},
            "limit": _PAGE,
            "offset": len(rows),
            "sort": "ID_DESC",
        }
        page = api.post("task_runs/filter", asked)
        rows += page
        if len(page) < _PAGE:
            return rows


def _settled(rows: list[dict[str, Any]]) -> bool:
    return all(row["end_time"] or not row["start_time"] for row in rows) and all(
        row["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") for row in rows
    )
