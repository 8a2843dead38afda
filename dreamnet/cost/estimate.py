"""What a catalogue costs a month: by the sizes it declares, the price sheet, and the assumptions of use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dreamnet.cost import aws_charges, google_charges
from dreamnet.cost.prices import Price, PriceSheet, load_prices
from dreamnet.cost.usage import Usage, load_usage
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.model import Cloud, Resource
from dreamnet.resources.references import Resolver

CLOUD_NAMES: Mapping[str, str] = {"google": "Google Cloud", "aws": "AWS"}
#: The id of the lines that give back what an account gets for nothing.
FREE_TIER = "(free tier)"
CHARGERS = {**google_charges.CHARGERS, **aws_charges.CHARGERS}
#: Lines below this much a month are summed up in tables.
_SMALL = 0.05


@dataclass(frozen=True)
class Line:
    """One charge of one resource, in the sheet's currency a month.

    Attributes:
        id: the resource's.
        cloud: whose bill it is on.
        what: is charged for.
        quantity: units of a month.
        per: the unit.
        monthly: the price of all of them.
        price: name of the price in the sheet.
        verified: whether that price could be compared with its source.
    """

    id: str
    cloud: Cloud
    what: str
    quantity: float
    per: str
    monthly: float
    price: str = ""
    verified: bool = True


@dataclass(frozen=True)
class Estimate:
    """Monthly list prices of a catalogue.

    Attributes:
        date: the oldest figure's.
        currency: of every figure.
        lines: what is priced, use included; free tiers are lines of their own, negative.
        unknown: (id, what) of what the price sheet doesn't know; the total is too low by these.
        assumptions: what the figures rest on.
        plan: cloud -> the original gameplan's own monthly estimate.
    """

    date: date
    currency: str
    lines: tuple[Line, ...]
    unknown: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    plan: Mapping[str, float]

    def total(self, cloud: str | None = None) -> float:
        """Of one cloud, or of both, to a millionth."""
        total = sum(line.monthly for line in self.lines if cloud in (None, line.cloud))
        return round(total, 6) + 0.0  # what a free tier pays wholly is 0.00, not -0.00

    def by_resource(self, cloud: str) -> dict[str, float]:
        """Resource id -> its monthly price, of one cloud, dearest first. Free tiers are no resource."""
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
        """Totals, the lines sorted by price, and below them what they rest on."""
        rows = ["| resource | charge | quantity | a month |", "| --- | --- | ---: | ---: |"]
        shown = sorted(self.lines, key=lambda line: (-line.monthly, line.id, line.what))
        large = [line for line in shown if abs(line.monthly) >= _SMALL]
        rows += [
            f"| {line.id} | {line.what}{'' if line.verified else ' †'} | {line.quantity:,.6g} × {line.per}"
            f" | {line.monthly:,.2f} |"
            for line in large
        ]
        small = [line.monthly for line in self.lines if abs(line.monthly) < _SMALL]
        if small:
            rows.append(f"| {len(small)} lines of less than {_SMALL} | | | {sum(small):,.2f} |")
        for cloud, name in CLOUD_NAMES.items():
            rows.append(f"| **{name}** | | | **{self.total(cloud):,.2f}** |")
        return "\n".join([*rows, *self._below(), ""])

    def _below(self) -> Iterator[str]:
        yield from ("", self.against_plan(), "", "Assumed: " + "; ".join(self.assumptions) + ".")
        if not all(line.verified for line in self.lines):
            yield from (
                "",
                "† Could not be compared with the vendor's own figure; see infrastructure/prices.yaml.",
            )
        if self.unknown:
            missing = "; ".join(f"{rid} ({what})" for rid, what in self.unknown)
            yield from ("", f"**Not in the price sheet, and not in the total:** {missing}.")


def estimate(
    catalogue: Catalogue,
    variables: Mapping[str, Any],
    sheet: PriceSheet | None = None,
    usage: Usage | None = None,
) -> Estimate:
    """Price a catalogue.

    Args:
        catalogue: what would run.
        variables: values of the references, as for a plan.
        sheet: the prices; by default `prices.yaml` in the catalogue's folder.
        usage: the assumptions; by default `usage.yaml` there.

    Raises:
        ConfigurationError: one of those files can't be used.
    """
    resolver = Resolver(_Filled(variables), lambda _: None)
    sheet = sheet or load_prices(catalogue.root / "prices.yaml")
    usage = usage or load_usage(catalogue.root / "usage.yaml")
    return estimate_resources([resolver.resolve(resource) for resource in catalogue], variables, sheet, usage)


class _Filled(dict[str, Any]):
    """Variables, and a stand-in for each that the operator has not filled in, such as a domain.

    Prices depend on places only, and the whole plan is priced beside a selection that needs fewer.
    """

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"({name})"


def estimate_resources(
    resources: Iterable[Resource], variables: Mapping[str, Any], sheet: PriceSheet, usage: Usage
) -> Estimate:
    """Price resources whose variables are resolved; the rest as `estimate`."""
    lines: list[Line] = []
    unknown: list[tuple[str, str]] = []
    for resource in resources:
        found = list(_lines(resource, sheet, usage))
        lines += [line for line in found if isinstance(line, Line)]
        unknown += [line for line in found if not isinstance(line, Line)]
    lines = list(_shared(lines, sheet))
    lines += _free_tiers(lines, sheet)
    plan = {cloud: float(figures["monthly"]) for cloud, figures in sheet.plan.items()}
    return Estimate(
        sheet.date, sheet.currency, tuple(lines), tuple(unknown), _assumptions(sheet, variables), plan
    )


def is_known(kind: str, sheet: PriceSheet, usage: Usage) -> bool:
    """Whether the estimate knows what a type costs: priced by size, by the piece, by use, or free."""
    return kind in CHARGERS or kind in sheet.fixed or kind in usage.types or sheet.is_free(kind)


def _lines(resource: Resource, sheet: PriceSheet, usage: Usage) -> Iterator[Line | tuple[str, str]]:
    prices, hours = sheet.prices[resource.cloud], sheet.hours
    used = usage.of(resource)
    if used is None and not is_known(resource.type, sheet, usage):
        yield resource.id, resource.type
        return
    charger = CHARGERS.get(resource.type)
    if charger:
        for charge in charger(resource, usage.running.get(resource.id)):
            price = prices.get(charge.price)
            if price is None:
                yield resource.id, charge.what
            elif charge.count:
                count = charge.count * hours if price.per == "hour" else charge.count
                yield _line(resource, charge.what, count, price)
    for name in sheet.fixed.get(resource.type, ()):
        price = prices[name]
        yield _line(resource, _words(name), hours if price.per == "hour" else 1.0, price)
    for name, quantity in (used or {}).items():
        yield _line(resource, f"{_words(name)} (assumed use)", quantity, prices[name])


def _line(resource: Resource, what: str, quantity: float, price: Price) -> Line:
    monthly = quantity * price.usd
    return Line(resource.id, resource.cloud, what, quantity, price.per, monthly, price.name, price.verified)


def _words(name: str) -> str:
    return name.replace("-", " ")


def _shared(lines: Iterable[Line], sheet: PriceSheet) -> Iterator[Line]:
    """The lines, of prices that several resources pay together only one line for so many."""
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        shared_by = sheet.prices[line.cloud][line.price].shared_by
        if seen[line.cloud, line.price] % shared_by == 0:
            yield line
        seen[line.cloud, line.price] += 1


def _free_tiers(lines: Iterable[Line], sheet: PriceSheet) -> Iterator[Line]:
    """What each account gets for nothing, once for all of its resources."""
    used: dict[tuple[Cloud, str], float] = defaultdict(float)
    for line in lines:
        used[line.cloud, line.price] += line.quantity
    for (cloud, name), quantity in used.items():
        price = sheet.prices[cloud][name]
        free = min(price.free, quantity)
        if free > 0:
            what = f"{_words(name)}: the first {price.free:,g} × {price.per}"
            yield Line(FREE_TIER, cloud, what, free, price.per, -free * price.usd, name, price.verified)


def _assumptions(sheet: PriceSheet, variables: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        f"list prices of {sheet.date} or later, before tax and credits",
        f"{sheet.hours:g} hours a month, day and night",
        "node pools at their declared size, or as infrastructure/usage.yaml says",
        "use as infrastructure/usage.yaml says",
    ]
    for cloud, region in sheet.regions.items():
        chosen = variables.get(f"{cloud}.region", region)
        if chosen != region:
            found.append(f"{CLOUD_NAMES[cloud]}'s prices are {region}'s, not {chosen}'s")
    return tuple(found)
