"""PersistentVolumes: claims are bound, provisioned, expanded and protected; what they leave is reclaimed.

As kubernetes.io/docs/concepts/storage/persistent-volumes describes it (read November 2026). The provisioner
is local: a volume is a directory in the cluster's folder. Containers are simulated, so none mounts it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from localcloud.kubernetes.controllers.runtime import MANAGER, Recorder, is_active, set_condition
from localcloud.kubernetes.quantities import parse
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
CLAIM_PROTECTION, VOLUME_PROTECTION = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
#: Where a volume's directory is.
DIRECTORY = "dreamnet.rehearsal/directory"
#: Provisioners that the rehearsal stands in for; a claim of another one waits for it.
PROVISIONERS = (
    "pd.csi.storage.gke.io",
    "kubernetes.io/gce-pd",
    "filestore.csi.storage.gke.io",
    "ebs.csi.aws.com",
    "ebs.csi.eks.amazonaws.com",
    "kubernetes.io/aws-ebs",
    "efs.csi.aws.com",
)
_CONTROLLER, _PROVISIONER = "persistentvolume-controller", "external-provisioner"


def claims_of(pod: Object) -> list[str]:
    """Names of the claims that a Pod's volumes use."""
    sources = (v.get("persistentVolumeClaim") for v in pod["spec"].get("volumes", ()))
    return [str(s["claimName"]) for s in sources if s]


def storage_of(resources: Object) -> str:
    """The size that a claim asks for."""
    return str(resources.get("requests", {}).get("storage", "0"))


def fits(claim: Object, volume: Object) -> bool:
    """Whether a volume that exists may be the claim's."""
    spec, asked = volume["spec"], claim["spec"]
    reference = spec.get("claimRef")
    if reference:
        metadata = claim["metadata"]
        mine = (reference["namespace"], reference["name"]) == (metadata["namespace"], metadata["name"])
        return mine and reference.get("uid", metadata["uid"]) == metadata["uid"]
    return (
        not volume["metadata"].get("deletionTimestamp")
        and spec.get("storageClassName", "") == asked.get("storageClassName", "")
        and spec.get("volumeMode", "Filesystem") == asked.get("volumeMode", "Filesystem")
        and set(asked.get("accessModes", ())) <= set(spec.get("accessModes", ()))
        and parse(spec["capacity"]["storage"]) >= parse(storage_of(asked.get("resources", {})))
        and (
            "selector" not in asked
            or matches_selector(asked["selector"], volume["metadata"].get("labels") or {})
        )
    )


def on_node(volume: Object, node: Object) -> bool:
    """Whether a volume can be used on a node."""
    required = volume["spec"].get("nodeAffinity", {}).get("required")
    labels = node["metadata"].get("labels", {})
    return not required or any(matches_selector(t, labels) for t in required["nodeSelectorTerms"])


class Volumes:
    """The controllers of claims and volumes, with the provisioner and the resizer.

    Args:
        directory: where volumes lie.
    """

    def __init__(self, verbs: Verbs, recorder: Recorder, directory: Path) -> None:
        self._verbs, self._recorder, self._directory = verbs, recorder, directory
        self._store = verbs.store

    def keys(self, change: Change) -> Iterable[Key]:
        """Claims; volumes (no namespace); claims of changed Pods; those that wait for what came."""
        if change.resource == CLAIMS:
            yield change.key
            name = change.new["spec"].get("volumeName")
            if name:
                yield "", name
        elif change.resource == VOLUMES:
            yield change.key
            reference = change.new["spec"].get("claimRef")
            if reference:
                yield reference["namespace"], reference["name"]
            if change.old is None:
                yield from self._waiting()
        elif change.resource == CLASSES:
            yield from self._waiting()
        elif change.resource == "pods":
            for name in claims_of(change.new):
                yield change.key[0], name

    def _waiting(self) -> Iterable[Key]:
        for claim in self._store.list(CLAIMS):
            if claim["status"].get("phase") == "Pending":
                yield claim["metadata"]["namespace"], claim["metadata"]["name"]

    def reconcile(self, key: Key) -> float | None:
        """Move one claim or volume on."""
        if not key[0]:
            volume = self._store.get(VOLUMES, *key)
            if volume is not None:
                self._volume(volume)
            return None
        claim = self._store.get(CLAIMS, *key)
        if claim is None:
            return None
        if claim["metadata"].get("deletionTimestamp"):
            if not self._users(claim):
                self._release(CLAIMS, claim, CLAIM_PROTECTION)
        elif not claim["spec"].get("volumeName"):
            self._bind(claim)
        else:
            self._follow(claim)
        return None

    def _users(self, claim: Object) -> list[Object]:
        """Pods that use a claim, or will."""
        metadata = claim["metadata"]
        return [
            p
            for p in self._store.list("pods", metadata["namespace"])
            if metadata["name"] in claims_of(p) and p["status"].get("phase") not in ("Succeeded", "Failed")
        ]

    def _release(self, resource: str, obj: Object, finalizer: str) -> None:
        """Let go of an object that is being deleted."""
        metadata = obj["metadata"]
        left = [f for f in metadata.get("finalizers", ()) if f != finalizer]
        rest = {k: v for k, v in metadata.items() if k != "finalizers"} | (
            {"finalizers": left} if left else {}
        )
        if left != metadata.get("finalizers", []):
            self._store.put(resource, obj | {"metadata": rest})
        if not left:
            self._store.remove(resource, metadata.get("namespace", ""), metadata["name"])

    # Claims

    def _bind(self, claim: Object) -> None:
        """Bind a new claim to a volume that is there, have one made, or say what it waits for."""
        name = claim["spec"].get("storageClassName", "")
        found = self._store.get(CLASSES, "", name)
        selected = claim["metadata"].get("annotations", {}).get(SELECTED_NODE, "")
        node = self._store.get("nodes", "", selected)
        delayed = found is not None and found["volumeBindingMode"] == "WaitForFirstConsumer" and node is None
        fitting = [
            v
            for v in self._store.list(VOLUMES)
            if fits(claim, v)
            and (v["spec"].get("claimRef") or (not delayed and (not node or on_node(v, node))))
        ]
        if fitting:
            own = [v for v in fitting if v["spec"].get("claimRef")]
            self._join(claim, min(own or fitting, key=lambda v: parse(v["spec"]["capacity"]["storage"])))
            return
        if not name:
            text = "no persistent volumes available for this claim and no storage class is set"
            self._recorder.record(claim, "FailedBinding", text, _CONTROLLER)
            return
        if found is None:
            text = f'storageclass.storage.k8s.io "{name}" not found'
            self._recorder.record(claim, "ProvisioningFailed", text, _CONTROLLER, warning=True)
            return
        if delayed:
            self._wait_for_consumer(claim)
        else:
            self._provision(claim, found, node)

    def _wait_for_consumer(self, claim: Object) -> None:
        pods = [p["metadata"]["name"] for p in self._users(claim) if not p["spec"].get("nodeName")]
        reason, text = "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
        if pods:
            reason, text = "WaitForPodScheduled", f"waiting for pod {pods[0]} to be scheduled"
        self._recorder.record(claim, reason, text, _CONTROLLER)

    def _join(self, claim: Object, volume: Object) -> None:
        """Bind both ways: the volume first, as a controller that is killed between must find it again."""
        metadata = claim["metadata"]
        reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "uid": metadata["uid"]}
        reference |= {"name": metadata["name"], "namespace": metadata["namespace"]}
        volume = self._store.put(
            VOLUMES,
            volume
            | {
                "spec": volume["spec"] | {"claimRef": reference},
                "status": {"phase": "Bound"},
                "metadata": dict(volume["metadata"]),
            },
        )
        notes = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
        bound = {
            "phase": "Bound",
            "accessModes": volume["spec"].get("accessModes", []),
            "capacity": volume["spec"]["capacity"],
        }
        self._store.put(
            CLAIMS,
            claim
            | {
                "spec": claim["spec"] | {"volumeName": volume["metadata"]["name"]},
                "status": bound,
                "metadata": metadata | {"annotations": metadata.get("annotations", {}) | notes},
            },
        )

    def _provision(self, claim: Object, storage_class: Object, node: Object | None) -> None:
        """Make a volume for the claim, where its first consumer goes."""
        provisioner, metadata = storage_class["provisioner"], claim["metadata"]
        text = (
            "Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator. If volume creation is delayed, "
            "please verify that the provisioner is running and correctly registered."
        )
        self._recorder.record(claim, "ExternalProvisioning", text, _CONTROLLER)
        if provisioner not in PROVISIONERS:
            return
        name = f"pvc-{metadata['uid']}"
        directory = self._directory / name
        directory.mkdir(parents=True, exist_ok=True)
        spec: Object = {
            "capacity": {"storage": storage_of(claim["spec"].get("resources", {}))},
            "accessModes": claim["spec"].get("accessModes", []),
            "persistentVolumeReclaimPolicy": storage_class["reclaimPolicy"],
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "claimRef": {
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "csi": {"driver": provisioner, "volumeHandle": name},
        }
        labels = node["metadata"].get("labels", {}) if node else {}
        zone = labels.get("topology.kubernetes.io/zone")
        if zone:
            term = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}
        notes = {"pv.kubernetes.io/provisioned-by": provisioner, DIRECTORY: str(directory)}
        kind = self._verbs.kinds.by_resource(VOLUMES)
        assert kind is not None
        if self._store.get(VOLUMES, "", name) is None:
            body = {"metadata": {"name": name, "annotations": notes}, "spec": spec}
            self._verbs.create(kind, "", body, MANAGER)
            text = f"Successfully provisioned volume {name}"
            self._recorder.record(claim, "ProvisioningSucceeded", text, _PROVISIONER)

    def _follow(self, claim: Object) -> None:
        """Of a bound claim: a volume that is lost, or a size that has grown."""
        status = claim["status"]
        volume = self._store.get(VOLUMES, "", claim["spec"]["volumeName"])
        if volume is None:
            if status.get("phase") == "Bound":
                text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                self._recorder.record(claim, "ClaimLost", text, _CONTROLLER, warning=True)
                self._verbs.set_status(CLAIMS, claim, status | {"phase": "Lost"})
            return
        if status.get("phase") != "Bound":
            if fits(claim, volume):
                self._join(claim, volume)
            return
        wanted = storage_of(claim["spec"].get("resources", {}))
        if parse(wanted) > parse(status.get("capacity", {}).get("storage", "0")):
            self._grow(claim, volume, wanted)

    def _grow(self, claim: Object, volume: Object, wanted: str) -> None:
        """The volume grows at once; its file system when a Pod runs on it."""
        status, name = claim["status"], volume["metadata"]["name"]
        size = {"storage": wanted}
        if parse(volume["spec"]["capacity"]["storage"]) < parse(wanted):
            text = f"External resizer is resizing volume {name}"
            self._recorder.record(claim, "Resizing", text, "external-resizer")
            spec = volume["spec"] | {"capacity": size}
            self._store.put(VOLUMES, volume | {"spec": spec, "metadata": dict(volume["metadata"])})
        running = [p for p in self._users(claim) if is_active(p) and p["status"].get("phase") == "Running"]
        if not running:
            text = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
            conditions = set_condition(
                status.get("conditions", []), "FileSystemResizePending", "True", "", text
            )
            conditions[-1].pop("reason", None)
            self._verbs.set_status(CLAIMS, claim, status | {"conditions": conditions})
            text = "Require file system resize of volume on node"
            self._recorder.record(claim, "FileSystemResizeRequired", text, "external-resizer")
            return
        done = {k: v for k, v in status.items() if k != "conditions"} | {"capacity": size}
        self._verbs.set_status(CLAIMS, claim, done)
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{name}"'
        self._recorder.record(claim, "FileSystemResizeSuccessful", text, "kubelet")

    # Volumes

    def _volume(self, volume: Object) -> None:
        """A volume's phase, and what becomes of it when its claim has gone."""
        spec, reference = volume["spec"], volume["spec"].get("claimRef") or {}
        phase = volume.get("status", {}).get("phase")
        bound = False
        if reference.get("uid"):
            claim = self._store.get(CLAIMS, reference["namespace"], reference["name"])
            bound = claim is not None and claim["metadata"]["uid"] == reference["uid"]
            if claim is not None and bound and not claim["spec"].get("volumeName"):
                return
        if volume["metadata"].get("deletionTimestamp") and not bound:
            self._release(VOLUMES, volume, VOLUME_PROTECTION)
        elif not reference.get("uid"):
            self._phase(volume, "Available")
        elif not bound and spec.get("persistentVolumeReclaimPolicy") == "Delete":
            directory = volume["metadata"].get("annotations", {}).get(DIRECTORY)
            if directory and Path(directory).parent == self._directory:
                shutil.rmtree(directory, ignore_errors=True)
            self._release(VOLUMES, volume, VOLUME_PROTECTION)
        elif not bound and phase != "Released":
            self._phase(volume, "Released")

    def _phase(self, volume: Object, phase: str) -> None:
        if volume.get("status", {}).get("phase") != phase:
            self._verbs.set_status(VOLUMES, volume, {"phase": phase})
