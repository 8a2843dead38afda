"""Deployments: a ReplicaSet for each template, rolled from old to new."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.pods import template_hash
from localcloud.kubernetes.controllers.replicasets import FAILURE
from localcloud.kubernetes.controllers.runtime import (
    MANAGER,
    Recorder,
    age,
    controller_of,
    owner_reference,
    set_condition,
)
from localcloud.kubernetes.quantities import share
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import DeleteOptions, Verbs

RESOURCE, SETS = "deployments.apps", "replicasets.apps"
REVISION = "deployment.kubernetes.io/revision"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HASH = "pod-template-hash"


def _revision(replica_set: Object) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, 0))


def _copied(deployment: Object) -> Object:
    """Annotations that a Deployment hands to its ReplicaSet, such as the cause of a change."""
    annotations = deployment["metadata"].get("annotations", {})
    return {k: v for k, v in annotations.items() if k not in (REVISION, LAST_APPLIED)}


def _count(sets: list[Object], field: str) -> int:
    return sum(s.get("status", {}).get(field, 0) for s in sets)


def _failure(conditions: list[Object], sets: list[Object]) -> list[Object]:
    """``conditions`` with the first ReplicaSet's whose Pods are refused, or without."""
    failed = (c for s in sets for c in s.get("status", {}).get("conditions", ()) if c["type"] == FAILURE)
    found = next(failed, None)
    if found is None:
        return [c for c in conditions if c["type"] != FAILURE]
    return set_condition(
        conditions, FAILURE, found["status"], found["reason"], found["message"], lastUpdateTime=1
    )


class Deployments:
    """The Deployment controller."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder
        set_kind = verbs.kinds.find("apps", "v1", "replicasets")
        assert set_kind is not None
        self._set_kind = set_kind

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed Deployments, and owners of changed ReplicaSets."""
        if change.resource == RESOURCE and not change.deleted:
            yield change.key
        elif change.resource == SETS:
            owner = controller_of(change.new)
            if owner and owner["kind"] == "Deployment":
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Scale old and new ReplicaSets one step, then report."""
        deployment = self._verbs.store.get(RESOURCE, *key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return None
        sets = [s for _, s in self._verbs.store.owned_by(deployment["metadata"]["uid"], SETS)]
        current = self._current(deployment, sets)
        if current is None and not deployment["spec"].get("paused"):
            current = self._create(deployment, sets)
        elif current is not None:
            current = self._renumber(deployment, current, sets)
        old = [s for s in sets if current is None or s["metadata"]["uid"] != current["metadata"]["uid"]]
        if deployment["spec"].get("paused"):
            self._scale_paused(deployment, current, old)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, current, old)
        else:
            self._roll(deployment, current, old)
        self._forget(deployment, old)
        return self._report(key)

    # ReplicaSets

    @staticmethod
    def _current(deployment: Object, sets: list[Object]) -> Object | None:
        name = f"{deployment['metadata']['name']}-{template_hash(deployment['spec']['template'])}"
        return next((s for s in sets if s["metadata"]["name"] == name), None)

    def _create(self, deployment: Object, sets: list[Object]) -> Object:
        template = copy(deployment["spec"]["template"])
        hashed = template_hash(template)
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH] = hashed
        selector = copy(deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = hashed
        metadata = deployment["metadata"]
        revision = max((_revision(s) for s in sets), default=0) + 1
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{hashed}",
                "namespace": metadata["namespace"],
                "labels": dict(labels),
                "annotations": _copied(deployment) | {REVISION: str(revision)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template}
            | (
                {"minReadySeconds": deployment["spec"]["minReadySeconds"]}
                if "minReadySeconds" in deployment["spec"]
                else {}
            ),
        }
        made, _ = self._verbs.create(self._set_kind, metadata["namespace"], body, MANAGER)
        self._annotate(deployment, revision)
        return made

    def _annotate(self, deployment: Object, revision: int) -> None:
        live = self._verbs.store.get(
            RESOURCE, deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        )
        assert live is not None
        annotations = live["metadata"].get("annotations", {})
        if annotations.get(REVISION) != str(revision):
            metadata = live["metadata"] | {"annotations": annotations | {REVISION: str(revision)}}
            self._verbs.store.put(RESOURCE, live | {"metadata": metadata})

    def _renumber(self, deployment: Object, current: Object, sets: list[Object]) -> Object:
        """The current ReplicaSet has the Deployment's annotations; one that is back (undo) is the newest."""
        newest = max(_revision(s) for s in sets)
        number = _revision(current) if _revision(current) == newest else newest + 1
        have = current["metadata"].get("annotations", {})
        annotations = have | _copied(deployment) | {REVISION: str(number)}
        if annotations != have:
            current = self._verbs.store.put(
                SETS, current | {"metadata": current["metadata"] | {"annotations": annotations}}
            )
        self._annotate(deployment, _revision(current))
        return current

    def _scale(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        have = replica_set["spec"]["replicas"]
        if have == replicas:
            return
        metadata = replica_set["metadata"]
        live = self._verbs.get(self._set_kind, metadata["namespace"], metadata["name"])
        new = live | {"spec": live["spec"] | {"replicas": replicas}}
        new["metadata"] = live["metadata"] | {"generation": live["metadata"]["generation"] + 1}
        self._verbs.store.put(SETS, new)
        direction = "up" if replicas > have else "down"
        text = f"Scaled {direction} replica set {metadata['name']} from {have} to {replicas}"
        self._recorder.record(deployment, "ScalingReplicaSet", text, "deployment-controller")

    # Strategies

    def _scale_paused(self, deployment: Object, current: Object | None, old: list[Object]) -> None:
        """A paused rollout still follows ``spec.replicas`` where only one ReplicaSet has Pods."""
        living = [s for s in [*old, *([current] if current else [])] if s["spec"]["replicas"]]
        if len(living) == 1:
            self._scale(deployment, living[0], deployment["spec"]["replicas"])

    def _recreate(self, deployment: Object, current: Object | None, old: list[Object]) -> None:
        for replica_set in old:
            self._scale(deployment, replica_set, 0)
        remaining = [p for s in old for _, p in self._verbs.store.owned_by(s["metadata"]["uid"], "pods")]
        if current is not None and not remaining:
            self._scale(deployment, current, deployment["spec"]["replicas"])

    def _roll(self, deployment: Object, current: Object | None, old: list[Object]) -> None:
        if current is None:
            return
        spec = deployment["spec"]
        wanted, rolling = spec["replicas"], spec["strategy"].get("rollingUpdate", {})
        surge = share(rolling.get("maxSurge", "25%"), wanted, round_up=True)
        unavailable = share(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
        if not surge and not unavailable:
            unavailable = 1
        total = sum(s["spec"]["replicas"] for s in old) + current["spec"]["replicas"]
        grow = current["spec"]["replicas"]
        if grow > wanted:
            grow = wanted
        elif grow < wanted:
            grow = min(wanted, grow + max(0, wanted + surge - total))
        self._scale(deployment, current, grow)
        self._shrink_old(deployment, current, old, wanted - unavailable, grow)

    def _shrink_old(
        self, deployment: Object, current: Object, old: list[Object], minimum: int, grown: int
    ) -> None:
        """Take Pods from old ReplicaSets: broken ones first, ready ones while ``minimum`` stay."""
        total = sum(s["spec"]["replicas"] for s in old) + grown
        lacking = grown - current.get("status", {}).get("availableReplicas", 0)
        budget = total - minimum - max(0, lacking)
        for replica_set in sorted(old, key=_revision):
            have = replica_set["spec"]["replicas"]
            broken = max(0, have - replica_set.get("status", {}).get("availableReplicas", 0))
            take = min(have, max(0, budget), have if budget > 0 else broken)
            if take:
                budget -= take
                self._scale(deployment, replica_set, have - take)

    def _forget(self, deployment: Object, old: list[Object]) -> None:
        limit = deployment["spec"]["revisionHistoryLimit"]
        empty = sorted(
            (s for s in old if not s["spec"]["replicas"] and not _count([s], "replicas")), key=_revision
        )
        for replica_set in empty[: max(0, len(empty) - limit)]:
            metadata = replica_set["metadata"]
            self._verbs.delete(self._set_kind, metadata["namespace"], metadata["name"], DeleteOptions())

    # Status

    def _report(self, key: Key) -> float | None:
        deployment = self._verbs.store.get(RESOURCE, *key)
        assert deployment is not None
        sets = [s for _, s in self._verbs.store.owned_by(deployment["metadata"]["uid"], SETS)]
        current = self._current(deployment, sets)
        wanted, updated = deployment["spec"]["replicas"], _count([current] if current else [], "replicas")
        counts = {
            "replicas": _count(sets, "replicas"),
            "updatedReplicas": updated,
            "readyReplicas": _count(sets, "readyReplicas"),
            "availableReplicas": _count(sets, "availableReplicas"),
            "unavailableReplicas": max(
                0, max(wanted, _count(sets, "replicas")) - _count(sets, "availableReplicas")
            ),
        }
        conditions, again = self._conditions(deployment, current, counts)
        conditions = _failure(conditions, [*([current] if current else []), *sets])
        status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
        status |= {k: v for k, v in counts.items() if v} | {"conditions": conditions}
        self._verbs.set_status(RESOURCE, deployment, status)
        return again

    def _conditions(
        self, deployment: Object, current: Object | None, counts: Object
    ) -> tuple[list[Object], float | None]:
        spec = deployment["spec"]
        conditions: list[Object] = list(deployment.get("status", {}).get("conditions", ()))
        rolling = spec["strategy"].get("rollingUpdate", {})
        wanted, usable = spec["replicas"], counts["availableReplicas"]
        floor = wanted - share(rolling.get("maxUnavailable", "25%"), wanted, False) if rolling else wanted
        if usable >= floor:
            text = "Deployment has minimum availability."
            conditions = set_condition(
                conditions, "Available", "True", "MinimumReplicasAvailable", text, lastUpdateTime=1
            )
        else:
            text = "Deployment does not have minimum availability."
            conditions = set_condition(
                conditions, "Available", "False", "MinimumReplicasUnavailable", text, lastUpdateTime=1
            )
        name = current["metadata"]["name"] if current else ""
        done = counts["updatedReplicas"] == wanted == usable == counts["replicas"]
        if done:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            return set_condition(
                conditions, "Progressing", "True", "NewReplicaSetAvailable", text, lastUpdateTime=1
            ), None
        return self._progress(deployment, conditions, name, counts)

    @staticmethod
    def _progress(
        deployment: Object, conditions: list[Object], name: str, counts: Object
    ) -> tuple[list[Object], float | None]:
        """Progressing until the deadline has passed without any more Pods becoming available."""
        before = deployment.get("status", {})
        old = next((c for c in conditions if c["type"] == "Progressing"), None)
        deadline = deployment["spec"]["progressDeadlineSeconds"]
        moved = any(
            before.get(k, 0) != counts[k]
            for k in ("updatedReplicas", "readyReplicas", "availableReplicas", "replicas")
        )
        fresh = old is None or old["reason"] == "NewReplicaSetAvailable" or name not in old["message"]
        waited = 0.0 if old is None else age(old["lastUpdateTime"])
        gave_up = old is not None and old["reason"] == "ProgressDeadlineExceeded"
        if not fresh and not moved and (gave_up or waited >= deadline):
            text = f'ReplicaSet "{name}" has timed out progressing.'
            return set_condition(
                conditions, "Progressing", "False", "ProgressDeadlineExceeded", text, lastUpdateTime=1
            ), None
        if fresh or moved:
            conditions = [c for c in conditions if c["type"] != "Progressing"]
        text = f'ReplicaSet "{name}" is progressing.'
        conditions = set_condition(
            conditions, "Progressing", "True", "ReplicaSetUpdated", text, lastUpdateTime=1
        )
        return conditions, max(1.0, deadline - waited)
