"""Server-side apply: manifests in the order they need each other, and a report of what changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dreamnet.errors import ConfigurationError, GameplanError, ResourceError
from dreamnet.kubernetes.cluster import APPLY_PATCH, FIELD_MANAGER, Cluster, Conflict, NotFound, Object
from dreamnet.kubernetes.manifests import validate
from dreamnet.resources.model import Progress

Outcome = Literal["created", "configured", "unchanged", "pruned"]

#: Kinds in the order in which they need each other; what is not named comes before the last two.
_ORDER = (
    ("Namespace",),
    ("CustomResourceDefinition",),
    ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "PriorityClass"),
    ("ResourceQuota", "LimitRange", "StorageClass", "ConfigMap", "Secret", "PersistentVolumeClaim"),
    ("NetworkPolicy", "Service"),
    ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"),
)
_LAST = ("PodDisruptionBudget", "HorizontalPodAutoscaler")

#: What pruning may delete, besides the kinds being applied. Never namespaces, volumes or definitions:
#: deleting one of these takes along what nobody asked about.
_PRUNABLE = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
)
_NEVER_PRUNED = {
    "Namespace",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "CustomResourceDefinition",
    "Secret",
}


#: From so many objects of one collection on, one LIST is cheaper than a GET each.
_MANY = 5


@dataclass(frozen=True)
class Applied:
    """What became of one object."""

    kind: str
    namespace: str
    name: str
    outcome: Outcome

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name} {self.outcome}"


@dataclass(frozen=True)
class ApplyReport:
    """What an apply did to one cluster."""

    cluster: str
    rows: tuple[Applied, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything is different from before."""
        return any(row.outcome != "unchanged" for row in self.rows)

    def count(self, outcome: Outcome) -> int:
        """How many objects had this outcome."""
        return sum(row.outcome == outcome for row in self.rows)


def apply(
    cluster: Cluster,
    manifests: Sequence[Mapping[str, Any]],
    *,
    progress: Progress,
    force: bool = False,
    prune: str | None = None,
    crd_timeout: float = 60,
) -> ApplyReport:
    """Bring objects to what the manifests say; repeating it changes nothing.

    Args:
        force: take over fields that another manager owns instead of stopping.
        prune: a label selector, such as `app.kubernetes.io/part-of=dreamnet`: objects that carry it in the
            manifests' namespaces, and that the manifests no longer hold, are deleted. None: nothing is.
        crd_timeout: seconds for a new CustomResourceDefinition to be served.

    Raises:
        ConfigurationError: a manifest is invalid (found offline, before anything is sent).
        Conflict: another manager owns a field.
        CredentialsError, UnreachableError, ResourceError: as `Cluster.call`.
    """
    started = time.monotonic()
    _refuse_invalid(manifests)
    rows: list[Applied] = []
    live = _listed(cluster, manifests)
    for manifest in sorted(manifests, key=_rank):
        try:
            row = _apply_one(cluster, manifest, force, crd_timeout, live)
        except GameplanError as error:
            raise _explained(error, rows, len(manifests)) from None
        rows.append(row)
        if row.outcome != "unchanged":
            progress(f"{cluster.key}: {row}")
    if prune:
        for row in _prune(cluster, manifests, prune):
            rows.append(row)
            progress(f"{cluster.key}: {row}")
    return ApplyReport(cluster.key, tuple(rows), time.monotonic() - started)


def delete(cluster: Cluster, manifests: Sequence[Mapping[str, Any]], progress: Progress) -> list[str]:
    """Delete what the manifests name, in reverse order; what is not there is no error.

    Returns:
        The deleted objects' titles.
    """
    gone = []
    for manifest in sorted(manifests, key=_rank, reverse=True):
        title = f"{manifest['kind']} {manifest['metadata']['name']}"
        try:
            _delete(cluster, cluster.path_of(manifest))
        except NotFound:
            continue
        gone.append(title)
        progress(f"{cluster.key}: {title} deleted")
    return gone


def apply_object(cluster: Cluster, manifest: Mapping[str, Any], force: bool = False) -> Outcome:
    """Server-side apply of one object without the offline check.

    Returns:
        created, configured or unchanged.
    """
    path = cluster.path_of(manifest)
    return _patch(cluster, path, manifest, cluster.find(path), force)


def _patch(
    cluster: Cluster, path: str, manifest: Mapping[str, Any], before: Object | None, force: bool
) -> Outcome:
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    if force:
        query["force"] = "true"
    status, after = cluster.call("PATCH", path, query=query, body=dict(manifest), content_type=APPLY_PATCH)
    if before is None or status == 201:
        return "created"
    if _version(before) == _version(after) or _content(before) == _content(after):
        return "unchanged"
    return "configured"


def _listed(cluster: Cluster, manifests: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Object]]:
    """What lives, by collection and name: one LIST where many objects of a collection are applied.

    Secrets are read one by one, as the others' are nobody's business.
    """
    wanted = Counter(
        cluster.path_of(item).rpartition("/")[0] for item in _builtin(manifests) if item["kind"] != "Secret"
    )
    many = [collection for collection, count in wanted.items() if count >= _MANY]
    return {
        collection: {item["metadata"]["name"]: item for item in cluster.items(collection)}
        for collection in many
    }


def _apply_one(
    cluster: Cluster,
    manifest: Mapping[str, Any],
    force: bool,
    crd_timeout: float,
    live: Mapping[str, Mapping[str, Object]],
) -> Applied:
    metadata = manifest["metadata"]
    path = cluster.path_of(manifest)
    collection, _, name = path.rpartition("/")
    before = live[collection].get(name) if collection in live else cluster.find(path)
    try:
        outcome = _patch(cluster, path, manifest, before, force)
    except Conflict as conflict:
        # What we set by a patch (a rollback, a promoted image) counts as another manager's of our own name.
        if conflict.managers - {FIELD_MANAGER}:
            raise
        outcome = apply_object(cluster, manifest, force or bool(conflict.managers))
    if manifest["kind"] == "CustomResourceDefinition":
        _wait_served(cluster, manifest, crd_timeout)
    return Applied(manifest["kind"], metadata.get("namespace", ""), metadata["name"], outcome)


def _explained(error: GameplanError, rows: Sequence[Applied], wanted: int) -> GameplanError:
    """The same error, which also says what had been changed before it."""
    changed = [f"{row.kind} {row.name} {row.outcome}" for row in rows if row.outcome != "unchanged"]
    if changed:
        error.problem = (
            f"{error.problem.rstrip('.')}; {len(rows)} of {wanted} objects were applied before it"
            f" ({', '.join(changed)}), and stay."
        )
    return error


def _refuse_invalid(manifests: Sequence[Mapping[str, Any]]) -> None:
    """Custom resources are the server's to check, by the schema that their definition brings."""
    problems = validate(_builtin(manifests))
    if problems:
        listed = "; ".join(str(problem) for problem in problems)
        raise ConfigurationError(
            f"Invalid manifests: {listed}.",
            "Correct the files under infrastructure/kubernetes.",
        )


def _builtin(manifests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those whose kind is not defined by one of the others."""
    defined = {
        (item["spec"]["group"], item["spec"]["names"]["kind"])
        for item in manifests
        if item.get("kind") == "CustomResourceDefinition"
    }
    return [
        item
        for item in manifests
        if (str(item.get("apiVersion", "")).split("/")[0], item.get("kind")) not in defined
    ]


def _rank(manifest: Mapping[str, Any]) -> int:
    for rank, kinds in enumerate(_ORDER):
        if manifest["kind"] in kinds:
            return rank
    return len(_ORDER) + (manifest["kind"] in _LAST)


def _version(item: Object) -> str:
    return str(item.get("metadata", {}).get("resourceVersion"))


def _content(item: Object) -> Object:
    """What people declare: controllers bump resourceVersion by writing status, which is no change of ours.

    Objects in lists carry neither kind nor apiVersion.
    """
    bookkeeping = {"resourceVersion", "managedFields", "generation"}
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in bookkeeping}
    own = {key: value for key, value in item.items() if key not in ("status", "kind", "apiVersion")}
    return {**own, "metadata": metadata}


def _wait_served(cluster: Cluster, definition: Mapping[str, Any], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    path = cluster.path_of(definition)
    while True:
        conditions = cluster.get(path).get("status", {}).get("conditions", [])
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        if time.monotonic() > deadline:
            reasons = "; ".join(str(c.get("message")) for c in conditions if c["status"] == "False")
            raise ResourceError(
                f"{cluster}: {definition['metadata']['name']} is not served in {timeout:.0f} s: {reasons}.",
                "Correct the CustomResourceDefinition.",
            )
        time.sleep(0.2)


def _prune(cluster: Cluster, manifests: Sequence[Mapping[str, Any]], selector: str) -> list[Applied]:
    kept = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in manifests
    }
    namespaces = sorted({namespace for _, namespace, _ in kept if namespace})
    kinds = {*_PRUNABLE, *((item["apiVersion"], item["kind"]) for item in manifests)}
    pruned = []
    for api_version, kind_name in sorted(kinds):
        kind = cluster.kind(api_version, kind_name)
        if kind_name in _NEVER_PRUNED or not kind.namespaced:
            continue
        for namespace in namespaces:
            for item in cluster.items(kind.path(namespace), selector):
                name = item["metadata"]["name"]
                if (kind_name, namespace, name) in kept or item["metadata"].get("ownerReferences"):
                    continue
                _delete(cluster, kind.path(namespace, name))
                pruned.append(Applied(kind_name, namespace, name, "pruned"))
    return pruned


def _delete(cluster: Cluster, path: str) -> None:
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    cluster.call("DELETE", path, body=body)
