"""Apply a plan, and take down what a catalogue declares.

An apply runs exactly the plan that was approved: it reads everything again first and refuses when something
has changed since. Steps that an interrupted apply of the same plan has already done count as done, so that
the same plan can be applied again after any crash (at least once, with idempotency keys made of the plan's
id).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamnet.errors import GameplanError, PrecheckFailed, ResourceError
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import GraphRun, reverse, run_graph
from dreamnet.resources.model import Change, Live
from dreamnet.resources.plan import (
    Action,
    Drivers,
    Observation,
    Plan,
    Step,
    compare,
    observe,
    plan_from,
    refuse_foreign,
)
from dreamnet.resources.references import (
    Resolver,
    Secrets,
    Unknown,
    secret_pointers,
    secret_reader,
    secrets_used,
)

#: Called with a resource's id and a short sentence, from several threads.
ResourceProgress = Callable[[str, str], None]
Status = Literal["done", "unchanged", "failed", "not-started"]

_NAMESPACE = uuid.UUID("6f1d9d1e-6c0c-5d83-9f5a-3d0f1c8f4f5e")
_PAST = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}


@dataclass(frozen=True)
class Outcome:
    """What became of one resource.

    Attributes:
        id: the resource's id.
        type: its vendor type.
        action: what was asked: create, update, replace, delete or none.
        status: `unchanged` where nothing had to be done (an earlier run of the plan may have done it).
        seconds: how long it took.
        identifier: the live resource's identifier, None where there is none.
        message: why it failed or did not start, empty otherwise. Never a secret.
    """

    id: str
    type: str
    action: Action | Literal["delete"]
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


def apply_plan(
    plan: Plan,
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    secrets: Secrets,
    progress: ResourceProgress,
    max_parallel: int = 8,
) -> ApplyReport:
    """Do what the plan says, in parallel along the dependencies, and wait until everything is up.

    Args:
        plan: the approved plan.
        catalogue: what it was made from.
        drivers: one per cloud, by its name.
        variables: as they were given to `make_plan`.
        secrets: mapping or function from a secret's name to its value (KeyError when missing).
        progress: hears of each resource, from several threads.
        max_parallel: how many resources at once.

    Returns:
        What became of every resource. A failed one stops only those that depend on it.

    Raises:
        PrecheckFailed: the plan is stale, or something that is not ours stands in the way; nothing was
            changed.
        ConfigurationError: a secret or reference names nothing; nothing was changed.
    """
    reveal = _Revealed(secret_reader(secrets))
    observed = observe(catalogue, drivers, variables, max_parallel)
    refuse_stale(plan, plan_from(catalogue, observed, variables))
    for step in plan.changes:
        _check_secrets(catalogue, step, variables, reveal)
    worker = _Worker(plan, catalogue, drivers, variables, reveal, progress, observed)
    run = run_graph({step.id: step.depends_on for step in plan.steps}, worker.step, max_parallel)
    return _report(plan.id, {step.id: (step.type, step.action) for step in plan.steps}, run, worker)


class _Revealed:
    """Hands out secrets, and remembers them so that no message repeats one."""

    def __init__(self, reader: Callable[[str], str]) -> None:
        self._reader = reader
        self._values: set[str] = set()

    def __call__(self, name: str) -> str:
        value = self._reader(name)
        self._values.add(value)
        return value

    def hide(self, text: str) -> str:
        """The text without any secret that was handed out."""
        for value in sorted(self._values, key=len, reverse=True):
            if value:
                text = text.replace(value, "(secret)")
        return text


def _check_secrets(
    catalogue: Catalogue, step: Step, variables: Mapping[str, Any], reveal: Callable[[str], str]
) -> None:
    resource = catalogue[step.id]
    if secrets_used(resource):
        Resolver(variables, lambda _: None, reveal).resolve(resource)


def refuse_stale(plan: Plan, now: Plan) -> None:
    """Compare a plan with the one that would be made now.

    Raises:
        PrecheckFailed: something differs that an interrupted apply of the same plan does not explain.
    """
    if plan.id == now.id:
        return
    steps = {step.id: step for step in now.steps}
    reasons = [f"{rid} is no longer in the plan's selection" for rid in sorted(steps.keys() - _ids(plan))]
    for step in plan.steps:
        reason = _stale(step, steps[step.id]) if step.id in steps else "is no longer declared"
        if reason:
            reasons.append(f"{step.id} {reason}")
    if reasons:
        raise PrecheckFailed(
            f"The plan {plan.id} is stale: {'; '.join(reasons)}.", "Make the plan again and approve that one."
        )


def _ids(plan: Plan) -> set[str]:
    return {step.id for step in plan.steps}


def _stale(planned: Step, now: Step) -> str:
    """Why a step no longer fits, or nothing where it does (perhaps already done, wholly or in part)."""
    if planned.declared != now.declared or planned.depends_on != now.depends_on:
        return "is declared differently now"
    if now.action == "none" or (planned.action == "create" and now.action == "update"):
        return ""  # done by an earlier run, or begun by it: a create finds what it began and is compared then
    if now.action == "create":
        return "" if planned.action in ("create", "replace") else "has been deleted since"
    if all(any(_same(old, new) for old in planned.changes) for new in now.changes):
        return ""
    fields = ", ".join(change.path for change in now.changes)
    return f"has changed since ({fields})"


def _same(planned: Change, now: Change) -> bool:
    after = planned.after == now.after or str(Unknown()) in (planned.after, now.after)
    return planned.path == now.path and planned.before == now.before and after


class _Worker:
    """Runs single steps; shared by the pool's threads, which write only under their own resource's id."""

    def __init__(
        self,
        plan: Plan,
        catalogue: Catalogue,
        drivers: Drivers,
        variables: Mapping[str, Any],
        reveal: _Revealed,
        progress: ResourceProgress,
        observed: Mapping[str, Observation],
    ) -> None:
        self._plan_id = plan.id
        self._planned = {step.id: step for step in plan.steps}
        self._catalogue = catalogue
        self._drivers = drivers
        self.reveal = reveal
        self._progress = progress
        self.live = {rid: seen.live for rid, seen in observed.items() if seen.live}
        self.seconds: dict[str, float] = {}
        self._resolver = Resolver(variables, self.live.get, reveal, strict=True)

    def step(self, resource_id: str) -> bool:
        """Bring one resource to the declared state. Returns whether anything had to be done."""
        step = self._planned[resource_id]
        if step.action == "none":
            return False
        began = time.monotonic()
        try:
            changed = self._act(step)
        finally:
            self.seconds[resource_id] = time.monotonic() - began
        if changed:
            self._say(resource_id, f"{_PAST[step.action]} in {self.seconds[resource_id]:.1f} s")
        return changed

    def _say(self, resource_id: str, text: str) -> None:
        # Drivers begin with the id too, for callers that show their words alone.
        self._progress(resource_id, self.reveal.hide(text).removeprefix(f"{resource_id}: "))

    def _token(self, resource_id: str, what: str) -> str:
        """The idempotency key: a UUID (Compute wants that form), the same at every retry of this plan."""
        return str(uuid.uuid5(_NAMESPACE, f"{self._plan_id}/{resource_id}/{what}"))

    def _act(self, step: Step) -> bool:
        declared = self._catalogue[step.id]
        driver = self._drivers[declared.cloud]
        desired = self._resolver.resolve(declared)
        secret = secret_pointers(declared.body)

        def say(text: str) -> None:
            self._say(step.id, text)

        live = self.live.get(step.id)
        changes = compare(driver, desired, live, secret)
        if step.action == "replace" and live and any(change.replacement for change in changes):
            say("deleting, to be created anew")
            driver.delete(desired, live, self._token(step.id, "delete"), say)
            live = None
        if live is None or step.action == "create":
            say("creating")
            live = driver.create(desired, self._token(step.id, "create"), say)
            self.live[step.id] = live
            _check_created(step.id, compare(driver, desired, live, secret))
            return True
        if changes:
            say(f"updating {', '.join(change.path for change in changes)}")
            live = driver.update(desired, live, list(changes), self._token(step.id, "update"), say)
            self.live[step.id] = live
        return bool(changes)


def _check_created(resource_id: str, changes: tuple[Change, ...]) -> None:
    if changes:
        fields = ", ".join(change.path for change in changes)
        raise ResourceError(
            f"{resource_id} exists now, but differs from its declaration in {fields}.",
            "Plan again: the new plan shows the difference and can be applied.",
        )


def _report(
    plan_id: str,
    asked: Mapping[str, tuple[str, Action | Literal["delete"]]],
    run: GraphRun[bool],
    worker: _Worker | _Remover,
) -> ApplyReport:
    outcomes = []
    for resource_id, (kind, action) in asked.items():
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


def destroy(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    progress: ResourceProgress,
    max_parallel: int = 8,
) -> ApplyReport:
    """Delete every resource of the catalogue, dependants first. What is absent already counts as unchanged.

    Give the whole catalogue, or a selection that nothing outside it depends on: a selection holds what it
    depends on too (such as the network), and that is deleted with it.

    Raises:
        PrecheckFailed: one of them is not ours; nothing was deleted.
    """
    observed = observe(catalogue, drivers, variables, max_parallel)
    refuse_foreign(catalogue, observed)
    remover = _Remover(catalogue, drivers, progress, observed)
    run = run_graph(reverse(catalogue.graph()), remover.step, max_parallel)
    asked = {resource.id: (resource.type, "delete") for resource in reversed(list(catalogue))}
    return _report("destroy", asked, run, remover)  # type: ignore[arg-type]


class _Remover:
    """Deletes single resources, in the pool's threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        drivers: Drivers,
        progress: ResourceProgress,
        observed: Mapping[str, Observation],
    ) -> None:
        self._catalogue = catalogue
        self._drivers = drivers
        self._progress = progress
        self._observed = observed
        self.reveal = _Revealed(lambda name: name)
        self.live = {rid: seen.live for rid, seen in observed.items() if seen.live}
        self.seconds: dict[str, float] = {}

    def step(self, resource_id: str) -> bool:
        """Delete one resource. Returns whether it was there."""
        live = self.live.get(resource_id)
        if live is None:
            return False
        began = time.monotonic()
        driver = self._drivers[self._catalogue[resource_id].cloud]
        token = str(uuid.uuid5(_NAMESPACE, f"destroy/{resource_id}/{live.identifier}"))
        self._say(resource_id, "deleting")
        desired = self._observed[resource_id].desired
        driver.delete(desired, live, token, lambda text: self._say(resource_id, text))
        self.seconds[resource_id] = time.monotonic() - began
        del self.live[resource_id]
        self._say(resource_id, f"deleted in {self.seconds[resource_id]:.1f} s")
        return True

    def _say(self, resource_id: str, text: str) -> None:
        self._progress(resource_id, text.removeprefix(f"{resource_id}: "))
