"""The dated price sheet (`infrastructure/prices.yaml`): what a unit of each thing costs, and who says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dreamnet.errors import ConfigurationError

Built = TypeVar("Built")


@dataclass(frozen=True)
class Price:
    """What one unit costs.

    Attributes:
        name: unique within its cloud.
        usd: price of one unit, before tax and credits.
        per: the unit, such as `hour`, `GB-month`, `million requests`.
        source: key of the sheet's `sources`.
        checked: the day on which the figure was compared with its source.
        verified: whether the source could be read and says so; otherwise it is from memory or notes.
        free: units a month that an account gets for nothing.
        shared_by: how many resources pay this price together (five forwarding rules cost what one does).
    """

    name: str
    usd: float
    per: str
    source: str
    checked: date
    verified: bool = True
    free: float = 0.0
    shared_by: int = 1


@dataclass(frozen=True)
class PriceSheet:
    """List prices of both clouds.

    Attributes:
        currency: of every figure.
        hours: hours of a month; what runs day and night is paid for so long.
        regions: cloud -> the region that the prices are for.
        plan: cloud -> the original gameplan's own estimate (`monthly`) and the credits it counted on.
        sources: key -> where figures come from.
        prices: cloud -> name -> price.
        fixed: type -> names of what each resource of it costs as long as it exists, whatever is declared.
        free: patterns of the types that have no charge of their own.
    """

    currency: str
    hours: float
    regions: Mapping[str, str]
    plan: Mapping[str, Mapping[str, float]]
    sources: Mapping[str, str]
    prices: Mapping[str, Mapping[str, Price]]
    fixed: Mapping[str, tuple[str, ...]]
    free: tuple[str, ...]

    @property
    def date(self) -> date:
        """The day of the oldest figure."""
        return min(price.checked for prices in self.prices.values() for price in prices.values())

    def is_free(self, kind: str) -> bool:
        """Whether resources of this type have no charge of their own."""
        return any(fnmatchcase(kind, pattern) for pattern in self.free)


def load_prices(file: Path) -> PriceSheet:
    """Read a price sheet.

    Raises:
        ConfigurationError: the file is missing, lacks a part, or holds a price that can't be used.
    """
    return read_sheet("price sheet", file, _sheet)


def read_sheet(what: str, file: Path, build: Callable[[Any], Built]) -> Built:
    """What `build` makes of a YAML file.

    Raises:
        ConfigurationError: the file can't be read, or `build` misses something in it.
    """
    try:
        return build(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"The {what} {file} can't be used: {type(error).__name__} {error}.",
            "Restore it from the repository, or correct what is named.",
        ) from error


def _sheet(document: Any) -> PriceSheet:
    sources = document["sources"]
    prices = {
        cloud: {name: _price(name, entry, sources) for name, entry in document[cloud].items()}
        for cloud in ("google", "aws")
    }
    return PriceSheet(
        currency=document["currency"],
        hours=float(document["hours_per_month"]),
        regions=document["regions"],
        plan=document["plan"],
        sources=sources,
        prices=prices,
        fixed={kind: tuple(names) for kind, names in document["fixed"].items()},
        free=tuple(document["free"]),
    )


def _price(name: str, entry: Mapping[str, Any], sources: Mapping[str, str]) -> Price:
    if entry["source"] not in sources:
        raise ValueError(f"price {name} has the unknown source {entry['source']}")
    checked = date.fromisoformat(str(entry["checked"]))
    return Price(**{**entry, "name": name, "usd": float(entry["usd"]), "checked": checked})
