"""The cluster autoscaler: node groups with bounds grow for Pods that find no room, and lose idle nodes.

The rules of the cluster-autoscaler FAQ (github.com/kubernetes/autoscaler, read November 2026): a group grows
when that helps a Pod that is unschedulable; a node goes when less than half of it is requested, all its Pods
fit elsewhere and may be evicted, and that has been so for ten minutes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from localcloud.kubernetes.controllers.nodes import pods_on
from localcloud.kubernetes.controllers.placement import Placement, requests_of, shy_of
from localcloud.kubernetes.controllers.runtime import Recorder, controller_of, is_active
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.eviction import evict
from localcloud.kubernetes.nodegroups import MAX_NODES, NodeGroups
from localcloud.kubernetes.quantities import parse
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

#: Seconds between looks; Pods get time to take the room that a look made.
PERIOD = 0.5
UNDERUSED = 0.5
SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"
LEAVING = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}
_ALL: Key = ("", "")


def _unschedulable(pod: Object) -> bool:
    return not pod["spec"].get("nodeName") and any(
        c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable"
        for c in pod["status"].get("conditions", ())
    )


class _Room:
    """Nodes with what their Pods take, to try out placements."""

    def __init__(self, nodes: list[Object], placed: list[Object]) -> None:
        self.nodes, self.placed = nodes, placed
        self.used: dict[str, Counter[str]] = {}
        for pod in placed:
            self.used.setdefault(pod["spec"]["nodeName"], Counter()).update(requests_of(pod))

    def put(self, pod: Object, candidates: list[Object]) -> bool:
        """Place the Pod on the first of these nodes that takes it."""
        shy = [p for p in self.placed if shy_of(p)]
        look = Placement(pod, self.nodes, self.placed, shy, self.used)
        node = next((n for n in candidates if not look.refusals(n)), None)
        if node is None:
            return False
        name = node["metadata"]["name"]
        self.placed = [*self.placed, pod | {"spec": pod["spec"] | {"nodeName": name}}]
        self.used.setdefault(name, Counter()).update(requests_of(pod))
        return True


class NodeAutoscaler:
    """The loop over node groups that have ``min`` and ``max``.

    Args:
        unneeded_seconds: how long a node must have been idle before it goes.
    """

    def __init__(self, verbs: Verbs, recorder: Recorder, groups: NodeGroups, unneeded_seconds: float) -> None:
        self._verbs, self._recorder, self._groups = verbs, recorder, groups
        self._unneeded_seconds = unneeded_seconds
        self._next = 0.0
        self._idle_since: dict[str, float] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """One key for all: whatever changes Pods, nodes or groups."""
        return [_ALL] if change.resource in ("pods", "nodes", NodeGroups.RESOURCE) else []

    def reconcile(self, key: Key) -> float | None:
        """One look; seconds until the next."""
        groups = [g for g in self._verbs.store.list(NodeGroups.RESOURCE) if g["spec"].get("max") is not None]
        if not groups or not self._groups.autoscaler_runs:
            return None
        now = time.monotonic()
        if now < self._next:
            return self._next - now
        self._next = now + PERIOD
        pods = self._verbs.store.list("pods")
        pending = [p for p in pods if _unschedulable(p) and is_active(p)]
        placed = [p for p in pods if p["spec"].get("nodeName") and is_active(p)]
        if pending:
            self._grow(groups, pending, placed)
            return PERIOD
        return self._shrink(groups, placed, now)

    # Growing

    def _grow(self, groups: list[Object], pending: list[Object], placed: list[Object]) -> None:
        """Grow the group that helps most Pods with the fewest nodes."""
        nodes = self._verbs.store.list("nodes")
        best: tuple[int, int, Object] | None = None
        helped: set[str] = set()
        full = 0
        for group in groups:
            free = min(group["spec"]["max"], MAX_NODES) - group["spec"]["count"]
            full += free <= 0
            fitting, needed = self._packed(group, free, pending, nodes, placed)
            if fitting and (best is None or (len(fitting), -needed) > (best[0], -best[1])):
                best, helped = (len(fitting), needed, group), fitting
        for pod in pending:
            if pod["metadata"]["uid"] not in helped and best is None:
                why = f"{full} max node group size reached" if full else "no node group would fit it"
                text = f"pod didn't trigger scale-up: {why}"
                self._recorder.record(pod, "NotTriggerScaleUp", text, "cluster-autoscaler")
        if best is None:
            return
        group = best[2]
        name, count, most = group["metadata"]["name"], group["spec"]["count"], group["spec"]["max"]
        text = f"pod triggered scale-up: [{{{name} {count}->{count + best[1]} (max: {most})}}]"
        for pod in pending:
            if pod["metadata"]["uid"] in helped:
                self._recorder.record(pod, "TriggeredScaleUp", text, "cluster-autoscaler")
        self._groups.put(name, {"count": count + best[1]})

    def _packed(
        self, group: Object, free: int, pending: list[Object], nodes: list[Object], placed: list[Object]
    ) -> tuple[set[str], int]:
        """Pods that up to ``free`` more nodes of a group would take, and how many nodes that needs."""
        fitting: set[str] = set()
        samples: list[Object] = []
        spare = self._groups.samples(group, max(0, free))
        room = _Room(list(nodes), placed)
        for pod in pending:
            if room.put(pod, samples):
                fitting.add(pod["metadata"]["uid"])
                continue
            for sample in spare[len(samples) :]:
                room.nodes.append(sample)
                if room.put(pod, [sample]):
                    samples.append(sample)
                    fitting.add(pod["metadata"]["uid"])
                    break
                room.nodes.pop()
        return fitting, len(samples)

    # Shrinking

    def _shrink(self, groups: list[Object], placed: list[Object], now: float) -> float | None:
        """Drain and remove what has been idle for long enough; seconds until the next may go."""
        waits: list[float] = []
        idle: set[str] = set()
        for group in groups:
            surplus = group["spec"]["count"] - group["spec"].get("min", 0)
            for node in self._groups.nodes(group["metadata"]["name"]):
                name = node["metadata"]["name"]
                if surplus <= 0 or not self._unneeded(node, placed):
                    continue
                surplus -= 1
                idle.add(name)
                left = self._idle_since.setdefault(name, now) + self._unneeded_seconds - now
                if left > 0:
                    waits.append(left)
                elif self._drain(node):
                    text = f"marked the node as toBeDeleted/unschedulable, removed node {name}"
                    self._recorder.record(node, "ScaleDown", text, "cluster-autoscaler")
                    self._groups.remove(group["metadata"]["name"], node)
                else:
                    waits.append(PERIOD)
        self._idle_since = {n: at for n, at in self._idle_since.items() if n in idle}
        return min(waits) if waits else None

    def _movable(self, node: str) -> list[Object]:
        pods = [p for p in pods_on(self._verbs, node) if is_active(p)]
        return [p for p in pods if (controller_of(p) or {}).get("kind") != "DaemonSet"]

    def _unneeded(self, node: Object, placed: list[Object]) -> bool:
        name, allocatable = node["metadata"]["name"], node["status"]["allocatable"]
        mine = self._movable(name)
        if any(
            controller_of(p) is None or p["metadata"].get("annotations", {}).get(SAFE) == "false"
            for p in mine
        ):
            return False
        taken: Counter[str] = Counter()
        for pod in mine:
            taken.update(requests_of(pod))
        if any(taken[k] > UNDERUSED * parse(allocatable.get(k, 0)) for k in ("cpu", "memory")):
            return False
        others = [n for n in self._verbs.store.list("nodes") if n["metadata"]["name"] != name]
        room = _Room(others, [p for p in placed if p["spec"]["nodeName"] != name])
        return all(room.put(p | {"spec": p["spec"] | {"nodeName": ""}}, others) for p in mine)

    def _mark(self, name: str, leaving: bool) -> None:
        """Keep new Pods away from a node, or let them come again."""
        node = self._verbs.store.get("nodes", "", name)
        assert node is not None
        taints = [t for t in node["spec"].get("taints", ()) if t != LEAVING] + [LEAVING] * leaving
        spec = {k: v for k, v in node["spec"].items() if k != "taints"} | (
            {"taints": taints} if taints else {}
        )
        if spec != node["spec"]:
            self._verbs.store.put("nodes", node | {"spec": spec, "metadata": dict(node["metadata"])})

    def _drain(self, node: Object) -> bool:
        """Evict the node's Pods; whether it is empty."""
        kind = self._verbs.kinds.find("", "v1", "pods")
        assert kind is not None
        name = node["metadata"]["name"]
        self._mark(name, leaving=True)
        for pod in self._movable(name):
            metadata = pod["metadata"]
            try:
                evict(self._verbs, kind, metadata["namespace"], metadata["name"], None)
            except ApiError as error:
                # A disruption budget: the node serves on until that lets the Pod go.
                self._mark(name, leaving=False)
                text = f"failed to drain the node: {error.message}"
                self._recorder.record(node, "ScaleDownFailed", text, "cluster-autoscaler", warning=True)
                return False
        left = (controller_of(p) or {} for p in pods_on(self._verbs, name))
        return all(owner.get("kind") == "DaemonSet" for owner in left)
