"""Faults on request: what a rehearsal asks a cluster to do wrong.

    POST   /_rehearsal/faults   {"fault": "api", "path": "/apis/apps/*", "code": 503, "times": 2}
    GET    /_rehearsal/faults   those still to come
    DELETE /_rehearsal/faults   none any more: nodes come back, images are pulled, containers stay up

The kinds and their fields (names take ``*`` and ``?`` as in a shell):

    api     the API server is slow (``seconds``) or refuses (``code``, 400 to 599): requests of ``method`` to
            ``path``, all where they are left out; ``times`` often, forever where it is left out
    node    the node ``name`` does not answer any more: it is Unknown, tainted unreachable, and its Pods are
            evicted after ``seconds`` (300 where left out, as in Kubernetes) unless they tolerate it
    zone    the same of every node in the zone ``name``
    image   images ``name`` cannot be pulled: Pods that have not started wait with ImagePullBackOff
    crash   containers of the Pods ``name`` end with 1 as soon as they have started: CrashLoopBackOff

Faults are kept with the cluster's objects: they outlive a restart.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from localcloud.kubernetes.errors import ApiError, bad_request
from localcloud.kubernetes.storage import Object, Store
from localcloud.kubernetes.verbs import random_suffix

RESOURCE = "_faults"
#: Fields of each kind, with their types.
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "api": {"method": (str,), "path": (str,), "code": (int,), "seconds": (int, float), "times": (int,)},
    "node": {"name": (str,), "seconds": (int, float)},
    "zone": {"name": (str,), "seconds": (int, float)},
    "image": {"name": (str,)},
    "crash": {"name": (str,)},
}
#: How long Pods stay bound to a node that is unreachable (kube-apiserver's default toleration).
EVICTION_SECONDS = 300.0
ZONE = "topology.kubernetes.io/zone"
_REASONS = {
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "an error on the server has prevented the request from succeeding"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}


class Faults:
    """The faults that were asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, given: Any) -> Object:
        """Ask for one.

        Raises:
            ApiError: 400, it is none.
        """
        fields = _FIELDS.get(given.get("fault", "")) if isinstance(given, dict) else None
        if fields is None:
            raise bad_request(f"a fault is an object whose 'fault' is one of {', '.join(_FIELDS)}")
        spec = {k: v for k, v in given.items() if k != "fault"}
        wrong = [k for k, v in spec.items() if not isinstance(v, fields.get(k, ())) or isinstance(v, bool)]
        if wrong:
            raise bad_request(f"a fault of kind {given['fault']} has {', '.join(fields)}; wrong: {wrong}")
        if given["fault"] != "api" and not spec.get("name"):
            raise bad_request(f"a fault of kind {given['fault']} needs a name")
        if given["fault"] == "api" and not spec.get("seconds") and not 400 <= spec.get("code", 0) <= 599:
            raise bad_request("a fault of the API needs seconds, or a code from 400 to 599")
        name = random_suffix(8)
        self._store.put(RESOURCE, {"metadata": {"name": name, "uid": f"fault-{name}"}, "spec": given})
        return given

    def show(self) -> list[Object]:
        """Those still to come."""
        return [fault["spec"] for fault in self._store.list(RESOURCE)]

    def clear(self) -> None:
        """Forget all."""
        for fault in self._store.list(RESOURCE):
            self._store.remove(RESOURCE, "", fault["metadata"]["name"])

    def _named(self, kind: str, name: str) -> Object | None:
        return next((f for f in self.show() if f["fault"] == kind and fnmatchcase(name, f["name"])), None)

    def of_node(self, node: Object) -> Object | None:
        """The fault that takes a node down."""
        zone = node["metadata"].get("labels", {}).get(ZONE, "")
        return self._named("node", node["metadata"]["name"]) or self._named("zone", zone)

    def of_image(self, image: str) -> bool:
        """Whether an image cannot be pulled."""
        return self._named("image", image) is not None

    def crashes(self, pod: str) -> bool:
        """Whether a Pod's containers end at once."""
        return self._named("crash", pod) is not None

    def of_request(self, method: str, path: str) -> Object | None:
        """The fault that a request meets; it has then happened once more."""
        for stored in self._store.list(RESOURCE):
            fault = stored["spec"]
            if fault["fault"] != "api" or not fnmatchcase(path, fault.get("path", "*")):
                continue
            if not fnmatchcase(method, fault.get("method", "*")):
                continue
            if "times" in fault:
                left = fault["times"] - 1
                if left > 0:
                    new = {"metadata": dict(stored["metadata"]), "spec": fault | {"times": left}}
                    self._store.put(RESOURCE, new)
                else:
                    self._store.remove(RESOURCE, "", stored["metadata"]["name"])
            return dict(fault)
        return None


def refusal(code: int) -> ApiError:
    """How the API server words a status."""
    reason, message = _REASONS.get(code, ("Unknown", "this fault was asked for"))
    return ApiError(code, reason, message)
