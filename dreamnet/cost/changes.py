"""What a plan changes about the bill: what an apply adds, drops or resizes, and what all costs then."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence
from dataclasses import dataclass
from typing import Any

from dreamnet.cost.estimate import CLOUD_NAMES, Estimate, estimate_resources
from dreamnet.cost.prices import PriceSheet
from dreamnet.cost.usage import Usage
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.destroy import DestroyPlan
from dreamnet.resources.model import Change, Resource
from dreamnet.resources.plan import Plan
from dreamnet.resources.references import Resolver

#: Differences below half a cent are none.
_CENT = 0.005


@dataclass(frozen=True)
class PriceChange:
    """What happens to one resource's monthly price."""

    id: str
    action: str
    now: float
    then: float

    @property
    def difference(self) -> float:
        """What is added to a month; negative where something is dropped."""
        return self.then - self.now


@dataclass(frozen=True)
class PlanPrice:
    """A plan's price a month.

    Attributes:
        plan_id: of the plan.
        now: what lives before the apply, of what the plan looked at.
        then: what will live after it.
        changes: resources whose price changes, the largest difference first; a free tier is one entry.
    """

    plan_id: str
    now: Estimate
    then: Estimate
    changes: tuple[PriceChange, ...]

    def markdown(self) -> str:
        """What changes, sorted by price, and both clouds' months before and after."""
        lines = [f"## Price of plan {self.plan_id}, {self.then.currency} a month", ""]
        lines += ["| what | action | now | then | difference |", "| --- | --- | ---: | ---: | ---: |"]
        lines += [
            f"| {one.id} | {one.action} | {one.now:,.2f} | {one.then:,.2f} | {one.difference:+,.2f} |"
            for one in self.changes
        ]
        for cloud, name in CLOUD_NAMES.items():
            now, then = self.now.total(cloud), self.then.total(cloud)
            lines.append(f"| **{name}, all of the plan** | | {now:,.2f} | {then:,.2f} | {then - now:+,.2f} |")
        if not all(line.verified for line in self.then.lines):
            lines += ["", "Some prices could not be compared with their source; the estimate marks them."]
        if self.then.unknown:
            missing = "; ".join(f"{rid} ({what})" for rid, what in self.then.unknown)
            lines += ["", f"**Not in the price sheet, and not in these figures:** {missing}."]
        return "\n".join([*lines, ""])


def price_plan(
    plan: Plan, catalogue: Catalogue, variables: Mapping[str, Any], sheet: PriceSheet, usage: Usage
) -> PlanPrice:
    """Price what an apply of the plan would add, drop and resize, and what all of it costs then.

    Args:
        plan: as `make_plan` made it of this catalogue.
        catalogue: what should be.
        variables: values of the references, as for the plan.
        sheet: the prices.
        usage: the assumptions of use.
    """
    resolver = Resolver(variables, lambda _: None)
    desired = {step.id: resolver.resolve(catalogue[step.id]) for step in plan.steps}
    living = [_as_it_was(desired[step.id], step.changes) for step in plan.steps if step.action != "create"]
    now = estimate_resources(living, variables, sheet, usage)
    then = estimate_resources(desired.values(), variables, sheet, usage)
    actions = {step.id: step.action for step in plan.steps}
    return PlanPrice(plan.id, now, then, tuple(_changes(now, then, actions)))


def price_destroy(
    plan: DestroyPlan, catalogue: Catalogue, variables: Mapping[str, Any], sheet: PriceSheet, usage: Usage
) -> PlanPrice:
    """Price what a destroy drops; arguments as for `price_plan`."""
    resolver = Resolver(variables, lambda _: None)
    living = [resolver.resolve(catalogue[one.id]) for one in plan.doomed]
    now = estimate_resources(living, variables, sheet, usage)
    then = estimate_resources((), variables, sheet, usage)
    actions = {one.id: "delete" for one in plan.doomed}
    return PlanPrice(plan.id, now, then, tuple(_changes(now, then, actions)))


def _changes(now: Estimate, then: Estimate, actions: Mapping[str, str]) -> Iterable[PriceChange]:
    before, after = _sums(now), _sums(then)
    found = [
        PriceChange(key, actions.get(key, ""), before.get(key, 0.0), after.get(key, 0.0))
        for key in {**after, **before}
    ]
    different = [one for one in found if abs(one.difference) >= _CENT]
    return sorted(different, key=lambda one: (-abs(one.difference), one.id))


def _sums(estimate: Estimate) -> dict[str, float]:
    sums: dict[str, float] = {}
    for line in estimate.lines:
        key = line.id if line.monthly >= 0 else f"{CLOUD_NAMES[line.cloud]}'s free tier"
        sums[key] = sums.get(key, 0.0) + line.monthly
    return sums


def _as_it_was(desired: Resource, changes: Iterable[Change]) -> Resource:
    """The resource with the live values of what differs: what is paid for now."""
    body = copy.deepcopy(dict(desired.body))
    for change in changes:
        path = [part.replace("~1", "/").replace("~0", "~") for part in change.path.split("/")[1:]]
        _put(body, path, change.before)
    return desired.with_values(name=desired.name, parent=desired.parent, body=body)


def _put(body: Any, path: list[str], before: Any) -> None:
    """Set one field to its live value; a path into what the declaration does not hold changes nothing."""
    *way, last = path
    for key in way:
        body = _inside(body, key)
    if isinstance(body, MutableMapping):
        if before is None:
            body.pop(last, None)
        else:
            body[last] = before
    elif isinstance(body, MutableSequence) and last.isdigit() and int(last) < len(body):
        body[int(last)] = before


def _inside(body: Any, key: str) -> Any:
    if isinstance(body, MutableMapping):
        return body.get(key)
    if isinstance(body, MutableSequence) and key.isdigit() and int(key) < len(body):
        return body[int(key)]
    return None
