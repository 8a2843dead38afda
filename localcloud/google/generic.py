"""Create, get, list, change and delete, for every collection of every API."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from dreamnet.resources.google import validation
from dreamnet.resources.google.discovery import Collection, Method
from localcloud.credentials import GOOGLE_BILLING_ACCOUNT
from localcloud.google import bodies, places, policies
from localcloud.google.calls import Call
from localcloud.google.hooks import Refusal, invalid, not_in_the_rehearsal, precondition
from localcloud.google.store import Stored

#: Path parts that are places or accounts, not resources that must have been created.
PLACES = frozenset({"projects", "locations", "zones", "regions", "global", "folders", "organizations"})

#: Resources in a page when the request doesn't say.
PAGE = 500


def answer(call: Call) -> dict[str, Any]:
    """The answer to a request, as JSON.

    Raises:
        Refusal: any other answer than success.
    """
    _check_project(call)
    _check_enabled(call)
    _check_body(call)
    verbs = _verbs(call.hook)
    name = call.method.name
    if name in verbs:
        return verbs[name](call, _about(call))
    if (call.method.collection, name) == ("projects.locations", "list"):
        return places.locations(call.api.name, call.context.project)
    plain = _plain(call)
    if plain is None or name in call.hook.unsupported:
        raise not_in_the_rehearsal(call.method.id)
    return plain(call)


def _verbs(hook: Any) -> dict[str, Callable[..., dict[str, Any]]]:
    found = {}
    for attribute in dir(type(hook)):
        function = getattr(hook, attribute)
        for name in getattr(function, "verbs", ()):
            found[name] = function
    return found


def _about(call: Call) -> Stored | None:
    """The resource that a verb is about; None for a verb of the whole collection or of what isn't stored."""
    return call.context.store.get(call.key(call.item_path))


def _plain(call: Call) -> Callable[[Call], dict[str, Any]] | None:
    collection, method = call.collection, call.method
    if method is collection.get:
        return get
    if method is collection.list:
        return list_
    if method is collection.create:
        return create
    if method is collection.delete:
        return delete
    if method.name == "aggregatedList":
        return aggregated
    if method.name == "undelete" and call.hook.kept_as:
        return undelete
    if method.name in policies.METHODS:
        return policies.METHODS[method.name]
    if method.id in _updates(collection) and _takes_resource(call, method):
        return update
    return None


def _updates(collection: Collection) -> set[str]:
    return {method.id for method in (collection.patch, collection.update) if method}


def _takes_resource(call: Call, method: Method) -> bool:
    return method.request == call.collection.schema_name or call.collection.update_wrapper is not None


def _check_project(call: Call) -> None:
    parts = call.path.split("/")
    if parts[0] == "projects" and len(parts) > 1:
        project = parts[1].split(":")[0]
        if project not in (call.context.project, "-", "_"):
            raise Refusal(403, f"Permission denied on resource project {project} (or it may not exist).")
    if parts[0] == "billingAccounts" and len(parts) > 1 and parts[1].split(":")[0] != GOOGLE_BILLING_ACCOUNT:
        raise Refusal(403, "The caller does not have permission")


def _check_enabled(call: Call) -> None:
    """Refuse an API that was disabled here; one that nobody touched answers."""
    name = f"{call.api.name}.googleapis.com"
    service = call.sibling(f"projects/{call.context.project}/services/{name}", "serviceusage")
    if service and service.body["state"] == "DISABLED":
        message = f"{name} has not been used in project {call.context.project} before or it is disabled."
        raise Refusal(403, f"{message} Enable it, wait a few minutes, and try again.")


def _check_body(call: Call) -> None:
    if not call.method.request:
        return
    schema = call.api.schema(call.method.request)
    found = list(validation.problems(call.api, schema, call.body))
    if found:
        path, message = found[0]
        raise bodies.violation(path.strip("/").replace("/", "."), message)


def get(call: Call) -> dict[str, Any]:
    """One resource."""
    resource = call.resource()
    return call.context.hook(resource.type).shown(call, resource)


def list_(call: Call) -> dict[str, Any]:
    """A page of resources."""
    if call.query.get("filter"):
        raise not_in_the_rehearsal(f"{call.method.id} with a filter")
    collection = call.collection
    parent = call.path.rsplit("/", 1)[0] if collection.parent_template else ""
    found = call.context.store.of_type(collection.key, parent, collection.name_parts)
    if call.hook.kept_as and call.query.get("showDeleted", "").lower() != "true":
        field, value = call.hook.kept_as
        found = [one for one in found if one.body.get(field) != value]
    size = int(call.query.get("pageSize") or call.query.get("maxResults") or PAGE)
    start = _page_start(call.query.get("pageToken", ""))
    page = [call.hook.shown(call, one) for one in found[start : start + size]]
    result: dict[str, Any] = {collection.list_field: page} if page else {}
    if start + size < len(found):
        result["nextPageToken"] = str(start + size)
    return bodies.with_kind(call, result)


def aggregated(call: Call) -> dict[str, Any]:
    """Compute's list over all places: by place, what has this collection's word in its path."""
    word = call.path.rsplit("/", 1)[-1]
    items: dict[str, dict[str, list[Any]]] = {}
    for one in call.context.store.everything():
        parts = one.path.split("/")
        if one.key.startswith(f"{call.api.name}/") and len(parts) > 3 and parts[-2] == word:
            shown = call.context.hook(one.type).shown(call, one)
            items.setdefault("/".join(parts[2:-2]), {}).setdefault(word, []).append(shown)
    return bodies.with_kind(call, {"items": items})


def _page_start(token: str) -> int:
    if token and not token.isdecimal():
        raise invalid("The page token is invalid.")
    return int(token or 0)


def create(call: Call) -> dict[str, Any]:
    """Create, at once or with an operation."""
    collection = call.collection
    name = call.hook.named(call, bodies.new_name(call))
    parent = bodies.parent_path(call)
    _check_parent(call, parent)
    path = "/".join(part for part in (parent, collection.literal, name) if part)
    body = copy.deepcopy(call.body.get(collection.wrapper, {}) if collection.wrapper else call.body)
    if collection.bare_create:
        body = {}
    identity = frozenset({"name", collection.id_place[1].split(".")[0]})
    for field, message in validation.missing(call.api, collection.schema, body, call.method.id, identity):
        raise bodies.violation(field.strip("/").replace("/", "."), message)
    call.hook.default(call, body)
    bodies.fill_outputs(call, body, path, name)
    body.update(call.hook.pending if call.api.answer(call.method) != "plain" else {})
    resource = Stored(call.key(path), collection.key, body, backing=call.hook.backing)
    if not call.context.store.add(resource):
        raise Refusal(409, f"Resource '{path}' already exists.")
    return _make(call, resource)


def _make(call: Call, resource: Stored) -> dict[str, Any]:
    hook, store = call.hook, call.context.store

    def work(draft: Stored) -> None:
        hook.created(call, draft)
        draft.body.update(bodies.ready(call))

    if call.api.answer(call.method) == "plain":
        try:
            work(resource)
        except Refusal:
            store.remove(resource.key)
            raise
        store.put(resource)
        return hook.shown(call, resource)
    return call.context.operations.start(
        call, resource, work, seconds=hook.seconds, on_failure=lambda: store.remove(resource.key)
    )


def _mark_deleted(call: Call, resource: Stored) -> dict[str, Any]:
    """Delete softly: the resource stays, marked, and so does its id."""
    assert call.hook.kept_as
    field, value = call.hook.kept_as
    if resource.body.get(field) == value:
        raise precondition(f"Resource '{resource.path}' is deleted already.")

    def work(draft: Stored) -> None:
        draft.private["before"] = draft.body.get(field)
        draft.body[field] = value

    return _worked(call, resource, work)


def undelete(call: Call) -> dict[str, Any]:
    """Bring back what was deleted softly."""
    resource = call.resource()
    assert call.hook.kept_as
    field, value = call.hook.kept_as
    if resource.body.get(field) != value:
        raise precondition(f"Resource '{resource.path}' is not deleted.")

    def work(draft: Stored) -> None:
        before = draft.private.pop("before", None)
        draft.body.pop(field)
        if before is not None:
            draft.body[field] = before

    return _worked(call, resource, work)


def _worked(call: Call, resource: Stored, work: Callable[[Stored], None]) -> dict[str, Any]:
    """Work on a resource in the method's own style: with an operation, or at once."""
    if call.api.answer(call.method) != "plain":
        return call.operation(resource, work, seconds=call.hook.seconds)
    work(resource)
    call.context.store.put(resource)
    return resource.body if call.method.response == call.collection.schema_name else {}


def _check_parent(call: Call, parent: str) -> None:
    parts = parent.split("/")
    if len(parts) < 2 or parts[-2] in PLACES or parts[-1] == "global":
        return
    declared = call.method.collection.rsplit(".", 1)[0]
    candidates = {declared, parts[-2]} & set(call.api.methods)
    creatable = any({"create", "insert"} & set(call.api.methods[name]) for name in candidates)
    if creatable and call.context.store.get(call.key(parent)) is None:
        raise Refusal(404, f"Resource '{parent}' was not found.")


def update(call: Call) -> dict[str, Any]:
    """Change in place: by mask, by merging, or (PUT) by replacing what isn't an output."""
    resource = call.resource()
    wrapper = call.collection.update_wrapper
    given = call.body.get(wrapper, {}) if wrapper else call.body
    masks = [value for key, value in {**call.body, **call.query}.items() if key.lower().endswith("mask")]
    mask = masks[-1] if masks else None
    bodies.check_etag(call, resource, given)
    after = bodies.changed(call, resource.body, given, mask if isinstance(mask, str) else None)
    bodies.check_immutable(call, resource.body, after)
    call.hook.updating(call, resource, after)
    before = resource.body

    def work(draft: Stored) -> None:
        draft.body = after
        call.hook.updated(call, draft, before)
        bodies.touch(call, draft.body)

    if call.api.answer(call.method) == "plain":
        work(resource)
        call.context.store.put(resource)
        return call.hook.shown(call, resource)
    return call.operation(resource, work, seconds=call.hook.seconds)


def delete(call: Call) -> dict[str, Any]:
    """Delete, with everything under it."""
    resource = call.resource()
    hook, store = call.hook, call.context.store
    bodies.check_etag(call, resource, call.query)
    hook.deleting(call, resource)
    if hook.kept_as:
        return _mark_deleted(call, resource)
    if call.api.answer(call.method) == "plain":
        hook.deleted(call, resource)
        store.remove(resource.key)
        return {}
    return call.context.operations.start(
        call, resource, lambda draft: hook.deleted(call, draft), seconds=hook.seconds, removes=True
    )
