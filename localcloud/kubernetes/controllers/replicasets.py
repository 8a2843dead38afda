"""ReplicaSets: as many Pods of one template as asked for."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.pods import active_pods, delete_pod, make_pod, removal_order
from localcloud.kubernetes.controllers.runtime import Recorder, age, controller_of, is_ready
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "replicasets.apps"


def available(pod: Object, min_ready_seconds: int) -> bool:
    """Ready for long enough."""
    if not is_ready(pod):
        return False
    since = next(c["lastTransitionTime"] for c in pod["status"]["conditions"] if c["type"] == "Ready")
    return not min_ready_seconds or age(since) >= min_ready_seconds


class ReplicaSets:
    """The ReplicaSet controller."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed ReplicaSets, and owners of changed Pods."""
        if change.resource == RESOURCE and not change.deleted:
            yield change.key
        elif change.resource == "pods":
            owner = controller_of(change.new)
            if owner and owner["kind"] == "ReplicaSet":
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Create or delete Pods, then report."""
        owner = self._verbs.store.get(RESOURCE, *key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        pods = active_pods(self._verbs, owner)
        wanted = owner["spec"]["replicas"]
        for _ in range(wanted - len(pods)):
            pod = make_pod(self._verbs, owner)
            self._recorder.record(
                owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", "replicaset-controller"
            )
        for pod in sorted(pods, key=removal_order)[: max(0, len(pods) - wanted)]:
            delete_pod(self._verbs, pod)
            self._recorder.record(
                owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", "replicaset-controller"
            )
        return self._report(owner)

    def _report(self, owner: Object) -> float | None:
        pods = active_pods(self._verbs, owner)
        wait = owner["spec"].get("minReadySeconds", 0)
        ready = [p for p in pods if is_ready(p)]
        usable = [p for p in ready if available(p, wait)]
        status: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(usable),
            "observedGeneration": owner["metadata"]["generation"],
        }
        self._verbs.set_status(RESOURCE, owner, {k: v for k, v in status.items() if v or k == "replicas"})
        return 1.0 if len(usable) < len(ready) else None
