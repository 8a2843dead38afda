"""What a Pod's claims mean for the scheduler."""

from __future__ import annotations

from localcloud.kubernetes.controllers.volumes import (
    CLAIMS,
    CLASSES,
    SELECTED_NODE,
    VOLUMES,
    claims_of,
    fits,
    on_node,
)
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import Verbs

#: Volumes of such a class are made by people.
NO_PROVISIONER = "kubernetes.io/no-provisioner"


class PodVolumes:
    """What a Pod's claims mean for where it may run.

    Attributes:
        problem: why it can run nowhere yet; empty where its claims allow a choice.
        unbound: claims that wait for the Pod's node.
    """

    def __init__(self, verbs: Verbs, pod: Object) -> None:
        self.problem, self.unbound = "", list[Object]()
        self.volumes: list[Object] = []
        self._store = verbs.store
        store, namespace = verbs.store, pod["metadata"]["namespace"]
        for name in claims_of(pod):
            claim = store.get(CLAIMS, namespace, name)
            if claim is None:
                self.problem = f'persistentvolumeclaim "{name}" not found'
                return
            if claim["metadata"].get("deletionTimestamp"):
                self.problem = f'persistentvolumeclaim "{name}" is being deleted'
                return
            if claim["status"].get("phase") == "Bound":
                volume = store.get(VOLUMES, "", claim["spec"]["volumeName"])
                self.volumes += [volume] if volume else []
                continue
            if claim["status"].get("phase") == "Lost":
                volume_name = claim["spec"]["volumeName"]
                lost = f'bound to non-existent persistentvolume "{volume_name}"'
                self.problem = f'persistentvolumeclaim "{name}" {lost}'
                return
            found = store.get(CLASSES, "", claim["spec"].get("storageClassName", ""))
            if found is None or found["volumeBindingMode"] != "WaitForFirstConsumer":
                self.problem = "pod has unbound immediate PersistentVolumeClaims"
                return
            self.unbound.append(claim)

    def refusals(self, node: Object) -> list[str]:
        """Why the Pod cannot run on this node; empty where it can."""
        if not all(on_node(volume, node) for volume in self.volumes):
            return ["node(s) didn't match PersistentVolume's node affinity"]
        for claim in self.unbound:
            storage_class = self._store.get(CLASSES, "", claim["spec"]["storageClassName"])
            made = storage_class is not None and storage_class["provisioner"] != NO_PROVISIONER
            if not made and not any(fits(claim, v) and on_node(v, node) for v in self._store.list(VOLUMES)):
                return ["node(s) didn't find available persistent volumes to bind"]
        return []

    def choose(self, node: str) -> bool:
        """Tell the claims that wait where the Pod will run; whether there are any to wait for."""
        for claim in self.unbound:
            metadata = claim["metadata"]
            notes = metadata.get("annotations", {})
            if notes.get(SELECTED_NODE) != node:
                new = metadata | {"annotations": notes | {SELECTED_NODE: node}}
                self._store.put(CLAIMS, claim | {"metadata": new})
        return bool(self.unbound)
