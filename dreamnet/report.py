"""What a step of the gameplan did, in the form that artifacts, reports and later steps read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["done", "unchanged"]


@dataclass(frozen=True)
class Step:
    """One step that has ended well.

    Attributes:
        title: what the plan calls it.
        outcome: `done` where something was changed or measured, `unchanged` where all was as it should be.
        detail: one sentence for a person, with figures.
        seconds: how long it took.
    """

    title: str
    outcome: Outcome
    detail: str
    seconds: float


@dataclass(frozen=True)
class WeekReport:
    """The steps of one week, in order."""

    week: int
    title: str
    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        """Whether any step changed something."""
        return any(step.outcome == "done" for step in self.steps)

    @property
    def seconds(self) -> float:
        """Time in steps, in seconds; steps of one week that ran side by side both count."""
        return sum(step.seconds for step in self.steps)

    def markdown(self) -> str:
        """A heading and a table."""
        rows = [f"## Week {self.week}: {self.title}", "", *step_table(self.steps)]
        return "\n".join(rows)


def step_table(steps: Sequence[Step]) -> list[str]:
    """The lines of a Markdown table of steps."""
    rows = ["| step | result | seconds | |", "| --- | --- | ---: | --- |"]
    rows += [
        f"| {step.title} | {step.outcome} | {step.seconds:.1f} | {step.detail.replace('|', '/')} |"
        for step in steps
    ]
    return rows


@dataclass
class Clock:
    """Times a step and says how it ended."""

    title: str
    started: float = field(default_factory=time.monotonic)

    def done(self, detail: str) -> Step:
        """The step changed or measured something."""
        return Step(self.title, "done", detail, time.monotonic() - self.started)

    def unchanged(self, detail: str) -> Step:
        """The step found all as it should be."""
        return Step(self.title, "unchanged", detail, time.monotonic() - self.started)
