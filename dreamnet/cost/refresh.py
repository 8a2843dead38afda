"""Bring the price sheet up to date from the vendors' price APIs; every comment stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dreamnet.cost.lookups import Lookups
from dreamnet.cost.price_apis import AwsPrices, GooglePrices, NoPrice
from dreamnet.cost.prices import PriceSheet
from dreamnet.errors import ConfigurationError, NotRehearsable

#: A figure that changed by more than this is more likely of another unit than a new price.
_IMPLAUSIBLE = 5.0


@dataclass(frozen=True)
class NewPrice:
    """What an API says of one price."""

    cloud: str
    name: str
    before: float
    after: float

    @property
    def growth(self) -> float:
        """By which part of itself the price has grown; negative where it fell."""
        return self.after / self.before - 1

    @property
    def changed(self) -> bool:
        """It differs from the sheet's by more than rounding."""
        return abs(self.growth) > 1e-6


@dataclass(frozen=True)
class Refresh:
    """What a refresh found.

    Attributes:
        today: the day on which the APIs were asked.
        found: what they answered, equal figures included.
        missing: (cloud, name, reason) of prices whose lookup found none that can be used.
        by_hand: (cloud, name) of prices without a lookup.
    """

    today: date
    found: tuple[NewPrice, ...]
    missing: tuple[tuple[str, str, str], ...]
    by_hand: tuple[tuple[str, str], ...]

    @property
    def changed(self) -> tuple[NewPrice, ...]:
        """New figures, the largest change first."""
        changed = [price for price in self.found if price.changed]
        return tuple(sorted(changed, key=lambda price: -abs(price.growth)))

    def markdown(self) -> str:
        """What changed, what was confirmed, and what could not be found."""
        lines = [
            f"**{len(self.changed)} prices changed**, {len(self.found) - len(self.changed)} confirmed,"
            f" {len(self.missing)} not found, {len(self.by_hand)} without a lookup.",
            "",
        ]
        if self.changed:
            lines += ["| price | cloud | before | now | |", "| --- | --- | ---: | ---: | ---: |"]
        lines += [
            f"| {one.name} | {one.cloud} | {one.before:g} | {one.after:g} | {one.growth:+.1%} |"
            for one in self.changed
        ]
        if self.missing:
            lines += ["", "Not found, and left as they were:", ""]
            lines += [f"- {cloud} {name}: {reason}" for cloud, name, reason in self.missing]
        if self.by_hand:
            lines += ["", "Without a lookup: " + ", ".join(f"{cloud} {name}" for cloud, name in self.by_hand)]
        return "\n".join([*lines, ""])


def look_up(
    sheet: PriceSheet, lookups: Lookups, google: GooglePrices, aws: AwsPrices, today: date
) -> Refresh:
    """Ask both APIs for every price that has a lookup; changes nothing.

    Raises:
        ConfigurationError: a lookup is of a price that the sheet doesn't have.
        GameplanError: an API refused or didn't answer.
    """
    found: list[NewPrice] = []
    missing: list[tuple[str, str, str]] = []
    asked: tuple[tuple[str, Mapping[str, Any], Callable[[Any], float]], ...] = (
        ("google", lookups.google, google.price),
        ("aws", lookups.aws, aws.price),
    )
    for cloud, wanted, ask in asked:
        for name, lookup in wanted.items():
            before = _known(sheet, cloud, name)
            try:
                after = ask(lookup)
            except (NoPrice, NotRehearsable) as error:
                missing.append((cloud, name, str(error)))
                continue
            if not 1 / _IMPLAUSIBLE < after / before < _IMPLAUSIBLE:
                missing.append((cloud, name, f"{after:g} instead of {before:g} looks like another unit"))
            else:
                found.append(NewPrice(cloud, name, before, after))
    by_hand = [
        (cloud, name) for cloud, wanted, _ in asked for name in sheet.prices[cloud] if name not in wanted
    ]
    return Refresh(today, tuple(found), tuple(missing), tuple(by_hand))


def _known(sheet: PriceSheet, cloud: str, name: str) -> float:
    if name not in sheet.prices[cloud]:
        raise ConfigurationError(
            f"price-lookups.yaml looks up {cloud}'s {name}, which prices.yaml does not have.",
            "Correct the name, or add the price.",
        )
    return sheet.prices[cloud][name].usd


def rewritten(text: str, refresh: Refresh) -> str:
    """The price sheet's text with what a refresh found, every other character as it was.

    Args:
        text: of `prices.yaml`, each price on a line of its own.
        refresh: what was found.

    Raises:
        ConfigurationError: a price does not stand on one line, as `name: {usd: ..., ...}`.
    """
    for price in refresh.found:
        text = _with(text, price, refresh.today)
    return text


def _with(text: str, price: NewPrice, today: date) -> str:
    cloud = text.index(f"\n{price.cloud}:\n")
    line = re.compile(
        rf"^(?P<head>  {re.escape(price.name)}: \{{usd: )[^,]+(?P<unit>, per: .+?, source: )[\w-]+"
        r'(?P<day>, checked: ")[\d-]+"(?P<mark>, verified: false)?',
        re.MULTILINE,
    )
    new, count = line.subn(
        rf'\g<head>{_plain(price.after)}\g<unit>{price.cloud}-api\g<day>{today}"', text[cloud:], count=1
    )
    if not count:
        raise ConfigurationError(
            f"prices.yaml: the price {price.name} does not stand on a line of its own.",
            "Write it as `name: {usd: ..., per: ..., source: ..., checked: ...}`.",
        )
    return text[:cloud] + new


def _plain(figure: float) -> str:
    """A figure without an exponent and without the rounding of binary fractions."""
    text = f"{figure:.10f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
