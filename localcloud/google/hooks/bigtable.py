"""Bigtable's admin API: an instance with its clusters, tables with their families, app profiles. Rows need
Google's own emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid, precondition, verb
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

CLUSTERS = "bigtableadmin/projects.instances.clusters"


class Instances(Hook):
    """Instances; the clusters come with the creation."""

    collection: ClassVar[str] = "bigtableadmin/projects.instances"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse an instance without a cluster, or with one that is none."""
        clusters = call.body.get("clusters") or {}
        if not 1 <= len(clusters) <= 8:
            raise invalid("An instance needs between one and eight clusters.")
        for name, cluster in clusters.items():
            _check_cluster(name, cluster)
        body.setdefault("type", "PRODUCTION")

    def created(self, call: Call, resource: Stored) -> None:
        """Make the clusters, and the profile that every instance has."""
        for name, cluster in (call.body.get("clusters") or {}).items():
            path = f"{resource.path}/clusters/{name}"
            body = {"defaultStorageType": "SSD", **cluster, "name": path, "state": "READY"}
            call.context.store.put(Stored(call.key(path), CLUSTERS, body))
        path = f"{resource.path}/appProfiles/default"
        body = {"name": path, "multiClusterRoutingUseAny": {}}
        call.context.store.put(Stored(call.key(path), Profiles.collection, body))


class Clusters(Hook):
    """Clusters."""

    collection: ClassVar[str] = CLUSTERS

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        _check_cluster(call.query.get("clusterId", ""), body)
        body.setdefault("defaultStorageType", "SSD")

    def deleting(self, call: Call, resource: Stored) -> None:
        """The last one stays."""
        instance = resource.path.rsplit("/", 2)[0]
        if len(call.context.store.of_type(CLUSTERS, instance)) == 1:
            raise precondition("The last cluster of an instance can't be deleted: delete the instance.")


def _check_cluster(name: str, cluster: dict[str, Any]) -> None:
    if not 6 <= len(name) <= 30:
        raise invalid(f"The cluster id {name!r} must have between 6 and 30 characters.")
    if not cluster.get("location"):
        raise invalid(f"The cluster {name} needs a location.")
    if not cluster.get("serveNodes") and not cluster.get("clusterConfig"):
        raise invalid(f"The cluster {name} needs serve_nodes or autoscaling.")


class Tables(Hook):
    """Tables."""

    collection: ClassVar[str] = "bigtableadmin/projects.instances.tables"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """As the API completes it."""
        body.setdefault("granularity", "MILLIS")

    def deleting(self, call: Call, resource: Stored) -> None:
        """A protected one stays."""
        if resource.body.get("deletionProtection"):
            raise precondition(f"The table {resource.path} is protected from deletion.")

    @verb("modifyColumnFamilies")
    def modify(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Families made, changed, dropped: all or none."""
        table = resource or call.resource()
        families = dict(table.body.get("columnFamilies", {}))
        for one in call.body.get("modifications") or []:
            name = one.get("id", "")
            if ("create" in one) is (name in families):
                code = 409 if name in families else 404
                word = "already exists" if name in families else "was not found"
                raise Refusal(code, f"The column family {name} {word}.")
            if one.get("drop"):
                del families[name]
            else:
                families[name] = {**families.get(name, {}), **(one.get("create") or one.get("update") or {})}
        table.body["columnFamilies"] = families
        call.context.store.put(table)
        return table.body


class Profiles(Hook):
    """App profiles: where requests of one kind go."""

    collection: ClassVar[str] = "bigtableadmin/projects.instances.appProfiles"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """To a cluster that is there."""
        instance = call.path.rsplit("/", 1)[0]
        single = body.get("singleClusterRouting")
        if bool(single) is ("multiClusterRoutingUseAny" in body):
            raise invalid("A profile routes to a single cluster or to any.")
        if single and call.sibling(f"{instance}/clusters/{single.get('clusterId')}") is None:
            raise invalid(f"The cluster {single.get('clusterId')} was not found in {instance}.")
