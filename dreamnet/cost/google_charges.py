"""What Google's resources are charged for by the sizes that they declare.

Defaults are those of the APIs' reference pages (cloud.google.com, November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dreamnet.cost.charges import Charge, Chargers
from dreamnet.resources.model import Resource

#: A regional cluster's pools have nodes in three zones unless it says where.
ZONES_OF_A_REGION = 3


def _zonal(location: str) -> bool:
    return location.count("-") == 2


def _cluster(resource: Resource, running: float | None) -> Iterator[Charge]:
    body, location = resource.body, resource.parent.rpartition("/")[2]
    autopilot = body.get("autopilot", {}).get("enabled") is True
    credited = autopilot or _zonal(location)
    yield Charge(
        f"{'Autopilot' if autopilot else 'zonal' if credited else 'regional'} cluster",
        "gke-credited-cluster-hour" if credited else "gke-regional-cluster-hour",
        1,
    )
    zones = len(body.get("locations", [])) or (1 if _zonal(location) else ZONES_OF_A_REGION)
    for pool in body.get("nodePools", []):
        yield from _nodes(pool, float(pool.get("initialNodeCount", 1)) * zones, pool.get("name", ""))
    if "nodePools" not in body and not autopilot:
        yield from _nodes({"config": body.get("nodeConfig", {})}, body.get("initialNodeCount", 1) * zones, "")


def _node_pool(resource: Resource, running: float | None) -> Iterator[Charge]:
    location = resource.parent.split("/locations/")[1].split("/")[0]
    zones = len(resource.body.get("locations", [])) or (1 if _zonal(location) else ZONES_OF_A_REGION)
    declared = float(resource.body.get("initialNodeCount", 1)) * zones
    yield from _nodes(resource.body, declared if running is None else running, resource.name)


def _nodes(pool: Mapping[str, Any], count: float, name: str) -> Iterator[Charge]:
    config = pool.get("config", {})
    machine = config.get("machineType", "e2-medium")
    spot = " spot" if config.get("spot") or config.get("preemptible") else ""
    label = f"node {machine}{spot}" + (f", pool {name}" if name else "")
    yield Charge(label, f"gce-{machine}{spot.replace(' ', '-')}-hour", count)
    disk = config.get("diskType", "pd-balanced")
    yield Charge(f"node disk {disk}", f"gce-{disk}-gb", count * float(config.get("diskSizeGb", 100)))


def _cloud_sql(resource: Resource, running: float | None) -> Iterator[Charge]:
    settings = resource.body.get("settings", {})
    copies = 2 if settings.get("availabilityType") == "REGIONAL" else 1
    tier, parts = settings.get("tier", ""), settings.get("tier", "").split("-")
    if tier.startswith("db-custom-") and len(parts) == 4:  # db-custom-<vCPUs>-<MB>
        yield Charge("vCPUs", "sql-vcpu-hour", copies * int(parts[2]))
        yield Charge("memory", "sql-memory-gb-hour", copies * int(parts[3]) / 1024)
    else:
        yield Charge(f"instance {tier}", f"sql-{tier}-hour", copies)
    disk = "hdd" if settings.get("dataDiskType") == "PD_HDD" else "ssd"
    yield Charge(f"storage {disk}", f"sql-{disk}-gb", copies * float(settings.get("dataDiskSizeGb", 10)))


def _memorystore(resource: Resource, running: float | None) -> Iterator[Charge]:
    tier, size = resource.body.get("tier", "BASIC"), float(resource.body.get("memorySizeGb", 1))
    # M1 is up to 4 GB, M2 up to 10 (cloud.google.com/memorystore/docs/redis/pricing).
    step = "m1" if size <= 4 else "m2" if size <= 10 else "larger"
    name = "basic" if tier == "BASIC" else "standard"
    yield Charge(f"{name} tier", f"memorystore-{name}-{step}-gb-hour", size)


def _spanner(resource: Resource, running: float | None) -> Iterator[Charge]:
    body = resource.body
    hundreds = body.get("processingUnits", 1000 * body.get("nodeCount", 1)) / 100
    edition = str(body.get("edition", "STANDARD")).lower().replace("_", "-")
    regional = "/regional-" in body.get("config", "")
    place = "regional" if regional else "multi-region"
    yield Charge(f"{edition} edition, 100 units", f"spanner-{edition}-{place}-100-units-hour", hundreds)


def _bigtable(resource: Resource, running: float | None) -> Iterator[Charge]:
    for name, cluster in resource.body.get("clusters", {}).items():
        yield Charge(f"nodes of {name}", "bigtable-node-hour", float(cluster.get("serveNodes", 1)))


def _bigtable_cluster(resource: Resource, running: float | None) -> Iterator[Charge]:
    yield Charge("nodes", "bigtable-node-hour", float(resource.body.get("serveNodes", 1)))


def _nat(resource: Resource, running: float | None) -> Iterator[Charge]:
    for gateway in resource.body.get("nats", []):
        vms = 1.0 if running is None else running
        yield Charge(f"NAT {gateway.get('name', '')}, VMs behind it", "nat-vm-hour", vms)
        if (
            gateway.get("natIpAllocateOption") != "MANUAL_ONLY"
        ):  # else its addresses are resources of their own
            yield Charge(f"NAT {gateway.get('name', '')}, its address", "gce-address-hour", 1)


def _address(resource: Resource, running: float | None) -> Iterator[Charge]:
    if resource.body.get("addressType", "EXTERNAL") == "EXTERNAL":
        yield Charge("external address", "gce-address-hour", 1)


def _security_policy(resource: Resource, running: float | None) -> Iterator[Charge]:
    yield Charge("policy", "armor-policy-month", 1)
    yield Charge("rules", "armor-rule-month", max(1, len(resource.body.get("rules", []))))


def _run_service(resource: Resource, running: float | None) -> Iterator[Charge]:
    """Instances that are kept warm; what runs on request is among the usage assumptions."""
    template = resource.body.get("template", {})
    scaling = template.get("scaling", resource.body.get("scaling", {}))
    warm = float(scaling.get("minInstanceCount", 0))
    limits = template.get("containers", [{}])[0].get("resources", {}).get("limits", {})
    if warm:
        yield Charge("warm instances, vCPUs", "run-idle-vcpu-hour", warm * _cpus(limits))
        yield Charge("warm instances, GiB", "run-idle-gib-hour", warm * _gib(limits))


def _cpus(limits: Mapping[str, str]) -> float:
    text = str(limits.get("cpu", "1"))
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _gib(limits: Mapping[str, str]) -> float:
    text = str(limits.get("memory", "512Mi"))
    return float(text[:-2]) / 1024 if text.endswith("Mi") else float(text[:-2])


CHARGERS: Chargers = {
    "container.v1/projects.locations.clusters": _cluster,
    "container.v1/projects.locations.clusters.nodePools": _node_pool,
    "sqladmin.v1/instances": _cloud_sql,
    "redis.v1/projects.locations.instances": _memorystore,
    "spanner.v1/projects.instances": _spanner,
    "bigtableadmin.v2/projects.instances": _bigtable,
    "bigtableadmin.v2/projects.instances.clusters": _bigtable_cluster,
    "compute.v1/routers": _nat,
    "compute.v1/addresses": _address,
    "compute.v1/securityPolicies": _security_policy,
    "run.v2/projects.locations.services": _run_service,
}
