"""Kubernetes' own OpenAPI definitions as typed nodes, read lazily; CRD schemas become the same nodes."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Any

import orjson

from dreamnet.kubernetes import rules

#: Merge keys that Kubernetes defaults before it compares list items (the definitions carry no defaults).
KEY_DEFAULTS = {"protocol": "TCP"}


_LIMITS = ("minimum", "maximum", "pattern", "minLength", "maxLength")


class Node:
    """One field's schema.

    ``kind`` is object, array, string, integer, number, boolean, quantity, scalar (text or number) or any.
    """

    __slots__ = ("_definitions", "_items", "_limits", "_properties", "_raw", "_resolved", "kind", "required")

    def __init__(self, raw: dict[str, Any], definitions: dict[str, Any]) -> None:
        merged, quantity = raw, False
        while "$ref" in merged:
            quantity = merged["$ref"].endswith(".api.resource.Quantity")
            # What stands beside $ref (patch strategy, list type) belongs to this use of the definition.
            target = definitions[merged["$ref"].rpartition("/")[2]]
            merged = target | {k: v for k, v in merged.items() if k != "$ref"}
        self._raw, self._definitions = merged, definitions
        self._limits = {k: merged[k] for k in _LIMITS if k in merged}
        self._properties: dict[str, Node] = {}
        self._items: Node | None = None
        self._resolved = False
        types = merged.get("type", "any")
        self.kind = next((t for t in types if t != "null"), "any") if isinstance(types, list) else types
        if ("oneOf" in merged and "type" not in merged) or merged.get("x-kubernetes-int-or-string"):
            self.kind = "quantity" if quantity else "scalar"
        if self.kind == "object" and not merged.get("properties") and "additionalProperties" not in merged:
            self.kind = "any"
        self.required: tuple[str, ...] = tuple(merged.get("required", ()))

    def field(self, name: str) -> Node | None:
        """Schema of a member; None where the definitions know no such field."""
        found = self._properties.get(name)
        if found is None:
            raw = self._raw.get("properties", {}).get(name)
            if raw is None:
                return self.values
            found = self._properties[name] = Node(raw, self._definitions)
        return found

    @property
    def values(self) -> Node | None:
        """Schema of every value of a map such as labels."""
        return self._child("additionalProperties")

    @property
    def items(self) -> Node | None:
        """Schema of a list's items."""
        return self._child("items")

    def _child(self, key: str) -> Node | None:
        if not self._resolved:
            self._resolved = True
            raw = self._raw.get(key)
            self._items = Node(raw, self._definitions) if isinstance(raw, dict) else None
        return self._items if key in self._raw else None

    @property
    def closed(self) -> bool:
        """Whether a field that the schema does not name is unknown."""
        return "properties" in self._raw and not bool(self._raw.get("x-kubernetes-preserve-unknown-fields"))

    @property
    def format(self) -> str:
        """``int32``, ``date-time`` and so on."""
        return str(self._raw.get("format", ""))

    @property
    def enum(self) -> tuple[Any, ...]:
        """Allowed values; empty for any."""
        return tuple(self._raw.get("enum", ()))

    @property
    def limits(self) -> dict[str, Any]:
        """What a CustomResourceDefinition sets: minimum, maximum, pattern, minLength and maxLength."""
        return self._limits

    @property
    def raw(self) -> dict[str, Any]:
        """The schema as written."""
        return self._raw

    @property
    def properties(self) -> dict[str, Any]:
        """Members' schemas as written."""
        properties: dict[str, Any] = self._raw.get("properties", {})
        return properties

    @property
    def atomic(self) -> bool:
        """Whether one manager owns the whole value (server-side apply)."""
        if self.kind == "array":
            return bool(self._raw.get("x-kubernetes-list-type", "atomic") == "atomic")
        return self.kind != "object" or self._raw.get("x-kubernetes-map-type") == "atomic"

    @property
    def is_set(self) -> bool:
        """A list of scalars owned one by one (finalizers)."""
        return self._raw.get("x-kubernetes-list-type") == "set"

    @property
    def map_keys(self) -> tuple[str, ...]:
        """Keys that tell items of a list apart in server-side apply."""
        return tuple(self._raw.get("x-kubernetes-list-map-keys", ()))

    @property
    def merge_key(self) -> str:
        """Key of a strategic merge; empty where the list is replaced."""
        merges = "merge" in self._raw.get("x-kubernetes-patch-strategy", "").split(",")
        return str(self._raw.get("x-kubernetes-patch-merge-key", "")) if merges else ""

    @property
    def merges(self) -> bool:
        """Whether a strategic merge joins lists (primitives: as sets)."""
        return "merge" in self._raw.get("x-kubernetes-patch-strategy", "").split(",")


def item_key(schema: Node, item: Any) -> tuple[Any, ...]:
    """What tells an item apart in a list of type map or set."""
    if not schema.map_keys:
        return (item,)
    return tuple(item.get(k, KEY_DEFAULTS.get(k)) for k in schema.map_keys)


def _without_descriptions(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _without_descriptions(v)
            for k, v in value.items()
            if not (k == "description" and isinstance(v, str))
        }
    return [_without_descriptions(v) for v in value] if isinstance(value, list) else value


class Schemas:
    """Schemas by apiVersion and kind, from what ``kubernetes-validate`` ships for one version."""

    def __init__(self, minor: str) -> None:
        self._minor = minor
        self._nodes: dict[tuple[str, str], Node] = {}
        self._custom: dict[tuple[str, str], Node] = {}
        self._rules: dict[tuple[str, str], rules.Level | None] = {}

    @cached_property
    def definitions(self) -> dict[str, Any]:
        """The version's definitions by name, without their prose (a third of the memory)."""
        definitions: dict[str, Any] = _without_descriptions(self.described())
        return definitions

    def described(self) -> dict[str, Any]:
        """The definitions with their prose, read anew."""
        folder = f"kubernetes-json-schema/v{self._minor}.0-local/_definitions.json"
        raw = orjson.loads((resources.files("kubernetes_validate") / folder).read_bytes())
        described: dict[str, Any] = raw["$defs"]
        return described

    @cached_property
    def _names(self) -> dict[tuple[str, str], str]:
        found = {}
        for name, definition in self.definitions.items():
            for gvk in definition.get("x-kubernetes-group-version-kind", ()):
                group = f"{gvk['group']}/" if gvk["group"] else ""
                found[group + gvk["version"], gvk["kind"]] = name
        return found

    def name(self, api_version: str, kind: str) -> str | None:
        """The definition's name, such as ``io.k8s.api.apps.v1.Deployment``."""
        return self._names.get((api_version, kind))

    def node(self, api_version: str, kind: str) -> Node | None:
        """Schema of a kind; None for a kind the definitions lack."""
        key = (api_version, kind)
        if key in self._custom:
            return self._custom[key]
        if key not in self._nodes:
            name = self._names.get(key)
            if name is None:
                return None
            self._nodes[key] = Node(self.definitions[name], self.definitions)
        return self._nodes[key]

    def set_custom(self, api_version: str, kind: str, schema: dict[str, Any]) -> None:
        """Take a CRD's ``openAPIV3Schema`` for a kind; metadata is always ObjectMeta."""
        meta = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        text = {"type": "string"}
        own = {"apiVersion": text, "kind": text, "metadata": meta}
        properties = schema.get("properties", {}) | own
        self._rules[api_version, kind] = rules.prepare(schema)
        self._custom[api_version, kind] = Node(
            schema | {"properties": properties, "type": "object"}, self.definitions
        )

    def rules(self, api_version: str, kind: str) -> rules.Level | None:
        """The validation rules of a custom kind; None where it has none."""
        return self._rules.get((api_version, kind))
