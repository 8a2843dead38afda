"""Field sets of ``managedFields`` (FieldsV1): which paths a manager owns.

A set is the nested dict that Kubernetes prints: ``{"f:spec": {"f:replicas": {}}}``; an empty dict is an
owned leaf, ``"."`` in a dict means that the item itself is owned. ``k:{...}`` names a list item by its keys,
``v:...`` an item of a set.
"""

from __future__ import annotations

from typing import Any

import orjson

from localcloud.kubernetes.schema import KEY_DEFAULTS, Node, item_key

Fields = dict[str, Any]
#: Metadata that the server owns.
SYSTEM_METADATA = frozenset(
    [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
        "generateName",
    ]
)


def granular_list(node: Node | None) -> bool:
    """Whether items of this list are owned one by one."""
    return node is not None and node.kind == "array" and not node.atomic


def _granular_map(node: Node | None, value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and (node is None or node.kind == "any" or not node.atomic)


def key_text(node: Node, item: Any) -> str:
    """``k:{"name":"api"}`` or ``v:"finalizer"``."""
    if not node.map_keys:
        return "v:" + orjson.dumps(item).decode()
    keys = {k: item.get(k, KEY_DEFAULTS.get(k)) for k in node.map_keys}
    return (
        "k:"
        + orjson.dumps({k: v for k, v in keys.items() if v is not None}, option=orjson.OPT_SORT_KEYS).decode()
    )


def fields_of(value: Any, node: Node | None) -> Fields:
    """Every path that ``value`` sets."""
    if _granular_map(node, value):
        return {f"f:{k}": fields_of(v, node.field(k) if node else None) for k, v in value.items()}
    if isinstance(value, list) and value and granular_list(node):
        assert node is not None
        found: Fields = {}
        for item in value:
            own = fields_of(item, node.items) if isinstance(item, dict) else {}
            found[key_text(node, item)] = {".": {}} | own if node.map_keys else {}
        return found
    return {}


def object_fields(obj: dict[str, Any], node: Node | None) -> Fields:
    """Paths of a whole object, without what names it and what the server owns."""
    body = {k: v for k, v in obj.items() if k not in ("apiVersion", "kind", "metadata")}
    metadata = {k: v for k, v in obj.get("metadata", {}).items() if k not in SYSTEM_METADATA}
    found = fields_of(body, node) if body else {}
    if metadata:
        found["f:metadata"] = fields_of(metadata, node.field("metadata") if node else None)
    return found


def union(a: Fields, b: Fields) -> Fields:
    """Paths in either."""
    merged = dict(a)
    for key, value in b.items():
        merged[key] = union(merged[key], value) if key in merged else value
    return merged


def minus(a: Fields, b: Fields) -> Fields:
    """Paths of ``a`` that ``b`` lacks."""
    left: Fields = {}
    for key, value in a.items():
        if key not in b:
            left[key] = value
        elif value:
            rest = minus(value, b[key])
            if rest:
                left[key] = rest
    return left


def common(a: Fields, b: Fields) -> Fields:
    """Paths in both; a leaf of one covers what the other owns below it."""
    both: Fields = {}
    for key in a.keys() & b.keys():
        if not a[key] or not b[key]:
            both[key] = {}
        else:
            below = common(a[key], b[key])
            if below:
                both[key] = below
    return both


def changed(old: Any, new: Any, node: Node | None) -> Fields:
    """Paths set in ``new`` whose value differs from ``old``."""
    if old == new:
        return {}
    if _granular_map(node, new):
        before = old if isinstance(old, dict) else {}
        found = {}
        for name, value in new.items():
            if name not in before:
                found[f"f:{name}"] = fields_of(value, node.field(name) if node else None)
            elif before[name] != value:
                found[f"f:{name}"] = changed(before[name], value, node.field(name) if node else None)
        return found
    if isinstance(new, list) and granular_list(node):
        assert node is not None
        have = {item_key(node, item): item for item in old or ()}
        found = {}
        for item in new:
            was = have.get(item_key(node, item))
            if was is None:
                found |= fields_of([item], node)
            elif was != item:
                found[key_text(node, item)] = changed(was, item, node.items)
        return found
    return {}


def dig(value: Any, key: str, node: Node | None) -> tuple[Any, Node | None, bool]:
    """The value one step below, its schema, and whether it is there."""
    if key.startswith("f:"):
        name = key[2:]
        there = isinstance(value, dict) and name in value
        return (value[name] if there else None), (node.field(name) if node else None), there
    if node is not None and isinstance(value, list):
        for item in value:
            if key_text(node, item) == key:
                return item, node.items, True
    return None, node.items if node else None, False


def path_text(key: str) -> str:
    """One step as conflicts print it: ``.replicas`` or ``[name="api"]``."""
    if key.startswith("f:"):
        return "." + key[2:]
    if key.startswith("k:"):
        keys = orjson.loads(key[2:])
        return "[" + ",".join(f"{k}={orjson.dumps(v).decode()}" for k, v in keys.items()) + "]"
    return f"[={key[2:]}]"
