"""Where the vendors' price APIs hold the sheet's figures (`infrastructure/price-lookups.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamnet.cost.prices import read_sheet


@dataclass(frozen=True)
class GoogleLookup:
    """One price of Google's.

    Attributes:
        service: its display name, such as `Compute Engine`.
        parts: (regular expression on a SKU's description, how many of its units make one of ours).
    """

    service: str
    parts: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class AwsLookup:
    """One price of AWS's.

    Attributes:
        service: the service code, such as `AmazonEC2`.
        usagetype: regular expression on the attribute of that name.
        where: attributes that the API matches exactly.
        times: how many of the API's units make one of ours.
        regional: whether the service is priced by region.
    """

    service: str
    usagetype: str
    where: tuple[tuple[str, str], ...] = ()
    times: float = 1.0
    regional: bool = True


@dataclass(frozen=True)
class Lookups:
    """Price name -> where it is found, of both clouds."""

    google: Mapping[str, GoogleLookup]
    aws: Mapping[str, AwsLookup]


def load_lookups(file: Path) -> Lookups:
    """Read the file.

    Raises:
        ConfigurationError: it is missing, or lacks a part.
    """
    return read_sheet("file of price lookups", file, _lookups)


def _lookups(document: Any) -> Lookups:
    return Lookups(
        google={name: _google(entry) for name, entry in document["google"].items()},
        aws={name: _aws(entry) for name, entry in document["aws"].items()},
    )


def _google(entry: Mapping[str, Any]) -> GoogleLookup:
    parts = tuple((part["sku"], float(part.get("times", 1))) for part in entry["parts"])
    return GoogleLookup(entry["service"], parts)


def _aws(entry: Mapping[str, Any]) -> AwsLookup:
    return AwsLookup(
        entry["service"],
        entry["usagetype"],
        tuple(entry.get("where", {}).items()),
        float(entry.get("times", 1)),
        entry.get("region", True),
    )
