"""Where one of Google's APIs keeps to none of the conventions that the discovery documents show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dreamnet.resources.google import (
    bigtable,
    dataflow,
    gke,
    load_balancing,
    peering,
    soft_deletion,
    storage,
)
from dreamnet.resources.google.conventions import SERVICE_ACCOUNTS
from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import Change, Live, Resource

#: Sends a request for a collection's resource and returns the answer's JSON.
Send = Callable[[Collection, Request, str], dict[str, Any]]

Updates = Callable[[Collection, Resource, Live, list[Change]], list[Request]]

#: Collections whose resources are changed by calls of their own, in the order that the function returns.
UPDATES: Mapping[str, Updates] = {
    "container/projects.locations.clusters": gke.updates,
    gke.NODE_POOLS: gke.updates,
    bigtable.INSTANCES: bigtable.instance_updates,
    bigtable.TABLES: bigtable.table_updates,
    load_balancing.SECURITY_POLICIES: load_balancing.policy_updates,
    load_balancing.BACKEND_SERVICES: load_balancing.service_updates,
}

#: Fields beside the resource in its create request that can be changed later nevertheless.
CHANGEABLE: Mapping[str, frozenset[str]] = {bigtable.INSTANCES: frozenset({"clusters"})}

#: What completes a resource that was read, or says that it counts as absent (None).
READS: Mapping[str, Callable[[Collection, Resource, dict[str, Any], Send], dict[str, Any] | None]] = {
    bigtable.INSTANCES: bigtable.with_clusters,
    **dict.fromkeys(soft_deletion.MARKS, soft_deletion.unless_deleted),
}

#: The call that brings back, in place of a creation, what was deleted softly.
REVIVALS: Mapping[str, Callable[[Collection, Resource, Send], Request | None]] = dict.fromkeys(
    soft_deletion.MARKS, soft_deletion.revival
)

#: How a resource is found that has neither an address of its own nor a name that people see.
FINDS: Mapping[str, Callable[[Collection, Resource, Send], dict[str, Any] | None]] = {
    peering.CONNECTIONS: peering.find,
}

#: Deletions by a verb.
DELETES: Mapping[str, Callable[[Collection, Resource, Live], Request]] = {
    peering.CONNECTIONS: peering.delete,
}

#: What has to go before a resource can be deleted.
BEFORE_DELETE: Mapping[str, Callable[[Resource, Send], None]] = {storage.BUCKETS: storage.empty}

#: Parameters with which a deletion takes what is inside with it (bigquery.v2, `datasets.delete`).
DELETE_PARAMETERS: Mapping[str, Mapping[str, Any]] = {"bigquery/datasets": {"deleteContents": True}}

#: What a deletion leaves behind, and must not.
AFTER_DELETE: Mapping[str, Callable[[Resource, Live, Send], None]] = {
    dataflow.PIPELINES: dataflow.cancel_jobs,
}

#: Collections whose new resources aren't found for some seconds (IAM is eventually consistent:
#: cloud.google.com/iam/docs/access-change-propagation, November 2026).
SLOW_TO_APPEAR = frozenset({SERVICE_ACCOUNTS, soft_deletion.ROLES})


def unchangeable(collection: Collection, path: str) -> bool:
    """Whether no method takes a changed value of the field at this JSON pointer."""
    if collection.key == gke.NODE_POOLS:
        return not gke.in_place(collection, path)
    own = collection.patch or collection.update or collection.key in UPDATES
    return not own and path.split("/")[1] != collection.labels


def is_addition(collection: Collection, path: str, live: Mapping[str, Any]) -> bool:
    """Whether the field is part of a whole that is added in place, such as a further Bigtable cluster: its
    immutable fields can be chosen once more."""
    top, *below = path.strip("/").split("/")
    return top in CHANGEABLE.get(collection.key, ()) and below[0] not in live.get(top, {})
