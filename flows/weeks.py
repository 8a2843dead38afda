"""What the flows of the four weeks share: their run's key, their end, and what stops them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect.events import emit_event
from prefect.runtime import flow_run

from dreamnet.errors import GameplanError
from dreamnet.report import Step, WeekReport
from tasks.support import publish

#: How every flow of the gameplan runs: results are stored, so that a retry finds them.
GAMEPLAN_FLOW: dict[str, Any] = {"persist_result": True, "log_prints": True}


class WeekStopped(GameplanError):
    """A week has failed; the later ones have not begun."""


def run_key(run: str | None) -> str:
    """The id under which finished steps are found again: the outermost run's."""
    return run or flow_run.get_id() or "no-run"


def finish_week(profile: str, week: int, title: str, steps: list[Step]) -> WeekReport:
    """Publish a week's report and tell the world that it is complete."""
    report = WeekReport(week, title, tuple(steps))
    publish(f"week {week} {profile}", report.markdown(), title)
    emit_event(
        "dreamnet.week.completed",
        resource={
            "prefect.resource.id": f"dreamnet.week.{week}.{profile}",
            "dreamnet.week": str(week),
            "dreamnet.profile": profile,
        },
        payload={"title": title, "steps": len(steps), "changed": report.changed},
    )
    return report


def run_week(number: int, week: Callable[[], WeekReport], run: str) -> WeekReport:
    """Run one week; where it fails, say what to fix and how to go on.

    Raises:
        WeekStopped: in place of the week's own error, which is its cause.
    """
    try:
        return week()
    except GameplanError as error:
        raise WeekStopped(
            f"Week {number} stopped, and no later week was begun: {error.problem}",
            f"{error.remedy} Then go on where it stopped with `prefect flow-run retry {run}`.",
        ) from error
