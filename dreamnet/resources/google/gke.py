"""Changing GKE clusters and node pools: one field a call, each through its own method (container.v1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request, cannot_change, own_path, with_owner
from dreamnet.resources.model import Change, Live, Resource

#: `ClusterUpdate`'s fields that aren't `desired` + the cluster's own name for it.
DESIRED: Mapping[str, str] = {
    "autoscaling": "desiredClusterAutoscaling",
    "autopilot": "desiredAutopilotWorkloadPolicyConfig",
}

#: The part of a cluster whose fields are changed one by one, each as `desired` + its own name.
NETWORK = "networkConfig"

NODE_POOLS = "container/projects.locations.clusters.nodePools"

#: A node pool's parts that have a method of their own, and its request's field.
POOL_VERBS: Mapping[str, str] = {"autoscaling": "setAutoscaling", "management": "setManagement"}


def in_place(collection: Collection, path: str) -> bool:
    """Whether a node pool's field, by its JSON pointer, can be changed without a new pool."""
    top, *below = path.strip("/").split("/")
    field = below[0] if top == "config" and below else top
    return top in POOL_VERBS or field in collection.api.schema("UpdateNodePoolRequest")["properties"]


def updates(collection: Collection, resource: Resource, live: Live, changes: list[Change]) -> list[Request]:
    """The calls that bring a cluster or a node pool to its declared values.

    Raises:
        ResourceError: a field can't be changed in place.
    """
    if collection.literal == "nodePools":
        pool = own_path(collection, resource)
        return list(_pool(collection, resource, pool, resource.body, _tops(changes, 0)))
    return list(_cluster(collection, resource, live, changes))


def _tops(changes: list[Change], depth: int) -> list[str]:
    """The first two parts of each change's path below `depth`, without repetition."""
    found = ["/".join(change.path.strip("/").split("/")[depth : depth + 2]) for change in changes]
    return list(dict.fromkeys(found))


def _cluster(
    collection: Collection, resource: Resource, live: Live, changes: list[Change]
) -> Iterator[Request]:
    path = own_path(collection, resource)
    wanted = with_owner(collection, resource.body)
    properties = collection.api.schema("ClusterUpdate")["properties"]
    for top in dict.fromkeys(change.path.split("/")[1] for change in changes):
        desired = DESIRED.get(top, f"desired{top[0].upper()}{top[1:]}")
        if top == "nodePools":
            yield from _inline_pools(collection, resource, path, changes)
        elif top == NETWORK:
            yield from _network(collection, resource, path, changes)
        elif top == "resourceLabels":
            body = {top: wanted[top], "labelFingerprint": live.body.get("labelFingerprint", "")}
            yield Request(collection.methods["setResourceLabels"], f"{path}:setResourceLabels", {}, body)
        elif desired in properties:
            yield Request(collection.methods["update"], path, {}, {"update": {desired: wanted[top]}})
        else:
            raise cannot_change(resource, [top])


def _network(
    collection: Collection, resource: Resource, path: str, changes: list[Change]
) -> Iterator[Request]:
    properties = collection.api.schema("ClusterUpdate")["properties"]
    of_network = [change for change in changes if change.path.startswith(f"/{NETWORK}/")]
    for field in dict.fromkeys(change.path.split("/")[2] for change in of_network):
        desired = f"desired{field[0].upper()}{field[1:]}"
        if desired not in properties:
            raise cannot_change(resource, [f"{NETWORK}.{field}"])
        body = {"update": {desired: resource.body[NETWORK][field]}}
        yield Request(collection.methods["update"], path, {}, body)


def _inline_pools(
    collection: Collection, resource: Resource, path: str, changes: list[Change]
) -> Iterator[Request]:
    pools = collection.api.collection(f"{collection.name}.nodePools")
    of_pools = [change for change in changes if change.path.startswith("/nodePools/")]
    for index in dict.fromkeys(change.path.split("/")[2] for change in of_pools):
        declared = resource.body["nodePools"][int(index)]
        own = [change for change in of_pools if change.path.split("/")[2] == index]
        if any(change.path == f"/nodePools/{index}" for change in own):
            assert pools.create
            yield Request(pools.create, f"{path}/nodePools", {}, {"nodePool": declared})
        else:
            yield from _pool(pools, resource, f"{path}/nodePools/{declared['name']}", declared, _tops(own, 2))


def _pool(
    collection: Collection, resource: Resource, path: str, declared: Mapping[str, Any], parts: list[str]
) -> Iterator[Request]:
    properties = collection.api.schema("UpdateNodePoolRequest")["properties"]
    together: dict[str, Any] = {}
    done: set[str] = set()
    for part in parts:
        top, _, below = part.partition("/")
        field = below if top == "config" else top
        if top in POOL_VERBS:
            if top not in done:
                verb = POOL_VERBS[top]
                yield Request(collection.methods[verb], f"{path}:{verb}", {}, {top: declared[top]})
            done.add(top)
        elif field in properties:
            value = declared["config"][field] if top == "config" else declared[top]
            together[field] = _wrapped(field, value)
        else:
            raise cannot_change(resource, [part.replace("/", ".")])
    for field, value in together.items():
        yield Request(collection.methods["update"], path, {}, {field: value})


def _wrapped(field: str, value: Any) -> Any:
    """Labels, taints and tags are wrapped once more in this request."""
    inner = {"labels": "labels", "resourceLabels": "labels", "taints": "taints", "tags": "tags"}.get(field)
    return {inner: value} if inner else value
