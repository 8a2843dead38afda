"""Admission of claims and volumes: the default class, protection while in use, what of a claim may change.

As the plugins DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize do it
(kubernetes.io/docs/reference/access-authn-authz/admission-controllers, read November 2026).
"""

from __future__ import annotations

from localcloud.kubernetes import errors
from localcloud.kubernetes.quantities import parse
from localcloud.kubernetes.storage import Object, Store

CLASSES = "storageclasses.storage.k8s.io"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
PROTECTION = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def admit(store: Store, resource: str, obj: Object) -> None:
    """Complete a new claim or volume."""
    metadata = obj["metadata"]
    kept = metadata.get("finalizers", [])
    if PROTECTION[resource] not in kept:
        metadata["finalizers"] = [*kept, PROTECTION[resource]]
    if resource == "persistentvolumeclaims" and "storageClassName" not in obj["spec"]:
        marked = [
            c for c in store.list(CLASSES) if c["metadata"].get("annotations", {}).get(DEFAULT) == "true"
        ]
        if marked:
            newest = max(marked, key=lambda c: c["metadata"]["creationTimestamp"])
            obj["spec"]["storageClassName"] = newest["metadata"]["name"]


def check_change(store: Store, live: Object, new: Object) -> None:
    """Only the size of a bound claim may change, and only grow, where its class allows that.

    Raises:
        ApiError: 422, or 403 where the class does not allow it.
    """
    name, was, now = live["metadata"]["name"], live["spec"], new["spec"]
    if was == now:
        return
    unbound = not was.get("volumeName")
    fixed = {k: v for k, v in was.items() if k != "resources" and not (unbound and k == "volumeName")}
    wanted = {k: v for k, v in now.items() if k != "resources" and not (unbound and k == "volumeName")}
    bound = live.get("status", {}).get("phase") == "Bound"
    if fixed != wanted or (was.get("resources") != now.get("resources") and not bound):
        text = "Forbidden: spec is immutable after creation except resources.requests"
        text += " and volumeAttributesClassName for bound claims"
        raise errors.invalid("PersistentVolumeClaim", "", name, [("spec", "FieldValueForbidden", text)])
    before, after = (parse(s.get("resources", {}).get("requests", {}).get("storage", 0)) for s in (was, now))
    if after < parse(live["status"].get("capacity", {}).get("storage", 0)):
        cause = ("spec.resources.requests.storage", "FieldValueForbidden")
        text = "Forbidden: field can not be less than status.capacity"
        raise errors.invalid("PersistentVolumeClaim", "", name, [(*cause, text)])
    found = store.get(CLASSES, "", now.get("storageClassName", "")) or {}
    if after > before and not found.get("allowVolumeExpansion"):
        text = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"
        message = f'persistentvolumeclaims "{name}" is forbidden: {text} must support resize'
        raise errors.ApiError(403, "Forbidden", message)
