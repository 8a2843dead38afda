"""What create, update, patch, apply and delete mean: metadata, conflicts, generation, finalizers."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from dreamnet.kubernetes import rules
from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes import errors, patching
from localcloud.kubernetes.admission import Admission
from localcloud.kubernetes.defaults import set_defaults, set_schema_defaults
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.schema import Node, Schemas
from localcloud.kubernetes.storage import Object, Store, copy
from localcloud.kubernetes.validation import decode

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
#: Subresources that write only this part of the object.
_OWN_PART = {"status": "status", "approval": "status"}

#: Resources whose objects have no generation.
_UNCOUNTED = frozenset(
    [
        "configmaps",
        "endpoints",
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "limitranges",
        "namespaces",
        "nodes",
        "persistentvolumeclaims",
        "persistentvolumes",
        "resourcequotas",
        "secrets",
        "serviceaccounts",
        "services",
        "storageclasses.storage.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    ]
)


def random_suffix(length: int = 5) -> str:
    """Letters and digits as Kubernetes appends to generated names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True)
class WriteOptions:
    """Query parameters of a write."""

    manager: str = "unknown"
    dry_run: bool = False
    strictness: str = "Warn"
    force: bool = False


@dataclass(frozen=True)
class DeleteOptions:
    """Body and query parameters of a delete; ``grace`` in seconds, None for the object's own."""

    propagation: str = "Background"
    grace: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


class Verbs:
    """Writes to the store, as the API server does them."""

    def __init__(self, store: Store, kinds: Kinds, schemas: Schemas) -> None:
        self.store, self.kinds, self.schemas = store, kinds, schemas
        self.admission = Admission(store)

    def node(self, kind: Kind) -> Node | None:
        """The kind's schema."""
        return self.schemas.node(kind.api_version, kind.kind)

    def custom(self, kind: Kind) -> bool:
        """Whether a CustomResourceDefinition brought the kind."""
        return (kind.group, kind.version, kind.plural) in self.kinds.custom

    def _defaults(self, kind: Kind, obj: Object) -> None:
        if self.custom(kind):
            set_schema_defaults(obj, self.node(kind))
        else:
            set_defaults(kind.resource, obj)

    def _hold_rules(self, kind: Kind, new: Object, old: Object | None = None) -> None:
        """422 on a custom object that breaks its definition's validation rules."""
        level = self.schemas.rules(kind.api_version, kind.kind)
        if level is None:
            return
        try:
            causes: list[tuple[str, str, str]] = list(rules.broken(level, new, old))
        except rules.NotEvaluable as error:
            raise errors.not_rehearsed(str(error)) from error
        if causes:
            raise errors.invalid(kind.kind, kind.group, new["metadata"]["name"], causes)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object as stored.

        Raises:
            ApiError: 404.
        """
        found = self.store.get(kind.resource, namespace, name)
        if found is None:
            raise errors.not_found(kind.resource, name)
        return found

    # Create

    def create(
        self, kind: Kind, namespace: str, body: Any, options: WriteOptions
    ) -> tuple[Object, list[str]]:
        """Store a new object; the object and warnings."""
        obj, warnings = self._decode(kind, namespace, body, options)
        metadata = obj["metadata"]
        if "name" not in metadata and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        if not metadata.get("name"):
            cause = (
                "metadata.name",
                "FieldValueRequired",
                "Required value: name or generateName is required",
            )
            raise errors.invalid(kind.kind, kind.group, "", [cause])
        return self._insert(kind, namespace, obj, None, options), warnings

    def _decode(
        self, kind: Kind, namespace: str, body: Any, options: WriteOptions
    ) -> tuple[Object, list[str]]:
        obj, warnings = decode(body, self.node(kind), kind, options.strictness)
        given = (obj.get("apiVersion", kind.api_version), obj.get("kind", kind.kind))
        if given != (kind.api_version, kind.kind):
            raise errors.bad_request(
                f"the API version and kind in the data ({given[0]}, {given[1]}) do not match the expected "
                f"({kind.api_version}, {kind.kind})"
            )
        obj = {"apiVersion": kind.api_version, "kind": kind.kind} | obj
        metadata = obj.setdefault("metadata", {})
        if kind.namespaced:
            if metadata.setdefault("namespace", namespace) != namespace:
                raise errors.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
        else:
            metadata.pop("namespace", None)
        return obj, warnings

    def _insert(
        self, kind: Kind, namespace: str, obj: Object, managed: list[Any] | None, options: WriteOptions
    ) -> Object:
        metadata = obj["metadata"]
        self.admission.namespace_open(kind, namespace)
        if self.store.get(kind.resource, namespace, metadata["name"]) is not None:
            raise errors.already_exists(kind.resource, metadata["name"])
        for name in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(name, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": server_side.timestamp()}
        metadata.pop("generation", None)
        if kind.resource not in _UNCOUNTED:
            metadata["generation"] = 1
        if "status" in kind.subresources and kind.resource not in ("nodes", "namespaces"):
            obj.pop("status", None)
        self._defaults(kind, obj)
        self._hold_rules(kind, obj)
        self.admission.create(kind, obj, options.dry_run)
        if managed is None:
            metadata.pop("managedFields", None)
            server_side.track_update(None, obj, self.node(kind), options.manager)
        return obj if options.dry_run else self.store.put(kind.resource, obj)

    # Update and patch

    def update(
        self, kind: Kind, namespace: str, name: str, body: Any, options: WriteOptions, subresource: str = ""
    ) -> tuple[Object, list[str]]:
        """Replace an object, or its status."""
        live = self.get(kind, namespace, name)
        new, warnings = self._decode(kind, namespace, body, options)
        if new["metadata"].setdefault("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({new['metadata']['name']}) does not match the URL's ({name})"
            )
        return self._replace(kind, live, new, options, subresource), warnings

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        media: str,
        options: WriteOptions,
        subresource: str = "",
    ) -> tuple[Object, list[str], bool]:
        """Patch or apply; the object, warnings and whether it was created."""
        live = self.store.get(kind.resource, namespace, name)
        if media == patching.APPLY:
            return self._apply(kind, namespace, name, live, patch, options, subresource)
        if live is None:
            raise errors.not_found(kind.resource, name)
        new = patching.apply_patch(live, patch, media, None if self.custom(kind) else self.node(kind))
        new, warnings = decode(new, self.node(kind), kind, options.strictness)
        if new["metadata"].get("name") != name:
            raise errors.bad_request("the name of an object cannot be changed by a patch")
        return self._replace(kind, live, new, options, subresource), warnings, False

    def _apply(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        live: Object | None,
        patch: Any,
        options: WriteOptions,
        sub: str,
    ) -> tuple[Object, list[str], bool]:
        if isinstance(patch, dict) and (patch.get("metadata") or {}).get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        applied, warnings = self._decode(kind, namespace, patch, options)
        if applied["metadata"].setdefault("name", name) != name:
            raise errors.bad_request("the name of the object does not match the name on the URL")
        new = server_side.apply(live, applied, self.node(kind), options.manager, options.force, sub)
        if live is None:
            managed = new["metadata"]["managedFields"]
            return self._insert(kind, namespace, new, managed, options), warnings, True
        expected = applied["metadata"].get("resourceVersion")
        if expected:
            new["metadata"]["resourceVersion"] = expected
        return self._replace(kind, live, new, options, sub, tracked=True), warnings, False

    def _replace(
        self,
        kind: Kind,
        live: Object,
        new: Object,
        options: WriteOptions,
        subresource: str,
        tracked: bool = False,
    ) -> Object:
        """Store ``new`` over ``live``; nothing is written where nothing changed."""
        was, metadata = live["metadata"], new["metadata"]
        name = was["name"]
        if metadata.get("resourceVersion") not in (None, "", "0", was["resourceVersion"]):
            raise errors.conflict(kind.resource, name)
        _same_uid(kind, name, metadata.get("uid"), was["uid"])
        if subresource in _OWN_PART:
            new = live | {
                "status": new.get("status", {}),
                "metadata": dict(was) | _managed(metadata, tracked),
            }
        elif "status" in kind.subresources:
            _keep_status(live, new)
        metadata = new["metadata"]
        _keep_system_metadata(metadata, was)
        if not subresource:
            self._defaults(kind, new)
        if not tracked:
            metadata["managedFields"] = was.get("managedFields", [])
        self._hold_rules(kind, new, live)
        self.admission.update(kind, live, new, options.dry_run)
        if _same(live, new):
            return live
        if kind.resource not in _UNCOUNTED and _spec_of(kind, live) != _spec_of(kind, new):
            metadata["generation"] = was.get("generation", 1) + 1
        if not tracked:
            server_side.track_update(live, new, self.node(kind), options.manager, subresource)
        if options.dry_run:
            return new
        return self._store_or_finish(kind, new)

    def _store_or_finish(self, kind: Kind, new: Object) -> Object:
        """Put the object, or remove it when its last finalizer has gone and it was waiting for that."""
        metadata = new["metadata"]
        waiting = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
        if waiting and not metadata.get("deletionGracePeriodSeconds") and kind.resource != "namespaces":
            self.store.put(kind.resource, new)
            return self.store.remove(kind.resource, metadata.get("namespace", ""), metadata["name"]) or new
        return self.store.put(kind.resource, new)

    # Delete

    def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> tuple[Object, bool]:
        """Delete, or mark as being deleted; the object and whether it has gone."""
        live = self.get(kind, namespace, name)
        metadata = live["metadata"]
        self.admission.delete(kind, name)
        _same_uid(kind, name, options.uid, metadata["uid"])
        if options.resource_version and options.resource_version != metadata["resourceVersion"]:
            raise errors.conflict(kind.resource, name, "Precondition failed: resourceVersion")
        if options.dry_run:
            return live, True
        if options.propagation == "Orphan":
            self.orphan_dependents(metadata["uid"])
        finalizers = list(metadata.get("finalizers", ()))
        if options.propagation == "Foreground" and "foregroundDeletion" not in finalizers:
            finalizers.append("foregroundDeletion")
        grace = self._grace(kind, live, options)
        if not finalizers and not grace and kind.resource != "namespaces":
            return self.store.remove(kind.resource, namespace, name) or live, True
        if (
            metadata.get("deletionTimestamp")
            and finalizers == metadata.get("finalizers", [])
            and grace == metadata.get("deletionGracePeriodSeconds", 0)
        ):
            return live, False
        marks = {
            "deletionTimestamp": metadata.get("deletionTimestamp", server_side.timestamp()),
            "deletionGracePeriodSeconds": grace,
        }
        if finalizers:
            marks["finalizers"] = finalizers
        new = live | {"metadata": metadata | marks}
        if kind.resource == "namespaces":
            new["status"] = {"phase": "Terminating"}
        return self.store.put(kind.resource, new), False

    @staticmethod
    def _grace(kind: Kind, live: Object, options: DeleteOptions) -> int:
        """Only Pods that a kubelet runs stop gracefully."""
        if kind.resource != "pods" or not live["spec"].get("nodeName"):
            return 0
        if live.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        return (
            live["spec"].get("terminationGracePeriodSeconds", 30) if options.grace is None else options.grace
        )

    def orphan_dependents(self, uid: str) -> None:
        """Take ``uid`` out of the ownerReferences of what it owns."""
        for resource, dependent in list(self.store.owned_by(uid)):
            left = [o for o in dependent["metadata"]["ownerReferences"] if o["uid"] != uid]
            metadata = {k: v for k, v in dependent["metadata"].items() if k != "ownerReferences"}
            self.store.put(
                resource, dependent | {"metadata": metadata | ({"ownerReferences": left} if left else {})}
            )

    def set_status(self, resource: str, obj: Object, status: Object) -> Object:
        """A controller's write of ``status``; nothing is written where nothing changed."""
        if obj.get("status") == status:
            return obj
        return self.store.put(resource, obj | {"status": status, "metadata": dict(obj["metadata"])})


def _keep_status(live: Object, new: Object) -> None:
    """A write of the object leaves its status, which has a subresource of its own."""
    if "status" in live:
        new["status"] = live["status"]
    else:
        new.pop("status", None)


def _same_uid(kind: Kind, name: str, given: str | None, uid: str) -> None:
    """409 when the caller means an earlier object of this name."""
    if given and given != uid:
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {uid}"
        raise errors.conflict(kind.resource, name, why)


def _managed(metadata: Object, tracked: bool) -> Object:
    return {"managedFields": metadata["managedFields"]} if tracked and "managedFields" in metadata else {}


def _keep_system_metadata(metadata: Object, was: Object) -> None:
    for name in (
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "namespace",
        "generateName",
    ):
        if name in was:
            metadata[name] = was[name]
        else:
            metadata.pop(name, None)
    metadata["resourceVersion"] = was["resourceVersion"]


def _same(live: Object, new: Object) -> bool:
    """Equal but for the times in managedFields."""
    if live == new:
        return True
    if {k: v for k, v in live.items() if k != "metadata"} != {
        k: v for k, v in new.items() if k != "metadata"
    }:
        return False

    def timeless(metadata: Object) -> Object:
        entries = [{k: v for k, v in e.items() if k != "time"} for e in metadata.get("managedFields", ())]
        return metadata | {"managedFields": entries}

    return timeless(live["metadata"]) == timeless(new["metadata"])


def _spec_of(kind: Kind, obj: Object) -> Object:
    """What generation counts changes of: all but metadata and status; a Pod's own writes are no changes."""
    if kind.resource == "pods":
        return {}
    return {k: v for k, v in obj.items() if k not in ("metadata", "status")}


def fresh(obj: Object) -> Object:
    """A copy that may be changed."""
    return dict(copy(obj))
