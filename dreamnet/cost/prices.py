"""The dated price sheet (`infrastructure/prices.yaml`), and what a resource of a priced type costs by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.resources.model import Resource


@dataclass(frozen=True)
class PriceSheet:
    """List prices of both clouds.

    Attributes:
        date: when they were looked up.
        currency: of every figure.
        hours: hours a month that hourly prices are multiplied with.
        regions: cloud -> the region the prices are for.
        plan: cloud -> the original gameplan's own estimate (`monthly`) and the credits it counted on.
        prices: cloud -> price name -> figure, or figures by machine, tier or disk type.
        usage_based: type -> how its use is paid.
        free: types without a charge of their own.
    """

    date: date
    currency: str
    hours: float
    regions: Mapping[str, str]
    plan: Mapping[str, Mapping[str, float]]
    prices: Mapping[str, Mapping[str, Any]]
    usage_based: Mapping[str, str] = field(default_factory=dict)
    free: frozenset[str] = frozenset()


def load_prices(file: Path) -> PriceSheet:
    """Read a price sheet.

    Raises:
        ConfigurationError: the file is missing, or lacks a part.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return PriceSheet(
            date=date.fromisoformat(document["date"]),
            currency=document["currency"],
            hours=float(document["hours_per_month"]),
            regions=document["regions"],
            plan=document["plan"],
            prices={"google": document["google"], "aws": document["aws"]},
            usage_based=document["usage_based"],
            free=frozenset(document["free"]),
        )
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"The price sheet {file} can't be used: {type(error).__name__} {error}.",
            "Restore it from the repository, or add what is missing.",
        ) from error


@dataclass(frozen=True)
class Item:
    """A part of a resource's price: how much of what, each at which price a month."""

    what: str
    quantity: float
    each: float | None  # None: not in the price sheet


def items(resource: Resource, sheet: PriceSheet) -> list[Item] | None:
    """What this resource is charged for, by its declaration; None where its type is not priced here.

    Args:
        resource: with its variables resolved.
        sheet: the prices.
    """
    pricer = _PRICERS.get(resource.type)
    if pricer is None:
        return None
    return list(pricer(resource, sheet.prices[resource.cloud], sheet.hours))


_Prices = Mapping[str, Any]
_Pricer = Callable[[Resource, _Prices, float], Iterator[Item]]


def _hourly(price: float | None, hours: float) -> float | None:
    return None if price is None else price * hours


def _gke(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    yield Item("cluster management", 1, prices["cluster_hour"] * hours)
    location = resource.parent.rpartition("/")[2]
    zones = 1 if location.count("-") == 2 else 3  # a region's node pools have nodes in three zones
    for pool in resource.body.get("nodePools", []):
        config = pool.get("config", {})
        nodes = float(pool.get("initialNodeCount", 1)) * zones
        spot = config.get("spot") or config.get("preemptible")
        machine = config.get("machineType", "e2-medium")
        kind = "spot_machine_hour" if spot else "machine_hour"
        label = f"node {machine}{' spot' if spot else ''}, pool {pool.get('name', '')}"
        yield Item(label, nodes, _hourly(prices[kind].get(machine), hours))
        disk = config.get("diskType", "pd-balanced")
        size = float(config.get("diskSizeGb", 100))
        yield Item(f"node disk {disk}, GB", nodes * size, prices["disk_gb_month"].get(disk))


def _cloud_sql(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    settings = resource.body.get("settings", {})
    copies = 2 if settings.get("availabilityType") == "REGIONAL" else 1
    tier = settings.get("tier", "")
    price = prices["sql_tier_hour"].get(tier)
    parts = tier.split("-")  # db-custom-<vCPUs>-<MB>
    if tier.startswith("db-custom-") and len(parts) == 4:
        price = int(parts[2]) * prices["sql_vcpu_hour"] + int(parts[3]) / 1024 * prices["sql_memory_gb_hour"]
    yield Item(f"instance {tier}", copies, _hourly(price, hours))
    disk, size = settings.get("dataDiskType", "PD_SSD"), float(settings.get("dataDiskSizeGb", 10))
    yield Item(f"storage {disk}, GB", copies * size, prices["sql_disk_gb_month"].get(disk))


def _memorystore(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    basic = resource.body.get("tier") == "BASIC"
    each = prices["memorystore_basic_gb_month"] if basic else None
    yield Item(f"{resource.body.get('tier')} tier, GB", float(resource.body.get("memorySizeGb", 1)), each)


def _forwarding_rule(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    yield Item("forwarding rule (one price for up to five)", 1, prices["forwarding_rules_hour"] * hours)


def _eks(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    version = str(resource.body.get("Version", prices["cluster_standard_from"]))
    standard = _version(version) >= _version(prices["cluster_standard_from"])
    support = "standard" if standard else "extended"
    price = prices["cluster_hour" if standard else "cluster_extended_hour"]
    yield Item(f"cluster {version}, {support} support", 1, price * hours)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _nodegroup(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    nodes = float(resource.body.get("ScalingConfig", {}).get("DesiredSize", 1))
    machine = resource.body.get("InstanceTypes", ["t3.medium"])[0]
    on_demand = resource.body.get("CapacityType", "ON_DEMAND") == "ON_DEMAND"
    price = prices["machine_hour"].get(machine) if on_demand else None
    yield Item(f"node {machine}{'' if on_demand else ' spot'}", nodes, _hourly(price, hours))
    volume = float(resource.body.get("DiskSize", 20))
    yield Item("node volume, GB", nodes * volume, prices["volume_gb_month"])
    yield Item("node's public address", nodes, prices["public_address_hour"] * hours)


def _rds(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    copies = 2 if resource.body.get("MultiAZ") is True else 1
    size = resource.body.get("DBInstanceClass", "")
    yield Item(f"instance {size}", copies, _hourly(prices["database_hour"].get(size), hours))
    storage = copies * float(resource.body.get("AllocatedStorage", 20))
    yield Item("storage, GB", storage, prices["database_gb_month"])


def _elasticache(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    kind, engine = resource.body.get("CacheNodeType", ""), resource.body.get("Engine", "redis")
    price = prices["cache_hour"].get(kind)
    if price is not None and engine == "valkey":
        price *= prices["valkey_factor"]
    yield Item(
        f"{engine} node {kind}", float(resource.body.get("NumCacheClusters", 1)), _hourly(price, hours)
    )


def _secret(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    yield Item("secret", 1, prices["secret_month"])


def _alarm(resource: Resource, prices: _Prices, hours: float) -> Iterator[Item]:
    yield Item("alarm on one metric", 1, prices["alarm_month"])


_PRICERS: Mapping[str, _Pricer] = {
    "container.v1/projects.locations.clusters": _gke,
    "sqladmin.v1/instances": _cloud_sql,
    "redis.v1/projects.locations.instances": _memorystore,
    "compute.v1/globalForwardingRules": _forwarding_rule,
    "AWS::EKS::Cluster": _eks,
    "AWS::EKS::Nodegroup": _nodegroup,
    "AWS::RDS::DBInstance": _rds,
    "AWS::ElastiCache::ReplicationGroup": _elasticache,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::CloudWatch::Alarm": _alarm,
}
