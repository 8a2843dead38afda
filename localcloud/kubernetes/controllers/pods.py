"""Making and removing Pods for a workload: shared by ReplicaSets, StatefulSets, DaemonSets and Jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from localcloud.kubernetes.controllers.runtime import MANAGER, is_active, is_ready, owner_reference
from localcloud.kubernetes.storage import Object, copy
from localcloud.kubernetes.verbs import DeleteOptions, Verbs, random_suffix


def template_hash(template: Object) -> str:
    """A short name of a Pod template, the same for equal templates."""
    return hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()[:10]


def make_pod(
    verbs: Verbs,
    owner: Object,
    name: str = "",
    node: str = "",
    labels: Object | None = None,
    tolerations: Sequence[Object] = (),
) -> Object:
    """Create a Pod from the owner's template; ``tolerations`` come on top of the template's."""
    kind = verbs.kinds.find("", "v1", "pods")
    assert kind is not None
    template = copy(owner["spec"]["template"])
    namespace, owner_name = owner["metadata"]["namespace"], owner["metadata"]["name"]
    metadata = {k: v for k, v in template.get("metadata", {}).items() if k in ("labels", "annotations")}
    metadata |= {
        "name": name or f"{owner_name}-{random_suffix()}",
        "namespace": namespace,
        "ownerReferences": [owner_reference(owner)],
    }
    if not name:
        metadata["generateName"] = f"{owner_name}-"
    if labels:
        metadata["labels"] = metadata.get("labels", {}) | labels
    spec = template["spec"]
    if node:
        spec["nodeName"] = node
    if tolerations:
        spec["tolerations"] = [*spec.get("tolerations", ()), *tolerations]
    pod, _ = verbs.create(kind, namespace, {"metadata": metadata, "spec": spec}, MANAGER)
    return pod


def delete_pod(verbs: Verbs, pod: Object) -> None:
    """Stop a Pod gracefully."""
    kind = verbs.kinds.find("", "v1", "pods")
    assert kind is not None
    verbs.delete(kind, pod["metadata"]["namespace"], pod["metadata"]["name"], DeleteOptions())


def active_pods(verbs: Verbs, owner: Object) -> list[Object]:
    """The owner's Pods that neither ended nor are being deleted."""
    return [p for _, p in verbs.store.owned_by(owner["metadata"]["uid"], "pods") if is_active(p)]


def removal_order(pod: Object) -> tuple[bool, bool, bool, str]:
    """Which Pods go first: unscheduled, not ready, simulated, then the newest."""
    return (
        bool(pod["spec"].get("nodeName")),
        is_ready(pod),
        "dreamnet.rehearsal/process" in pod["metadata"].get("annotations", {}),
        _newest_first(pod["metadata"]["creationTimestamp"]),
    )


def _newest_first(text: str) -> str:
    return "".join(chr(0x10000 - ord(c)) for c in text)
