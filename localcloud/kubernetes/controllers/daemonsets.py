"""DaemonSets: one Pod on every node that may run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from localcloud.kubernetes.controllers.placement import matches_node, node_ready, tolerated
from localcloud.kubernetes.controllers.pods import active_pods, delete_pod, make_pod, template_hash
from localcloud.kubernetes.controllers.replicasets import available
from localcloud.kubernetes.controllers.revisions import HASH, keep_revision
from localcloud.kubernetes.controllers.runtime import (
    Recorder,
    controller_of,
    is_ready,
)
from localcloud.kubernetes.quantities import share
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
        there: dict[str, list[Object]] = {}
        for pod in active_pods(self._verbs, owner):
            there.setdefault(pod["spec"]["nodeName"], []).append(pod)
        for node in sorted((wanted & ready) - there.keys()):
            self._make(owner, node, hashed)
        for node in there.keys() - wanted:
            self._delete(owner, there[node])
        here = {node: there.get(node, []) for node in wanted}
        if owner["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            self._roll(owner, here, hashed)
        return self._report(owner, wanted, hashed)

    def _make(self, owner: Object, node: str, hashed: str) -> None:
        made = make_pod(self._verbs, owner, node=node, labels={HASH: hashed}, tolerations=_DAEMON_TOLERATIONS)
        text = f"Created pod: {made['metadata']['name']}"
        self._recorder.record(owner, "SuccessfulCreate", text, "daemonset-controller")

    def _delete(self, owner: Object, pods: list[Object]) -> None:
        for pod in pods:
            delete_pod(self._verbs, pod)
            text = f"Deleted pod: {pod['metadata']['name']}"
            self._recorder.record(owner, "SuccessfulDelete", text, "daemonset-controller")

    # Rolling update

    def _roll(self, owner: Object, here: dict[str, list[Object]], hashed: str) -> None:
        """Replace outdated Pods, as many at once as the strategy allows."""
        rolling = owner["spec"]["updateStrategy"].get("rollingUpdate", {})
        surge = share(rolling.get("maxSurge", 0), len(here), round_up=True)
        unavailable = share(rolling.get("maxUnavailable", 1), len(here), round_up=True)
        least = owner["spec"].get("minReadySeconds", 0)
        old = {n: [p for p in pods if _hash_of(p) != hashed] for n, pods in here.items()}
        new = {n: [p for p in pods if _hash_of(p) == hashed] for n, pods in here.items()}

        def usable(pods: list[Object]) -> bool:
            return any(available(p, least) for p in pods)

        if surge:
            self._surge(owner, old, new, surge, usable, hashed)
            return
        down = sum(not usable(pods) for pods in here.values())
        # What does not serve is replaced first, and takes nothing from the allowance.
        idle = [n for n in sorted(here) if old[n] and not new[n] and not usable(old[n])]
        serving = [n for n in sorted(here) if old[n] and usable(old[n])]
        for node in [*idle, *serving[: max(0, max(1, unavailable) - down)]]:
            self._delete(owner, old[node])

    def _surge(
        self,
        owner: Object,
        old: dict[str, list[Object]],
        new: dict[str, list[Object]],
        surge: int,
        usable: Callable[[list[Object]], bool],
        hashed: str,
    ) -> None:
        """Put new Pods beside the old ones, which go once the new ones serve."""
        both = [n for n in sorted(old) if old[n] and new[n]]
        alone = [n for n in sorted(old) if old[n] and not new[n]]
        for node in both:
            if usable(new[node]):
                self._delete(owner, old[node])
        left = surge - sum(not usable(new[n]) for n in both)
        idle = [n for n in alone if not usable(old[n])]
        for node in [*idle, *[n for n in alone if n not in idle][: max(0, left)]]:
            self._make(owner, node, hashed)

    def _report(self, owner: Object, wanted: set[str], hashed: str) -> float | None:
        pods = active_pods(self._verbs, owner)
        least = owner["spec"].get("minReadySeconds", 0)

        def nodes(some: Iterable[Object]) -> int:
            return len({p["spec"]["nodeName"] for p in some} & wanted)

        ready, usable = nodes(p for p in pods if is_ready(p)), nodes(p for p in pods if available(p, least))
        status: Object = {
            "observedGeneration": owner["metadata"]["generation"],
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": nodes(pods),
            "numberReady": ready,
            "numberAvailable": usable,
            "numberUnavailable": max(0, len(wanted) - usable),
            "numberMisscheduled": len({p["spec"]["nodeName"] for p in pods} - wanted),
            "updatedNumberScheduled": nodes(p for p in pods if _hash_of(p) == hashed),
        }
        self._verbs.set_status(self.RESOURCE, owner, status)
        return 1.0 if usable < ready else None
