"""The CloudFormation resource schemas that AWS publishes, as cfn-lint ships them.

A schema says which properties a type has, which of them identify it, which are outputs, which can only be
given at creation, which are never shown again, how it is tagged, and which operations Cloud Control offers.
The files are read where the package `cfn-lint` keeps them, without importing it: that import alone costs
1.1 s and 60 MB, while a schema is read in 2 ms. (Meaning of the keywords: CloudFormation CLI user guide,
"Resource type definition schema", read November 2026.)
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dreamnet.errors import ConfigurationError, ResourceError

#: Cloud Control joins the parts of a compound identifier with this.
SEPARATOR = "|"

_PREFIX = "/properties/"


class ResourceSchema:
    """One resource type's published schema.

    Attributes:
        type_name: such as `AWS::EKS::Cluster`.
        document: the schema itself, a JSON Schema with AWS's additional keywords. Not to be changed.
        identifier: the properties that make the primary identifier, in order.
        read_only, write_only, create_only: paths below the properties, such as `Endpoint/Address`; `*` stands
            for every element of an array.
        handlers: the operations offered: of `create`, `read`, `update`, `delete`, `list`.
    """

    def __init__(self, type_name: str, document: Mapping[str, Any]) -> None:
        self.type_name = type_name
        self.document = document
        self.identifier = _paths(document, "primaryIdentifier")
        self.read_only = _paths(document, "readOnlyProperties")
        self.write_only = _paths(document, "writeOnlyProperties")
        self.create_only = _paths(document, "createOnlyProperties")
        self.handlers = frozenset(document.get("handlers") or ())

    @property
    def properties(self) -> Mapping[str, Any]:
        """The schemas of the top-level properties by name."""
        properties: Mapping[str, Any] = self.document.get("properties", {})
        return properties

    @property
    def chosen_by_cloud(self) -> tuple[str, ...]:
        """The parts of the primary identifier that AWS chooses (`VpcId`, an ARN)."""
        return tuple(part for part in self.identifier if part in self.read_only)

    @property
    def tag_property(self) -> str | None:
        """The property that holds the tags, or None where the type carries none."""
        tagging = self.document.get("tagging")
        if isinstance(tagging, Mapping):
            if tagging.get("taggable") is False:
                return None
            return str(tagging.get("tagProperty", "/properties/Tags")).removeprefix(_PREFIX)
        return "Tags" if "Tags" in self.properties else None

    @property
    def tags_change(self) -> bool:
        """The type carries tags, which can be changed after its creation."""
        tagging = self.document.get("tagging")
        fixed = isinstance(tagging, Mapping) and tagging.get("tagUpdatable") is False
        return self.tag_property is not None and not fixed and self.tag_property not in self.create_only

    @property
    def required(self) -> frozenset[str]:
        """The top-level properties without which there is no valid model."""
        return frozenset(self.document.get("required", ()))

    @property
    def tags_are_a_map(self) -> bool:
        """Tags are an object of key to value, not an array of `{Key, Value}`."""
        tags = self.tag_property
        return tags is not None and self.resolve(self.properties[tags]).get("type") == "object"

    @property
    def list_needs(self) -> tuple[str, ...]:
        """The properties that ListResources must be told, such as a node group's `ClusterName`."""
        handler = (self.document.get("handlers") or {}).get("list", {})
        return tuple(handler.get("handlerSchema", {}).get("required", ()))

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a `$ref` into the same document, as often as needed."""
        for _ in range(16):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return schema
            found: Any = self.document
            for part in reference[2:].split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            schema = found
        raise ResourceError(f"{self.type_name}: the schema refers to itself.", "Update cfn-lint.")

    def child(self, schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The schema of an object's property, or `{}` where it is not said."""
        schema = self.resolve(schema)
        properties = schema.get("properties", {})
        if key in properties:
            return self.resolve(properties[key])
        for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
            found = self.child(branch, key)
            if found:
                return found
        extra = schema.get("additionalProperties")
        return self.resolve(extra) if isinstance(extra, Mapping) else {}

    def element(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema of an array's elements, or `{}`."""
        items = self.resolve(schema).get("items", {})
        return self.resolve(items) if isinstance(items, Mapping) else {}

    def unordered(self, schema: Mapping[str, Any]) -> bool:
        """The order of this array's elements has no meaning."""
        schema = self.resolve(schema)
        return schema.get("insertionOrder") is False or schema.get("uniqueItems") is True

    def identifier_of(self, properties: Mapping[str, Any]) -> str | None:
        """The primary identifier that these properties make, or None while a part is missing."""
        parts = [_at(properties, part) for part in self.identifier]
        if any(part is None for part in parts):
            return None
        return SEPARATOR.join(str(part) for part in parts)


@cache
def resource_schema(type_name: str, region: str) -> ResourceSchema:
    """The schema of a type as that region has it; read once a process.

    Raises:
        ConfigurationError: AWS publishes no such type in that region.
    """
    digest = _types(region).get(type_name)
    if digest is None:
        raise ConfigurationError(
            f"AWS has no resource type {type_name} in {region}.",
            "Correct the type's spelling; CloudFormation's template reference lists all of them.",
        )
    document = json.loads((_folder() / "resources" / f"{digest}.json").read_text(encoding="utf-8"))
    return ResourceSchema(type_name, document)


@cache
def _types(region: str) -> dict[str, str]:
    """Type name to file name; a region that AWS has added since is taken to offer what us-east-1 does."""
    path = _folder() / "providers" / f"{region}.json"
    if not path.exists():
        path = _folder() / "providers" / "us-east-1.json"
    types: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return types


@cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "The package cfn-lint is missing.", "Install the pinned set again: `make setup`."
        )
    folder = Path(found.origin).parent / "data" / "schemas"
    if not (folder / "providers" / "us-east-1.json").exists():
        raise ConfigurationError(
            f"The installed cfn-lint has no resource schemas in {folder}.",
            "Install the pinned version of it.",
        )
    return folder


def _paths(document: Mapping[str, Any], keyword: str) -> tuple[str, ...]:
    return tuple(path.removeprefix(_PREFIX) for path in document.get(keyword) or ())


def _at(properties: Mapping[str, Any], path: str) -> Any:
    found: Any = properties
    for part in path.split("/"):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found
