"""Custom kinds: CustomResourceDefinitions turned into schemas as strict as the built-in kinds' are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dreamnet.errors import ConfigurationError

Node = Mapping[str, Any]


def read_kinds(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """`apiVersion`, kind and strict schema of every kind that the definitions in a folder serve.

    Args:
        folder: holds files of CustomResourceDefinitions, several a file if they like.

    Raises:
        ConfigurationError: a file there holds something else.
    """
    for file in sorted(folder.glob("*.yaml")):
        for definition in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            if not isinstance(definition, dict) or definition.get("kind") != "CustomResourceDefinition":
                raise ConfigurationError(
                    f"{file}: a document is no CustomResourceDefinition.",
                    "Keep manifests outside this folder.",
                )
            yield from kinds_of(definition)


def kinds_of(definition: Node) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """`apiVersion`, kind and strict schema of every version that a CustomResourceDefinition serves."""
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        if "properties" in schema:
            schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        yield f"{spec['group']}/{version['name']}", spec["names"]["kind"], schema


def strict(node: Node) -> dict[str, Any]:
    """A structural schema in which a field that it doesn't name is an error (strict field validation).

    Only fields are followed, never allOf, oneOf and the like: these restrict fields that stand elsewhere.
    """
    closed = dict(node)
    if node.get("nullable"):
        closed["type"] = [node["type"], "null"]
    if isinstance(node.get("items"), Mapping):
        closed["items"] = strict(node["items"])
    if isinstance(node.get("additionalProperties"), Mapping):
        closed["additionalProperties"] = strict(node["additionalProperties"])
    if "properties" in node:
        closed["properties"] = {name: strict(inner) for name, inner in node["properties"].items()}
        if "additionalProperties" not in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    return closed
