"""Bigtable's admin API: an instance is created with its clusters, which are read and changed apart from it,
and a table's column families have a method of their own (bigtableadmin.v2, November 2026)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request, own_path, update
from dreamnet.resources.model import Change, Live, Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

INSTANCES = "bigtableadmin/projects.instances"
TABLES = "bigtableadmin/projects.instances.tables"


def with_clusters(
    collection: Collection, resource: Resource, body: dict[str, Any], send: Send
) -> dict[str, Any]:
    """The instance with its clusters by id, as its creation takes them."""
    clusters = collection.api.collection(f"{collection.name}.clusters")
    assert clusters.list
    path = f"{own_path(collection, resource)}/clusters"
    answer = send(collection, Request(clusters.list, path), resource.id)
    found = {one["name"].rsplit("/", 1)[-1]: one for one in answer.get("clusters", [])}
    return {**body, "clusters": found}


def instance_updates(
    collection: Collection, resource: Resource, live: Live, changes: list[Change]
) -> list[Request]:
    """The calls that bring an instance and its clusters to their declared values."""
    own = [change for change in changes if change.path.split("/")[1] != "clusters"]
    requests = [update(collection, resource, live, own, "")] if own else []
    return [*requests, *_cluster_updates(collection, resource, changes)]


def _cluster_updates(collection: Collection, resource: Resource, changes: list[Change]) -> Iterator[Request]:
    clusters = collection.api.collection(f"{collection.name}.clusters")
    assert clusters.create
    assert clusters.patch
    path = f"{own_path(collection, resource)}/clusters"
    for name, fields in _below(changes, "clusters").items():
        wanted = resource.body["clusters"][name]
        if not any(change.before is not None for change in fields.values()) and "location" in fields:
            yield Request(clusters.create, path, {"clusterId": name}, dict(wanted))
        else:
            body = {field: wanted[field] for field in fields}
            yield Request(clusters.patch, f"{path}/{name}", {"updateMask": ",".join(sorted(fields))}, body)


def table_updates(
    collection: Collection, resource: Resource, live: Live, changes: list[Change]
) -> list[Request]:
    """The calls that bring a table to its declared values: families first, the rest by mask."""
    requests = []
    families = _below(changes, "columnFamilies")
    if families:
        present = live.body.get("columnFamilies", {})
        wanted: Mapping[str, Any] = resource.body["columnFamilies"]
        modifications = [
            {"id": name, "update": wanted[name], "updateMask": "gcRule"}
            if name in present
            else {"id": name, "create": wanted[name]}
            for name in families
        ]
        method = collection.methods["modifyColumnFamilies"]
        path = f"{own_path(collection, resource)}:modifyColumnFamilies"
        requests.append(Request(method, path, {}, {"modifications": modifications}))
    own = [change for change in changes if change.path.split("/")[1] != "columnFamilies"]
    return [*requests, update(collection, resource, live, own, "")] if own else requests


def _below(changes: list[Change], field: str) -> dict[str, dict[str, Change]]:
    """Changes below a map, by the map's key and then by the field inside."""
    found: dict[str, dict[str, Change]] = {}
    for change in changes:
        top, *below = change.path.strip("/").split("/")
        if top == field and below:
            found.setdefault(below[0], {})[below[1] if len(below) > 1 else ""] = change
    return found
