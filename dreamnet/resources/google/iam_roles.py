"""Custom roles: a deleted one is kept for seven days, is still read, and takes its id with it until then
(cloud.google.com/iam/docs/creating-custom-roles, "Deleting a custom role", November 2026)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dreamnet.clouds.google_rest import Refused
from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request, own_path
from dreamnet.resources.model import Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

ROLES = "iam/projects.roles"


def unless_deleted(
    collection: Collection, resource: Resource, body: dict[str, Any], send: Send
) -> dict[str, Any] | None:
    """The role, or None where it is one that was deleted."""
    return None if body.get("deleted") else body


def undelete(collection: Collection, resource: Resource, send: Send) -> bool:
    """Bring back a deleted role of this id, and give it the declared title and permissions.

    Returns:
        Whether there was one.
    """
    path = own_path(collection, resource)
    assert collection.get
    assert collection.patch
    try:
        found = send(collection, Request(collection.get, path), resource.id)
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    if not found.get("deleted"):
        return False
    send(collection, Request(collection.methods["undelete"], f"{path}:undelete", {}, {}), resource.id)
    fields = ",".join(sorted(resource.body))
    request = Request(collection.patch, path, {"updateMask": fields}, dict(resource.body))
    send(collection, request, resource.id)
    return True
