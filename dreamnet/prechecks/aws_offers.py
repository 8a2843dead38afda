"""What AWS offers where: regions, resource types, instance types, versions and classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.errors import ConfigurationError
from dreamnet.prechecks.aws_quotas import instance_types
from dreamnet.prechecks.findings import Finding
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.model import Resource

UNCHECKED = (
    "Whether AWS has capacity for an instance type at the moment, and whether its Availability Zones offer"
    " each of them.",
)


def check_regions(account: AwsAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether each region exists and is enabled, and has each type that is declared there."""
    resources = list(resources)
    with aws_errors("AWS regions"):
        found = account.client("ec2").describe_regions(AllRegions=True)["Regions"]
    states = {region["RegionName"]: region.get("OptInStatus", "opt-in-not-required") for region in found}
    wrong = list(_wrong_regions(states, resources))
    if not wrong:
        regions = ", ".join(sorted({resource.parent for resource in resources}))
        yield Finding("aws", "regions", "fine", f"{regions} can be used, and offer every declared type.")
    yield from wrong


def _wrong_regions(states: Mapping[str, str], resources: Iterable[Resource]) -> Iterator[Finding]:
    page = "https://console.aws.amazon.com/billing/home#/account"
    seen = set()
    for resource in resources:
        place = (resource.type, resource.parent)
        state = states.get(resource.parent)
        if state is None and resource.parent not in seen:
            sentence = f"{resource.source}: AWS has no region {resource.parent} for {resource.id}."
            yield Finding(
                "aws", "regions", "blocks", sentence, page, "aws ec2 describe-regions --all-regions"
            )
        elif state == "not-opted-in" and resource.parent not in seen:
            sentence = f"The region {resource.parent} is not enabled for this account."
            command = f"aws account enable-region --region-name {resource.parent}"
            yield Finding("aws", "regions", "blocks", sentence, page, command)
        elif state is not None and place not in seen and not _offered(*place):
            sentence = f"{resource.source}: {resource.parent} does not offer {resource.type} ({resource.id})."
            yield Finding(
                "aws",
                "regions",
                "blocks",
                sentence,
                "https://aws.amazon.com/about-aws/global-infrastructure/regional-product-services/",
                f"aws cloudformation describe-type --type RESOURCE --type-name {resource.type}"
                f" --region {resource.parent}",
            )
        seen |= {place, resource.parent}


def _offered(type_name: str, region: str) -> bool:
    """Whether AWS publishes the type in that region; a region newer than the schemas counts as the first."""
    try:
        resource_schema(type_name, region)
    except ConfigurationError:
        return False
    return True


def vcpus(account: AwsAccount, resources: Iterable[Resource]) -> tuple[dict[str, int], list[Finding]]:
    """The vCPUs of every instance type that node groups name, and what their regions don't offer of them."""
    found: dict[str, int] = {}
    missing = []
    for region, names in sorted(instance_types(resources).items()):
        client = account.client("ec2", region)
        with aws_errors(f"Instance types in {region}"):
            # A filter, as asking by name fails altogether where one is unknown.
            pages = client.get_paginator("describe_instance_types").paginate(
                Filters=[{"Name": "instance-type", "Values": sorted(names)}]
            )
            offered = {
                one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"]
                for page in pages
                for one in page["InstanceTypes"]
            }
        found |= offered
        missing += [
            Finding(
                "aws",
                "regions",
                "blocks",
                f"{region} offers no {name} instances, which a node group asks for.",
                f"https://{region}.console.aws.amazon.com/ec2/home?region={region}#InstanceTypes:",
                f"aws ec2 describe-instance-types --region {region} --query InstanceTypes[].InstanceType",
            )
            for name in sorted(names - set(offered))
        ]
    return found, missing


def check_versions(account: AwsAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether EKS still has the declared Kubernetes versions, and RDS the engines in the declared classes."""
    asked = set()
    for one in resources:
        if one.type == "AWS::EKS::Cluster" and isinstance(one.body.get("Version"), str):
            asked.add(partial(_cluster_version, account, one.parent, one.body["Version"]))
        elif (
            one.type == "AWS::RDS::DBInstance" and one.body.get("Engine") and one.body.get("DBInstanceClass")
        ):
            engine = (one.body["Engine"], str(one.body.get("EngineVersion", "")))
            asked.add(partial(_database_class, account, one.parent, *engine, one.body["DBInstanceClass"]))
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="versions") as pool:
        yield from pool.map(lambda look: look(), asked)


def _cluster_version(account: AwsAccount, region: str, version: str) -> Finding:
    with aws_errors(f"EKS versions in {region}"):
        answer = account.client("eks", region).describe_cluster_versions(includeAll=True)
    states = {
        one["clusterVersion"]: one.get("versionStatus") or one.get("status", "").upper().replace("-", "_")
        for one in answer["clusterVersions"]
    }
    state = states.get(version, "UNSUPPORTED")
    link = "https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html"
    command = f"aws eks describe-cluster-versions --region {region}"
    if state == "STANDARD_SUPPORT":
        return Finding("aws", "regions", "fine", f"EKS in {region} has Kubernetes {version}.")
    if state == "EXTENDED_SUPPORT":
        sentence = f"Kubernetes {version} is in extended support: EKS in {region} costs six times as much."
        return Finding("aws", "regions", "to do", sentence, link, command)
    return Finding("aws", "regions", "blocks", f"EKS in {region} has no Kubernetes {version}.", link, command)


def _database_class(account: AwsAccount, region: str, engine: str, version: str, size: str) -> Finding:
    asked = {"Engine": engine, "DBInstanceClass": size}
    if "." in version:
        asked["EngineVersion"] = version
    with aws_errors(f"RDS classes in {region}"):
        pages = account.client("rds", region).get_paginator("describe_orderable_db_instance_options")
        options = (one for page in pages.paginate(**asked) for one in page["OrderableDBInstanceOptions"])
        major = version.partition(".")[0]
        offered = any(major in ("", one["EngineVersion"].partition(".")[0]) for one in options)
    named = f"{engine} {version} on {size}".replace("  ", " ")
    if offered:
        return Finding("aws", "regions", "fine", f"RDS in {region} has {named}.")
    return Finding(
        "aws",
        "regions",
        "blocks",
        f"RDS in {region} has no {named}.",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.html",
        f"aws rds describe-orderable-db-instance-options --region {region} --engine {engine}"
        f" --db-instance-class {size}",
    )
