"""The scheduler: Pods to nodes that are ready, fit, match and are tolerated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.runtime import Recorder, is_active, set_condition
from localcloud.kubernetes.quantities import parse
from localcloud.kubernetes.selectors import matches_expression
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs


def requests_of(pod: Object) -> Counter[str]:
    """Sum of the containers' requests, in cores, bytes and pieces; and the Pod itself."""
    total: Counter[str] = Counter({"pods": 1})  # floats for cores: Counter only adds
    for container in pod["spec"]["containers"]:
        for name, value in container.get("resources", {}).get("requests", {}).items():
            total[name] += parse(value)  # type: ignore[assignment]
    return total


def covers(toleration: Object, taint: Object) -> bool:
    """Whether a toleration is one of a taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def tolerated(taints: Iterable[Object], tolerations: Iterable[Object]) -> bool:
    """Whether every taint that forbids scheduling is tolerated."""
    known = list(tolerations)
    hard = [t for t in taints if t["effect"] in ("NoSchedule", "NoExecute")]
    return all(any(covers(toleration, taint) for toleration in known) for taint in hard)


def matches_node(spec: Object, node: Object) -> bool:
    """nodeSelector and required node affinity."""
    labels = node["metadata"].get("labels", {})
    if any(labels.get(k) != v for k, v in spec.get("nodeSelector", {}).items()):
        return False
    required = (
        spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    )
    if not required:
        return True
    return any(
        all(matches_expression(e, labels) for e in term.get("matchExpressions", ()))
        for term in required["nodeSelectorTerms"]
    )


def node_ready(node: Object) -> bool:
    """Whether a node's Ready condition is true."""
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", ())
    )


class Scheduler:
    """Binds Pods that have no node."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder

    def keys(self, change: Change) -> Iterable[Key]:
        """New Pods; all that wait, when a node changed or a Pod left."""
        waits = change.resource == "pods" and not change.deleted and not change.new["spec"].get("nodeName")
        if waits:
            yield change.key
        elif change.resource == "nodes" or (change.resource == "pods" and change.deleted):
            yield from (
                (p["metadata"]["namespace"], p["metadata"]["name"])
                for p in self._verbs.store.list("pods")
                if not p["spec"].get("nodeName")
            )

    def reconcile(self, key: Key) -> float | None:
        """Bind one Pod, or say why it waits."""
        store = self._verbs.store
        pod = store.get("pods", *key)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return None
        nodes = store.list("nodes")
        used: dict[str, Counter[str]] = {}
        for other in store.list("pods"):
            if other["spec"].get("nodeName") and is_active(other):
                used.setdefault(other["spec"]["nodeName"], Counter()).update(requests_of(other))
        reasons: Counter[str] = Counter()
        fitting = []
        for node in nodes:
            reason = self._refusal(pod, node, used.get(node["metadata"]["name"], Counter()))
            if reason:
                reasons[reason] += 1
            else:
                fitting.append(node)
        if not fitting:
            self._wait(pod, len(nodes), reasons)
            return None
        best = min(fitting, key=lambda n: used.get(n["metadata"]["name"], Counter())["pods"])
        self._bind(pod, best["metadata"]["name"])
        return None

    @staticmethod
    def _refusal(pod: Object, node: Object, used: Counter[str]) -> str:
        if node["spec"].get("unschedulable"):
            return "node(s) were unschedulable"
        if not node_ready(node) or node["metadata"].get("deletionTimestamp"):
            return "node(s) were not ready"
        if not tolerated(node["spec"].get("taints", ()), pod["spec"].get("tolerations", ())):
            return "node(s) had untolerated taint(s)"
        if not matches_node(pod["spec"], node):
            return "node(s) didn't match Pod's node affinity/selector"
        allocatable = node["status"]["allocatable"]
        for name, amount in requests_of(pod).items():
            if used[name] + amount > parse(allocatable.get(name, 0)) + 1e-9:
                return "Too many pods" if name == "pods" else f"Insufficient {name}"
        return ""

    def _wait(self, pod: Object, count: int, reasons: Counter[str]) -> None:
        listed = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
        message = (
            f"0/{count} nodes are available: {listed}." if count else "no nodes available to schedule pods"
        )
        status = pod["status"]
        conditions = set_condition(
            status.get("conditions", []), "PodScheduled", "False", "Unschedulable", message
        )
        if conditions != status.get("conditions"):
            self._verbs.set_status("pods", pod, status | {"conditions": conditions})
            self._recorder.record(pod, "FailedScheduling", message, "default-scheduler", warning=True)

    def _bind(self, pod: Object, node: str) -> None:
        others = [c for c in pod["status"].get("conditions", ()) if c["type"] != "PodScheduled"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": server_side.timestamp()}
        new = pod | {"spec": pod["spec"] | {"nodeName": node}, "metadata": dict(pod["metadata"])}
        new["status"] = pod["status"] | {"conditions": [*others, scheduled]}
        self._verbs.store.put("pods", new)
        metadata = pod["metadata"]
        text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node}"
        self._recorder.record(pod, "Scheduled", text, "default-scheduler")
