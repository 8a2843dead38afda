"""ReplicaSets, and the ReplicationControllers before them: as many Pods of one template as asked for."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.pods import active_pods, delete_pod, make_pod, removal_order
from localcloud.kubernetes.controllers.runtime import (
    Recorder,
    age,
    controller_of,
    is_ready,
    set_condition,
)
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

SETS, CONTROLLERS = "replicasets.apps", "replicationcontrollers"
#: Condition of a ReplicaSet, and of its Deployment, whose Pods are refused.
FAILURE = "ReplicaFailure"
#: Seconds between two tries to make Pods that are refused, at most.
LONGEST_PAUSE = 30.0


def available(pod: Object, min_ready_seconds: int) -> bool:
    """Ready for long enough."""
    if not is_ready(pod):
        return False
    since = next(c["lastTransitionTime"] for c in pod["status"]["conditions"] if c["type"] == "Ready")
    return not min_ready_seconds or age(since) >= min_ready_seconds


class ReplicaSets:
    """The controller of either: ``kind`` is ReplicaSet, or ReplicationController."""

    def __init__(self, verbs: Verbs, recorder: Recorder, kind: str = "ReplicaSet") -> None:
        self._verbs, self._recorder, self._kind = verbs, recorder, kind
        self._resource = SETS if kind == "ReplicaSet" else CONTROLLERS
        self._component = "replicaset-controller" if kind == "ReplicaSet" else "replication-controller"
        #: Failures in a row, by uid.
        self._failures: dict[str, int] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed sets, and owners of changed Pods."""
        if change.resource == self._resource and not change.deleted:
            yield change.key
        elif change.resource == "pods":
            owner = controller_of(change.new)
            if owner and owner["kind"] == self._kind:
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Create or delete Pods, then report."""
        owner = self._verbs.store.get(self._resource, *key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        pods = active_pods(self._verbs, owner)
        wanted = owner["spec"]["replicas"]
        refused = self._create(owner, wanted - len(pods))
        for pod in sorted(pods, key=removal_order)[: max(0, len(pods) - wanted)]:
            delete_pod(self._verbs, pod)
            self._recorder.record(
                owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", self._component
            )
        again = self._report(owner, refused)
        return self._retry_after(owner) if refused else again

    def _create(self, owner: Object, count: int) -> str:
        """Make Pods; why the first one that failed did, empty where none did."""
        for _ in range(count):
            try:
                pod = make_pod(self._verbs, owner)
            except ApiError as error:
                text = f"Error creating: {error.message}"
                self._recorder.record(owner, "FailedCreate", text, self._component, warning=True)
                return error.message
            self._recorder.record(
                owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}", self._component
            )
        self._failures.pop(owner["metadata"]["uid"], None)
        return ""

    def _retry_after(self, owner: Object) -> float:
        """Seconds: twice as many after each failure, as the real controller's queue backs off."""
        uid = owner["metadata"]["uid"]
        self._failures[uid] = self._failures.get(uid, 0) + 1
        return min(LONGEST_PAUSE, 0.5 * 2.0 ** (self._failures[uid] - 1))

    @staticmethod
    def _conditions(owner: Object, refused: str) -> list[Object]:
        conditions: list[Object] = owner.get("status", {}).get("conditions", [])
        if any(c["type"] == FAILURE for c in conditions) == bool(refused):
            return conditions
        if refused:
            return set_condition(conditions, FAILURE, "True", "FailedCreate", refused)
        return [c for c in conditions if c["type"] != FAILURE]

    def _report(self, owner: Object, refused: str) -> float | None:
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
            "conditions": self._conditions(owner, refused),
        }
        self._verbs.set_status(
            self._resource, owner, {k: v for k, v in status.items() if v or k == "replicas"}
        )
        return 1.0 if len(usable) < len(ready) else None
