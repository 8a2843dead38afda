"""Pruning: objects that an earlier apply made, and that the manifests no longer have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet.kubernetes.batch import CRD, Manifest, named_kind
from dreamnet.kubernetes.cluster import FIELD_MANAGER, Cluster, Forbidden, Kind, NotFound, Object

#: What goes only with consent: deleting one of these takes along what nobody declared.
NEEDS_CONSENT = frozenset({"Namespace", CRD, "PersistentVolumeClaim", "PersistentVolume", "Secret"})

#: What controllers and nodes make, by the thousand and never an apply.
_MADE_BY_CONTROLLERS = frozenset(
    {
        "ControllerRevision",
        "Endpoints",
        "EndpointSlice",
        "Event",
        "Lease",
        "Node",
        "NodeMetrics",
        "Pod",
        "PodMetrics",
        "ReplicaSet",
    }
)


@dataclass(frozen=True)
class Surplus:
    """An object that an earlier apply made, and that the manifests no longer have.

    Attributes:
        consent: what the operator must name for it to be deleted; empty where nothing is needed.
    """

    kind: Kind
    namespace: str
    name: str
    consent: str

    @property
    def path(self) -> str:
        """The object's URL path."""
        return self.kind.path(self.namespace, self.name)


def find_surplus(cluster: Cluster, manifests: Sequence[Manifest], selector: str) -> list[Surplus]:
    """What pruning would delete: in the manifests' namespaces, or outside of any.

    An object counts where it carries the labels, was applied by us (server-side, as our field manager) and
    belongs to no other object: what somebody else made stays, whatever its labels.

    Args:
        selector: labels, such as `app.kubernetes.io/part-of=dreamnet`.

    Raises:
        Forbidden: we may not list a kind that is among the manifests. Others that we may not list are left
            out: what we can't list we did not make.
    """
    kept = {_identity(item) for item in manifests}
    ours = {named_kind(item)[1] for item in manifests}
    namespaces = sorted({str(item["metadata"].get("namespace", "")) for item in manifests} - {""})
    found: list[Surplus] = []
    for kind in cluster.kinds():
        if kind.kind in _MADE_BY_CONTROLLERS:
            continue
        for namespace in namespaces if kind.namespaced else [""]:
            for item in _listed(cluster, kind, namespace, selector, kind.kind in ours):
                name = str(item["metadata"]["name"])
                if (_group(kind.api_version), kind.kind, namespace, name) in kept or not _applied_by_us(item):
                    continue
                title = f"{kind.kind} {namespace + '/' if namespace else ''}{name}"
                found.append(Surplus(kind, namespace, name, title if kind.kind in NEEDS_CONSENT else ""))
    return sorted(found, key=lambda surplus: surplus.kind.kind == "Namespace")


def _listed(cluster: Cluster, kind: Kind, namespace: str, selector: str, wanted: bool) -> list[Object]:
    try:
        return cluster.items(kind.path(namespace), selector)
    except NotFound:  # a definition that has gone since discovery
        return []
    except Forbidden:
        if wanted:
            raise
        return []


def _applied_by_us(item: Object) -> bool:
    metadata = item["metadata"]
    managers = {
        entry.get("manager")
        for entry in metadata.get("managedFields") or []
        if entry.get("operation") == "Apply"
    }
    return FIELD_MANAGER in managers and not metadata.get("ownerReferences")


def _identity(manifest: Manifest) -> tuple[str, str, str, str]:
    metadata = manifest["metadata"]
    api_version, kind = named_kind(manifest)
    return _group(api_version), kind, str(metadata.get("namespace", "")), str(metadata["name"])


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
