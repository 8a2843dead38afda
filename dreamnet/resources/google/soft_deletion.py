"""Resources that a deletion only marks: they are still read, keep their ids for days, and come back instead
of being made anew. Roles and log buckets for seven days; identity pools, providers and transfer jobs for
thirty (each API's own reference, under its delete method, November 2026)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dreamnet.clouds.google_rest import Refused
from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request, own_path, project_of, project_parameters
from dreamnet.resources.model import Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

ROLES = "iam/projects.roles"
TRANSFER_JOBS = "storagetransfer/transferJobs"

#: Field and value that say that a resource was deleted.
MARKS: Mapping[str, tuple[str, Any]] = {
    ROLES: ("deleted", True),
    TRANSFER_JOBS: ("status", "DELETED"),
    "iam/projects.locations.workloadIdentityPools": ("state", "DELETED"),
    "iam/projects.locations.workloadIdentityPools.providers": ("state", "DELETED"),
    "logging/projects.locations.buckets": ("lifecycleState", "DELETE_REQUESTED"),
}


def unless_deleted(
    collection: Collection, resource: Resource, body: dict[str, Any], send: Send
) -> dict[str, Any] | None:
    """The resource, or None where it is one that was deleted."""
    field, value = MARKS[collection.key]
    return None if body.get(field) == value else body


def revival(collection: Collection, resource: Resource, send: Send) -> Request | None:
    """The request that brings back a deleted resource of this id; None where there is none to bring back."""
    assert collection.get
    path = own_path(collection, resource)
    try:
        found = send(
            collection,
            Request(collection.get, path, project_parameters(collection.get, resource)),
            resource.id,
        )
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    if unless_deleted(collection, resource, found, send) is not None:
        return None
    if collection.key == TRANSFER_JOBS:
        assert collection.patch
        job = {"status": resource.body["status"]}
        body = {
            "projectId": project_of(resource.parent),
            "transferJob": job,
            "updateTransferJobFieldMask": "status",
        }
        return Request(collection.patch, path, {}, body)
    return Request(collection.methods["undelete"], f"{path}:undelete", {}, {})
