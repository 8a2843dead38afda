"""The nodes that declared GKE clusters and pools ask for: machines, zones, accelerators, disks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.resources.model import Resource

CLUSTERS = "container.v1/projects.locations.clusters"
POOLS = f"{CLUSTERS}.nodePools"

#: GKE's own choices where a pool says nothing (container.v1 discovery document, NodeConfig, November 2026).
_MACHINE, _DISK_GB, _DISK = "e2-medium", 100, "pd-balanced"

#: Zones of a regional cluster that names none.
_ZONES_OF_A_REGION = 3

_ZONE = re.compile(r"[a-z]+-[a-z]+\d+-[a-z]")
_LOCATION = re.compile(r"/locations/([^/]+)")


@dataclass(frozen=True)
class Pool:
    """One node pool.

    Attributes:
        owner: id of the resource that declares it.
        location: the cluster's zone or region.
        zones: how many zones it has nodes in.
        first, most: nodes in all its zones, at creation and at the limit of autoscaling.
        machine: such as `e2-standard-2`.
        spot: nodes that Google may take back.
        accelerator, accelerators: such as `nvidia-l4`, and how many a node; empty and 0 for none.
        disk, disk_gb: each node's boot disk.
        public: nodes have addresses of their own.
    """

    owner: str
    location: str
    zones: int
    first: int
    most: int
    machine: str
    spot: bool
    accelerator: str
    accelerators: int
    disk: str
    disk_gb: int
    public: bool

    @property
    def region(self) -> str:
        """The region that the location is in."""
        return self.location[:-2] if _ZONE.fullmatch(self.location) else self.location


def pools(resources: Iterable[Resource]) -> Iterator[Pool]:
    """Every node pool that is declared, by itself or in its cluster. Autopilot's are Google's business."""
    for resource in resources:
        if resource.type == POOLS:
            yield _pool(resource, resource.body, {})
        elif resource.type == CLUSTERS and not resource.body.get("autopilot", {}).get("enabled"):
            for body in resource.body.get("nodePools") or [_default_pool(resource.body)]:
                yield _pool(resource, body, resource.body)


def _default_pool(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "initialNodeCount": cluster.get("initialNodeCount", 1),
        "config": cluster.get("nodeConfig", {}),
    }


def _pool(resource: Resource, body: Mapping[str, Any], cluster: Mapping[str, Any]) -> Pool:
    config, scaling = body.get("config", {}), body.get("autoscaling", {})
    location = _LOCATION.search(resource.parent)
    place = location[1] if location else ""
    named = body.get("locations") or cluster.get("locations")
    zones = len(named) if named else (1 if _ZONE.fullmatch(place) else _ZONES_OF_A_REGION)
    first = int(body.get("initialNodeCount", 0)) * zones
    most = int(scaling.get("maxNodeCount", 0)) * zones or int(scaling.get("totalMaxNodeCount", 0))
    accelerator: Mapping[str, Any] = next(iter(config.get("accelerators", ())), {})
    private = (
        body.get("networkConfig", {}).get("enablePrivateNodes")
        or cluster.get("privateClusterConfig", {}).get("enablePrivateNodes")
        or cluster.get("networkConfig", {}).get("defaultEnablePrivateNodes")
    )
    return Pool(
        owner=resource.id,
        location=place,
        zones=zones,
        first=first,
        most=max(first, most if scaling.get("enabled") else 0),
        machine=config.get("machineType", _MACHINE),
        spot=bool(config.get("spot") or config.get("preemptible")),
        accelerator=accelerator.get("acceleratorType", ""),
        accelerators=int(accelerator.get("acceleratorCount", 0)),
        disk=config.get("diskType", _DISK),
        disk_gb=int(config.get("diskSizeGb", _DISK_GB)),
        public=not private,
    )
