"""The Cloud Billing Catalog over the repository's own price sheet: it shows what the sheet says, no more.

A SKU stands for one part of an entry of `infrastructure/price-lookups.yaml`. What the real catalogue prices
in several SKUs (a machine's cores and memory), the sheet has as one figure: each part has an equal share.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dreamnet.cost.lookups import load_lookups
from dreamnet.cost.prices import load_prices
from localcloud.google.hooks import Hook, Refusal, verb
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

_INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure"


class Priced(Hook):
    """The services that the catalogue has prices of."""

    collection: ClassVar[str] = "cloudbilling/services"

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """All of them on one page."""
        names = sorted({lookup.service for lookup in _lookups().values()})
        return {"services": [_service(name) for name in names]}


class Skus(Hook):
    """What each of them charges for."""

    collection: ClassVar[str] = "cloudbilling/services.skus"

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """All SKUs of one service on one page."""
        parent = call.path.removesuffix("/skus")
        found = [sku for sku in _skus() if sku["name"].startswith(f"{parent}/")]
        if not found:
            raise Refusal(404, f"Service {parent} not found.")
        return {"skus": found}


def _service(display_name: str) -> dict[str, Any]:
    number = _number(display_name)
    return {
        "name": f"services/{number}",
        "serviceId": number,
        "displayName": display_name,
        "businessEntityName": "businessEntities/GCP",
    }


@cache
def _lookups() -> Any:
    return load_lookups(_INFRASTRUCTURE / "price-lookups.yaml").google


@cache
def _skus() -> tuple[dict[str, Any], ...]:
    return tuple(_made())


def _made() -> Iterator[dict[str, Any]]:
    sheet = load_prices(_INFRASTRUCTURE / "prices.yaml")
    seen = set()
    for name, lookup in _lookups().items():
        share = sheet.prices["google"][name].usd / len(lookup.parts)
        for pattern, times in lookup.parts:
            description = _described(pattern)
            if (lookup.service, description) not in seen:
                seen.add((lookup.service, description))
                yield _sku(lookup.service, description, sheet.regions["google"], share / times)


def _sku(service: str, description: str, region: str, price: float) -> dict[str, Any]:
    number = _number(f"{service} {description}")
    units = int(price)
    rate = {
        "startUsageAmount": 0,
        "unitPrice": {
            "currencyCode": "USD",
            "units": str(units),
            "nanos": round((price - units) * 1_000_000_000),
        },
    }
    return {
        "name": f"{_service(service)['name']}/skus/{number}",
        "skuId": number,
        "description": description,
        "category": {"serviceDisplayName": service, "usageType": "OnDemand"},
        "serviceRegions": [region],
        "pricingInfo": [{"pricingExpression": {"usageUnit": "1", "tieredRates": [rate]}}],
        "serviceProviderName": "The rehearsal's price sheet",
    }


def _described(pattern: str) -> str:
    """A description that the lookup's expression finds."""
    return re.sub(r"\\(.)", r"\1", pattern.replace(".*", " ")).strip("^$ ")


def _number(text: str) -> str:
    """Three groups of hexadecimal digits, as Google writes such numbers."""
    found = hashlib.sha256(text.encode()).hexdigest()[:12].upper()
    return "-".join(found[start : start + 4] for start in range(0, 12, 4))
