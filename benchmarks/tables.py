"""Where the seconds of a rehearsal went, as lines of text and as figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.runs import Run
from benchmarks.spans import covered, uncovered

_WIDTH = 62


@dataclass(frozen=True)
class Measured:
    """One pass: the local cloud brought up, then `python -m deployments.rehearsal`.

    Attributes:
        began: when the first command was started, when the second was, and when that had ended (seconds
            since the epoch).
        parts: seconds by part of the local cloud, as `up` says; they start side by side.
        run: the flow run of the gameplan.
        verdict: the report's first sentence.
    """

    began: float
    up_ended: float
    ended: float
    parts: Mapping[str, float]
    run: Run
    verdict: str

    @property
    def seconds(self) -> float:
        """From the first command to the last line of the report."""
        return self.ended - self.began


def line(text: str, seconds: float, depth: int = 0) -> str:
    """One line of the table; deeper lines are parts of the shallower one above them."""
    indented = f"{'  ' * depth}{text}"
    return f"{indented:<{_WIDTH}}{seconds:8.1f}"


def table(measured: Measured) -> list[str]:
    """Where the seconds of one pass went, in order."""
    run = measured.run
    first = min(task.start for task in run.all_tasks())
    lines = [line("the local cloud starts (parts side by side)", measured.up_ended - measured.began)]
    lines += [line(name, seconds, 1) for name, seconds in measured.parts.items()]
    lines += [
        line("blocks, deployments, the command to run", run.created - measured.up_ended),
        line("the flow starts: from asked for to first task", first - run.created),
        line("the gameplan's tasks and weeks", run.span.end - first),
        *_inside(run, 1),
        line("the command notices the end and prints the report", measured.ended - run.span.end),
        line("in all", measured.seconds),
    ]
    return lines


def _inside(run: Run, depth: int) -> list[str]:
    members = [(task.start, [line(task.name, task.seconds, depth)]) for task in run.tasks]
    for subflow in run.subflows:
        between = uncovered(subflow.span, subflow.all_tasks())
        rows = [
            line(subflow.span.name, subflow.span.seconds, depth),
            *_inside(subflow, depth + 1),
            line("(outside of any task)", between, depth + 1),
        ]
        members.append((subflow.span.start, rows))
    return [row for _, rows in sorted(members, key=lambda member: member[0]) for row in rows]


def prefect_seconds(run: Run) -> tuple[float, float]:
    """Seconds of a run, from asked for to its end, in which no task ran; and all of them."""
    whole = run.span.seconds + (run.span.start - run.created)
    return whole - covered(run.span, run.all_tasks()), whole


def memory_table(peak: Mapping[str, int]) -> list[str]:
    """Megabytes by server at the peak, largest first, and their sum."""
    rows = sorted(peak.items(), key=lambda item: -item[1])
    return [line(name, size / 1e6, 1) for name, size in rows] + [line("in all, MB", megabytes(peak.values()))]


def megabytes(sizes: Iterable[int]) -> float:
    """Their sum in MB (10^6 bytes)."""
    return sum(sizes) / 1e6


def figures(passes: Sequence[Measured], peak: Mapping[str, int]) -> dict[str, Any]:
    """The figures for the README: of the first pass, from nothing, and of the second, which changes nothing.

    Returns:
        `seconds` and `second_run_seconds` of the two passes; `peak_mb` of both; of the first pass
        `startup_seconds` (local cloud), `deploy_seconds` (blocks and deployments), `first_task_seconds` (from
        asked for to first task), `week1_seconds` to `week4_seconds`, `task_seconds` (in which a task ran),
        `prefect_seconds` and `prefect_share` (of the run, from asked for to its end, in which none did).
    """
    first, second = passes
    outside, whole = prefect_seconds(first.run)
    found: dict[str, Any] = {
        "seconds": first.seconds,
        "second_run_seconds": second.seconds,
        "peak_mb": megabytes(peak.values()),
        "startup_seconds": first.up_ended - first.began,
        "deploy_seconds": first.run.created - first.up_ended,
        "first_task_seconds": first.run.waited,
        **{f"week{number}_seconds": week.span.seconds for number, week in enumerate(first.run.subflows, 1)},
        "task_seconds": whole - outside,
        "prefect_seconds": outside,
        "prefect_share": outside / whole,
    }
    return {name: round(value, 3) for name, value in found.items()} | {"second_run": second.verdict}
