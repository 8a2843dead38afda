"""What an apply, an adoption or a destroy reports: each resource's outcome, no secret in any message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.resources.graph import GraphRun
from dreamnet.resources.model import Live
from dreamnet.resources.plan import Action
from dreamnet.resources.work import Worker

Status = Literal["done", "unchanged", "failed", "not-started"]
AskedAction = Action | Literal["delete", "adopt"]


@dataclass(frozen=True)
class Outcome:
    """What became of one resource.

    Attributes:
        id: the resource's id.
        type: its vendor type.
        action: what was asked: create, update, replace, delete, adopt or none.
        status: `unchanged` where nothing had to be done (an earlier run of the plan may have done it).
        seconds: how long it took.
        identifier: the live resource's identifier, None where there is none.
        message: why it failed or did not start, empty otherwise. Never a secret.
    """

    id: str
    type: str
    action: AskedAction
    status: Status
    seconds: float = 0.0
    identifier: str | None = None
    message: str = ""


@dataclass(frozen=True)
class ApplyReport:
    """The outcome of every resource, in the plan's order."""

    plan_id: str
    outcomes: tuple[Outcome, ...]
    live: Mapping[str, Live] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing was left out."""
        return all(outcome.status in ("done", "unchanged") for outcome in self.outcomes)

    def with_status(self, status: Status) -> tuple[Outcome, ...]:
        """The outcomes of one status."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == status)

    def markdown(self) -> str:
        """A summary line and a table of everything that was not left as it was."""
        counts = ", ".join(
            f"{len(self.with_status(status))} {status}"
            for status in ("done", "unchanged", "failed", "not-started")
        )
        lines = [f"**{self.plan_id}**: {counts}.", ""]
        shown = [outcome for outcome in self.outcomes if outcome.status != "unchanged"]
        if shown:
            lines += ["| what | action | outcome | seconds | |", "| --- | --- | --- | --- | --- |"]
        for outcome in shown:
            text = outcome.message.replace("|", "\\|").replace("\n", " ")
            lines.append(
                f"| {outcome.id} | {outcome.action} | {outcome.status} | {outcome.seconds:.1f} | {text} |"
            )
        return "\n".join([*lines, ""])

    def raise_for_failures(self) -> None:
        """Raise one ResourceError that names what failed and what therefore did not start."""
        failed = self.with_status("failed")
        if not failed:
            return
        waiting = self.with_status("not-started")
        problem = "; ".join(f"{outcome.id}: {outcome.message}" for outcome in failed)
        if waiting:
            problem += f"; not started: {', '.join(outcome.id for outcome in waiting)}"
        raise ResourceError(
            problem, "Put right what the messages name and run again: what is done stays done."
        )


def report(
    plan_id: str, asked: Iterable[tuple[str, str, AskedAction]], run: GraphRun[bool], worker: Worker
) -> ApplyReport:
    """What became of every resource.

    Args:
        plan_id: the plan's id, or what was done without one.
        asked: id, type and action of every resource, in the order of the report.
        run: where each of them ended.
        worker: who did it.
    """
    outcomes = []
    for resource_id, kind, action in asked:
        status: Status = "unchanged"
        message = ""
        if resource_id in run.failures:
            text = worker.reveal.hide(_sentence(run.failures[resource_id]))
            status, message = "failed", text.removeprefix(f"{resource_id}: ")
        elif resource_id in run.not_started and action != "none":
            status, message = "not-started", f"waits for {run.not_started[resource_id]}"
        elif run.results.get(resource_id):
            status = "done"
        live = worker.live.get(resource_id)
        seconds = worker.seconds.get(resource_id, 0.0)
        identifier = live.identifier if live else None
        outcomes.append(Outcome(resource_id, kind, action, status, seconds, identifier, message))
    return ApplyReport(plan_id, tuple(outcomes), dict(worker.live))


def _sentence(error: BaseException) -> str:
    if isinstance(error, GameplanError):
        return str(error)
    return f"unexpected {type(error).__name__}: {error}"
