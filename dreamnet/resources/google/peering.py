"""Private service access (servicenetworking.v1, November 2026): one peering a network, without a name or a
read of its own. It is found by its network, and deleted by a verb that names the network again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import Live, Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

CONNECTIONS = "servicenetworking/services.connections"


def find(collection: Collection, resource: Resource, send: Send) -> dict[str, Any] | None:
    """The network's connection, with the name that changes address it by."""
    assert collection.list
    network = resource.body["network"]
    path = collection.collection_path(resource.parent)
    answer = send(collection, Request(collection.list, path, {"network": network}), resource.id)
    for one in answer.get("connections", []):
        return {**one, "name": f"{resource.parent}/connections/{one['peering']}"}
    return None


def delete(collection: Collection, resource: Resource, live: Live) -> Request:
    """The verb that takes the peering away."""
    path = f"{collection.version_prefix}{live.identifier}"
    body = {"consumerNetwork": resource.body["network"]}
    return Request(collection.methods["deleteConnection"], path, {}, body)
