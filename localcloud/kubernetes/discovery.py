"""What the server has: /version, /api and /apis (plain and aggregated)."""

from __future__ import annotations

import re
from typing import Any

from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.errors import no_such_path
from localcloud.kubernetes.kinds import Kind, Kinds

Json = dict[str, Any]
_VERSION = re.compile(r"^v(\d+)(?:(alpha|beta)(\d+))?$")
#: Kinds that subresources take or answer with.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_SUBRESOURCE_VERBS = {"log": ["get"], "eviction": ["create"], "token": ["create"]}


def _priority(version: str) -> tuple[int, int, int, str]:
    """Where a version stands in a group: stable before beta before alpha, the newest of each first."""
    match = _VERSION.match(version)
    if match is None:
        return 3, 0, 0, version
    stage = (None, "beta", "alpha").index(match[2])
    return stage, -int(match[1]), -int(match[3] or 0), version


class Discovery:
    """Discovery documents, made from the registry of kinds."""

    def __init__(self, options: ClusterOptions, kinds: Kinds) -> None:
        self._options, self._kinds = options, kinds

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

    def group_versions(self) -> dict[str, list[str]]:
        """Every group's versions, the preferred one first."""
        found: dict[str, set[str]] = {}
        for kind in self._kinds.all():
            found.setdefault(kind.group, set()).add(kind.version)
        return {group: sorted(versions, key=_priority) for group, versions in found.items()}

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
        groups = [self._group(g, v) for g, v in self.group_versions().items() if g]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> Json:
        """``/apis/apps``."""
        versions = self.group_versions().get(name)
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
            if kind.verbs:
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
            "verbs": _verbs_of(kind, name),
        }
        if name in _SUBRESOURCE_KINDS:
            group, version, named = _SUBRESOURCE_KINDS[name]
            entry |= {"group": group, "version": version, "kind": named}
        return entry

    def aggregated(self, legacy: bool) -> Json:
        """The same in one document (``apidiscovery.k8s.io/v2``), which saves clients a request a group."""
        items = []
        for group, versions in self.group_versions().items():
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
            "verbs": _verbs_of(kind, name),
        }


def _verbs_of(kind: Kind, subresource: str) -> list[str]:
    """Of a subresource; below a kind without verbs (one of metrics) it can only be read."""
    if not kind.verbs:
        return ["get"]
    return _SUBRESOURCE_VERBS.get(subresource, ["get", "patch", "update"])
