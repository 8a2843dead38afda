"""What a resource is charged for: how much of what, by which price of the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dreamnet.resources.model import Resource


@dataclass(frozen=True)
class Charge:
    """A part of a resource's price.

    Attributes:
        what: in words.
        price: name in the sheet, of the resource's cloud.
        count: how many units; where the price is by the hour, how many things run day and night.
    """

    what: str
    price: str
    count: float


#: (declaration with its variables resolved, how many run where an autoscaler decides) -> charges.
Charger = Callable[[Resource, float | None], Iterator[Charge]]
Chargers = Mapping[str, Charger]
