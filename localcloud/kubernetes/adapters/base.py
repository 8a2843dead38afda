"""What the adapters of both clouds are to those who ask for metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Unavailable(Exception):
    """A metric that cannot be read now, and why."""


@dataclass(frozen=True)
class Source:
    """Where a custom metric comes from.

    Attributes:
        series: name of the series at the Pods.
        rate: per second, of a counter.
        resources: what it can be asked of: ``pods``, ``services``.
    """

    series: str
    rate: bool
    resources: tuple[str, ...] = ("pods",)


@dataclass(frozen=True)
class Sample:
    """One value of an external metric."""

    value: float
    labels: Mapping[str, str]


class Adapter(Protocol):
    """One cloud's way."""

    def custom(self, series: Mapping[str, str]) -> dict[str, Source]:
        """Custom metrics by name, of the series (with types) that were read."""
        ...

    def source(self, metric: str) -> Source | None:
        """Where a custom metric comes from; None for one that it does not know."""
        ...

    def external(self) -> Sequence[str]:
        """Names that discovery lists for external metrics."""
        ...

    def read(self, metric: str, labels: Mapping[str, str]) -> list[Sample]:
        """An external metric's values now, of those with these labels; blocks.

        Raises:
            Unavailable: it does not know the metric, or its source does not answer.
        """
        ...
