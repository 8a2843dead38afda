"""What is sent to create, change and delete a resource: addresses, query parameters and bodies."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.errors import ResourceError
from dreamnet.resources.google.conventions import (
    DECLARED_PARAMETERS,
    FIXED_PARAMETERS,
    SET_APART,
    WHOLE_FIELDS,
)
from dreamnet.resources.google.discovery import Collection, Method
from dreamnet.resources.model import OWNER_LABEL, Change, Live, Resource


@dataclass(frozen=True)
class Request:
    """One call to be made.

    Attributes:
        path: below the root and the service path.
        parameters: the query.
        body: JSON; None for none.
    """

    method: Method
    path: str
    parameters: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def set_path(body: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `a.b.c` in a nested body."""
    *above, last = dotted.split(".")
    for part in above:
        body = body.setdefault(part, {})
    body[last] = value


def get_path(body: Any, dotted: str) -> Any:
    """The value at `a.b.c`, or None."""
    for part in dotted.split("."):
        body = body.get(part) if isinstance(body, Mapping) else None
    return body


def with_owner(collection: Collection, body: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the body with our label, where the resource can carry one."""
    labelled = copy.deepcopy(dict(body))
    if collection.labels:
        labels = get_path(labelled, collection.labels) or {}
        set_path(labelled, collection.labels, {**labels, OWNER_LABEL[0]: OWNER_LABEL[1]})
    return labelled


def project_of(parent: str) -> str:
    """`projects/P/...` to `P`."""
    parts = parent.split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "projects" else ""


def create(collection: Collection, resource: Resource, token: str) -> Request:
    """The request that creates it.

    Raises:
        ResourceError: the collection's resources can't be created by themselves.
    """
    method = collection.create
    if method is None:
        raise ResourceError(
            f"{resource.id}: Google creates no {collection} on request.",
            "Declare the resource that it comes with.",
        )
    body = _named(collection, resource)
    beside = {name: body.pop(name) for name in collection.beside if name in body}
    parameters = _create_parameters(collection, method, resource, token)
    if collection.key in DECLARED_PARAMETERS:
        parameters.update(beside)
    else:
        body = _wrapped(collection, resource, body, beside)
    path = (
        collection.item_path(resource.parent, resource.name)
        if collection.id_place[0] == "path"
        else collection.collection_path(resource.parent)
    )
    return Request(method, path, parameters, body)


def _create_parameters(
    collection: Collection, method: Method, resource: Resource, token: str
) -> dict[str, Any]:
    place, key = collection.id_place
    parameters = {
        **listing(collection, method, resource).parameters,
        **FIXED_PARAMETERS.get(collection.key, {}),
    }
    if place == "query":
        parameters[key] = resource.name
    if "requestId" in method.query:
        parameters["requestId"] = request_id(token, resource)
    return parameters


def _wrapped(
    collection: Collection, resource: Resource, body: dict[str, Any], beside: dict[str, Any]
) -> dict[str, Any]:
    """The body as the request wants it: the resource, or the resource and what stands beside it."""
    place, key = collection.id_place
    if collection.wrapper:
        body = {collection.wrapper: body, **beside}
    elif collection.bare_create:
        body = beside
    if place == "sibling":
        body[key] = resource.name
    if place == "statement":
        quote = '"' if beside.get("databaseDialect") == "POSTGRESQL" else "`"
        body[key] = f"CREATE DATABASE {quote}{resource.name}{quote}"
    return body


def _named(collection: Collection, resource: Resource) -> dict[str, Any]:
    """The body with our label and, where the body holds it, the name, without what has its own method."""
    body = with_owner(collection, resource.body)
    for name in SET_APART.get(collection.key, ()):
        body.pop(name, None)
    place, key = collection.id_place
    properties = collection.schema.get("properties", {})
    if place == "server":
        if "displayName" in properties:
            body.setdefault("displayName", resource.name)
    elif place in ("body", "reference"):
        full = collection.full_name(resource.parent, resource.name)
        short = resource.name.split("/")[0]
        set_path(body, key, full if collection.full_names else short)
        if place == "reference":
            _complete_reference(collection, resource, body, key.split(".")[0])
    return body


def _complete_reference(
    collection: Collection, resource: Resource, body: dict[str, Any], reference: str
) -> None:
    """BigQuery's references repeat the ids that the URL holds."""
    schema = collection.api.schema(collection.schema["properties"][reference].get("$ref"))
    parts = resource.parent.split("/")
    places = dict(zip(parts[0::2], parts[1::2], strict=False))
    for key, value in (("projectId", places.get("projects")), ("datasetId", places.get("datasets"))):
        if value and key in schema.get("properties", {}):
            body[reference].setdefault(key, value)


def listing(collection: Collection, method: Method, resource: Resource) -> Request:
    """The request that lists what stands beside a resource."""
    parameters = {} if collection.parent_template else project_parameters(method, resource)
    return Request(method, collection.collection_path(resource.parent), parameters)


def project_parameters(method: Method, resource: Resource) -> dict[str, Any]:
    """The project as a query parameter, where a method wants it there (buckets, transfer jobs)."""
    return {
        name: project_of(resource.parent)
        for name in ("project", "projectId")
        if method.query.get(name, {}).get("required")
    }


def item_name(collection: Collection, body: Mapping[str, Any]) -> str:
    """A listed resource's name as its declaration would hold it; of names that the server chose, the one that
    people see."""
    place, key = collection.id_place
    if place == "server" and "displayName" in body:
        return str(body["displayName"])
    if collection.name_parts > 1:
        return f"{body['name']}/{body['type']}"
    found = get_path(body, key) if place == "reference" else body.get("name")
    return str(found or "").rsplit("/", 1)[-1]


def request_id(token: str, resource: Resource) -> str:
    """The idempotency key in the form Google wants it: a UUID that the same token always gives."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{token}/{resource.id}"))


def masks(collection: Collection, changes: Iterable[Change]) -> list[str]:
    """Field masks for these changes: down to the first list or free map, which change as a whole; some APIs
    take only a resource's own fields."""
    if collection.api.name in WHOLE_FIELDS:
        return sorted({change.path.split("/")[1] for change in changes})
    found = set()
    for change in changes:
        schema: Mapping[str, Any] = collection.schema
        path: list[str] = []
        for part in change.path.strip("/").split("/"):
            properties = schema.get("properties", {})
            if part not in properties:
                break
            path.append(part)
            schema = properties[part]
            schema = collection.api.schema(schema["$ref"]) if "$ref" in schema else schema
        found.add(".".join(path))
    return sorted(mask for mask in found if not any(mask.startswith(f"{other}.") for other in found))


def update(
    collection: Collection, resource: Resource, live: Live, changes: list[Change], token: str
) -> Request:
    """The request that changes it in place.

    Raises:
        ResourceError: Google has no method that changes these fields.
    """
    paths = masks(collection, changes)
    wanted = with_owner(collection, resource.body)
    method = collection.patch or collection.update
    if (
        method is None
        and collection.labels in paths
        and "setLabels" in collection.methods
        and len(paths) == 1
    ):
        return _set_labels(collection, resource, live, wanted)
    if method is None or not _takes_resource(collection, method):
        raise cannot_change(resource, paths)
    if method.http == "PUT" or method.replaces:
        body = {**writable(collection, live.body), **wanted}
    else:
        body = {}
        for path in _with_labels(collection, paths):
            set_path(body, path, get_path(wanted, path))
    for guard in ("etag", "fingerprint"):
        field = collection.schema.get("properties", {}).get(guard, {"description": "Deprecated"})
        if guard in live.body and not field.get("description", "").startswith("Deprecated"):
            body[guard] = live.body[guard]
    path = own_path(collection, resource, live)
    return _masked(collection, method, path, body, paths, resource, token)


def _with_labels(collection: Collection, paths: list[str]) -> list[str]:
    """A change of a resource's labels must not take ours away; other changes leave labels alone."""
    return [collection.labels if path == collection.labels else path for path in paths]


def _masked(
    collection: Collection,
    method: Method,
    path: str,
    body: dict[str, Any],
    paths: list[str],
    resource: Resource,
    token: str,
) -> Request:
    parameters: dict[str, Any] = dict(FIXED_PARAMETERS.get(collection.key, {}))
    if "requestId" in method.query:
        parameters["requestId"] = request_id(token, resource)
    if "updateMask" in method.query:
        parameters["updateMask"] = ",".join(paths)
    if collection.update_wrapper:
        body = _wrapped_update(collection, method, body, paths, resource)
    return Request(method, path, parameters, body)


def _wrapped_update(
    collection: Collection, method: Method, body: dict[str, Any], paths: list[str], resource: Resource
) -> dict[str, Any]:
    """The change beside its mask, with what tells which resource is meant: its name, or its project."""
    known = collection.api.schema(method.request).get("properties", {})
    mask = next(name for name in known if name.lower().endswith("mask"))
    wrapped = {collection.update_wrapper: body, mask: ",".join(paths)}
    if "projectId" in known:
        wrapped["projectId"] = project_of(resource.parent)
    elif collection.full_names:
        body["name"] = collection.full_name(resource.parent, resource.name)
    return {str(name): value for name, value in wrapped.items()}


def _takes_resource(collection: Collection, method: Method) -> bool:
    return method.request == collection.schema_name or collection.update_wrapper is not None


def _set_labels(collection: Collection, resource: Resource, live: Live, wanted: Mapping[str, Any]) -> Request:
    body = {"labels": wanted["labels"], "labelFingerprint": live.body.get("labelFingerprint", "")}
    path = own_path(collection, resource, live)
    return Request(collection.methods["setLabels"], f"{path}/setLabels", {}, body)


def cannot_change(resource: Resource, paths: list[str]) -> ResourceError:
    """The error for fields that Google only takes at creation."""
    return ResourceError(
        f"{resource.id}: {', '.join(paths)} can't be changed in place.",
        "Undo the change in the file, or delete the resource first so that it is created anew.",
    )


def writable(collection: Collection, body: Mapping[str, Any]) -> dict[str, Any]:
    """A live body without what only Google sets."""
    from dreamnet.resources.google.validation import is_output

    properties = collection.schema.get("properties", {})
    return {key: value for key, value in body.items() if not is_output(properties.get(key, {}))}


def own_path(collection: Collection, resource: Resource, live: Live | None = None) -> str:
    """The resource's path below the service path; where the server chose its name, that name."""
    if live and collection.id_place[0] == "server":
        return collection.version_prefix + live.identifier
    return collection.item_path(resource.parent, resource.name)


def delete(collection: Collection, resource: Resource, live: Live, token: str) -> Request:
    """The request that deletes it.

    Raises:
        ResourceError: Google has no method for that.
    """
    method = collection.delete
    if method is None:
        raise ResourceError(f"{resource.id}: Google deletes no {collection}.", "Remove it in the console.")
    parameters = {
        **project_parameters(method, resource),
        **resource.options.get("delete", {}),
    }
    if "requestId" in method.query:
        parameters["requestId"] = request_id(token, resource)
    path = own_path(collection, resource, live)
    if not method.template.endswith("}") and "name" in method.query:  # Cloud SQL's users
        return Request(method, path.rsplit("/", 1)[0], {"name": resource.name, **parameters})
    return Request(method, path, parameters)
