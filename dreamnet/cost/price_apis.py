"""The vendors' price APIs: Google's Cloud Billing Catalog and AWS's Price List, asked for single prices.

Both give prices in tiers; the first that costs anything is the list price; a free one before it, the free
tier.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors
from dreamnet.cost.lookups import AwsLookup, GoogleLookup

if TYPE_CHECKING:
    from dreamnet.clouds.google import GoogleAccount

#: The Price List API answers in two regions only
#: (docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html, November 2026).
AWS_PRICING_REGION = "us-east-1"


class NoPrice(Exception):
    """A lookup matches no price, or several; the text says which."""


@dataclass
class GooglePrices:
    """Google's prices of one region; each service's list is read once.

    Attributes:
        account: who asks.
        region: whose prices.
    """

    account: GoogleAccount
    region: str
    _services: dict[str, str] = field(default_factory=dict)
    _skus: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def price(self, lookup: GoogleLookup) -> float:
        """The list price of one of our units, in USD.

        Raises:
            NoPrice: the service or a SKU isn't there, or SKUs of different prices match.
            GameplanError: the API refused or didn't answer.
        """
        skus = self._of_service(lookup.service)
        return sum(times * self._sku(skus, pattern) for pattern, times in lookup.parts)

    def _sku(self, skus: Iterable[Mapping[str, Any]], pattern: str) -> float:
        matching = [
            sku
            for sku in skus
            if re.search(pattern, sku["description"])
            and {self.region, "global"} & set(sku.get("serviceRegions", []))
            and not sku.get("category", {}).get("usageType", "").startswith("Commit")
        ]
        return _only({price for sku in matching for price in _first_rate(sku)}, f"SKU {pattern}")

    def _of_service(self, name: str) -> list[dict[str, Any]]:
        if not self._services:
            found = self._pages("services", "services")
            self._services = {service["displayName"]: service["name"] for service in found}
        if name not in self._services:
            raise NoPrice(f"no service {name}")
        if name not in self._skus:
            self._skus[name] = list(self._pages(f"{self._services[name]}/skus", "skus"))
        return self._skus[name]

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        root = self.account.root("cloudbilling", "https://cloudbilling.googleapis.com/")
        token = ""
        while True:
            parameters = {"pageToken": token} if token else {}
            answer = google_rest.call(
                self.account, "GET", f"{root}v1/{path}", what="Google's price list", parameters=parameters
            )
            yield from answer.get(key, [])
            token = answer.get("nextPageToken", "")
            if not token:
                return


def _first_rate(sku: Mapping[str, Any]) -> Iterator[float]:
    """The newest pricing's first tier that costs anything."""
    expression = sku["pricingInfo"][-1]["pricingExpression"]
    for rate in sorted(expression["tieredRates"], key=lambda rate: float(rate.get("startUsageAmount", 0))):
        money = rate["unitPrice"]
        price = float(money.get("units", 0) or 0) + float(money.get("nanos", 0)) / 1e9
        if price > 0:
            yield price
            return


@dataclass
class AwsPrices:
    """AWS's prices of one region.

    Attributes:
        client: a boto3 `pricing` client of `AWS_PRICING_REGION`.
        region: whose prices.
    """

    client: Any
    region: str

    def price(self, lookup: AwsLookup) -> float:
        """As `GooglePrices.price`."""
        found: set[float] = set()
        for product in self._products(lookup):
            if re.search(lookup.usagetype, product["product"]["attributes"].get("usagetype", "")):
                found |= set(_first_dimension(product))
        return lookup.times * _only(found, f"{lookup.service} usage type {lookup.usagetype}")

    def _products(self, lookup: AwsLookup) -> Iterator[dict[str, Any]]:
        where = dict(lookup.where) | ({"regionCode": self.region} if lookup.regional else {})
        arguments: dict[str, Any] = {
            "ServiceCode": lookup.service,
            "Filters": [
                {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in where.items()
            ],
        }
        while True:
            with aws_errors("AWS's price list"):
                try:
                    page = self.client.get_products(**arguments)
                except self.client.exceptions.NotFoundException:
                    raise NoPrice(f"no service {lookup.service}") from None
            yield from map(json.loads, page["PriceList"])
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]


def _first_dimension(product: Mapping[str, Any]) -> Iterator[float]:
    """Each on-demand term's first tier that costs anything."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        tiers = sorted(
            term["priceDimensions"].values(), key=lambda dimension: float(dimension.get("beginRange", 0))
        )
        for tier in tiers:
            price = float(tier["pricePerUnit"].get("USD", 0))
            if price > 0:
                yield price
                break


def _only(prices: set[float], what: str) -> float:
    if not prices:
        raise NoPrice(f"no price of {what}")
    if len(prices) > 1:
        listed = ", ".join(f"{price:g}" for price in sorted(prices)[:4])
        raise NoPrice(f"{len(prices)} prices of {what}: {listed}")
    return prices.pop()
