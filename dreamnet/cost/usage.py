"""What estimates assume of use (`infrastructure/usage.yaml`): gigabytes, requests, messages, hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet.cost.prices import read_sheet
from dreamnet.resources.model import Resource

Quantities = Mapping[str, float]


@dataclass(frozen=True)
class Usage:
    """Assumed quantities of a month.

    Attributes:
        types: type -> price name -> how many units one resource of it uses.
        resources: id -> the same, instead of its type's.
        running: id -> how many of it run on average, where an autoscaler decides.
    """

    types: Mapping[str, Quantities] = field(default_factory=dict)
    resources: Mapping[str, Quantities] = field(default_factory=dict)
    running: Mapping[str, float] = field(default_factory=dict)

    def of(self, resource: Resource) -> Quantities | None:
        """What this resource uses; None where nothing is assumed of it or its type."""
        return self.resources.get(resource.id, self.types.get(resource.type))


def load_usage(file: Path) -> Usage:
    """Read the assumptions.

    Raises:
        ConfigurationError: the file is missing, or lacks a part.
    """
    return read_sheet("file of usage assumptions", file, _usage)


def _usage(document: Any) -> Usage:
    return Usage(
        types=_quantities(document["types"]),
        resources=_quantities(document["resources"]),
        running={resource_id: float(count) for resource_id, count in document["running"].items()},
    )


def _quantities(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Quantities]:
    return {
        key: {name: float(quantity) for name, quantity in entry.items()} for key, entry in entries.items()
    }
