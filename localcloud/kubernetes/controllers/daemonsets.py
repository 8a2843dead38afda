"""DaemonSets: one Pod on every node that may run it."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.placement import matches_node, node_ready, tolerated
from localcloud.kubernetes.controllers.pods import active_pods, delete_pod, make_pod, template_hash
from localcloud.kubernetes.controllers.revisions import HASH, keep_revision
from localcloud.kubernetes.controllers.runtime import (
    Recorder,
    controller_of,
    is_ready,
)
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

#: Taints that DaemonSets' Pods always tolerate.
_DAEMON_TOLERATIONS = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
]


def _owned_keys(change: Change, resource: str, kind: str) -> Iterable[Key]:
    if change.resource == resource and not change.deleted:
        yield change.key
    elif change.resource == "pods":
        owner = controller_of(change.new)
        if owner and owner["kind"] == kind:
            yield change.key[0], owner["name"]


def _hash_of(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get(HASH, ""))


class DaemonSets:
    """One Pod on every node that its template may run on."""

    RESOURCE = "daemonsets.apps"

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed sets, owners of changed Pods, and all when nodes come or go."""
        if change.resource == "nodes":
            return [
                (s["metadata"]["namespace"], s["metadata"]["name"])
                for s in self._verbs.store.list(self.RESOURCE)
            ]
        return _owned_keys(change, self.RESOURCE, "DaemonSet")

    def reconcile(self, key: Key) -> float | None:
        """Add and remove Pods, then status."""
        owner = self._verbs.store.get(self.RESOURCE, *key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        spec = owner["spec"]["template"]["spec"]
        hashed = template_hash(owner["spec"]["template"])
        keep_revision(self._verbs, owner, hashed)
        tolerations = [*spec.get("tolerations", ()), *_DAEMON_TOLERATIONS]
        wanted = {
            n["metadata"]["name"]
            for n in self._verbs.store.list("nodes")
            if matches_node(spec, n) and tolerated(n["spec"].get("taints", ()), tolerations)
        }
        ready = {n["metadata"]["name"] for n in self._verbs.store.list("nodes") if node_ready(n)}
        there = {p["spec"]["nodeName"]: p for p in active_pods(self._verbs, owner)}
        for node in sorted((wanted & ready) - there.keys()):
            made = make_pod(
                self._verbs, owner, node=node, labels={HASH: hashed}, tolerations=_DAEMON_TOLERATIONS
            )
            text = f"Created pod: {made['metadata']['name']}"
            self._recorder.record(owner, "SuccessfulCreate", text, "daemonset-controller")
        stale = [p for n, p in there.items() if n not in wanted]
        outdated = [p for n, p in there.items() if n in wanted and _hash_of(p) != hashed]
        if (
            all(is_ready(p) for p in there.values())
            and owner["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        ):
            stale += outdated[:1]
        for pod in stale:
            delete_pod(self._verbs, pod)
            text = f"Deleted pod: {pod['metadata']['name']}"
            self._recorder.record(owner, "SuccessfulDelete", text, "daemonset-controller")
        self._report(owner, len(wanted), hashed)
        return None

    def _report(self, owner: Object, wanted: int, hashed: str) -> None:
        pods = active_pods(self._verbs, owner)
        ready = sum(is_ready(p) for p in pods)
        status: Object = {
            "observedGeneration": owner["metadata"]["generation"],
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": len(pods),
            "numberReady": ready,
            "numberAvailable": ready,
            "numberUnavailable": max(0, wanted - ready),
            "numberMisscheduled": 0,
            "updatedNumberScheduled": sum(_hash_of(p) == hashed for p in pods),
        }
        self._verbs.set_status(self.RESOURCE, owner, status)
