"""GKE: a cluster is a real (local) Kubernetes API server, a node pool a group of its nodes."""

from __future__ import annotations

import copy
import re
import ssl
from base64 import b64encode
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from localcloud.google import instance_groups
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal, verb
from localcloud.google.node_groups import check_bounds, node_group
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context

POOLS = "container/projects.locations.clusters.nodePools"

#: Versions that the release channels' defaults had in November 2026, and what follows the minor version.
DEFAULT_VERSION, PATCH = "1.35", ".3-gke.1389000"

#: The zones of a regional cluster, by letter (Google has three or four a region).
ZONES = ("a", "b", "c")

#: Fields that UpdateNodePoolRequest wraps once more than NodeConfig does.
WRAPPED = {"labels": "labels", "resourceLabels": "labels", "taints": "taints", "tags": "tags"}

#: Parts of a cluster's network that an update names by themselves (ClusterUpdate).
NETWORK = frozenset({"gatewayApiConfig", "dnsConfig", "serviceExternalIpsConfig"})

_ZONE = re.compile(r"(.+)-[a-z]")


class Clusters(Hook):
    """Clusters with their inline node pools."""

    collection: ClassVar[str] = "container/projects.locations.clusters"
    backing: ClassVar[str] = "kubernetes"
    pending: ClassVar[dict[str, str]] = {"status": "PROVISIONING"}
    ready: ClassVar[dict[str, str]] = {"status": "RUNNING"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Default pool, locations, versions: as the API fills them in."""
        _refuse_namesake(call, body["name"])
        location = call.path.split("/")[3]
        region = _region(location)
        zones = [location] if region != location else [f"{region}-{letter}" for letter in ZONES]
        body.setdefault("locations", zones)
        if not body.get("nodePools") and not (body.get("autopilot") or {}).get("enabled"):
            if int(body.get("initialNodeCount") or 0) < 1:
                raise invalid("Cluster.initial_node_count must be greater than zero.")
            config = body.get("nodeConfig") or {}
            pool = {"name": "default-pool", "initialNodeCount": body["initialNodeCount"], "config": config}
            body["nodePools"] = [pool]
        minor = ".".join(str(body.get("initialClusterVersion") or DEFAULT_VERSION).split(".")[:2])
        version = (DEFAULT_VERSION if not re.fullmatch(r"1\.\d+", minor) else minor) + PATCH
        body.update(
            location=location,
            zone=location,
            initialClusterVersion=version,
            currentMasterVersion=version,
            currentNodeVersion=version,
        )
        for pool in body.get("nodePools", []):
            complete_pool(pool, body)
            check_bounds(pool.get("autoscaling") or {})

    def created(self, call: Call, resource: Stored) -> None:
        """Start the API server with its nodes."""
        body = resource.body
        pools = body.pop("nodePools", [])
        region = _region(body["location"])
        endpoint = call.context.engines.kubernetes(
            engine(resource.name),
            cloud="google",
            region=region,
            version=".".join(body["currentMasterVersion"].split(".")[:2]),
            node_groups=[
                {"name": pool["name"]} | node_group(pool, int(pool["initialNodeCount"])) for pool in pools
            ],
            gateway_api=_gateway_api(body),
        )
        body["endpoint"] = endpoint.server.removeprefix("https://")
        certificate = endpoint.ca_certificate_pem
        body["masterAuth"] = {"clusterCaCertificate": b64encode(certificate.encode()).decode()}
        resource.private.update(engine=engine(resource.name), certificate=certificate)
        for pool in pools:
            _store_pool(call, resource, pool)

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """With the node pools as they are now."""
        pools = [one for one in call.context.store.children(resource.key) if one.type == POOLS]
        body = dict(resource.body)
        if pools:
            body["nodePools"] = [one.body for one in pools]
            body["currentNodeCount"] = sum(counts(call.context, resource).values())
        return body

    def deleting(self, call: Call, resource: Stored) -> None:
        """Deletion protection."""
        if (resource.body.get("deletionProtectionConfig") or {}).get("enabled"):
            raise invalid("Deletion protection is enabled on this cluster.")

    def deleted(self, call: Call, resource: Stored) -> None:
        """Stop the API server and delete its data."""
        for pool in call.context.store.children(resource.key):
            instance_groups.remove(call.context, pool)
        call.context.engines.delete(engine(resource.name))

    @verb("update")
    def update(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """One `desired*` field a call, as the API has it."""
        found = resource or call.resource()
        wanted = call.body.get("update") or {}
        if len(wanted) != 1:
            raise invalid("Exactly one update can be applied to a cluster with each request.")
        ((desired, value),) = wanted.items()
        field = desired.removeprefix("desired")
        field = field[0].lower() + field[1:]
        names = {"clusterAutoscaling": "autoscaling", "masterVersion": "currentMasterVersion"}
        field = names.get(field, field)
        within = "networkConfig" if field in NETWORK else ""
        if not within and field not in call.collection.schema["properties"]:
            raise not_in_the_rehearsal(f"{call.method.id} of {desired}")

        def work(draft: Stored) -> None:
            target = draft.body.setdefault(within, {}) if within else draft.body
            target[field] = copy.deepcopy(value)

        return call.operation(found, work, verb="UPDATE_CLUSTER", seconds=self.seconds)

    @verb("setResourceLabels")
    def set_labels(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Labels, all at once."""
        labels = call.body.get("resourceLabels", {})

        def work(draft: Stored) -> None:
            draft.body["resourceLabels"] = labels

        return call.operation(resource or call.resource(), work, verb="UPDATE_CLUSTER", seconds=self.seconds)


def _gateway_api(body: dict[str, Any]) -> bool:
    """Whether a cluster is to have the Gateway API's definitions."""
    asked = (body.get("networkConfig") or {}).get("gatewayApiConfig") or {}
    return bool(asked.get("channel") == "CHANNEL_STANDARD")


class NodePools(Hook):
    """Node pools made after the cluster."""

    collection: ClassVar[str] = POOLS
    backing: ClassVar[str] = "kubernetes"
    pending: ClassVar[dict[str, str]] = {"status": "PROVISIONING"}
    ready: ClassVar[dict[str, str]] = {"status": "RUNNING"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Counts, version and machine, as the API fills them in."""
        complete_pool(body, _cluster(call).body)
        check_bounds(body.get("autoscaling") or {})

    def created(self, call: Call, resource: Stored) -> None:
        """Add the nodes."""
        _tell(call, resource, int(resource.body["initialNodeCount"]))
        _make_groups(call, resource)

    def deleted(self, call: Call, resource: Stored) -> None:
        """Take the nodes away."""
        _kubernetes(call.context, _cluster(call), "DELETE", resource.name, None)
        instance_groups.remove(call.context, resource)

    @verb("setSize")
    def set_size(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Nodes per zone."""
        count = int(call.body.get("nodeCount", 0))

        def work(draft: Stored) -> None:
            _tell(call, draft, count)

        return call.operation(
            resource or call.resource(), work, verb="SET_NODE_POOL_SIZE", seconds=self.seconds
        )

    @verb("setAutoscaling")
    def set_autoscaling(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Bounds; a size outside of them is brought inside, as the autoscaler would."""
        wanted = call.body.get("autoscaling") or {}
        check_bounds(wanted)

        def work(draft: Stored) -> None:
            draft.body["autoscaling"] = wanted
            _tell(call, draft)

        found = resource or call.resource()
        return call.operation(found, work, verb="UPDATE_CLUSTER", seconds=self.seconds)

    @verb("setManagement")
    def set_management(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Repair and upgrade."""
        wanted = call.body.get("management") or {}

        def work(draft: Stored) -> None:
            draft.body["management"] = wanted

        found = resource or call.resource()
        return call.operation(found, work, verb="SET_NODE_POOL_MANAGEMENT", seconds=self.seconds)

    @verb("update")
    def update(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Parts of the pool and of its node configuration."""
        given = dict(call.body)

        def work(draft: Stored) -> None:
            config, zones = draft.body.setdefault("config", {}), draft.body["locations"]
            for field, value in given.items():
                target = draft.body if field in ("locations", "upgradeSettings") else config
                target[field] = value[WRAPPED[field]] if field in WRAPPED else value
            moved = draft.body["locations"] != zones
            _tell(call, draft, int(draft.private["count"]) if moved else None)
            if moved:
                instance_groups.remove(call.context, draft)
                _make_groups(call, draft)

        found = resource or call.resource()
        return call.operation(found, work, verb="UPDATE_CLUSTER", seconds=self.seconds)


def engine(cluster: str) -> str:
    """The engine's name."""
    return f"gke-{cluster}"


def complete_pool(pool: dict[str, Any], cluster: dict[str, Any]) -> None:
    """Fill in what the API fills in."""
    autoscaling = pool.get("autoscaling") or {}
    pool.setdefault("initialNodeCount", autoscaling.get("minNodeCount", 0))
    config = pool.setdefault("config", {})
    config.setdefault("machineType", "e2-medium")
    config.setdefault("diskSizeGb", 100)
    config.setdefault("diskType", "pd-balanced")
    config.setdefault("imageType", "COS_CONTAINERD")
    pool.setdefault("locations", cluster["locations"])
    pool.setdefault("version", cluster["currentNodeVersion"])
    pool.setdefault("management", {"autoUpgrade": True, "autoRepair": True})


def _refuse_namesake(call: Call, name: str) -> None:
    others = call.context.store.of_type("container/projects.locations.clusters")
    location = call.path.split("/")[3]
    if any(one.name == name and one.path.split("/")[3] != location for one in others):
        raise not_in_the_rehearsal(f"A second cluster named {name} in another location")


def _region(location: str) -> str:
    zone = _ZONE.fullmatch(location)
    return zone[1] if zone else location


def _cluster(call: Call) -> Stored:
    path = "/".join(call.path.split("/")[:6])
    found = call.sibling(path)
    if found is None:
        raise Refusal(404, f"Resource '{path}' was not found.")
    return found


def _store_pool(call: Call, cluster: Stored, pool: dict[str, Any]) -> None:
    path = f"{cluster.path}/nodePools/{pool['name']}"
    pool.update(status="RUNNING", selfLink=call.context.url(call.api, path))
    private = {"count": int(pool["initialNodeCount"])}
    stored = Stored(call.key(path), POOLS, pool, private, backing="kubernetes")
    _make_groups(call, stored)
    call.context.store.put(stored)


def _make_groups(call: Call, pool: Stored) -> None:
    pool.body["instanceGroupUrls"] = instance_groups.make(call.context, pool)


def _tell(call: Call, pool: Stored, per_zone: int | None = None) -> None:
    """Bring the nodes to what the pool says; without a count they stay as many, within the bounds."""
    group = node_group(pool.body, per_zone)
    answer = _kubernetes(call.context, _cluster(call), "PUT", pool.name, group)
    if per_zone is not None:
        pool.private["count"] = per_zone
    if answer is not None:
        pool.private["count"] = ceil(answer["count"] / len(pool.body["locations"]))


def counts(context: Context, cluster: Stored) -> dict[tuple[str, str], int]:
    """How many nodes each pool of a cluster has in each zone, by pool and zone.

    Asked of the cluster's own API server, for its autoscaler moves them; while that is being made or is
    stopped, what the pools were told last.
    """
    pools = [one for one in context.store.children(cluster.key) if one.type == POOLS]
    found = {
        (one.name, zone): int(one.private.get("count", 0)) for one in pools for zone in one.body["locations"]
    }
    try:
        answer = _kubernetes(context, cluster, "GET", "", None) if "certificate" in cluster.private else None
    except Refusal:
        return found
    for group in (answer or {}).get("nodegroups", ()):
        sizes = {key: group["sizes"].get(key[1], 0) for key in found if key[0] == group["name"]}
        found |= sizes
    return found


def _kubernetes(
    context: Context, cluster: Stored, method: str, pool: str, body: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Ask the cluster's server about a group of nodes, as GKE's control plane makes machines join."""
    trust = ssl.create_default_context(cadata=cluster.private["certificate"])
    url = f"https://{cluster.body['endpoint']}/_rehearsal/nodegroups/{pool}".rstrip("/")
    headers = {"Authorization": f"Bearer {context.identity.token}"}
    try:
        answer = httpx.request(method, url, json=body, headers=headers, verify=trust, timeout=30)
    except httpx.TransportError as error:
        raise Refusal(503, f"The cluster {cluster.name} does not answer: {error}.") from error
    if method == "DELETE" and answer.status_code == 404:
        return None
    if answer.is_error:
        raise Refusal(500, f"The cluster {cluster.name} refused the node pool: {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found
