"""A resource's body: its name and outputs, changes to it, and the fields that guard against lost updates."""

from __future__ import annotations

import copy
import random
import re
import uuid
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from dreamnet.resources.google.validation import is_output
from localcloud.google.calls import Call
from localcloud.google.hooks import Refusal, invalid
from localcloud.google.store import Stored
from localcloud.google.times import now

#: What a finished resource's `state` or `status` says, in the order of preference.
READY_STATES = ("READY", "ACTIVE", "RUNNING", "RUNNABLE", "ENABLED", "UP", "RESERVED")

#: Names that compute, GKE and most others accept (RFC 1035 label; up to 63, with underscores for the others).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%+-]{0,254}")


_CREATE_DATABASE = re.compile(r"(?i)CREATE\s+DATABASE\s+[`\"]?([a-z][a-z0-9_-]{0,28}[a-z0-9])[`\"]?")


class Violation(Refusal):
    """400 with the field it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(400, f"Invalid value at '{field}': it {message}.")
        self.field = field


def violation(field: str, message: str) -> Violation:
    """400 INVALID_ARGUMENT about one field of the request."""
    return Violation(field or "body", message)


def new_name(call: Call) -> str:
    """The name that the caller gives the new resource, or one made here where the server chooses.

    Raises:
        Refusal: there is none, or it can't be one.
    """
    place, field = call.collection.id_place
    if place == "server":
        return str(random.getrandbits(62))
    if place == "statement":
        return _in_statement(call)
    if place == "path":
        return call.path.rsplit("/", 1)[-1]
    if place == "query":
        found: Any = call.query.get(field)
    elif place == "sibling":
        found = call.body.get(field)
    else:
        found = call.body.get(call.collection.wrapper, {}) if call.collection.wrapper else call.body
        for part in field.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    name = str(found or "").rsplit("/", 1)[-1]
    if call.collection.name_parts > 1:
        return f"{name}/{call.body.get('type')}"
    if not _NAME.fullmatch(name):
        raise violation(field, f"is {found!r}; it must be the new resource's id" if found else "is required")
    return name


def _in_statement(call: Call) -> str:
    """The database's id in `CREATE DATABASE ...`."""
    found = _CREATE_DATABASE.fullmatch(str(call.body.get("createStatement", "")).strip())
    if found is None:
        raise violation("createStatement", "is no CREATE DATABASE with an id of 2 to 30 characters")
    return found[1]


def parent_path(call: Call) -> str:
    """The path that the new resource hangs under."""
    if not call.collection.parent_template:
        return ""
    parts = call.path.split("/")
    return "/".join(parts[:-2] if call.collection.id_place[0] == "path" else parts[:-1])


def fill_outputs(call: Call, body: dict[str, Any], path: str, name: str) -> None:
    """Set what every service sets: names, links, times, ids, fingerprints."""
    properties = call.collection.schema.get("properties", {})
    parts = path.split("/")
    places = dict(zip(parts[0::2], parts[1::2], strict=False))
    link = call.context.url(call.api, path)
    outputs = {
        "name": path if call.collection.full_names else name.split("/")[0],
        "selfLink": link,
        "kind": properties.get("kind", {}).get("default"),
        "createTime": now(),
        "creationTimestamp": now(),
        "timeCreated": now(),
        "uid": str(uuid.uuid4()),
        "zone": _place_link(call, places, "zones"),
        "region": _place_link(call, places, "regions"),
    }
    for key, value in outputs.items():
        if key in properties and value is not None:
            body[key] = value
    if properties.get("id", {}).get("format") == "uint64":
        body["id"] = str(random.getrandbits(62))
    body.pop("etag", None)
    body.pop("fingerprint", None)
    touch(call, body)


def _place_link(call: Call, places: Mapping[str, str], kind: str) -> str | None:
    if call.api.name != "compute" or kind not in places:
        return None
    return call.context.url(call.api, f"projects/{call.context.project}/{kind}/{places[kind]}")


def touch(call: Call, body: dict[str, Any]) -> None:
    """Set what changes with every change: update time, etag, fingerprints."""
    properties = call.collection.schema.get("properties", {})
    for key in ("updateTime", "updated"):
        if key in properties:
            body[key] = now()
    seal = b64encode(zlib.crc32(uuid.uuid4().bytes).to_bytes(4, "big") * 2).decode()
    for key in ("etag", "fingerprint", "labelFingerprint"):
        if key in properties and properties[key].get("type") == "string":
            body[key] = seal


def ready(call: Call) -> dict[str, Any]:
    """What a finished resource's state says: the hook's word, or the schema's likeliest one."""
    if call.hook.ready:
        return dict(call.hook.ready)
    for key in ("state", "status"):
        states = call.collection.schema.get("properties", {}).get(key, {}).get("enum", ())
        found = next((state for state in READY_STATES if state in states), None)
        if found:
            return {key: found}
    return {}


def with_kind(call: Call, result: dict[str, Any]) -> dict[str, Any]:
    """Add `kind` where the answer's schema has a constant one."""
    kind = call.api.schema(call.method.response).get("properties", {}).get("kind", {}).get("default")
    return {"kind": kind, **result} if kind else result


def check_etag(call: Call, resource: Stored, given: Mapping[str, Any]) -> None:
    """Refuse a change that was made to an older version.

    Raises:
        Refusal: 412 for compute's fingerprint, 409 ABORTED for an etag.
    """
    for key in ("etag", "fingerprint"):
        if given.get(key) and resource.body.get(key) and given[key] != resource.body[key]:
            if key == "fingerprint":
                raise Refusal(
                    412, "Invalid fingerprint: the resource was changed in between.", "CONDITION_NOT_MET"
                )
            raise Refusal(409, "The etag does not match: the resource was changed in between.", "ABORTED")


def changed(
    call: Call, body: Mapping[str, Any], given: Mapping[str, Any], mask: str | None
) -> dict[str, Any]:
    """The body after a change; `body` stays as it is."""
    after = copy.deepcopy(dict(body))
    if mask and mask != "*":
        for path in mask.split(","):
            _copy_path(call, after, given, path.strip())
    elif call.method.http == "PUT" or call.method.replaces or mask == "*":
        properties = call.collection.schema.get("properties", {})
        kept = {key: value for key, value in after.items() if is_output(properties.get(key, {}))}
        fixed = ("name", "selfLink", "id", "kind", "creationTimestamp", "timeCreated", "createTime")
        kept.update({key: after[key] for key in fixed if key in after})
        after = {**copy.deepcopy(dict(given)), **kept}
    else:
        _merge(after, given)
    return after


def _copy_path(call: Call, after: dict[str, Any], given: Mapping[str, Any], path: str) -> None:
    parts = [_camel(part) for part in path.split(".")]
    if parts[0] not in call.collection.schema.get("properties", {}):
        raise violation("updateMask", f"names {path}, which is no field of {call.collection.schema_name}")
    source: Any = given
    target: Any = after
    for part in parts[:-1]:
        source = source.get(part, {}) if isinstance(source, Mapping) else {}
        target = target.setdefault(part, {})
    if isinstance(source, Mapping) and parts[-1] in source:
        target[parts[-1]] = copy.deepcopy(source[parts[-1]])
    else:
        target.pop(parts[-1], None)


def _camel(part: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), part)


def _merge(after: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(after.get(key), dict):
            _merge(after[key], value)
        else:
            after[key] = copy.deepcopy(value)


def check_immutable(call: Call, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse a change of a field that the documentation calls immutable.

    Raises:
        Refusal: 400, naming the field.
    """
    for key, schema in call.collection.schema.get("properties", {}).items():
        # Of labels it says that only of Google's own.
        immutable = key != "labels" and "immutable." in schema.get("description", "").lower()
        if immutable and key in before and before[key] != after.get(key):
            raise invalid(f"Field {key} of {call.collection.schema_name} is immutable.")
