"""What a project may have of Compute Engine: regions with their quotas, machine types, accelerators.

The limits are those of an account whose first increases were granted; the usage is what is here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google import places
from localcloud.google.hooks import Hook, Refusal, container, verb
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context

#: By metric: in each region, and of the project (cloud.google.com/compute/resource-usage names the metrics).
REGIONAL: Mapping[str, float] = {
    "CPUS": 200,
    "PREEMPTIBLE_CPUS": 0,
    "INSTANCES": 720,
    "DISKS_TOTAL_GB": 20480,
    "SSD_TOTAL_GB": 20480,
    "IN_USE_ADDRESSES": 69,
    "STATIC_ADDRESSES": 69,
    "NVIDIA_L4_GPUS": 4,
    "PREEMPTIBLE_NVIDIA_L4_GPUS": 4,
    "NVIDIA_T4_GPUS": 4,
}
PROJECT: Mapping[str, float] = {
    "CPUS_ALL_REGIONS": 400,
    "GPUS_ALL_REGIONS": 8,
    "NETWORKS": 15,
    "SUBNETWORKS": 175,
    "FIREWALLS": 100,
    "ROUTERS": 20,
    "STATIC_ADDRESSES": 28,
    "BACKEND_BUCKETS": 9,
    "BACKEND_SERVICES": 50,
    "HEALTH_CHECKS": 75,
    "SECURITY_POLICIES": 20,
    "SSL_CERTIFICATES": 30,
    "TARGET_HTTP_PROXIES": 30,
    "TARGET_HTTPS_PROXIES": 30,
    "URL_MAPS": 30,
}

_COUNTED: Mapping[str, str] = {
    "BACKEND_BUCKETS": "backendBuckets",
    "BACKEND_SERVICES": "backendServices",
    "FIREWALLS": "firewalls",
    "HEALTH_CHECKS": "healthChecks",
    "NETWORKS": "networks",
    "ROUTERS": "routers",
    "SECURITY_POLICIES": "securityPolicies",
    "SSL_CERTIFICATES": "sslCertificates",
    "SUBNETWORKS": "subnetworks",
    "TARGET_HTTP_PROXIES": "targetHttpProxies",
    "TARGET_HTTPS_PROXIES": "targetHttpsProxies",
    "URL_MAPS": "urlMaps",
}

#: Shared-core machines; all others have their vCPUs in their name.
_SHARED: Mapping[str, int] = {"e2-micro": 2, "e2-small": 2, "e2-medium": 2, "f1-micro": 1, "g1-small": 1}
_MACHINE = re.compile(r"(?:e2|n1|n2|n2d|n4|c2|c2d|c3|c4|t2d|g2|a2)-(?:standard|highmem|highcpu)-(\d+)")

_ACCELERATORS = frozenset({"nvidia-l4", "nvidia-tesla-t4"})


def guest_cpus(machine: str) -> int | None:
    """A machine type's vCPUs, or None where there is none of that name."""
    found = _MACHINE.fullmatch(machine)
    return int(found[1]) if found else _SHARED.get(machine)


def _nodes(context: Context) -> Counter[tuple[str, str]]:
    """What the node pools use, by region and metric."""
    used: Counter[tuple[str, str]] = Counter()
    clusters = context.store.of_type("container/projects.locations.clusters")
    nodes = {one.key: container.counts(context, one) for one in clusters}
    for pool in context.store.of_type(container.POOLS):
        config, of_cluster = pool.body["config"], nodes[pool.key.partition("/nodePools/")[0]]
        count = sum(of_cluster[pool.name, zone] for zone in pool.body["locations"])
        region = pool.body["locations"][0][:-2]
        disk = "DISKS_TOTAL_GB" if config["diskType"] == "pd-standard" else "SSD_TOTAL_GB"
        used[region, "CPUS"] += count * (guest_cpus(config["machineType"]) or 0)
        used[region, "INSTANCES"] += count
        used[region, "IN_USE_ADDRESSES"] += count
        used[region, disk] += count * int(config["diskSizeGb"])
        for card in config.get("accelerators", ()):
            metric = f"{card['acceleratorType'].replace('-', '_').upper()}_GPUS"
            used[region, metric] += count * int(card["acceleratorCount"])
    return used


class Regions(Hook):
    """Compute Engine's regions."""

    collection: ClassVar[str] = "compute/regions"

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """All of them, with what the project may have in each."""
        used = _nodes(call.context)
        return {"kind": "compute#regionList", "items": [_region(call, name, used) for name in places.REGIONS]}

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """One of them."""
        name = call.path.rsplit("/", 1)[-1]
        if name not in places.REGIONS:
            raise Refusal(404, f"The resource 'projects/{call.context.project}/regions/{name}' was not found")
        return _region(call, name, _nodes(call.context))


def _region(call: Call, name: str, used: Counter[tuple[str, str]]) -> dict[str, Any]:
    base = f"projects/{call.context.project}"
    quotas = [
        {"metric": metric, "limit": limit, "usage": float(used[name, metric])}
        for metric, limit in REGIONAL.items()
    ]
    return {
        "kind": "compute#region",
        "name": name,
        "status": "UP",
        "zones": [call.context.url(call.api, f"{base}/zones/{zone}") for zone in places.zones(name)],
        "quotas": quotas,
        "selfLink": call.context.url(call.api, f"{base}/regions/{name}"),
    }


class Project(Hook):
    """Compute Engine's view of the project."""

    collection: ClassVar[str] = "compute/projects"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """The project's own quotas."""
        used, store = _nodes(call.context), call.context.store
        usage = {metric: len(store.of_type(f"compute/{plural}")) for metric, plural in _COUNTED.items()}
        usage["STATIC_ADDRESSES"] = len(store.of_type("compute/globalAddresses"))
        for total, metric in (("CPUS_ALL_REGIONS", "CPUS"), ("GPUS_ALL_REGIONS", "NVIDIA_L4_GPUS")):
            usage[total] = sum(count for (_region, name), count in used.items() if name == metric)
        quotas = [
            {"metric": metric, "limit": limit, "usage": float(usage.get(metric, 0))}
            for metric, limit in PROJECT.items()
        ]
        return {"kind": "compute#project", "name": call.context.project, "quotas": quotas}


class MachineTypes(Hook):
    """Machine types: every zone has the same."""

    collection: ClassVar[str] = "compute/machineTypes"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """One machine type of one zone."""
        zone, name = _in_zone(call)
        cpus = guest_cpus(name)
        if cpus is None:
            raise _absent(call)
        return {"kind": "compute#machineType", "name": name, "zone": zone, "guestCpus": cpus}


class AcceleratorTypes(Hook):
    """Accelerators: every zone has the same."""

    collection: ClassVar[str] = "compute/acceleratorTypes"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """One accelerator type of one zone."""
        zone, name = _in_zone(call)
        if name not in _ACCELERATORS:
            raise _absent(call)
        return {"kind": "compute#acceleratorType", "name": name, "zone": zone}


def _in_zone(call: Call) -> tuple[str, str]:
    zone, name = call.variables["zone"], call.path.rsplit("/", 1)[-1]
    if zone not in places.zones(zone[:-2]) or zone[:-2] not in places.REGIONS:
        raise _absent(call)
    return zone, name


def _absent(call: Call) -> Refusal:
    return Refusal(404, f"The resource '{call.path}' was not found")
