"""The gameplan's own report: what each week did, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from dreamnet.cost.outlook import outlook
from dreamnet.report import Step, WeekReport, step_table
from tasks.resources import FULL, monthly_estimate
from tasks.support import load_profile, publish


@task(task_run_name="report")
def conclude(profile: str, checks: Sequence[Step], weeks: Sequence[WeekReport]) -> str:
    """Publish the report as the artifact `gameplan-<profile>`.

    Returns:
        One sentence: whether anything was changed.
    """
    budget = load_profile(profile).budget
    cost = monthly_estimate(profile)
    changed = sum(step.outcome == "done" for week in weeks for step in week.steps)
    steps = sum(len(week.steps) for week in weeks)
    verdict = (
        f"{changed} of {steps} steps changed or measured something."
        if changed
        else f"No changes: all {steps} steps found everything as it should be."
    )
    lines = [f"# Gameplan, profile {profile}", "", f"**{verdict}**", "", "## Before anything was changed", ""]
    lines += step_table(checks)
    for week in weeks:
        lines += ["", week.markdown()]
    lines += [
        "",
        "## Costs a month",
        "",
        *outlook(cost, monthly_estimate(profile, FULL), budget.credits()),
        "",
        cost.against_plan(),
    ]
    publish(f"gameplan {profile}", "\n".join(lines), verdict)
    return verdict


def publish_steps(profile: str, command: str, title: str, steps: Sequence[Step]) -> None:
    """Publish what a command did as the artifact `<command>-<profile>`."""
    publish(f"{command} {profile}", "\n".join([f"# {command}", "", title, "", *step_table(steps)]), title)
