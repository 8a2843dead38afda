"""Google's REST bodies that Terraform arranges otherwise, beyond what a renamed field says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dreamnet.handover.conversion import moved
from dreamnet.handover.hcl import Expression, Json
from dreamnet.handover.rules import Part
from dreamnet.resources.model import Resource

Body = dict[str, Any]

#: In a part's references: Terraform's `name` of the whole, whatever the API calls so.
OWN_NAME = "terraform-name"

#: Where Terraform has what a node pool says.
NODE_POOL = {
    "config": "node_config",
    "autoscaling/enabled": "",
    "node_config/accelerators": "node_config/guest_accelerator",
    "node_config/guest_accelerator/acceleratorType": "node_config/guest_accelerator/type",
    "node_config/guest_accelerator/acceleratorCount": "node_config/guest_accelerator/count",
}


def cluster(body: Body) -> Body:
    """GKE: pools are resources of their own, since Terraform would delete those that a cluster does not list.
    A new cluster begins with a pool that is removed at once; of a living one that says nothing."""
    ignored = ["initial_node_count", "remove_default_node_pool", "node_pool", "node_config"]
    lifecycle = {"ignore_changes": [Expression(name) for name in ignored]}
    return {**body, "initial_node_count": 1, "remove_default_node_pool": True, "lifecycle": lifecycle}


def node_pools(resource: Resource) -> Iterator[Part]:
    """GKE: the pools that a cluster is created with."""
    *_, place = resource.parent.split("/")
    project = resource.parent.split("/")[1]
    for pool in resource.body.get("nodePools", []):
        body = {
            "cluster": f"${{resource:{resource.id}.{OWN_NAME}}}",
            "location": place,
            **moved(pool, NODE_POOL),
        }
        name = f"{project}/{place}/{resource.name}/{pool['name']}"
        yield Part("google_container_node_pool", f"pool-{pool['name']}", body, name)


def bucket(body: Body) -> Body:
    """Cloud Storage: access settings, lifecycle rules and retention stand one level higher."""
    body = moved(
        body,
        {
            "iamConfiguration/uniformBucketLevelAccess/enabled": "uniformBucketLevelAccess",
            "iamConfiguration/publicAccessPrevention": "publicAccessPrevention",
            "lifecycle/rule": "lifecycle_rule",
        },
    )
    for rule in body.get("lifecycle_rule", []):
        live = rule.get("condition", {}).pop("isLive", None)
        if live is not None:
            rule["condition"]["with_state"] = "LIVE" if live else "ARCHIVED"
    return body


def dashboard(body: Body) -> Body:
    """Monitoring: a dashboard is its JSON."""
    return {"dashboard_json": Json(body)}


def subscription(body: Body) -> Body:
    """Pub/Sub: a policy of no expiration is an empty `ttl`."""
    if body.get("expirationPolicy") == {}:
        body["expirationPolicy"] = {"ttl": ""}
    return body


def registry(body: Body) -> Body:
    """Artifact Registry: clean-up policies are blocks that name themselves."""
    policies = body.get("cleanupPolicies", {})
    if policies:
        body["cleanupPolicies"] = [{"id": name, **policy} for name, policy in policies.items()]
    return body


def bigtable(body: Body) -> Body:
    """Bigtable: clusters are blocks that name themselves."""
    clusters = body.pop("clusters", {})
    body["cluster"] = [
        {
            "cluster_id": name,
            **moved(
                cluster, {"location": "zone", "serveNodes": "num_nodes", "defaultStorageType": "storage_type"}
            ),
            "zone": cluster["location"].rsplit("/", 1)[-1],
        }
        for name, cluster in clusters.items()
    ]
    return body


def bigtable_table(body: Body) -> Body:
    """Bigtable: families are blocks; what is collected as garbage is a resource of its own, and left out."""
    body["column_family"] = [{"family": name} for name in body.pop("columnFamilies", {})]
    protected = body.pop("deletionProtection", None)
    if protected is not None:
        body["deletion_protection"] = "PROTECTED" if protected else "UNPROTECTED"
    return body


def bigtable_garbage(resource: Resource) -> Iterator[Part]:
    """Bigtable: how old or how many the cells of a family may become."""
    for family, given in resource.body.get("columnFamilies", {}).items():
        rule = given.get("gcRule", {})
        body: Body = {
            "instance_name": resource.parent.rsplit("/", 1)[-1],
            "table": f"${{resource:{resource.id}.{OWN_NAME}}}",
            "column_family": family,
        }
        if "maxAge" in rule:
            body["max_age"] = {"duration": rule["maxAge"]}
        if "maxNumVersions" in rule:
            body["max_version"] = {"number": rule["maxNumVersions"]}
        yield Part("google_bigtable_gc_policy", family, body)


def router_nats(resource: Resource) -> Iterator[Part]:
    """Compute: a router's NAT gateways."""
    place = resource.parent.rsplit("/", 1)[-1]
    for nat in resource.body.get("nats", []):
        body = {"router": f"${{resource:{resource.id}.{OWN_NAME}}}", "region": place, **nat}
        name = f"{resource.parent}/routers/{resource.name}/{nat['name']}"
        yield Part("google_compute_router_nat", "nat", body, name)


def fleet_members(resource: Resource) -> Iterator[Part]:
    """Fleet: what a feature does on one member."""
    for path, spec in resource.body.get("membershipSpecs", {}).items():
        *_, place, _, member = path.split("/")
        body = {
            "feature": f"${{resource:{resource.id}.{OWN_NAME}}}",
            "location": "global",
            "membership": member,
            "membership_location": place,
            **spec,
        }
        name = f"{resource.parent}/features/{resource.name}/membershipId/{member}"
        yield Part("google_gke_hub_feature_membership", member, body, name)


def objective(body: Body) -> Body:
    """Monitoring: an objective's period in days, its indicator one level higher."""
    period = body.pop("rollingPeriod", None)
    if period:
        body["rolling_period_days"] = int(period.removesuffix("s")) // 86400
    return moved(
        body,
        {
            "serviceLevelIndicator/requestBased": "request_based_sli",
            "serviceLevelIndicator/windowsBased": "windows_based_sli",
            "serviceLevelIndicator/basicSli": "basic_sli",
        },
    )


def transfer(body: Body) -> Body:
    """Storage Transfer: a time of day is complete in Terraform."""
    body = moved(body, {"projectId": "project"})
    time = body.get("schedule", {}).get("startTimeOfDay")
    if time is not None:
        body["schedule"]["startTimeOfDay"] = {"hours": 0, "minutes": 0, "seconds": 0, "nanos": 0, **time}
    return body
