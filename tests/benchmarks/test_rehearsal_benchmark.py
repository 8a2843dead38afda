"""The arithmetic of the rehearsal's benchmark: what counts as a task's time, as Prefect's, as memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil
import pytest

from benchmarks.memory import COMMANDS, MemorySampler, by_root
from benchmarks.rehearsal import CommandFailed, command, part_seconds
from benchmarks.runs import Run, build, latest_run
from benchmarks.spans import Span, covered, uncovered
from benchmarks.tables import Measured, figures, memory_table, prefect_seconds, table
from deployments.rehearsal.run import Api
from localcloud.engines import Engines
from localcloud.state import State


def at(second: float) -> str:
    return f"2026-11-24T10:00:{second:06.3f}Z"


def flow_run(name: str, start: float, end: float, stand_in: str | None = None) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "created": at(start - 2),
        "expected_start_time": at(start - 1.5),
        "start_time": at(start),
        "end_time": at(end),
        "parent_task_run_id": stand_in,
        "state_type": "COMPLETED",
    }


def task_run(name: str, flow: str, start: float, end: float) -> dict[str, Any]:
    times = {"start_time": at(start), "end_time": at(end)}
    return {"id": f"{flow}/{name}", "name": name, "flow_run_id": flow, "state_type": "COMPLETED", **times}


FLOW_RUNS = [
    flow_run("gameplan", 10, 30),
    flow_run("week 2", 20, 28, "gameplan/week-2"),
    flow_run("week 1", 12, 18, "gameplan/week-1"),
]
TASK_RUNS = [
    task_run("report", "gameplan", 28.5, 29),
    task_run("week-2", "gameplan", 19.9, 28.1),
    task_run("week-1", "gameplan", 11.9, 18.1),
    task_run("accounts", "gameplan", 11, 11.5),
    task_run("deploy to gke", "week 1", 13, 16),
    task_run("deploy to eks", "week 1", 14, 17),
    task_run("copy", "week 2", 20.5, 27.5),
]


@pytest.fixture
def run() -> Run:
    return build(FLOW_RUNS, TASK_RUNS)


def measured(run: Run, seconds: float, verdict: str) -> Measured:
    return Measured(run.created - 40, run.created - 5, run.created - 40 + seconds, {"aws": 9.0}, run, verdict)


def test_parts_side_by_side_count_once_and_only_within_the_whole() -> None:
    whole = Span("whole", 10, 20)
    parts = [Span("a", 12, 16), Span("b", 14, 15), Span("c", 15, 17), Span("d", 19, 25), Span("e", 2, 9)]
    assert covered(whole, parts) == 5 + 1
    assert uncovered(whole, parts) == 4
    assert covered(whole, []) == 0


def test_rows_become_a_tree_without_the_stand_ins_of_subflows(run: Run) -> None:
    assert [task.name for task in run.tasks] == ["accounts", "report"]
    assert [week.span.name for week in run.subflows] == ["week 1", "week 2"]
    assert [task.name for task in run.subflows[0].tasks] == ["deploy to gke", "deploy to eks"]
    assert run.waited == pytest.approx(2.5)


def test_prefect_has_what_no_task_has(run: Run) -> None:
    outside, whole = prefect_seconds(run)
    assert whole == pytest.approx(22)  # asked for 2 s before the flow's 20
    assert outside == pytest.approx(22 - (0.5 + 0.5 + 4 + 7))


def test_the_table_names_every_step_in_order_and_adds_up(run: Run) -> None:
    lines = table(measured(run, 65, ""))
    names = [line[:62].strip() for line in lines]
    assert names.index("accounts") < names.index("week 1") < names.index("deploy to gke")
    assert names.index("deploy to eks") < names.index("week 2") < names.index("copy") < names.index("report")
    top = [float(line[62:]) for line in lines if not line.startswith(" ")]
    assert sum(top[:-1]) == pytest.approx(top[-1], abs=0.1)
    assert top[-1] == pytest.approx(65)


def test_figures_are_of_the_first_pass_and_the_peak(run: Run) -> None:
    found = figures(
        [measured(run, 150, "17 of 20"), measured(run, 40, "No changes")], {"a": 2_000_000, "b": 1}
    )
    assert found["seconds"] == 150
    assert found["second_run_seconds"] == 40
    assert found["startup_seconds"] == 35
    assert found["deploy_seconds"] == 5
    assert found["week1_seconds"] == 6
    assert found["week2_seconds"] == 8
    assert found["peak_mb"] == 2.0
    assert found["prefect_share"] == pytest.approx(10 / 22, abs=0.001)
    assert found["second_run"] == "No changes"


def test_memory_table_is_sorted_and_summed() -> None:
    assert [line.split() for line in memory_table({"small": 1_000_000, "large": 5_500_000})] == [
        ["large", "5.5"],
        ["small", "1.0"],
        ["in", "all,", "MB", "6.5"],
    ]


def test_a_process_counts_once_and_a_parent_not_itself() -> None:
    # A parent of its own: other tests' servers may be children of this process.
    waiting = "print(flush=True); input()"
    starting = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {waiting!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()  # it is up, and has its memory\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    command = [sys.executable, "-c", starting]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout
            server = int(parent.stdout.readline())
            found = by_root({"server": server, "gone": 2**22 + 1}, {COMMANDS: parent.pid})
        finally:
            psutil.Process(server).kill()
    assert found["server"] > 1_000_000
    assert found["gone"] == 0
    assert found[COMMANDS] == 0, "the child is counted under its own name already"


def test_the_sampler_keeps_the_largest_sum(tmp_path: Any) -> None:
    sampler = MemorySampler(Engines(State(tmp_path)))
    for sample in ({"a": 3}, {"a": 2, "b": 2}, {"b": 1}):
        sampler.add(sample)
    assert sampler.peak == {"a": 2, "b": 2}
    assert sampler.samples == 3


def test_parts_are_read_from_what_up_prints() -> None:
    lines = [
        "postgres         ready           3.2 s  PostgreSQL 18, 336,776 flights, 2,000 dreams",
        "prefect          runs already    0.1 s  http://127.0.0.1:4200",
        "gke-dreamnet     started again",
        "11 parts started (40.1 s). Endpoints: /somewhere/endpoints.json",
    ]
    assert part_seconds(lines) == {"postgres": 3.2, "prefect": 0.1}


def test_a_failed_command_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandFailed, match=r"`python -m localcloud nonsense` ended with exit code 2"):
        command("localcloud", "nonsense")
    assert "invalid choice" in capfd.readouterr().err


def test_the_run_is_read_once_all_its_tasks_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [TASK_RUNS[:-1], TASK_RUNS, TASK_RUNS]
    asked: list[str] = []

    def post(self: Api, path: str, body: dict[str, Any]) -> Any:
        asked.append(path)
        if path == "task_runs/filter":
            return late.pop(0)
        if "deployments" in body:
            return FLOW_RUNS[:1]
        return FLOW_RUNS[1:] if body["flow_runs"]["parent_flow_run_id"]["any_"] == ["gameplan"] else []

    monkeypatch.setattr(Api, "post", post)
    monkeypatch.setattr(Api, "get", lambda self, path: FLOW_RUNS[0])
    monkeypatch.setattr("benchmarks.runs.PAUSE", 0.0)
    run = latest_run(Api("http://prefect.invalid/api"), "gameplan", "rehearsal")
    assert [task.name for task in run.subflows[1].tasks] == ["copy"]
    assert not late
