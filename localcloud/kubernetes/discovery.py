"""What the server has: /version, /api, /apis (plain and aggregated) and /openapi/v3."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.errors import no_such_path
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.schema import Schemas

Json = dict[str, Any]
#: Kinds that subresources take or answer with.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_SUBRESOURCE_VERBS = {"log": ["get"], "eviction": ["create"], "token": ["create"]}


class Discovery:
    """Discovery documents, made from the registry of kinds."""

    def __init__(self, options: ClusterOptions, kinds: Kinds, schemas: Schemas) -> None:
        self._options, self._kinds, self._schemas = options, kinds, schemas

    def version(self) -> Json:
        """``/version``, with the suffix each cloud puts on its own builds."""
        major, minor = self._options.minor.split(".")
        suffix = "gke.rehearsal" if self._options.cloud == "google" else "eks-rehearsal"
        patch = (
            self._options.version if self._options.version.count(".") == 2 else f"{self._options.version}.0"
        )
        return {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{patch}-{suffix}",
            "gitCommit": "rehearsal",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "none",
            "compiler": "none",
            "platform": "linux/amd64",
        }

    def _group_versions(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for kind in self._kinds.all():
            versions = found.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        return found

    def _group(self, group: str, versions: list[str]) -> Json:
        listed = [{"groupVersion": f"{group}/{v}", "version": v} for v in versions]
        return {"name": group, "versions": listed, "preferredVersion": listed[0]}

    def api_versions(self) -> Json:
        """``/api``."""
        address = f"{self._options.host}:{self._options.port}"
        server = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": server}

    def groups(self) -> Json:
        """``/apis``."""
        groups = [self._group(g, v) for g, v in self._group_versions().items() if g]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> Json:
        """``/apis/apps``."""
        versions = self._group_versions().get(name)
        if not name or versions is None:
            raise no_such_path()
        return {"kind": "APIGroup", "apiVersion": "v1"} | self._group(name, versions)

    def resources(self, group: str, version: str) -> Json:
        """``/api/v1`` and ``/apis/apps/v1``."""
        kinds = [k for k in self._kinds.all() if (k.group, k.version) == (group, version)]
        if not kinds:
            raise no_such_path()
        listed: list[Json] = []
        for kind in kinds:
            listed.append(self._resource(kind))
            listed += [self._subresource(kind, name) for name in kind.subresources]
        api_version = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": api_version,
            "resources": listed,
        }

    @staticmethod
    def _resource(kind: Kind) -> Json:
        entry: Json = {
            "name": kind.plural,
            "singularName": kind.singular or kind.kind.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        if kind.short:
            entry["shortNames"] = list(kind.short)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        return entry

    @staticmethod
    def _subresource(kind: Kind, name: str) -> Json:
        entry: Json = {
            "name": f"{kind.plural}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": _SUBRESOURCE_VERBS.get(name, ["get", "patch", "update"]),
        }
        if name in _SUBRESOURCE_KINDS:
            group, version, named = _SUBRESOURCE_KINDS[name]
            entry |= {"group": group, "version": version, "kind": named}
        return entry

    def aggregated(self, legacy: bool) -> Json:
        """The same in one document (``apidiscovery.k8s.io/v2``), which saves clients a request a group."""
        items = []
        for group, versions in self._group_versions().items():
            if bool(group) != legacy:
                listed = [
                    {"version": v, "freshness": "Current", "resources": self._aggregated_resources(group, v)}
                    for v in versions
                ]
                metadata = (
                    {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
                )
                items.append({"metadata": metadata, "versions": listed})
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items,
        }

    def _aggregated_resources(self, group: str, version: str) -> list[Json]:
        listed = []
        for kind in self._kinds.all():
            if (kind.group, kind.version) != (group, version):
                continue
            entry: Json = {
                "resource": kind.plural,
                "responseKind": {"group": group, "version": version, "kind": kind.kind},
                "scope": "Namespaced" if kind.namespaced else "Cluster",
                "singularResource": kind.singular or kind.kind.lower(),
                "verbs": list(kind.verbs),
            }
            if kind.short:
                entry["shortNames"] = list(kind.short)
            if kind.categories:
                entry["categories"] = list(kind.categories)
            entry["subresources"] = [self._aggregated_subresource(kind, name) for name in kind.subresources]
            listed.append(entry)
        return listed

    @staticmethod
    def _aggregated_subresource(kind: Kind, name: str) -> Json:
        group, version, named = _SUBRESOURCE_KINDS.get(name, (kind.group, kind.version, kind.kind))
        return {
            "subresource": name,
            "responseKind": {"group": group, "version": version, "kind": named},
            "verbs": _SUBRESOURCE_VERBS.get(name, ["get", "patch", "update"]),
        }

    # OpenAPI v3

    def openapi_index(self) -> Json:
        """``/openapi/v3``: where each group's document is."""
        paths = {}
        for group, versions in self._group_versions().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
        return {"paths": paths}

    def openapi(self, group: str, version: str) -> Json:
        """One group's paths (with the parameters kubectl looks for) and the schemas they reach."""
        kinds = [k for k in self._kinds.all() if (k.group, k.version) == (group, version)]
        if not kinds:
            raise no_such_path()
        described = self._schemas.described()
        schemas: Json = {}
        paths = {}
        for kind in kinds:
            prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
            scope = "/namespaces/{namespace}" if kind.namespaced else ""
            paths[f"{prefix}{scope}/{kind.plural}/{{name}}"] = self._path_item(kind)
            self._collect(kind, schemas, described)
        info = {"title": "Kubernetes", "version": f"v{self._options.minor}"}
        return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}

    @staticmethod
    def _path_item(kind: Kind) -> Json:
        names = ("dryRun", "fieldManager", "fieldValidation", "force")
        parameters = [
            {"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for n in names
        ]
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        operations: Json = {
            "get": {"x-kubernetes-action": "get", "x-kubernetes-group-version-kind": gvk, "responses": {}}
        }
        if "patch" in kind.verbs:
            operations["patch"] = {
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": gvk,
                "parameters": parameters,
                "responses": {},
            }
        return operations

    def _collect(self, kind: Kind, schemas: Json, described: Json) -> None:
        name = self._schemas.name(kind.api_version, kind.kind)
        if name is None:
            node = self._schemas.node(kind.api_version, kind.kind)
            if node is not None:
                group = ".".join(reversed(kind.group.split(".")))
                gvk = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
                pending: list[str] = []
                own = _v3(node.raw, pending)
                schemas[f"{group}.{kind.version}.{kind.kind}"] = own | {
                    "x-kubernetes-group-version-kind": gvk
                }
                self._closure(pending, schemas, described)
            return
        self._closure([name], schemas, described)
        for field in ("apiVersion", "kind"):
            # These definitions narrow both to one value, which the API server's own do not.
            schemas[name]["properties"].get(field, {}).pop("enum", None)

    @staticmethod
    def _closure(pending: list[str], schemas: Json, described: Json) -> None:
        while pending:
            name = pending.pop()
            if name not in schemas:
                schemas[name] = _v3(described[name], pending)


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
