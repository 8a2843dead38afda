"""ControllerRevisions: the templates a StatefulSet or DaemonSet has had, for ``kubectl rollout``."""

from __future__ import annotations

from localcloud.kubernetes.controllers.runtime import MANAGER, is_active, owner_reference
from localcloud.kubernetes.storage import Object, copy
from localcloud.kubernetes.verbs import DeleteOptions, Verbs

RESOURCE = "controllerrevisions.apps"
HASH = "controller-revision-hash"
CAUSE = "kubernetes.io/change-cause"


def keep_revision(verbs: Verbs, owner: Object, hashed: str) -> Object:
    """Record the owner's template under its hash as the newest revision; forget what its limit exceeds."""
    kept = revisions_of(verbs, owner)
    name = f"{owner['metadata']['name']}-{hashed}"
    current = next((r for r in kept if r["metadata"]["name"] == name), None)
    newest = kept[-1]["revision"] if kept else 0
    if current is None:
        current = _create(verbs, owner, name, hashed, newest + 1)
    elif current["revision"] < newest or _cause(current) != _cause(owner):
        # A template that came back (undo) is the newest again; the cause is that of its last rollout.
        number = current["revision"] if current["revision"] == newest else newest + 1
        metadata = current["metadata"] | {"annotations": _cause(owner)}
        current = verbs.store.put(RESOURCE, current | {"revision": number, "metadata": metadata})
    _forget(verbs, owner, name)
    return current


def revisions_of(verbs: Verbs, owner: Object) -> list[Object]:
    """The owner's revisions, the oldest first."""
    owned = (r for _, r in verbs.store.owned_by(owner["metadata"]["uid"], RESOURCE))
    return sorted(owned, key=lambda r: int(r["revision"]))


def template_of(revision: Object) -> Object:
    """The Pod template that a revision keeps."""
    return {k: v for k, v in revision["data"]["spec"]["template"].items() if k != "$patch"}


def _cause(obj: Object) -> Object:
    return {k: v for k, v in obj["metadata"].get("annotations", {}).items() if k == CAUSE}


def _create(verbs: Verbs, owner: Object, name: str, hashed: str, number: int) -> Object:
    kind = verbs.kinds.find("apps", "v1", "controllerrevisions")
    assert kind is not None
    template = copy(owner["spec"]["template"])
    labels = template.get("metadata", {}).get("labels", {}) | {HASH: hashed}
    body = {
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
            "annotations": _cause(owner),
            "ownerReferences": [owner_reference(owner)],
        },
        # A strategic merge patch that puts this template in the place of the present one.
        "data": {"spec": {"template": template | {"$patch": "replace"}}},
        "revision": number,
    }
    return verbs.create(kind, owner["metadata"]["namespace"], body, MANAGER)[0]


def _forget(verbs: Verbs, owner: Object, current: str) -> None:
    kind = verbs.kinds.find("apps", "v1", "controllerrevisions")
    assert kind is not None
    pods = [p for _, p in verbs.store.owned_by(owner["metadata"]["uid"], "pods") if is_active(p)]
    # DaemonSets' Pods name the hash, StatefulSets' the revision.
    used = {p["metadata"].get("labels", {}).get(HASH) for p in pods} | {current}
    used.add(owner.get("status", {}).get("currentRevision"))
    old = [
        r
        for r in revisions_of(verbs, owner)
        if used.isdisjoint((r["metadata"]["name"], r["metadata"]["labels"][HASH]))
    ]
    for revision in old[: max(0, len(old) - owner["spec"]["revisionHistoryLimit"])]:
        metadata = revision["metadata"]
        verbs.delete(kind, metadata["namespace"], metadata["name"], DeleteOptions())
