"""Which declared fields differ from the live ones, as Google's APIs spell values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dreamnet.resources.google import irregular
from dreamnet.resources.google.discovery import Api, Collection
from dreamnet.resources.google.validation import is_output
from dreamnet.resources.model import Change

#: Fields that are fixed at creation although their descriptions don't say so (each API's reference, under its
#: patch or update method, November 2026). Where a header's `create_only` names more, those count too.
CREATE_ONLY: Mapping[str, frozenset[str]] = {
    "container/projects.locations.clusters": frozenset(
        {"network", "subnetwork", "ipAllocationPolicy", "clusterIpv4Cidr", "enableKubernetesAlpha"}
    ),
    "sqladmin/instances": frozenset({"region", "instanceType"}),
    "redis/projects.locations.instances": frozenset(
        {"tier", "locationId", "alternativeLocationId", "authorizedNetwork", "connectMode"}
    ),
    "storage/buckets": frozenset({"location", "locationType"}),
    "bigquery/datasets": frozenset({"location"}),
    "bigquery/tables": frozenset({"timePartitioning.type", "timePartitioning.field", "rangePartitioning"}),
    "spanner/projects.instances": frozenset({"config"}),
    "pubsub/projects.subscriptions": frozenset({"topic", "filter", "enableMessageOrdering"}),
    "artifactregistry/projects.locations.repositories": frozenset({"format", "mode", "kmsKeyName"}),
    "datapipelines/projects.locations.pipelines": frozenset({"type"}),
    "storagetransfer/transferJobs": frozenset({"projectId", "schedule"}),
    "servicenetworking/services.connections": frozenset({"network"}),
    "dns/managedZones": frozenset({"dnsName", "visibility"}),
    "dns/resourceRecordSets": frozenset({"type"}),
    "monitoring/services": frozenset({"custom"}),
    "aiplatform/projects.locations.datasets": frozenset({"metadataSchemaUri"}),
    "compute/routers": frozenset({"network"}),
    "compute/regionNetworkEndpointGroups": frozenset({"networkEndpointType", "cloudRun"}),
    "compute/networks": frozenset({"autoCreateSubnetworks"}),
    "compute/networkEndpointGroups": frozenset(
        {"networkEndpointType", "network", "subnetwork", "defaultPort"}
    ),
    "compute/globalForwardingRules": frozenset(
        {"IPAddress", "IPProtocol", "portRange", "loadBalancingScheme"}
    ),
}

#: BigQuery takes either name of a type and answers with the older one (its documentation of
#: `TableFieldSchema.type`, November 2026).
STANDARD_SQL: Mapping[str, str] = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
}

#: Lists that other declarations add to: what the declaration doesn't name isn't missing.
SHARED_LISTS = frozenset({"nodePools"})

#: What tells a list's items apart, where they have it: node pools by name, a policy's rules by priority.
LIST_KEYS = ("name", "priority")

#: Names of the fields that hold labels.
LABELS = frozenset({"labels", "userLabels", "resourceLabels"})

_WRITE_ONLY = re.compile(r"(?i)(password|passwd|privatekey|secretkey)$")
_INITIAL = re.compile(r"initial[A-Z]")
_IMMUTABLE = re.compile(r"(?i)\bimmutable\b\.?|(cannot|can't|can not) be (changed|modified|updated)")


def differences(
    collection: Collection, wanted: Mapping[str, Any], live: Mapping[str, Any], create_only: frozenset[str]
) -> Iterator[Change]:
    """The declared fields that differ.

    Args:
        wanted: the declared body.
        live: what Google returned.
        create_only: further fields (`a.b`) that force a replacement.

    Yields:
        One change a field (a list of plain values is one field).
    """
    fixed = CREATE_ONLY.get(collection.key, frozenset()) | create_only
    place, key = collection.id_place
    identity = {key.split(".")[0], "name"} if place != "server" else {"name"}
    fixed |= frozenset(collection.beside) - irregular.CHANGEABLE.get(collection.key, frozenset())
    schema = collection.schema
    for name, value in wanted.items():
        if name in identity or (name in collection.beside and name not in live):
            continue
        known = collection.beside.get(name) or schema.get("properties", {}).get(name, {})
        for change in _field(collection.api, known, name, value, live.get(name), f"/{name}"):
            if irregular.is_addition(collection, change.path, live):
                change = replace(change, replacement=False)
            elif _is_fixed(change.path, fixed) or irregular.unchangeable(collection, change.path):
                change = replace(change, replacement=True)
            yield change


def _is_fixed(path: str, fixed: frozenset[str]) -> bool:
    """Whether the field, or one that it is part of, is named there."""
    parts = path.strip("/").split("/")
    return any(".".join(parts[:depth]) in fixed for depth in range(1, len(parts) + 1))


def _field(
    api: Api, schema: Mapping[str, Any], name: str, wanted: Any, live: Any, path: str
) -> Iterator[Change]:
    if _not_compared(schema, name):
        return
    # Descriptions of labels say that Google's own ones are immutable.
    replacement = name not in LABELS and bool(_IMMUTABLE.search(schema.get("description", "")))
    schema = api.schema(schema["$ref"]) if "$ref" in schema else schema
    if isinstance(wanted, Mapping):
        found = _object(api, schema, wanted, live, path)
    elif isinstance(wanted, list):
        found = _list(api, schema, name, wanted, live, path)
    else:
        equal = same(schema, wanted, _respelled(name, wanted, live))
        found = iter(() if equal else (Change(path, live, wanted),))
    for change in found:
        yield Change(change.path, change.before, change.after, change.replacement or replacement)


def _respelled(name: str, wanted: Any, live: Any) -> Any:
    """What services return in their own spelling, in ours."""
    if name == "masterInstanceName" and isinstance(live, str):
        return live.rsplit(":", 1)[-1]  # Cloud SQL puts the project in front
    if name == "location" and str(wanted).upper() == str(live).upper():
        return wanted  # Cloud Storage answers in capitals
    if name == "type" and isinstance(wanted, str) and STANDARD_SQL.get(wanted) == live:
        return wanted
    return live


def _not_compared(schema: Mapping[str, Any], name: str) -> bool:
    description = schema.get("description", "")
    return (
        is_output(schema)
        or bool(_WRITE_ONLY.search(name))
        or bool(_INITIAL.match(name))
        or description.lower().startswith(("input only", "initial root password"))
    )


def _object(
    api: Api, schema: Mapping[str, Any], wanted: Mapping[str, Any], live: Any, path: str
) -> Iterator[Change]:
    if live is None and not wanted:
        return
    present = live if isinstance(live, Mapping) else {}
    for name, value in wanted.items():
        known = schema.get("properties", {}).get(name) or schema.get("additionalProperties") or {}
        yield from _field(api, known, name, value, present.get(name), f"{path}/{name}")


def _list(
    api: Api, schema: Mapping[str, Any], name: str, wanted: list[Any], live: Any, path: str
) -> Iterator[Change]:
    present = live if isinstance(live, list) else []
    items = schema.get("items", {})
    key = next((key for key in LIST_KEYS if wanted and all(_has(one, key) for one in wanted)), None)
    if key:
        yield from _by_key(api, items, name, key, wanted, present, path)
    elif len(wanted) == len(present) and any(isinstance(one, Mapping) for one in wanted):
        yield from _in_any_order(api, items, wanted, present, path)
    elif not _same_set(items, wanted, present):
        yield Change(path, live, wanted)


def _has(one: Any, key: str) -> bool:
    return isinstance(one, Mapping) and key in one


def _in_any_order(
    api: Api, items: Mapping[str, Any], wanted: list[Any], present: list[Any], path: str
) -> Iterator[Change]:
    """Items without a key: those that are there already, wherever, are the same; the others, in order."""
    left = list(present)
    unmatched = []
    for index, one in enumerate(wanted):
        equal = next((other for other in left if not [*_field(api, items, "", one, other, "")]), None)
        if equal is None:
            unmatched.append((index, one))
        else:
            left.remove(equal)
    for (index, one), other in zip(unmatched, left, strict=True):
        yield from _field(api, items, "", one, other, f"{path}/{index}")


def _same_set(items: Mapping[str, Any], wanted: list[Any], present: list[Any]) -> bool:
    """Lists of plain values are sets in Google's APIs: zones, scopes, domains."""
    return len(wanted) == len(present) and all(
        any(same(items, one, other) for other in present) for one in wanted
    )


def _by_key(
    api: Api,
    items: Mapping[str, Any],
    name: str,
    key: str,
    wanted: list[Any],
    present: list[Any],
    path: str,
) -> Iterator[Change]:
    known = {one.get(key): one for one in present if isinstance(one, Mapping)}
    for index, one in enumerate(wanted):
        if one[key] not in known:
            yield Change(f"{path}/{index}", None, one)
        else:
            yield from _field(api, items, "", one, known[one[key]], f"{path}/{index}")
    extra = set(known) - {one[key] for one in wanted}
    if extra and name not in SHARED_LISTS:
        yield Change(path, sorted(str(one) for one in known), [str(one[key]) for one in wanted])


def same(schema: Mapping[str, Any], wanted: Any, live: Any) -> bool:
    """Whether two scalars mean the same.

    64-bit numbers are strings in JSON, defaults are left out, and links to resources are written in full, in
    part, or as the bare name.
    """
    if live is None:
        return wanted in (None, False, 0, "", "0")
    if isinstance(wanted, bool) or isinstance(live, bool):
        return bool(wanted == live)
    if isinstance(wanted, int | float) or isinstance(live, int | float):
        return str(wanted) == str(live) or _number(wanted) == _number(live)
    return str(wanted) == str(live) or _same_link(str(wanted), str(live))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _same_link(wanted: str, live: str) -> bool:
    if "projects/" not in live and "projects/" not in wanted:
        return False
    short, long = sorted((_tail(wanted), _tail(live)), key=len)
    return short == long or long.endswith(f"/{short}")


def _tail(link: str) -> str:
    found = link.find("projects/")
    return link[found:] if found >= 0 else link.strip("/")
