"""StatefulSets: Pods with ordinal names and claims of their own, made and replaced in order.

As kubernetes.io/docs/concepts/workloads/controllers/statefulset describes them (read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.pods import delete_pod, make_pod, template_hash
from localcloud.kubernetes.controllers.replicasets import available
from localcloud.kubernetes.controllers.revisions import HASH, keep_revision, revisions_of, template_of
from localcloud.kubernetes.controllers.runtime import (
    MANAGER,
    Recorder,
    controller_of,
    is_active,
    is_ready,
    owner_reference,
)
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _revision_of(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get(HASH, ""))


class StatefulSets:
    """The StatefulSet controller."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder
        kind = verbs.kinds.find("", "v1", CLAIMS)
        assert kind is not None
        self._claim_kind = kind

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed sets, and owners of changed Pods."""
        if change.resource == RESOURCE and not change.deleted:
            yield change.key
        elif change.resource == "pods":
            owner = controller_of(change.new)
            if owner and owner["kind"] == "StatefulSet":
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """One step towards the wanted Pods, then status."""
        owner = self._verbs.store.get(RESOURCE, *key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        update = keep_revision(self._verbs, owner, template_hash(owner["spec"]["template"]))
        known = {r["metadata"]["name"]: r for r in revisions_of(self._verbs, owner)}
        current = known.get(owner.get("status", {}).get("currentRevision", ""), update)
        pods = {_ordinal(p): p for p in self._pods(owner)}
        self._own_claims(owner, pods)
        if self._fill(owner, pods, current, update):
            self._shrink_or_update(owner, pods, update)
        return self._report(owner, current, update)

    def _pods(self, owner: Object) -> list[Object]:
        return [p for _, p in self._verbs.store.owned_by(owner["metadata"]["uid"], "pods")]

    def _fill(self, owner: Object, pods: dict[int, Object], current: Object, update: Object) -> bool:
        """Make what is missing, in order unless Parallel; whether the set may go on."""
        spec = owner["spec"]
        ordered, least = spec["podManagementPolicy"] != "Parallel", spec.get("minReadySeconds", 0)
        start = self._start(owner)
        complete = True
        for ordinal in range(start, start + spec["replicas"]):
            pod = pods.get(ordinal)
            if pod is None:
                old = ordinal < start + self._partition(owner)
                self._make(owner, ordinal, current if old else update)
            elif pod["status"].get("phase") in ("Succeeded", "Failed") and is_gone(pod):
                self._delete(owner, pod)
            elif is_active(pod) and available(pod, least):
                continue
            complete = False
            if ordered:
                return False
        return complete or not ordered

    @staticmethod
    def _partition(owner: Object) -> int:
        return int(owner["spec"]["updateStrategy"].get("rollingUpdate", {}).get("partition", 0))

    def _make(self, owner: Object, ordinal: int, revision: Object) -> None:
        name = f"{owner['metadata']['name']}-{ordinal}"
        labels = {
            HASH: revision["metadata"]["name"],
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        template = copy(template_of(revision))
        spec = template["spec"]
        spec["hostname"] = name
        if owner["spec"].get("serviceName"):
            spec["subdomain"] = owner["spec"]["serviceName"]
        for claim in owner["spec"].get("volumeClaimTemplates", ()):
            volume = claim["metadata"]["name"]
            kept = [v for v in spec.get("volumes", ()) if v["name"] != volume]
            reference = {"claimName": self._claim(owner, claim, f"{volume}-{name}")}
            spec["volumes"] = [*kept, {"name": volume, "persistentVolumeClaim": reference}]
        make_pod(
            self._verbs, owner | {"spec": owner["spec"] | {"template": template}}, name=name, labels=labels
        )
        text = f"create Pod {name} in StatefulSet {owner['metadata']['name']} successful"
        self._recorder.record(owner, "SuccessfulCreate", text, "statefulset-controller")

    def _claim(self, owner: Object, template: Object, name: str) -> str:
        """Make the Pod's claim, unless an earlier Pod of this name has left it."""
        namespace = owner["metadata"]["namespace"]
        if self._verbs.store.get(CLAIMS, namespace, name) is None:
            labels = template["metadata"].get("labels", {}) | owner["spec"]["selector"].get("matchLabels", {})
            body = {"metadata": {"name": name, "labels": labels}, "spec": copy(template["spec"])}
            self._verbs.create(self._claim_kind, namespace, body, MANAGER)
        return name

    def _own_claims(self, owner: Object, pods: dict[int, Object]) -> None:
        """Let claims go with the set, or with a Pod that is one too many, as the retention policy says."""
        policy, start = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}, self._start(owner)
        wanted = range(start, start + owner["spec"]["replicas"])
        names = [t["metadata"]["name"] for t in owner["spec"].get("volumeClaimTemplates", ())]
        for ordinal, pod in pods.items():
            ours: list[Object] = []
            if policy.get("whenDeleted") == "Delete":
                ours.append(owner)
            if ordinal not in wanted and policy.get("whenScaled") == "Delete":
                ours.append(pod)
            for name in names:
                claim = self._verbs.store.get(
                    CLAIMS, owner["metadata"]["namespace"], f"{name}-{pod['metadata']['name']}"
                )
                if claim is not None:
                    self._set_owners(claim, ours, {owner["metadata"]["uid"], pod["metadata"]["uid"]})

    def _set_owners(self, claim: Object, ours: list[Object], known: set[str]) -> None:
        """Own a claim by these, of those that may own it."""
        before = claim["metadata"].get("ownerReferences", [])
        after = [o for o in before if o["uid"] not in known] + [
            {k: v for k, v in owner_reference(o).items() if k not in ("controller", "blockOwnerDeletion")}
            for o in ours
        ]
        if after != before:
            rest = {k: v for k, v in claim["metadata"].items() if k != "ownerReferences"}
            new = rest | ({"ownerReferences": after} if after else {})
            self._verbs.store.put(CLAIMS, claim | {"metadata": new})

    @staticmethod
    def _start(owner: Object) -> int:
        return int(owner["spec"].get("ordinals", {}).get("start", 0))

    def _delete(self, owner: Object, pod: Object) -> None:
        delete_pod(self._verbs, pod)
        text = f"delete Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
        self._recorder.record(owner, "SuccessfulDelete", text, "statefulset-controller")

    def _shrink_or_update(self, owner: Object, pods: dict[int, Object], update: Object) -> None:
        """Take away the highest first, one at a time unless Parallel; then replace old ones the same way."""
        spec = owner["spec"]
        start = self._start(owner)
        wanted = range(start, start + spec["replicas"])
        extra = [pods[n] for n in sorted(pods, reverse=True) if n not in wanted]
        for pod in extra:
            if is_active(pod):
                self._delete(owner, pod)
            if spec["podManagementPolicy"] != "Parallel":
                return
        if spec["updateStrategy"]["type"] != "RollingUpdate":
            return
        for ordinal in reversed(wanted[self._partition(owner) :]):
            pod = pods.get(ordinal)
            if pod is None or not is_active(pod):
                return
            if _revision_of(pod) != update["metadata"]["name"]:
                self._delete(owner, pod)
                return
            if not is_ready(pod):
                return

    def _report(self, owner: Object, current: Object, update: Object) -> float | None:
        pods = [p for p in self._pods(owner) if is_active(p)]
        least, names = owner["spec"].get("minReadySeconds", 0), [_revision_of(p) for p in pods]
        ready, usable = sum(is_ready(p) for p in pods), sum(available(p, least) for p in pods)
        newest = update["metadata"]["name"]
        rolled = names.count(newest) == len(pods) == ready == owner["spec"]["replicas"]
        base = newest if rolled else current["metadata"]["name"]
        status: Object = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": usable,
            "currentReplicas": names.count(base),
            "updatedReplicas": names.count(newest),
            "currentRevision": base,
            "updateRevision": newest,
            "collisionCount": 0,
        }
        self._verbs.set_status(RESOURCE, owner, status)
        return 1.0 if usable < ready else None


def is_gone(pod: Object) -> bool:
    """Whether an ended Pod is not being deleted yet."""
    return not pod["metadata"].get("deletionTimestamp")
