"""A cluster's Deployments and StatefulSets, and the autoscalers on them.

With 0 replicas a HorizontalPodAutoscaler stands still by itself (Kubernetes docs, "Implicit maintenance-mode
deactivation"), so the night leaves autoscalers alone and they take over again in the morning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet.kubernetes.cluster import Cluster, Kind, Object
from dreamnet.resources.model import Progress
from dreamnet.scaling.snapshot import KEEP, NIGHT, SLEEP, Item, Stage, State, describe
from dreamnet.scaling.waiting import QUICK, Patience

#: The workload's own note of what it was, so that a lost bucket loses no original.
ORIGINAL = "dreamnet/night-original"

KINDS = ("Deployment", "StatefulSet")

#: Namespaces that belong to the cluster or its cloud: their workloads go when the nodes go, and are not ours.
SYSTEM = ("kube-", "gke-", "gmp-", "amazon-", "aws-", "config-management-")


@dataclass(frozen=True)
class Workloads:
    """The workloads of one cluster, outside its system namespaces."""

    cluster: Cluster
    patience: Patience = QUICK
    stage: Stage = Stage.WORKLOADS

    @property
    def name(self) -> str:
        """For messages."""
        return f"workloads of {self.cluster.key}"

    def items(self) -> list[Item]:
        """Deployments and StatefulSets with replicas and the bounds of their autoscaler."""
        namespaces = {
            item["metadata"]["name"]: item
            for item in self.cluster.items(self.cluster.kind("v1", "Namespace").path(None))
        }
        scalers = self._scalers()
        found = []
        for kind in KINDS:
            for workload in self.cluster.items(self.cluster.kind("apps/v1", kind).path(None)):
                namespace = workload["metadata"]["namespace"]
                if not namespace.startswith(SYSTEM):
                    scaler = scalers.get((kind, namespace, workload["metadata"]["name"]))
                    found.append(self._item(kind, workload, namespaces.get(namespace, {}), scaler))
        return found

    def night(self, original: Item) -> State:
        """No replicas; the autoscaler stays as it is."""
        return {**original.state, "replicas": 0}

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """Note the original on each workload and set it to 0, in one patch; wait until its pods are gone."""
        for original in originals:
            path = self._path(original.id)
            note = json.dumps(dict(original.state), sort_keys=True)
            patch = {"metadata": {"annotations": {ORIGINAL: note}}, "spec": {"replicas": 0}}
            self.cluster.merge(path, patch)
            progress(f"{original.id}: {describe(original.state)} -> 0 replicas")
        self.patience.until(
            f"{self.name} asleep",
            lambda: self._waiting_for(originals, self._has_ended),
            progress,
            "Look for pods that do not end: finalizers, or a long terminationGracePeriodSeconds.",
        )

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """Give each its replicas back, take the note off, and wait until as many are ready."""
        for original in originals:
            path = self._path(original.id)
            live = self.cluster.get(path)
            # An autoscaler may have moved an awake workload already: that is its business.
            patch: Object = {"metadata": {"annotations": {ORIGINAL: None}}}
            if live["spec"].get("replicas", 1) == 0 and original.state["replicas"] > 0:
                patch["spec"] = {"replicas": original.state["replicas"]}
                progress(f"{original.id}: 0 -> {original.state['replicas']} replicas")
            self.cluster.merge(path, patch)
        self.patience.until(
            f"{self.name} awake",
            lambda: self._waiting_for(originals, _is_ready),
            progress,
            "Look at the pods that are not ready: kubectl describe says why.",
        )

    def differences(self, original: Item, live: Item) -> list[str]:
        """Replicas (within the autoscaler's bounds where there is one), and the autoscaler itself."""
        before, now = original.state, live.state
        found = []
        scaler = before.get("autoscaler")
        if scaler != now.get("autoscaler"):
            found.append(f"autoscaler {scaler} is now {now.get('autoscaler')}")
        low = high = before["replicas"]
        if scaler and before["replicas"] > 0:
            low, high = min(low, scaler["min"]), max(high, scaler["max"])
        if not low <= now["replicas"] <= high:
            found.append(f"replicas {before['replicas']} are now {now['replicas']}")
        return found

    def _waiting_for(self, originals: Sequence[Item], done: Callable[[Object], bool]) -> str:
        """Which workloads are not done; a status of an older generation says nothing yet."""
        waiting = []
        for original in originals:
            live = self.cluster.get(self._path(original.id))
            current = live.get("status", {}).get("observedGeneration", 0) >= live["metadata"].get(
                "generation", 0
            )
            if not (current and done(live)):
                waiting.append(live["metadata"]["name"])
        return f"waiting for {', '.join(waiting)}" if waiting else ""

    def _has_ended(self, workload: Object) -> bool:
        """No replicas and no pods: the status counts no pod that is still ending."""
        if workload["status"].get("replicas", 0):
            return False
        labels = workload["spec"]["selector"].get("matchLabels", {})
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        pods = self.cluster.kind("v1", "Pod").path(workload["metadata"]["namespace"])
        return not selector or not self.cluster.items(pods, selector)

    def _scalers(self) -> dict[tuple[str, str, str], Object]:
        kind = self.cluster.kind("autoscaling/v2", "HorizontalPodAutoscaler")
        return {
            (
                scaler["spec"]["scaleTargetRef"]["kind"],
                scaler["metadata"]["namespace"],
                scaler["spec"]["scaleTargetRef"]["name"],
            ): scaler
            for scaler in self.cluster.items(kind.path(None))
        }

    def _item(self, kind: str, workload: Object, namespace: Object, scaler: Object | None) -> Item:
        metadata = workload["metadata"]
        note = (metadata.get("annotations") or {}).get(ORIGINAL)
        return Item(
            id=f"{self.cluster.key}/{kind.lower()}/{metadata['namespace']}/{metadata['name']}",
            state=_state(workload["spec"].get("replicas", 1), scaler),
            kept=_kept(workload, namespace),
            remembered=json.loads(note) if note and not workload["spec"].get("replicas", 1) else None,
            details={"requests": _requests(workload)},
        )

    def _path(self, item_id: str) -> str:
        kind_name, namespace, name = item_id.split("/")[-3:]
        kinds = {kind.lower(): kind for kind in KINDS}
        kind: Kind = self.cluster.kind("apps/v1", kinds[kind_name])
        return kind.path(namespace, name)


def _is_ready(workload: Object) -> bool:
    return bool(workload["status"].get("readyReplicas", 0) >= workload["spec"].get("replicas", 1))


def _state(replicas: int, scaler: Object | None) -> dict[str, Any]:
    state: dict[str, Any] = {"replicas": replicas}
    if scaler:
        state["autoscaler"] = {
            "name": scaler["metadata"]["name"],
            "min": scaler["spec"].get("minReplicas", 1),
            "max": scaler["spec"]["maxReplicas"],
        }
    return state


def _wish(item: Object) -> str:
    """What an object's annotation or label asks for the night."""
    metadata = item.get("metadata", {})
    marks: Mapping[str, str] = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    return marks.get(NIGHT, "")


def _kept(workload: Object, namespace: Object) -> str:
    """The workload's own mark goes before its namespace's."""
    own = _wish(workload)
    if own == KEEP:
        return f"it is marked {NIGHT}: {KEEP}"
    if own != SLEEP and _wish(namespace) == KEEP:
        return f"its namespace is marked {NIGHT}: {KEEP}"
    return ""


def _requests(workload: Object) -> dict[str, str]:
    """What one pod asks for, of its first container: enough to price pods on Fargate or Autopilot."""
    containers = workload["spec"]["template"]["spec"]["containers"]
    return dict(containers[0].get("resources", {}).get("requests", {}))
