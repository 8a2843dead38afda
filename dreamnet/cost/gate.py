"""The gate before an apply: what a month would cost against what may be spent or a named person approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dreamnet.cost.estimate import CLOUD_NAMES, Estimate
from dreamnet.errors import PrecheckFailed


@dataclass(frozen=True)
class Approval:
    """A person's leave to spend more than the budget.

    Attributes:
        by: who gives it.
        until: its last day.
        reason: why.
        monthly: cloud -> up to how much a month; a cloud that is not named stays under its budget.
    """

    by: str
    until: date
    reason: str
    monthly: Mapping[str, float]


@dataclass(frozen=True)
class BudgetCheck:
    """One cloud's estimate against what may be spent.

    Attributes:
        cloud: which.
        monthly: the estimate.
        budget: what may be spent a month.
        approval: what lets a dearer month pass; None where none is needed, or none is enough.
        drop: resources whose removal brings the estimate under the budget (all priced ones if none does).
        sentence: what an operator reads.
    """

    cloud: str
    monthly: float
    budget: float
    approval: Approval | None
    drop: tuple[str, ...]
    sentence: str

    @property
    def fits(self) -> bool:
        """The estimate is within the budget."""
        return self.monthly <= self.budget

    @property
    def open(self) -> bool:
        """The apply may begin."""
        return self.fits or self.approval is not None


def check_budget(
    estimate: Estimate, budget: Mapping[str, float], approvals: Sequence[Approval], today: date
) -> tuple[BudgetCheck, ...]:
    """Compare an estimate with the monthly budget of each cloud.

    Args:
        estimate: what would be spent.
        budget: cloud -> currency units a month, such as `{"google": 350, "aws": 200}`.
        approvals: who allowed more; one that has ended counts for nothing.
        today: the day of the apply.

    Returns:
        One check for each cloud of the budget; where one isn't open, the gate must stay closed.
    """
    valid = [approval for approval in approvals if approval.until >= today]
    return tuple(_check(estimate, cloud, limit, valid) for cloud, limit in budget.items())


def require_budget(
    estimate: Estimate, budget: Mapping[str, float], approvals: Sequence[Approval], today: date
) -> tuple[BudgetCheck, ...]:
    """As `check_budget`, for what must not begin otherwise.

    Raises:
        PrecheckFailed: one cloud's month is dearer than its budget and any approval; the message names the
            dearest lines to drop, the remedy the approval that would be enough.
    """
    checks = check_budget(estimate, budget, approvals, today)
    closed = [check for check in checks if not check.open]
    if closed:
        needed = " and ".join(f"{check.cloud}_monthly {check.monthly:.2f}" for check in closed)
        raise PrecheckFailed(
            " ".join(check.sentence for check in closed),
            "Choose a smaller selection, drop those resources from it, or let who may spend it add an"
            f" approval to the Budget block: approved_by, {needed}, until, reason.",
        )
    return checks


def _check(estimate: Estimate, cloud: str, limit: float, approvals: Sequence[Approval]) -> BudgetCheck:
    monthly = estimate.total(cloud)
    needs = f"{CLOUD_NAMES[cloud]} needs {estimate.currency} {monthly:.2f} a month, the budget is {limit:.2f}"
    if monthly <= limit:
        return BudgetCheck(cloud, monthly, limit, None, (), f"{needs}: it fits.")
    drop = _to_drop(estimate.by_resource(cloud), monthly - limit)
    for approval in approvals:
        if monthly <= approval.monthly.get(cloud, 0.0):
            words = f"{approval.by} approved {approval.monthly[cloud]:.2f} until {approval.until}"
            sentence = f"{needs}: {words} ({approval.reason})."
            return BudgetCheck(cloud, monthly, limit, approval, tuple(drop), sentence)
    named = ", ".join(f"{rid} ({price:.2f})" for rid, price in drop.items())
    return BudgetCheck(cloud, monthly, limit, None, tuple(drop), f"{needs}: drop {named}.")


def _to_drop(prices: Mapping[str, float], excess: float) -> dict[str, float]:
    """The cheapest single resource that is enough, else the dearest ones until it is enough."""
    for resource_id, price in reversed(list(prices.items())):
        if price >= excess:
            return {resource_id: price}
    drop: dict[str, float] = {}
    for resource_id, price in prices.items():
        if sum(drop.values()) >= excess:
            break
        drop[resource_id] = price
    return drop
