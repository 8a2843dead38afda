"""Kubernetes' OpenAPI definitions, as kubernetes-validate ships them, and custom kinds' beside them:
validation and merge keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes import custom, rules

#: The version that manifests are checked against: EKS's oldest in standard support from December 2026.
VERSION = "1.35"

Node = Mapping[str, Any]
_ADDRESS = "json-schema:///kubernetes.json"
_METADATA = {"$ref": f"{_ADDRESS}#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}

#: A quantity such as `100m`, `1.5Gi`, `1e3` (resource.Quantity); the definitions only say "string".
_QUANTITY = r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$"
#: RFC 1123 subdomain, which names of objects follow (stricter kinds exist; the server refuses those).
_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


class Definitions:
    """The definitions of one version, strict: a field they don't name is an error.

    Args:
        document: the version's own definitions.
        crds: a folder of CustomResourceDefinitions, whose kinds are known as well.
    """

    def __init__(self, document: dict[str, Any], crds: Path | None = None) -> None:
        import jsonschema_rs

        self._definitions: dict[str, Any] = document["$defs"]
        self._definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {
            "anyOf": [{"type": "number"}, {"type": "string", "pattern": _QUANTITY}]
        }
        self._kinds: dict[tuple[str, str], str] = {}
        self._rules: dict[str, rules.Level | None] = {}
        for name, definition in self._definitions.items():
            for entry in definition.get("x-kubernetes-group-version-kind", []):
                group = f"{entry['group']}/" if entry["group"] else ""
                self._kinds.setdefault((f"{group}{entry['version']}", entry["kind"]), name)
        for api_version, kind, schema in custom.read_kinds(crds) if crds else ():
            name = f"{api_version.replace('/', '.')}.{kind}"
            self._definitions[name] = schema
            schema["properties"]["metadata"] = _METADATA
            self._kinds[api_version, kind] = name
            self._rules[name] = rules.prepare(schema)
        #: The API groups that have kinds here; the oldest one's name is empty.
        self.groups = frozenset(api_version.rpartition("/")[0] for api_version, _ in self._kinds)
        self._registry = jsonschema_rs.Registry([(_ADDRESS, document)])
        self._validators: dict[str, Any] = {}

    def errors(self, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
        """JSON pointer and message of everything wrong with one manifest."""
        name = self._kinds.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
        if name is None:
            return [("/kind", f"no kind {manifest.get('kind')} in {manifest.get('apiVersion')}")]
        return _found(self._validator(name), manifest) or _broken(self._rules.get(name), manifest)

    def custom_errors(
        self, schema: dict[str, Any], manifests: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], str, str]]:
        """What is wrong with custom resources: manifest, JSON pointer, message.

        Args:
            schema: strict, of their kind, as `custom.kinds_of` gives it.
        """
        properties = {**schema.get("properties", {}), "metadata": _METADATA}
        validator, level = self._compiled({**schema, "properties": properties}), rules.prepare(schema)
        for manifest in manifests:
            for path, message in _found(validator, manifest) or _broken(level, manifest):
                yield manifest, path, message

    def of(self, manifest: Mapping[str, Any]) -> Node | None:
        """The definition of a manifest's kind."""
        name = self._kinds.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
        return self._definitions[name] if name else None

    def field(self, node: Node | None, key: str) -> Node | None:
        """The definition of a field: the reference's target with what stands beside the reference."""
        inner = ((node or {}).get("properties") or {}).get(key)
        return self._resolve(inner) if inner else None

    def element(self, node: Node | None) -> Node | None:
        """The definition of a list's elements."""
        inner = (node or {}).get("items")
        return self._resolve(inner) if inner else None

    def _resolve(self, node: Node) -> Node:
        reference = node.get("$ref")
        if not reference:
            return node
        return {**self._definitions[str(reference).rsplit("/", 1)[1]], **node}

    def _validator(self, name: str) -> Any:
        if name not in self._validators:
            # A message quotes the wrong value; of a Secret it must not.
            mask = "a hidden value" if name.endswith(".Secret") else None
            self._validators[name] = self._compiled({"$ref": f"{_ADDRESS}#/$defs/{name}"}, mask)
        return self._validators[name]

    def _compiled(self, node: Node, mask: str | None = None) -> Any:
        import jsonschema_rs

        named = {"required": ["name"], "properties": {"name": {"pattern": _NAME, "maxLength": 253}}}
        schema = {"allOf": [node, {"required": ["metadata"], "properties": {"metadata": named}}]}
        return jsonschema_rs.validator_for(schema, registry=self._registry, mask=mask)


@cache
def definitions(version: str = VERSION, crds: Path | None = None) -> Definitions:
    """The definitions of a Kubernetes version (`1.35`), read once (about 50 ms).

    Args:
        crds: a folder of CustomResourceDefinitions to know as well.

    Raises:
        ConfigurationError: the package ships no such version, or the folder holds something else.
    """
    root = files("kubernetes_validate") / "kubernetes-json-schema"
    file = root / f"v{version}.0-local-strict" / "_definitions.json"
    if not file.is_file():
        raise ConfigurationError(
            f"There are no definitions of Kubernetes {version}.",
            "Take a version that kubernetes-validate ships.",
        )
    return Definitions(json.loads(file.read_text()), crds)


def _found(validator: Any, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("".join(f"/{part}" for part in error.instance_path), _message(error))
        for error in validator.iter_errors(manifest)
        if not _stands_for_a_value(error)
    ]


def _broken(level: rules.Level | None, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """JSON pointers and messages of validation rules that a manifest breaks, once its values are there."""
    if level is None or "${" in json.dumps(manifest):
        return []
    try:
        found = list(rules.broken(level, rules.filled(dict(manifest), level.schema)))
    except rules.NotEvaluable as error:
        return [("", f"{error} can't be evaluated here")]
    return [("/" + re.sub(r"[.\[]", "/", b.path).replace("]", ""), b.message) for b in found]


def _stands_for_a_value(error: Any) -> bool:
    """Whether only the form of a string is wrong that a `${...}` is yet to be filled into."""
    return hasattr(error.kind, "pattern") and "${" in str(error.instance)


def _message(error: Any) -> str:
    """The error's own words; a pattern is said shorter."""
    pattern = getattr(error.kind, "pattern", None)
    return f"has not the form {pattern}" if pattern else str(error.message)
