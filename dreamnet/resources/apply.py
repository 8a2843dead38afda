"""Apply a plan.

An apply runs exactly the plan that was approved: it reads everything again first and refuses when something
has changed since. Steps that an interrupted apply of the same plan has already done count as done, so that
the same plan can be applied again after any crash (at least once, with idempotency keys made of the plan's
id).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.resources import data
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import run_graph
from dreamnet.resources.model import Change, Resource
from dreamnet.resources.outcome import ApplyReport, report
from dreamnet.resources.plan import (
    Drivers,
    Observation,
    Plan,
    Step,
    compare,
    observe,
    plan_from,
)
from dreamnet.resources.references import (
    Resolver,
    Secrets,
    Unknown,
    secret_pointers,
    secret_reader,
    secrets_used,
)
from dreamnet.resources.work import AT_ONCE, ResourceProgress, Revealed, Worker

_NAMESPACE = uuid.UUID("6f1d9d1e-6c0c-5d83-9f5a-3d0f1c8f4f5e")
#: Such as a function's archive, in the bucket that its declaration names.
Deliver = Callable[[Resource], object]
_PAST = {"create": "created", "update": "updated", "replace": "replaced"}


def apply_plan(
    plan: Plan,
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    secrets: Secrets,
    progress: ResourceProgress,
    max_parallel: int = AT_ONCE,
    consents: Collection[str] = (),
    deliver: Deliver | None = None,
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
        consents: to what a replacement takes away (`data.lose_data`, `data.lift_protection`).
        deliver: called before a resource is created or updated; puts there what it needs from outside.

    Returns:
        What became of every resource. A failed one stops only those that depend on it.

    Raises:
        PrecheckFailed: the plan is stale, something that is not ours stands in the way, or a replacement
            would take data away to which nobody has consented; nothing was changed.
        ConfigurationError: a secret or reference names nothing; nothing was changed.
    """
    data.refuse_without_consent(_consents_needed(plan), consents, "The plan")
    reveal = Revealed(secret_reader(secrets))
    observed = observe(catalogue, drivers, variables)
    refuse_stale(plan, plan_from(catalogue, observed, variables))
    for step in plan.changes:
        _check_secrets(catalogue, step, variables, reveal)
    worker = _Builder(plan, catalogue, drivers, variables, reveal, progress, observed, consents, deliver)
    run = run_graph({step.id: step.depends_on for step in plan.steps}, worker.step, max_parallel)
    return report(plan.id, [(step.id, step.type, step.action) for step in plan.steps], run, worker)


def _consents_needed(plan: Plan) -> Iterator[tuple[str, str]]:
    for step in plan.changes:
        if step.data:
            yield data.lose_data(step.id), f"replaces {step.id}, and its data goes ({step.data})"
        if step.protected:
            yield data.lift_protection(step.id), f"replaces {step.id}, which {step.protected} protects"


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


class _Builder(Worker):
    """Brings single resources to their declared state."""

    def __init__(
        self,
        plan: Plan,
        catalogue: Catalogue,
        drivers: Drivers,
        variables: Mapping[str, Any],
        reveal: Revealed,
        progress: ResourceProgress,
        observed: Mapping[str, Observation],
        consents: Collection[str],
        deliver: Deliver | None,
    ) -> None:
        super().__init__(catalogue, drivers, progress, observed, reveal, consents)
        self._plan = plan
        self._deliver = deliver or (lambda resource: None)
        self._planned = {step.id: step for step in plan.steps}
        self._resolver = Resolver(variables, self.live.get, reveal, strict=True)

    def act(self, resource_id: str) -> str:
        """Bring one resource to the declared state."""
        step = self._planned[resource_id]
        return _PAST[step.action] if step.action != "none" and self._build(step) else ""

    def _token(self, resource_id: str, what: str) -> str:
        """The idempotency key: a UUID (Compute wants that form), the same at every retry of this plan."""
        return str(uuid.uuid5(_NAMESPACE, f"{self._plan.id}/{self._plan.nonce}/{resource_id}/{what}"))

    def _build(self, step: Step) -> bool:
        declared = self.catalogue[step.id]
        driver, say = self.drivers[declared.cloud], self.say(step.id)
        desired = self._resolver.resolve(declared)
        secret = secret_pointers(declared.body)
        live = self.live.get(step.id)
        changes = compare(driver, desired, live, secret)
        if step.action == "replace" and live and any(change.replacement for change in changes):
            say("deleting, to be created anew")
            self.delete(desired, live, self._token(step.id, "delete"))
            live = None
        if live is None or changes:
            self._deliver(desired)
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
