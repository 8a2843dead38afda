"""The scheduler: binds Pods to the best of the nodes that fit, makes room for them, or says why none does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.placement import Placement, requests_of, shy_of
from localcloud.kubernetes.controllers.pod_volumes import PodVolumes
from localcloud.kubernetes.controllers.preemption import Choice, Preemption, priority_of
from localcloud.kubernetes.controllers.runtime import Recorder, is_active, set_condition
from localcloud.kubernetes.controllers.volumes import CLAIMS, CLASSES, VOLUMES, claims_of
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import DeleteOptions, Verbs

COMPONENT = "default-scheduler"


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
        self._waiting: dict[Key, Object] = {}
        #: Those of them that others make room for.
        self._nominated: dict[Key, Object] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """New Pods; all that wait, when a node changed or a Pod left or changed, the most important first."""
        if change.resource == "pods":
            self._account(change)
            if change.key in self._waiting:
                # Its own condition is the scheduler's writing.
                return [change.key] if change.old is None or change.old["spec"] != change.new["spec"] else []
            if change.deleted or not is_active(change.new):
                return self._in_order()
            # A neighbour came: that matters to those who look at neighbours.
            placed = not (change.old or {"spec": {}})["spec"].get("nodeName")
            return [key for key in self._in_order() if _social(self._waiting[key])] if placed else []
        if change.resource in (CLAIMS, VOLUMES, CLASSES):
            return [key for key in self._in_order() if claims_of(self._waiting[key])]
        return self._in_order() if change.resource == "nodes" else []

    def _in_order(self) -> list[Key]:
        return sorted(
            self._waiting,
            key=lambda k: (-priority_of(self._waiting[k]), self._waiting[k]["metadata"]["creationTimestamp"]),
        )

    def _account(self, change: Change) -> None:
        key, pod = change.key, change.new
        before = self._placed.pop(key, None)
        if before is not None:
            self._used[before["spec"]["nodeName"]].subtract(requests_of(before))
        self._shy.pop(key, None)
        self._waiting.pop(key, None)
        self._nominated.pop(key, None)
        # What is being deleted takes its room until it has stopped.
        if change.deleted or pod["status"].get("phase") in ("Succeeded", "Failed"):
            return
        node = pod["spec"].get("nodeName")
        if not node:
            if is_active(pod):
                self._waiting[key] = pod
                if pod["status"].get("nominatedNodeName"):
                    self._nominated[key] = pod
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
        nodes, volumes = store.list("nodes"), PodVolumes(self._verbs, pod)
        if volumes.problem:
            none = f"0/{len(nodes)} nodes are available:"
            unhelpful = f"{none} {len(nodes)} Preemption is not helpful for scheduling."
            self._wait(pod, f"{none} {volumes.problem}. preemption: {unhelpful}")
            return None
        used = self._claimed(key, pod)
        look = Placement(pod, nodes, self._placed.values(), self._shy.values(), used)
        refused = {n["metadata"]["name"]: volumes.refusals(n) or look.refusals(n) for n in nodes}
        fitting = [n for n in nodes if not refused[n["metadata"]["name"]]]
        if not fitting:
            self._make_room(pod, nodes, refused, used)
            return None
        own = pod["status"].get("nominatedNodeName")
        best = max(fitting, key=lambda n: (n["metadata"]["name"] == own, look.score(n)))["metadata"]["name"]
        # With claims that wait for the node, the Pod is looked at again once they are bound.
        if not volumes.choose(best):
            self._bind(pod, best)
        return None

    def _claimed(self, key: Key, pod: Object) -> Mapping[str, Counter[str]]:
        """What is used, and what Pods of no lower priority are to get where others made room for them."""
        used = dict(self._used)
        for other_key, other in self._nominated.items():
            node = other["status"]["nominatedNodeName"]
            if other_key != key and priority_of(other) >= priority_of(pod):
                used[node] = used.get(node, Counter()) + requests_of(other)
        return used

    # Without room

    def _make_room(
        self,
        pod: Object,
        nodes: list[Object],
        refused: Mapping[str, list[str]],
        used: Mapping[str, Counter[str]],
    ) -> None:
        """Push less important Pods off a node, or say why the Pod waits."""
        if not nodes:
            self._wait(pod, "no nodes available to schedule pods")
            return
        counted: Counter[str] = Counter(reason for reasons in refused.values() for reason in reasons)
        listed = ", ".join(sorted(f"{n} {reason}" for reason, n in counted.items()))
        message = f"0/{len(nodes)} nodes are available: {listed}."
        if self._leaving(pod):
            # Those who make room have not stopped yet.
            return
        search = Preemption(self._verbs.store, pod, nodes, self._placed.values(), used)
        choice, why = search.search(refused)
        self._wait(pod, f"{message} {why}" if why else message)
        if choice is not None:
            self._preempt(pod, choice)

    def _leaving(self, pod: Object) -> bool:
        """Whether less important Pods are stopping on the node that the Pod is to get."""
        node = pod["status"].get("nominatedNodeName")
        return any(
            p["spec"]["nodeName"] == node
            and p["metadata"].get("deletionTimestamp")
            and priority_of(p) < priority_of(pod)
            for p in self._placed.values()
        )

    def _preempt(self, pod: Object, choice: Choice) -> None:
        store, kind = self._verbs.store, self._verbs.kinds.find("", "v1", "pods")
        assert kind is not None
        current = store.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        assert current is not None
        nominated = current["status"] | {"nominatedNodeName": choice.node}
        self._verbs.set_status("pods", current, nominated)
        for victim in choice.victims:
            text = f"{COMPONENT}: preempting to accommodate a higher priority pod"
            conditions = set_condition(
                victim["status"].get("conditions", []),
                "DisruptionTarget",
                "True",
                "PreemptionByScheduler",
                text,
            )
            told = self._verbs.set_status("pods", victim, victim["status"] | {"conditions": conditions})
            metadata = told["metadata"]
            self._verbs.delete(kind, metadata["namespace"], metadata["name"], DeleteOptions())
            text = f"Preempted by pod {pod['metadata']['uid']} on node {choice.node}"
            self._recorder.record(victim, "Preempted", text, COMPONENT)

    def _wait(self, pod: Object, message: str) -> None:
        if self._mark(pod, "Unschedulable", message):
            self._recorder.record(pod, "FailedScheduling", message, COMPONENT, warning=True)

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
        status = {k: v for k, v in pod["status"].items() if k != "nominatedNodeName"}
        new["status"] = status | {"conditions": [*others, scheduled]}
        self._verbs.store.put("pods", new)
        metadata = pod["metadata"]
        text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node}"
        self._recorder.record(pod, "Scheduled", text, COMPONENT)


def _social(pod: Object) -> bool:
    return "affinity" in pod["spec"] or "topologySpreadConstraints" in pod["spec"]
