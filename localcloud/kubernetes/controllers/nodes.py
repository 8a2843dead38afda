"""Nodes that stop answering, and Pods that a taint drives away from a node."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes import faults
from localcloud.kubernetes.controllers.placement import covers, node_ready
from localcloud.kubernetes.controllers.pods import delete_pod
from localcloud.kubernetes.controllers.runtime import Recorder, age, is_active, is_ready, set_condition
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

UNREACHABLE = "node.kubernetes.io/unreachable"
#: Taints that every Pod tolerates for a while unless it says otherwise.
_PATIENT = (UNREACHABLE, "node.kubernetes.io/not-ready")
#: On the Node: seconds until its Pods are evicted, where a fault asked for others than Kubernetes' own.
EVICT_AFTER = "dreamnet.rehearsal/evict-after-seconds"


def pods_on(verbs: Verbs, node: str) -> list[Object]:
    """Pods bound to a node."""
    return [p for p in verbs.store.list("pods") if p["spec"].get("nodeName") == node]


class NodeHealth:
    """Marks nodes that a fault takes down as unreachable, and ready again once it has gone."""

    def __init__(self, verbs: Verbs, recorder: Recorder, asked: faults.Faults) -> None:
        self._verbs, self._recorder, self._faults = verbs, recorder, asked

    def keys(self, change: Change) -> Iterable[Key]:
        """New nodes; all of them when faults change."""
        if change.resource == faults.RESOURCE and change.new["spec"]["fault"] in ("node", "zone"):
            return [("", n["metadata"]["name"]) for n in self._verbs.store.list("nodes")]
        return [change.key] if change.resource == "nodes" and change.old is None else []

    def reconcile(self, key: Key) -> float | None:
        """Bring one node's condition and taint in line."""
        node = self._verbs.store.get("nodes", *key)
        if node is None:
            return None
        fault = self._faults.of_node(node)
        taints = [t for t in node["spec"].get("taints", ()) if t["key"] != UNREACHABLE]
        down = len(taints) < len(node["spec"].get("taints", ()))
        if (fault is not None) == down:
            return None
        annotations = {k: v for k, v in node["metadata"].get("annotations", {}).items() if k != EVICT_AFTER}
        if fault is None:
            condition = ("Ready", "True", "KubeletReady", "simulated by the rehearsal")
        else:
            condition = ("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
            now = server_side.timestamp()
            taints += [
                {"key": UNREACHABLE, "effect": e, "timeAdded": now} for e in ("NoSchedule", "NoExecute")
            ]
            annotations[EVICT_AFTER] = str(fault.get("seconds", faults.EVICTION_SECONDS))
        spec = {k: v for k, v in node["spec"].items() if k != "taints"} | (
            {"taints": taints} if taints else {}
        )
        conditions = set_condition(node["status"]["conditions"], *condition)
        new = node | {"spec": spec, "status": node["status"] | {"conditions": conditions}}
        new["metadata"] = node["metadata"] | {"annotations": annotations}
        self._verbs.store.put("nodes", new)
        reason = "NodeReady" if fault is None else "NodeNotReady"
        self._recorder.record(new, reason, f"Node {key[1]} status is now: {reason}", "node-controller")
        if fault is not None:
            self._lose(key[1])
        return None

    def _lose(self, name: str) -> None:
        """Nobody knows of its Pods: they are not ready."""
        for pod in pods_on(self._verbs, name):
            if is_ready(pod):
                conditions = set_condition(pod["status"]["conditions"], "Ready", "False", "NodeNotReady", "")
                self._verbs.set_status("pods", pod, pod["status"] | {"conditions": conditions})
                self._recorder.record(
                    pod, "NodeNotReady", "Node is not ready", "node-controller", warning=True
                )


class Evictions:
    """Deletes Pods from nodes whose NoExecute taints they do not tolerate, or not for longer."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder

    def keys(self, change: Change) -> Iterable[Key]:
        """Tainted nodes, and the node of a Pod that is new there."""
        if change.resource == "nodes" and not change.deleted:
            if any(t["effect"] == "NoExecute" for t in change.new["spec"].get("taints", ())):
                yield change.key
        elif change.resource == "pods" and not change.deleted:
            name = change.new["spec"].get("nodeName")
            if name and not (change.old or {"spec": {}})["spec"].get("nodeName"):
                yield "", name

    def reconcile(self, key: Key) -> float | None:
        """Evict whose time is over; seconds until the next one's is."""
        node = self._verbs.store.get("nodes", *key)
        taints = [t for t in (node or {"spec": {}})["spec"].get("taints", ()) if t["effect"] == "NoExecute"]
        if node is None or not taints:
            return None
        soonest: float | None = None
        for pod in pods_on(self._verbs, key[1]):
            left = self._left(node, pod, taints) if is_active(pod) else None
            if left is None:
                continue
            if left > 0:
                soonest = left if soonest is None else min(soonest, left)
                continue
            metadata = pod["metadata"]
            text = f"Marking for deletion Pod {metadata['namespace']}/{metadata['name']}"
            self._recorder.record(pod, "TaintManagerEviction", text, "taint-eviction-controller")
            delete_pod(self._verbs, pod)
        return soonest

    @staticmethod
    def _left(node: Object, pod: Object, taints: list[Object]) -> float | None:
        """Seconds until the Pod must go; None for never."""
        left: list[float] = []
        for taint in taints:
            matching = [t for t in pod["spec"].get("tolerations", ()) if covers(t, taint)]
            patience = [float(t["tolerationSeconds"]) for t in matching if "tolerationSeconds" in t]
            if not matching and taint["key"] in _PATIENT:
                asked = node["metadata"].get("annotations", {}).get(EVICT_AFTER, faults.EVICTION_SECONDS)
                patience = [float(asked)]
            elif not matching:
                patience = [0.0]
            if patience:
                since = age(taint["timeAdded"]) if "timeAdded" in taint else 0.0
                left.append(min(patience) - since)
        return min(left) if left else None


def unreachable(verbs: Verbs, node: str) -> bool:
    """Whether a Pod's node is there and does not answer."""
    found = verbs.store.get("nodes", "", node)
    return found is not None and not node_ready(found)
