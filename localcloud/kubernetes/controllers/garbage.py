"""What goes with its owner, with its namespace, and with its CustomResourceDefinition."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.runtime import MANAGER
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.storage import Change, Key
from localcloud.kubernetes.verbs import DeleteOptions, Verbs


class Garbage:
    """Deletes dependents of what is gone; lets go of what waits for its dependents (foreground)."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def keys(self, change: Change) -> Iterable[Key]:
        """uids: of removed objects and their owners, of owners that wait, of new objects' owners."""
        metadata = change.new["metadata"]
        owners = [("", o["uid"]) for o in metadata.get("ownerReferences", ())]
        if change.deleted:
            yield "", metadata["uid"]
            yield from owners
        elif "foregroundDeletion" in metadata.get("finalizers", ()):
            yield "", metadata["uid"]
        elif change.old is None:
            yield from owners

    def reconcile(self, key: Key) -> float | None:
        """Delete what the uid owns, if it has gone or waits."""
        uid = key[1]
        owner = self._verbs.store.by_uid(uid)
        if owner is not None and "foregroundDeletion" not in owner[1]["metadata"].get("finalizers", ()):
            return None
        left = False
        for resource, dependent in list(self._verbs.store.owned_by(uid)):
            metadata = dependent["metadata"]
            others = [o for o in metadata["ownerReferences"] if o["uid"] != uid]
            kind = self._verbs.kinds.by_resource(resource)
            if kind is None or any(self._verbs.store.by_uid(o["uid"]) for o in others):
                continue
            left = True
            if not metadata.get("deletionTimestamp"):
                policy = "Foreground" if owner is not None else "Background"
                self._verbs.delete(
                    kind, metadata.get("namespace", ""), metadata["name"], DeleteOptions(policy)
                )
        if owner is not None and (not left or not list(self._verbs.store.owned_by(uid))):
            resource, obj = owner
            metadata = obj["metadata"]
            finalizers = [f for f in metadata["finalizers"] if f != "foregroundDeletion"]
            if finalizers:
                self._verbs.store.put(resource, obj | {"metadata": metadata | {"finalizers": finalizers}})
            else:
                self._verbs.store.remove(resource, metadata.get("namespace", ""), metadata["name"])
        return None


class Namespaces:
    """Gives a namespace its service account and CA; empties one that is deleted, then removes it."""

    def __init__(self, verbs: Verbs, ca_certificate: str) -> None:
        self._verbs, self._ca = verbs, ca_certificate

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed namespaces, and terminating ones that lost an object."""
        if change.resource == "namespaces" and not change.deleted:
            yield change.key
        elif change.deleted and change.key[0]:
            yield "", change.key[0]

    def reconcile(self, key: Key) -> float | None:
        """One namespace."""
        namespace = self._verbs.store.get("namespaces", "", key[1])
        if namespace is None:
            return None
        if namespace["metadata"].get("deletionTimestamp"):
            self._empty(key[1])
        else:
            self._furnish(key[1])
        return None

    def _furnish(self, name: str) -> None:
        for plural, body in (
            ("serviceaccounts", {"metadata": {"name": "default"}}),
            ("configmaps", {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self._ca}}),
        ):
            kind = self._verbs.kinds.find("", "v1", plural)
            assert kind is not None
            if self._verbs.store.get(plural, name, body["metadata"]["name"]) is None:
                self._verbs.create(kind, name, body, MANAGER)

    def _empty(self, name: str) -> None:
        left = False
        for kind in self._verbs.kinds.stored():
            if not kind.namespaced:
                continue
            for obj in self._verbs.store.list(kind.resource, name):
                left = True
                if not obj["metadata"].get("deletionTimestamp"):
                    self._verbs.delete(kind, name, obj["metadata"]["name"], DeleteOptions())
        if not left or not any(
            k.namespaced and self._verbs.store.list(k.resource, name) for k in self._verbs.kinds.stored()
        ):
            self._verbs.store.remove("namespaces", "", name)


class CustomKinds:
    """Serves kinds as CustomResourceDefinitions come and go."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed definitions."""
        if change.resource == "customresourcedefinitions.apiextensions.k8s.io":
            if change.deleted:
                yield change.new["spec"]["group"], "-" + change.new["spec"]["names"]["plural"]
            else:
                yield change.key

    def reconcile(self, key: Key) -> float | None:
        """Serve, or stop serving and remove the objects."""
        from localcloud.kubernetes import custom

        if key[1].startswith("-"):
            resource = f"{key[1][1:]}.{key[0]}"
            for obj in self._verbs.store.list(resource):
                self._verbs.store.remove(
                    resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
                )
            self._verbs.kinds.remove_custom(key[0], key[1][1:])
            return None
        definition = self._verbs.store.get("customresourcedefinitions.apiextensions.k8s.io", *key)
        if definition is None:
            return None
        try:
            custom.serve(self._verbs, definition)
        except KeyError as error:
            raise ApiError(422, "Invalid", f"CustomResourceDefinition {key[1]} lacks {error}") from error
        return None
