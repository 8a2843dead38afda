"""The scheduler: binds Pods to the best of the nodes that fit, or says why none does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.placement import Placement, requests_of, shy_of
from localcloud.kubernetes.controllers.runtime import Recorder, is_active, set_condition
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs


class Scheduler:
    """Binds Pods that have no node.

    It keeps count of what each node's Pods take as they come and go, so that a large cluster is not counted
    anew for every Pod.
    """

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder
        self._used: dict[str, Counter[str]] = {}
        self._placed: dict[Key, Object] = {}
        self._shy: dict[Key, Object] = {}
        self._waiting: dict[Key, bool] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """New Pods; all that wait, when a node changed or a Pod left or changed."""
        if change.resource == "pods":
            self._account(change)
            if change.key in self._waiting:
                # Its own condition is the scheduler's writing.
                return [change.key] if change.old is None or change.old["spec"] != change.new["spec"] else []
            if change.deleted or not is_active(change.new):
                return list(self._waiting)
            # A neighbour came: that matters to those who look at neighbours.
            placed = not (change.old or {"spec": {}})["spec"].get("nodeName")
            return [key for key, social in self._waiting.items() if social and placed]
        return list(self._waiting) if change.resource == "nodes" else []

    def _account(self, change: Change) -> None:
        key, pod = change.key, change.new
        before = self._placed.pop(key, None)
        if before is not None:
            self._used[before["spec"]["nodeName"]].subtract(requests_of(before))
        self._shy.pop(key, None)
        self._waiting.pop(key, None)
        if change.deleted or not is_active(pod):
            return
        node = pod["spec"].get("nodeName")
        if not node:
            self._waiting[key] = "affinity" in pod["spec"] or "topologySpreadConstraints" in pod["spec"]
            return
        self._used.setdefault(node, Counter()).update(requests_of(pod))
        self._placed[key] = pod
        if shy_of(pod):
            self._shy[key] = pod

    def reconcile(self, key: Key) -> float | None:
        """Bind one Pod, or say why it waits."""
        store = self._verbs.store
        pod = store.get("pods", *key)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return None
        if pod["spec"].get("schedulingGates"):
            self._mark(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
            return None
        nodes = store.list("nodes")
        look = Placement(pod, nodes, self._placed.values(), self._shy.values(), self._used)
        reasons: Counter[str] = Counter()
        fitting = []
        for node in nodes:
            refusals = look.refusals(node)
            reasons.update(refusals)
            if not refusals:
                fitting.append(node)
        if not fitting:
            self._wait(pod, len(nodes), reasons)
            return None
        self._bind(pod, max(fitting, key=look.score)["metadata"]["name"])
        return None

    def _wait(self, pod: Object, count: int, reasons: Counter[str]) -> None:
        listed = ", ".join(sorted(f"{n} {reason}" for reason, n in reasons.items()))
        message = (
            f"0/{count} nodes are available: {listed}." if count else "no nodes available to schedule pods"
        )
        if self._mark(pod, "Unschedulable", message):
            self._recorder.record(pod, "FailedScheduling", message, "default-scheduler", warning=True)

    def _mark(self, pod: Object, reason: str, message: str) -> bool:
        """Say in the Pod's condition why it waits; whether that is news."""
        status = pod["status"]
        conditions = set_condition(status.get("conditions", []), "PodScheduled", "False", reason, message)
        if conditions == status.get("conditions"):
            return False
        self._verbs.set_status("pods", pod, status | {"conditions": conditions})
        return True

    def _bind(self, pod: Object, node: str) -> None:
        others = [c for c in pod["status"].get("conditions", ()) if c["type"] != "PodScheduled"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": server_side.timestamp()}
        new = pod | {"spec": pod["spec"] | {"nodeName": node}, "metadata": dict(pod["metadata"])}
        new["status"] = pod["status"] | {"conditions": [*others, scheduled]}
        self._verbs.store.put("pods", new)
        metadata = pod["metadata"]
        text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node}"
        self._recorder.record(pod, "Scheduled", text, "default-scheduler")
