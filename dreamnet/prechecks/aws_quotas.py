"""AWS Service Quotas that a selection can meet: networks, addresses, clusters, vCPUs, databases, caches.

The codes are the same in every account and region (AWS General Reference, each service's "Service quotas"
table, November 2026). Quotas that are hundreds of times what the gameplan declares are not asked about.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.prechecks.findings import Finding
from dreamnet.prechecks.quotas import Allowance, Demand, judge
from dreamnet.resources.model import OWNER_LABEL, Resource

#: What the report says no check looks at.
UNCHECKED = (
    "AWS quotas other than those of the report, above all SageMaker's instances by type, Redshift's nodes,"
    " CloudFront's and WAF's (raise them at https://console.aws.amazon.com/servicequotas/home).",
    "What others use of AWS's vCPU quotas by spot requests that are not running yet.",
)

#: Families whose instances count as one quota, by the letters that their types begin with (EC2 User Guide,
#: "Amazon EC2 instance type quotas", November 2026). The others have quotas of their own, not looked at.
_STANDARD = frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})
_GRAPHICS = frozenset({"g", "gr", "vt"})


@dataclass(frozen=True)
class Quota:
    """One quota of one service."""

    service: str
    code: str
    name: str


VPCS = Quota("vpc", "L-F678F1CE", "VPCs")
GATEWAYS = Quota("vpc", "L-A4707A72", "internet gateways")
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IP addresses")
STANDARD = Quota("ec2", "L-1216C47A", "vCPUs of standard on-demand instances")
STANDARD_SPOT = Quota("ec2", "L-34B43A08", "vCPUs of standard spot instances")
GRAPHICS = Quota("ec2", "L-DB2E81BA", "vCPUs of G and VT on-demand instances")
GRAPHICS_SPOT = Quota("ec2", "L-3819A6DF", "vCPUs of G and VT spot instances")
CLUSTERS = Quota("eks", "L-1194D53C", "EKS clusters")
DATABASES = Quota("rds", "L-7B6409FD", "RDS instances")
STORAGE = Quota("rds", "L-7ADDB58A", "GB of RDS storage")
CACHES = Quota("elasticache", "L-DFE45DF3", "ElastiCache nodes")
CONCURRENCY = Quota("lambda", "L-B99A9384", "concurrent Lambda executions")

#: Quotas of which each resource of a type takes one.
_ONE_EACH: Mapping[str, Quota] = {
    "AWS::EC2::VPC": VPCS,
    "AWS::EC2::InternetGateway": GATEWAYS,
    "AWS::EC2::EIP": ADDRESSES,
    "AWS::EKS::Cluster": CLUSTERS,
}

#: (quota, region)
Place = tuple[Quota, str]


def demands(resources: Iterable[Resource], vcpus: Mapping[str, int]) -> dict[Place, Demand]:
    """What these resources ask of each quota in each region.

    Args:
        vcpus: of every instance type that node groups name.
    """
    found: dict[Place, Demand] = defaultdict(Demand)
    for resource in resources:
        for quota, demand in _of(resource, vcpus):
            found[quota, resource.parent] += demand
    return dict(found)


def _of(resource: Resource, vcpus: Mapping[str, int]) -> Iterator[tuple[Quota, Demand]]:
    body = resource.body
    if resource.type in _ONE_EACH:
        yield _ONE_EACH[resource.type], Demand(1, 1)
    elif resource.type == "AWS::EKS::Nodegroup":
        yield from _nodes(body, vcpus)
    elif resource.type == "AWS::RDS::DBInstance":
        size = _number(body.get("AllocatedStorage"))
        yield DATABASES, Demand(1, 1)
        yield STORAGE, Demand(size, max(size, _number(body.get("MaxAllocatedStorage"))))
    elif resource.type == "AWS::ElastiCache::ReplicationGroup":
        shards = _number(body.get("NumNodeGroups"), 1)
        nodes = shards * (1 + _number(body.get("ReplicasPerNodeGroup")))
        nodes = max(nodes, _number(body.get("NumCacheClusters")))
        yield CACHES, Demand(nodes, nodes)
    elif resource.type == "AWS::Lambda::Function" and "ReservedConcurrentExecutions" in body:
        reserved = _number(body["ReservedConcurrentExecutions"])
        yield CONCURRENCY, Demand(reserved, reserved)


def _nodes(body: Mapping[str, Any], vcpus: Mapping[str, int]) -> Iterator[tuple[Quota, Demand]]:
    types = body.get("InstanceTypes", ["t3.medium"])  # EKS's own default
    quota = vcpu_quota(types[0], spot=body.get("CapacityType") == "SPOT")
    each = max((vcpus[one] for one in types if one in vcpus), default=0)
    scaling = body.get("ScalingConfig", {})
    if quota and each:
        first = max(_number(scaling.get("DesiredSize"), 1), _number(scaling.get("MinSize")))
        yield quota, Demand(each * first, each * max(first, _number(scaling.get("MaxSize"))))


def vcpu_quota(instance_type: str, *, spot: bool) -> Quota | None:
    """The quota that an instance's vCPUs count against, or None for a family that is not looked at."""
    letters = re.match("[a-z]+", instance_type)
    family = letters[0] if letters else ""
    if family in _GRAPHICS:
        return GRAPHICS_SPOT if spot else GRAPHICS
    if family in _STANDARD:
        return STANDARD_SPOT if spot else STANDARD
    return None


def _number(value: Any, default: float = 0.0) -> float:
    """A figure of a declaration, which may be text; the default where only an apply can know it."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def instance_types(resources: Iterable[Resource]) -> dict[str, set[str]]:
    """The instance types that node groups name, by region."""
    found: dict[str, set[str]] = defaultdict(set)
    for resource in resources:
        if resource.type == "AWS::EKS::Nodegroup":
            found[resource.parent] |= set(resource.body.get("InstanceTypes", ["t3.medium"]))
    return dict(found)


def check_quotas(
    account: AwsAccount, resources: Sequence[Resource], vcpus: Mapping[str, int]
) -> Iterator[Finding]:
    """Whether every quota that is looked at has room for the selection beside what others use."""
    wanted = demands(resources, vcpus)
    services = sorted({(quota.service, region) for quota, region in wanted})
    with ThreadPoolExecutor(max_workers=12, thread_name_prefix="quotas") as pool:
        lists = {place: pool.submit(_applied, account, *place) for place in services}
        uses = {place: pool.submit(_used, account, place, resources) for place in wanted}
        for place, demand in wanted.items():
            quota, region = place
            values = lists[quota.service, region].result()
            limit = values.get(quota.code)
            if limit is None:
                limit = _default(account, quota, region)
            allowance = Allowance(limit, uses[place].result())
            yield judge("aws", f"{quota.name} in {region}", demand, allowance, _remedy(quota, region))


def _remedy(quota: Quota, region: str) -> Callable[[float], tuple[str, str]]:
    def of(value: float) -> tuple[str, str]:
        return (
            f"https://{region}.console.aws.amazon.com/servicequotas/home/services/{quota.service}"
            f"/quotas/{quota.code}",
            f"aws service-quotas request-service-quota-increase --region {region}"
            f" --service-code {quota.service} --quota-code {quota.code} --desired-value {math.ceil(value)}",
        )

    return of


def _applied(account: AwsAccount, service: str, region: str) -> dict[str, float]:
    """The values that this account has, by code; a quota that nobody ever changed may be missing."""
    client = account.client("service-quotas", region)
    with aws_errors(f"Quotas of {service} in {region}"):
        pages = client.get_paginator("list_service_quotas").paginate(
            ServiceCode=service, PaginationConfig={"PageSize": 100}
        )
        return {quota["QuotaCode"]: quota["Value"] for page in pages for quota in page["Quotas"]}


def _default(account: AwsAccount, quota: Quota, region: str) -> float:
    client = account.client("service-quotas", region)
    with aws_errors(f"Quota of {quota.name} in {region}"):
        answer = client.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return float(answer["Quota"]["Value"])


# ---- what others use


def _used(account: AwsAccount, place: Place, resources: Sequence[Resource]) -> float:
    """What others than we use of a quota; 0 where nothing counts it."""
    quota, region = place
    count = _COUNTS.get(quota)
    if count is None:
        return 0.0
    with aws_errors(f"Use of {quota.name} in {region}"):
        return count(account, region, resources)


def _pages(account: AwsAccount, service: str, region: str, operation: str, key: str) -> Iterator[Any]:
    for page in account.client(service, region).get_paginator(operation).paginate():
        yield from page[key]


def _ours(tagged: Mapping[str, Any]) -> bool:
    tags = tagged.get("Tags") or tagged.get("TagList") or ()
    return any((tag["Key"], tag["Value"]) == OWNER_LABEL for tag in tags)


_Count = Callable[[AwsAccount, str, Sequence[Resource]], float]


def _foreign(operation: str, key: str) -> _Count:
    """Counts what EC2 lists and what does not carry our tag."""

    def count(account: AwsAccount, region: str, _: Sequence[Resource]) -> float:
        if operation == "describe_addresses":  # the one without pages
            found = account.client("ec2", region).describe_addresses()[key]
        else:
            found = _pages(account, "ec2", region, operation, key)
        return sum(not _ours(one) for one in found)

    return count


def _clusters(account: AwsAccount, region: str, resources: Sequence[Resource]) -> float:
    return sum(
        name not in _names(resources, region)
        for name in _pages(account, "eks", region, "list_clusters", "clusters")
    )


def _names(resources: Sequence[Resource], region: str) -> set[str]:
    return {resource.name for resource in resources if resource.parent == region}


def _databases(measure: Callable[[Mapping[str, Any]], float]) -> _Count:
    def count(account: AwsAccount, region: str, _: Sequence[Resource]) -> float:
        found = _pages(account, "rds", region, "describe_db_instances", "DBInstances")
        return sum(measure(one) for one in found if not _ours(one))

    return count


def _caches(account: AwsAccount, region: str, resources: Sequence[Resource]) -> float:
    names = _names(resources, region)
    found = _pages(account, "elasticache", region, "describe_cache_clusters", "CacheClusters")
    return sum(float(one["NumCacheNodes"]) for one in found if one.get("ReplicationGroupId") not in names)


def _running(quota: Quota) -> _Count:
    """Counts the vCPUs of instances that are not nodes of declared clusters."""

    def count(account: AwsAccount, region: str, resources: Sequence[Resource]) -> float:
        total, names = 0.0, _names(resources, region)
        for reservation in _pages(account, "ec2", region, "describe_instances", "Reservations"):
            for one in reservation["Instances"]:
                spot = one.get("InstanceLifecycle") == "spot"
                tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
                runs = one["State"]["Name"] in ("pending", "running")
                mine = tags.get("eks:cluster-name") in names
                if runs and not mine and vcpu_quota(one["InstanceType"], spot=spot) == quota:
                    total += _cores(one)
        return total

    return count


def _cores(instance: Mapping[str, Any]) -> float:
    options = instance.get("CpuOptions", {})
    return float(options.get("CoreCount", 1) * options.get("ThreadsPerCore", 2))


_COUNTS: Mapping[Quota, _Count] = {
    VPCS: _foreign("describe_vpcs", "Vpcs"),
    GATEWAYS: _foreign("describe_internet_gateways", "InternetGateways"),
    ADDRESSES: _foreign("describe_addresses", "Addresses"),
    CLUSTERS: _clusters,
    DATABASES: _databases(lambda _: 1.0),
    STORAGE: _databases(lambda one: float(one["AllocatedStorage"])),
    CACHES: _caches,
    **{quota: _running(quota) for quota in (STANDARD, STANDARD_SPOT, GRAPHICS, GRAPHICS_SPOT)},
}
