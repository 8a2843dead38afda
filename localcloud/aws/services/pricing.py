"""The Price List API over the repository's own price sheet: what it shows is what the sheet says, no more.

A product stands for one entry of `infrastructure/price-lookups.yaml`, with the attributes by which the real
API is asked for it, and costs what `infrastructure/prices.yaml` has for it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from dreamnet.cost.lookups import AwsLookup, load_lookups
from dreamnet.cost.prices import load_prices
from localcloud.aws.services.modelled import Given, Modelled, page
from localcloud.aws.wire import AwsError, Call

_INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure"
_VERSION = "aws_v1"


class Pricing(Modelled):
    """GetProducts, DescribeServices and GetAttributeValues."""

    def __init__(self, infrastructure: Path = _INFRASTRUCTURE) -> None:
        self._infrastructure = infrastructure
        super().__init__(
            "pricing",
            {
                "GetProducts": self._get_products,
                "DescribeServices": self._describe_services,
                "GetAttributeValues": self._get_values,
            },
        )

    @cached_property
    def _products(self) -> list[dict[str, Any]]:
        sheet = load_prices(self._infrastructure / "prices.yaml")
        lookups = load_lookups(self._infrastructure / "price-lookups.yaml").aws
        return [
            _product(name, lookup, sheet.regions["aws"], sheet.prices["aws"][name].usd / lookup.times)
            for name, lookup in lookups.items()
            if name in sheet.prices["aws"] and _usage(lookup)
        ]

    def _of(self, service: str) -> list[dict[str, Any]]:
        found = [one for one in self._products if one["serviceCode"] == service]
        if not found:
            raise AwsError("NotFoundException", f"The price sheet has nothing of the service {service}.")
        return found

    def _get_products(self, call: Call, given: Given) -> Given:
        found = self._of(given["ServiceCode"])
        for one in given.get("Filters", ()):
            if one["Type"] not in ("TERM_MATCH", "EQUALS"):
                raise AwsError.not_in_rehearsal("pricing", f"GetProducts with a filter {one['Type']}")
            found = [p for p in found if p["product"]["attributes"].get(one["Field"]) == one["Value"]]
        shown, rest = page([json.dumps(product) for product in found], given)
        return {"FormatVersion": _VERSION, "PriceList": shown, **rest}

    def _describe_services(self, call: Call, given: Given) -> Given:
        wanted = given.get("ServiceCode")
        codes = sorted({one["serviceCode"] for one in self._products if wanted in (None, one["serviceCode"])})
        if wanted and not codes:
            self._of(wanted)
        services = [{"ServiceCode": code, "AttributeNames": sorted(self._names(code))} for code in codes]
        shown, rest = page(services, given)
        return {"FormatVersion": _VERSION, "Services": shown, **rest}

    def _names(self, service: str) -> set[str]:
        return {name for product in self._of(service) for name in product["product"]["attributes"]}

    def _get_values(self, call: Call, given: Given) -> Given:
        name = given["AttributeName"]
        found = {p["product"]["attributes"].get(name) for p in self._of(given["ServiceCode"])} - {None}
        shown, rest = page([{"Value": value} for value in sorted(found)], given)
        return {"AttributeValues": shown, **rest}


def _product(name: str, lookup: AwsLookup, region: str, price: float) -> dict[str, Any]:
    sku = hashlib.sha256(name.encode()).hexdigest()[:16].upper()
    attributes = {**dict(lookup.where), "usagetype": _usage(lookup), "priceSheetEntry": name}
    if lookup.regional:
        attributes["regionCode"] = region
    dimension = {
        "unit": "Quantity",
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"{name} of the rehearsal's price sheet",
        "pricePerUnit": {"USD": f"{price:.12f}"},
    }
    term = {"sku": sku, "priceDimensions": {f"{sku}.1": dimension}}
    family = attributes.get("productFamily", "")
    return {
        "product": {"sku": sku, "productFamily": family, "attributes": attributes},
        "serviceCode": lookup.service,
        "terms": {"OnDemand": {f"{sku}.J": term}},
    }


def _usage(lookup: AwsLookup) -> str:
    """A usage type that the lookup's expression finds; empty where none is made out of it."""
    for text in _candidates(lookup.usagetype):
        if re.search(lookup.usagetype, text):
            return text
    return ""


def _candidates(pattern: str) -> Iterator[str]:
    plain = re.sub(r"\((\w+-)\)\?", "", pattern).strip("^$")
    yield plain.replace("\\", "")
    yield re.sub(r"\(([^|)]*)[^)]*\)\??", r"\1", plain).replace("\\", "")
    yield "Usage"
