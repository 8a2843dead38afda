"""What objects look like: /openapi/v3, a document a group version, and /openapi/v2, one for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.discovery import Discovery
from localcloud.kubernetes.errors import no_such_path
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.schema import Schemas

Json = dict[str, Any]
#: Parameters of a patch that kubectl looks for before it sends them.
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
#: Definitions whose type the source writes as a choice, as the API server's documents have them.
_SPECIAL_V2: dict[str, Json] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}
#: Keywords of a CustomResourceDefinition's schema that OpenAPI 2 lacks.
_NOT_IN_V2 = ("oneOf", "anyOf", "not", "nullable")


class OpenApi:
    """The documents, made from the registry of kinds and the definitions."""

    def __init__(self, options: ClusterOptions, discovery: Discovery, kinds: Kinds, schemas: Schemas) -> None:
        self._options, self._discovery = options, discovery
        self._kinds, self._schemas = kinds, schemas

    def index(self) -> Json:
        """``/openapi/v3``: where each group's document is."""
        paths = {}
        for group, versions in self._discovery.group_versions().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
        return {"paths": paths}

    def v3(self, group: str, version: str) -> Json:
        """One group's paths (with the parameters kubectl looks for) and the schemas they reach."""
        kinds = [k for k in self._kinds.all() if (k.group, k.version) == (group, version)]
        if not kinds:
            raise no_such_path()
        described, schemas = self._schemas.described(), Json()
        parameters = [
            {"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for n in _PARAMETERS
        ]
        paths = {_path(kind): _path_item(kind, parameters) for kind in kinds}
        for kind in kinds:
            self._collect(kind, schemas, described, _v3)
        info = {"title": "Kubernetes", "version": f"v{self._options.minor}"}
        return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}

    def v2(self) -> Json:
        """``/openapi/v2``: every kind in one document."""
        described, definitions = self._schemas.described(), Json()
        parameters = [{"name": n, "in": "query", "type": "string", "uniqueItems": True} for n in _PARAMETERS]
        paths = {}
        for kind in self._kinds.all():
            paths[_path(kind)] = _path_item(kind, parameters)
            self._collect(kind, definitions, described, _v2)
        info = {"title": "Kubernetes", "version": f"v{self._options.minor}"}
        return {"swagger": "2.0", "info": info, "paths": paths, "definitions": definitions}

    def _collect(self, kind: Kind, schemas: Json, described: Json, form: _Form) -> None:
        """Add a kind's schema in the document's form, and all that it refers to."""
        name = self._schemas.name(kind.api_version, kind.kind)
        if name is None:
            node = self._schemas.node(kind.api_version, kind.kind)
            if node is not None:
                group = ".".join(reversed(kind.group.split(".")))
                gvk = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
                pending: list[str] = []
                own = form(node.raw, pending)
                own["x-kubernetes-group-version-kind"] = gvk
                schemas[f"{group}.{kind.version}.{kind.kind}"] = own
                _closure(pending, schemas, described, form)
            return
        _closure([name], schemas, described, form)
        for field in ("apiVersion", "kind"):
            # These definitions narrow both to one value, which the API server's own do not.
            schemas[name]["properties"].get(field, {}).pop("enum", None)


#: Turns a definition into a document's form and adds what it refers to.
_Form = Callable[[Any, list[str]], Any]


def _path(kind: Kind) -> str:
    prefix = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{prefix}{'/namespaces/{namespace}' if kind.namespaced else ''}/{kind.plural}/{{name}}"


def _path_item(kind: Kind, parameters: list[Json]) -> Json:
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    about: Json = {"x-kubernetes-group-version-kind": gvk, "responses": {}}
    operations: Json = {"get": {"x-kubernetes-action": "get"} | about}
    if "patch" in kind.verbs:
        operations["patch"] = {"x-kubernetes-action": "patch", "parameters": parameters} | about
    return operations


def _closure(pending: list[str], schemas: Json, described: Json, form: _Form) -> None:
    while pending:
        name = pending.pop()
        if name not in schemas:
            special = _SPECIAL_V2.get(name) if form is _v2 else None
            schemas[name] = dict(special) if special else form(described[name], pending)


def _v3(value: Any, references: list[str]) -> Any:
    """A definition in OpenAPI 3 form: references to components, no null types."""
    if isinstance(value, list):
        return [_v3(item, references) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value and isinstance(value["$ref"], str):
        name = value["$ref"].rpartition("/")[2]
        references.append(name)
        rest = {k: v for k, v in value.items() if k != "$ref"}
        reference = {"$ref": f"#/components/schemas/{name}"}
        return rest | {"allOf": [reference]} if rest else reference
    made = {k: _v3(v, references) for k, v in value.items()}
    if isinstance(made.get("type"), list):
        made["type"] = next(t for t in made["type"] if t != "null")
    return made


def _v2(value: Any, references: list[str]) -> Any:
    """A definition in OpenAPI 2 form, as the API server trims a CustomResourceDefinition's schema for it."""
    if isinstance(value, list):
        return [_v2(item, references) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        name = value["$ref"].rpartition("/")[2]
        references.append(name)
        # Siblings of a reference (description, merge keys) are what old clients read there.
        return {k: v for k, v in value.items() if k != "$ref"} | {"$ref": f"#/definitions/{name}"}
    made = {k: _v2(v, references) for k, v in value.items() if k not in (*_NOT_IN_V2, "properties")}
    if "properties" in value:
        made["properties"] = {k: _v2(v, references) for k, v in value["properties"].items()}
    if isinstance(made.get("type"), list):
        made["type"] = next(t for t in made["type"] if t != "null")
    if value.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made
