"""What a catalogue costs a month by the price sheet, and whether that fits: the gate before an apply."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dreamnet.cost.prices import PriceSheet, items, load_prices
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.model import Cloud, Resource
from dreamnet.resources.references import Resolver

CLOUD_NAMES: Mapping[str, str] = {"google": "Google Cloud", "aws": "AWS"}


@dataclass(frozen=True)
class Line:
    """One charge of one resource, in the sheet's currency a month."""

    id: str
    cloud: Cloud
    what: str
    quantity: float
    monthly: float


@dataclass(frozen=True)
class Estimate:
    """Monthly list prices of a catalogue.

    Attributes:
        date: the price sheet's.
        currency: of every figure.
        lines: what is priced.
        usage_based: (id, how it is paid) of what depends on use; nothing is added for it.
        unknown: (id, what) of what the price sheet doesn't know; the total is too low by these.
        assumptions: what the figures rest on.
        plan: cloud -> the original gameplan's own monthly estimate.
    """

    date: date
    currency: str
    lines: tuple[Line, ...]
    usage_based: tuple[tuple[str, str], ...]
    unknown: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    plan: Mapping[str, float]

    def total(self, cloud: str | None = None) -> float:
        """Of one cloud, or of both."""
        return sum(line.monthly for line in self.lines if cloud in (None, line.cloud))

    def by_resource(self, cloud: str) -> dict[str, float]:
        """Resource id -> its monthly price, of one cloud, dearest first. Credits are no resource."""
        sums: dict[str, float] = defaultdict(float)
        for line in self.lines:
            if line.cloud == cloud and line.monthly > 0:
                sums[line.id] += line.monthly
        return dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0])))

    def against_plan(self) -> str:
        """Each cloud's estimate beside the gameplan's own, in a sentence."""
        parts = [
            f"{CLOUD_NAMES[cloud]} {self.total(cloud):.2f} instead of {planned:.0f}"
            for cloud, planned in self.plan.items()
        ]
        return f"By list prices of {self.date} a month costs {self.currency} {', '.join(parts)} as planned."

    def markdown(self) -> str:
        """The table, and below it what the table can't say."""
        rows = ["| resource | charge | quantity | a month |", "| --- | --- | ---: | ---: |"]
        for cloud, name in CLOUD_NAMES.items():
            lines = [line for line in self.lines if line.cloud == cloud]
            rows += [f"| {x.id} | {x.what} | {x.quantity:g} | {x.monthly:.2f} |" for x in lines]
            if lines:
                rows.append(f"| **{name}** | | | **{self.total(cloud):.2f}** |")
        rows += ["", self.against_plan(), "", "Assumed: " + "; ".join(self.assumptions) + "."]
        if self.unknown:
            missing = "; ".join(f"{rid} ({what})" for rid, what in self.unknown)
            rows += ["", f"**Not in the price sheet, and not in the total:** {missing}."]
        if self.usage_based:
            rows += [
                "",
                "Paid by use, nothing added: " + "; ".join(f"{r} ({h})" for r, h in self.usage_based),
            ]
        return "\n".join([*rows, ""])


def estimate(
    catalogue: Catalogue, variables: Mapping[str, Any], prices: PriceSheet | None = None
) -> Estimate:
    """Price a catalogue.

    Args:
        catalogue: what would run.
        variables: values of the references, as for a plan.
        prices: the sheet; by default `prices.yaml` in the catalogue's folder.

    Raises:
        ConfigurationError: the price sheet can't be read.
    """
    sheet = prices or load_prices(catalogue.root / "prices.yaml")
    resolver = Resolver(variables, lambda _: None)
    lines: list[Line] = []
    usage: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    for resource in map(resolver.resolve, catalogue):
        if resource.type in sheet.usage_based:
            usage.append((resource.id, sheet.usage_based[resource.type]))
            continue
        if resource.type in sheet.free:
            continue
        parts = items(resource, sheet)
        if parts is None:
            unknown.append((resource.id, resource.type))
        for part in parts or ():
            if part.each is None:
                unknown.append((resource.id, part.what))
            else:
                monthly = part.quantity * part.each
                lines.append(Line(resource.id, resource.cloud, part.what, part.quantity, monthly))
    lines += _cluster_credit([resolver.resolve(resource) for resource in catalogue], sheet)
    lines = _one_forwarding_price(lines)
    plan = {cloud: float(figures["monthly"]) for cloud, figures in sheet.plan.items()}
    assumptions = _assumptions(sheet, variables)
    return Estimate(sheet.date, sheet.currency, tuple(lines), tuple(usage), tuple(unknown), assumptions, plan)


def _cluster_credit(resources: list[Resource], sheet: PriceSheet) -> list[Line]:
    """Google's credit for one zonal cluster's management fee."""
    for resource in resources:
        zonal = resource.parent.rpartition("/")[2].count("-") == 2
        if resource.type == "container.v1/projects.locations.clusters" and zonal:
            google = sheet.prices["google"]
            amount = min(google["cluster_credit_month"], google["cluster_hour"] * sheet.hours)
            return [Line("(free tier)", "google", "credit for one zonal cluster's management", 1, -amount)]
    return []


def _one_forwarding_price(lines: list[Line]) -> list[Line]:
    """The first five rules share one price: keep one line of them."""
    seen = False
    kept = []
    for line in lines:
        shared = line.what.startswith("forwarding rule")
        if not (shared and seen):
            kept.append(line)
        seen = seen or shared
    return kept


def _assumptions(sheet: PriceSheet, variables: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        f"list prices of {sheet.date}, before tax and credits",
        f"{sheet.hours:g} hours a month, day and night",
        "node pools at their declared size",
        "network traffic, NAT, and the load balancers that Kubernetes Services make are not included",
    ]
    for cloud, region in sheet.regions.items():
        chosen = variables.get(f"{cloud}.region", region)
        if chosen != region:
            found.append(f"{CLOUD_NAMES[cloud]}'s prices are {region}'s, not {chosen}'s")
    return tuple(found)


@dataclass(frozen=True)
class BudgetCheck:
    """One cloud's estimate against what may be spent.

    Attributes:
        cloud: which.
        monthly: the estimate.
        budget: what may be spent a month.
        drop: resources whose removal brings the estimate under the budget (all priced ones if none does).
        sentence: what an operator reads.
    """

    cloud: str
    monthly: float
    budget: float
    drop: tuple[str, ...]
    sentence: str

    @property
    def fits(self) -> bool:
        """The estimate is within the budget."""
        return self.monthly <= self.budget


def check_budget(estimate: Estimate, budget: Mapping[str, float]) -> tuple[BudgetCheck, ...]:
    """Compare an estimate with the monthly budget of each cloud.

    Args:
        estimate: what would be spent.
        budget: cloud -> currency units a month, such as `{"google": 350, "aws": 200}`.

    Returns:
        One check for each cloud of the budget; where one doesn't fit, the gate must stay closed.
    """
    return tuple(_check(estimate, cloud, limit) for cloud, limit in budget.items())


def _check(estimate: Estimate, cloud: str, limit: float) -> BudgetCheck:
    monthly = estimate.total(cloud)
    needs = f"{CLOUD_NAMES[cloud]} needs {estimate.currency} {monthly:.2f} a month, the budget is {limit:.2f}"
    if monthly <= limit:
        return BudgetCheck(cloud, monthly, limit, (), f"{needs}: it fits.")
    drop = _to_drop(estimate.by_resource(cloud), monthly - limit)
    named = ", ".join(f"{rid} ({price:.2f})" for rid, price in drop.items())
    return BudgetCheck(cloud, monthly, limit, tuple(drop), f"{needs}: raise it, or drop {named}.")


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
