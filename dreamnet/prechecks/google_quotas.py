"""Compute Engine's quotas on Google, which GKE's nodes and the load balancer's parts count against."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dreamnet.clouds.google import GoogleAccount
from dreamnet.prechecks.findings import Finding
from dreamnet.prechecks.google_nodes import CLUSTERS, POOLS, Pool, pools
from dreamnet.prechecks.quotas import Allowance, Demand, judge
from dreamnet.resources.model import Resource

UNCHECKED = (
    "Google quotas outside of Compute Engine (Cloud SQL, Spanner and Bigtable nodes, Dataflow, Vertex AI,"
    " Cloud Run): see https://console.cloud.google.com/iam-admin/quotas.",
    "Addresses, disks and vCPUs that Dataflow's workers and Autopilot take.",
)

#: Machine families with a vCPU quota of their own; all others count as CPUS (compute.v1 discovery document,
#: Quota.metric; cloud.google.com/compute/resource-usage, November 2026).
_OWN_CPUS = frozenset({"a2", "c2", "c2d", "c3", "m1", "m2", "m3", "n2", "n2d", "t2a", "t2d", "z3"})

#: Quotas of which each resource of a type takes one: of the project where it is global, else of its region.
_ONE_EACH: Mapping[str, str] = {
    "compute.v1/addresses": "STATIC_ADDRESSES",
    "compute.v1/backendBuckets": "BACKEND_BUCKETS",
    "compute.v1/backendServices": "BACKEND_SERVICES",
    "compute.v1/firewalls": "FIREWALLS",
    "compute.v1/globalAddresses": "STATIC_ADDRESSES",
    "compute.v1/healthChecks": "HEALTH_CHECKS",
    "compute.v1/networks": "NETWORKS",
    "compute.v1/routers": "ROUTERS",
    "compute.v1/securityPolicies": "SECURITY_POLICIES",
    "compute.v1/sslCertificates": "SSL_CERTIFICATES",
    "compute.v1/subnetworks": "SUBNETWORKS",
    "compute.v1/targetHttpProxies": "TARGET_HTTP_PROXIES",
    "compute.v1/targetHttpsProxies": "TARGET_HTTPS_PROXIES",
    "compute.v1/urlMaps": "URL_MAPS",
}

#: Regional resources whose quota is the project's all the same.
_OF_PROJECT = frozenset({"ROUTERS", "SUBNETWORKS"})

GLOBAL = "global"

#: (metric, region or `global`)
Place = tuple[str, str]

#: Quotas by metric, as Compute Engine answers: `limit` and `usage`.
Quotas = Mapping[str, Mapping[str, Any]]


def demands(resources: Iterable[Resource], vcpus: Mapping[tuple[str, str], int]) -> dict[Place, Demand]:
    """What these resources ask of each quota.

    Args:
        vcpus: by location and machine type.
    """
    resources = list(resources)
    found: dict[Place, Demand] = defaultdict(Demand)
    for resource in resources:
        metric = _ONE_EACH.get(resource.type)
        if metric:
            _, _, region = resource.parent.partition("/regions/")
            found[metric, GLOBAL if metric in _OF_PROJECT or not region else region] += Demand(1, 1)
    for pool in pools(resources):
        for place, each in _of(pool, vcpus.get((pool.location, pool.machine), 0)):
            found[place] += Demand(pool.first * each, pool.most * each)
    return {place: demand for place, demand in found.items() if demand.at_most}


def demanding(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Those of the resources that count against a quota that is looked at."""
    return tuple(one for one in resources if one.type in (*_ONE_EACH, CLUSTERS, POOLS))


def _of(pool: Pool, vcpus: int) -> Iterator[tuple[Place, float]]:
    """Of each quota, what one node takes."""
    region = pool.region
    family = pool.machine.partition("-")[0]
    cpus = f"{family.upper()}_CPUS" if family in _OWN_CPUS else "CPUS"
    yield ("PREEMPTIBLE_CPUS" if pool.spot else cpus, region), vcpus
    yield ("CPUS_ALL_REGIONS", GLOBAL), vcpus
    yield ("INSTANCES", region), 1
    yield ("DISKS_TOTAL_GB" if pool.disk == "pd-standard" else "SSD_TOTAL_GB", region), pool.disk_gb
    if pool.public:
        yield ("IN_USE_ADDRESSES", region), 1
    if pool.accelerators:
        metric = f"{pool.accelerator.replace('-', '_').upper()}_GPUS"
        yield (f"PREEMPTIBLE_{metric}" if pool.spot else metric, region), pool.accelerators
        yield ("GPUS_ALL_REGIONS", GLOBAL), pool.accelerators


def check_quotas(
    account: GoogleAccount,
    resources: Sequence[Resource],
    quotas: Mapping[str, Quotas],
    vcpus: Mapping[tuple[str, str], int],
    existing: Collection[str],
) -> Iterator[Finding]:
    """Whether every quota has room for what does not exist yet, beside what is in use.

    Args:
        quotas: by region, and `global`.
        existing: ids of resources that are there already: they are in the usage.
    """
    wanted = demands([one for one in resources if one.id not in existing], vcpus)
    for (metric, place), demand in _merged(wanted, quotas).items():
        quota = quotas.get(place, {}).get(metric)
        if quota:
            allowance = Allowance(quota["limit"], quota.get("usage", 0.0))
            yield judge("google", f"{metric} in {place}", demand, allowance, _remedy(account, metric, place))


def _merged(wanted: Mapping[Place, Demand], quotas: Mapping[str, Quotas]) -> dict[Place, Demand]:
    """Spot capacity counts as any other where the project has no quota for it of its own
    (cloud.google.com/compute/docs/instances/spot, "Preemptible quotas", November 2026)."""
    found: dict[Place, Demand] = defaultdict(Demand)
    for (metric, place), demand in wanted.items():
        own = quotas.get(place, {}).get(metric, {}).get("limit", 0)
        found[metric if own else metric.removeprefix("PREEMPTIBLE_"), place] += demand
    return dict(found)


def _remedy(account: GoogleAccount, metric: str, place: str) -> Callable[[float], tuple[str, str]]:
    def of(value: float) -> tuple[str, str]:
        name = metric.replace("_", "-")
        scope = "per-project" if place == GLOBAL else "per-project-region"
        region = "" if place == GLOBAL else f" --dimensions=region={place}"
        return (
            f"https://console.cloud.google.com/iam-admin/quotas?project={account.project}"
            f"&service=compute.googleapis.com",
            f"gcloud beta quotas preferences create --service=compute.googleapis.com"
            f" --project={account.project} --quota-id={name}-{scope}{region}"
            f" --preferred-value={math.ceil(value)}",
        )

    return of
