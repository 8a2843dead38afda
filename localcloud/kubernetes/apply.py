"""Server-side apply: who owns which field, what a manager may change, what goes when it is dropped.

Follows kubernetes.io/docs/reference/using-api/server-side-apply (read November 2026)
and structured-merge-diff.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.fields import (
    Fields,
    changed,
    common,
    dig,
    fields_of,
    granular_list,
    minus,
    object_fields,
    path_text,
    union,
)
from localcloud.kubernetes.schema import Node, item_key
from localcloud.kubernetes.storage import copy

Object = dict[str, Any]


def timestamp() -> str:
    """Now, in UTC, to the second, as Kubernetes writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(manager: str, operation: str, api_version: str, subresource: str, fields: Fields) -> Object:
    entry: Object = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": timestamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return entry | ({"subresource": subresource} if subresource else {})


def _is(entry: Object, manager: str, operation: str, subresource: str) -> bool:
    key = (entry["manager"], entry["operation"], entry.get("subresource", ""))
    return key == (manager, operation, subresource)


def track_update(
    live: Object | None, new: Object, node: Node | None, manager: str, subresource: str = ""
) -> None:
    """Write ``managedFields`` of an ordinary create, update or patch: the manager owns what it changed."""
    old = live or {}
    mine = _changed_fields(old, new, node, subresource)
    entries: list[Object] = list(old.get("metadata", {}).get("managedFields", ()))
    all_fields = object_fields(new, node)
    kept = []
    found = False
    for entry in entries:
        fields = common(entry["fieldsV1"], all_fields)
        if _is(entry, manager, "Update", subresource):
            found = True
            total = union(fields, mine)
            kept.append(
                entry if total == entry["fieldsV1"] else entry | {"fieldsV1": total, "time": timestamp()}
            )
            continue
        fields = minus(fields, mine)
        if fields:
            kept.append(entry if fields == entry["fieldsV1"] else entry | {"fieldsV1": fields})
    if mine and not found:
        kept.append(_entry(manager, "Update", new["apiVersion"], subresource, mine))
    if kept:
        new["metadata"]["managedFields"] = kept
    else:
        new["metadata"].pop("managedFields", None)


def _changed_fields(old: Object, new: Object, node: Node | None, subresource: str) -> Fields:
    mine: Fields = {}
    for name, value in new.items():
        if name in ("apiVersion", "kind", "metadata") or (name == "status" and not subresource):
            continue
        if value != old.get(name):
            child = node.field(name) if node else None
            mine[f"f:{name}"] = changed(old[name], value, child) if name in old else fields_of(value, child)
    metadata = changed(_own_metadata(old), _own_metadata(new), node.field("metadata") if node else None)
    return mine | ({"f:metadata": metadata} if metadata else {})


def _own_metadata(obj: Object) -> Object:
    metadata = obj.get("metadata", {})
    return {
        k: v for k, v in metadata.items() if k in ("labels", "annotations", "finalizers", "ownerReferences")
    }


def apply(
    live: Object | None, applied: Object, node: Node | None, manager: str, force: bool, subresource: str = ""
) -> Object:
    """The object after ``manager`` applied ``applied``: a new object, with ``managedFields``.

    Raises:
        ApiError: 409 when another manager owns a field with another value and ``force`` is not set.
    """
    wanted = object_fields(applied, node)
    if live is None:
        new = copy(applied)
        new["metadata"]["managedFields"] = [
            _entry(manager, "Apply", applied["apiVersion"], subresource, wanted)
        ]
        return dict(new)
    entries: list[Object] = list(live["metadata"].get("managedFields", ()))
    mine = next((e for e in entries if _is(e, manager, "Apply", subresource)), None)
    others = [e for e in entries if e is not mine]
    contested = _contested(live, applied, node, wanted, others)
    if contested and not force:
        raise _conflict(contested)
    taken: Fields = {}
    for _, fields in contested:
        taken = union(taken, fields)
    others = [e | {"fieldsV1": minus(e["fieldsV1"], taken)} if taken else e for e in others]
    others = [e for e in others if e["fieldsV1"]]
    new = copy(live)
    _merge_into(new, {k: v for k, v in applied.items() if k != "metadata"}, node)
    meta_node = node.field("metadata") if node else None
    _merge_into(new["metadata"], _own_metadata(applied), meta_node)
    if mine is not None:
        dropped = minus(mine["fieldsV1"], wanted)
        for entry in others:
            dropped = minus(dropped, entry["fieldsV1"])
        _remove(new, dropped, node)
    same = mine is not None and mine["fieldsV1"] == wanted
    entry = mine if same and mine else _entry(manager, "Apply", applied["apiVersion"], subresource, wanted)
    new["metadata"]["managedFields"] = [*others, entry]
    return dict(new)


def _contested(
    live: Object, applied: Object, node: Node | None, wanted: Fields, others: list[Object]
) -> list[tuple[Object, Fields]]:
    found = []
    for entry in others:
        shared = common(wanted, entry["fieldsV1"])
        differing = _differing(live, applied, shared, node)
        if differing:
            found.append((entry, differing))
    return found


def _differing(live: Any, applied: Any, fields: Fields, node: Node | None) -> Fields:
    """Paths of ``fields`` whose live and applied values differ."""
    found: Fields = {}
    for key, below in fields.items():
        if key == ".":
            continue
        old, child, _ = dig(live, key, node)
        new, _, _ = dig(applied, key, node)
        if below:
            deeper = _differing(old, new, below, child)
            if deeper:
                found[key] = deeper
        elif old != new and not (isinstance(old, dict) and isinstance(new, dict) and not new):
            found[key] = {}
    return found


def _leaves(fields: Fields, prefix: str = "") -> Iterator[str]:
    for key, below in fields.items():
        if key == ".":
            continue
        path = prefix + path_text(key)
        if below and set(below) != {"."}:
            yield from _leaves(below, path)
        else:
            yield path


def _conflict(contested: list[tuple[Object, Fields]]) -> ApiError:
    causes, blocks = [], []
    for entry, fields in contested:
        using = "" if entry["operation"] == "Apply" else f" using {entry['apiVersion']}"
        by = f'"{entry["manager"]}"' + (
            f' with subresource "{entry["subresource"]}"' if "subresource" in entry else ""
        )
        paths = list(_leaves(fields))
        many = "conflicts" if len(paths) > 1 else "conflict"
        listed = f": {paths[0]}" if len(paths) == 1 else ":" + "".join(f"\n- {p}" for p in paths)
        blocks.append(f"{many} with {by}{using}{listed}")
        message = f"conflict with {by}{using}"
        causes += [{"reason": "FieldManagerConflict", "message": message, "field": p} for p in paths]
    count = len(causes)
    head = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: "
    return ApiError(409, "Conflict", head + "\n".join(blocks), {"causes": causes})


def _merge_into(target: Object, applied: Object, node: Node | None) -> None:
    for name, value in applied.items():
        child = node.field(name) if node else None
        target[name] = _merged(target.get(name), value, child)


def _merged(live: Any, value: Any, node: Node | None) -> Any:
    if (
        isinstance(value, dict)
        and isinstance(live, dict)
        and (node is None or node.kind == "any" or not node.atomic)
    ):
        _merge_into(live, value, node)
        return live
    if isinstance(value, list) and isinstance(live, list) and granular_list(node):
        assert node is not None
        have = {item_key(node, item): item for item in live}
        result = []
        for item in value:
            was = have.pop(item_key(node, item), None)
            result.append(_merged(was, item, node.items) if was is not None else copy(item))
        # Items of others keep their order, after the ones applied.
        return result + [item for item in live if item_key(node, item) in have]
    return copy(value)


def _remove(value: Any, fields: Fields, node: Node | None) -> None:
    """Delete the paths of ``fields`` from ``value``, and maps that become empty by it."""
    for key, below in fields.items():
        if key == ".":
            continue
        found, child, there = dig(value, key, node)
        if not there:
            continue
        whole = not below or "." in below
        if not whole:
            _remove(found, below, child)
            whole = found in ({}, [])
        if not whole:
            continue
        if key.startswith("f:"):
            del value[key[2:]]
        else:
            value[:] = [item for item in value if item is not found]
