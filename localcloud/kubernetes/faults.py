"""Faults on request: what a rehearsal asks a cluster to do wrong.

    POST   /_rehearsal/faults   {"fault": "api", "path": "/apis/apps/*", "code": 503, "times": 2}
    GET    /_rehearsal/faults   those still to come
    DELETE /_rehearsal/faults   none any more: nodes come back, images are pulled, containers stay up

The kinds and their fields (names take ``*`` and ``?`` as in a shell):

    api     the API server is slow (``seconds``), refuses (``code``, 400 to 599) or closes the connection
            (``drop``: ``before`` it answers, or ``within`` the answer; a watch ends so after ``seconds``):
            requests of ``method`` to ``path``, all where they are left out; ``times`` often, or for ``lasts``
            seconds, or a ``share`` of them (0 to 1); forever and all where these are left out
    outage  nothing listens for ``seconds`` (at most 600), and every open connection breaks, as while a
            control plane is replaced; not kept
    node    the node ``name`` does not answer any more: it is Unknown, tainted unreachable, and its Pods are
            evicted after ``seconds`` (300 where left out, as in Kubernetes) unless they tolerate it
    zone    the same of every node in the zone ``name``
    image   images ``name`` cannot be pulled: Pods that have not started wait with ImagePullBackOff
    crash   containers of the Pods ``name`` end with 1 as soon as they have started: CrashLoopBackOff

Faults are kept with the cluster's objects: they outlive a restart.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from localcloud.kubernetes.errors import ApiError, bad_request, not_rehearsed
from localcloud.kubernetes.storage import Object, Store
from localcloud.kubernetes.verbs import random_suffix

RESOURCE = "_faults"
#: Fields of each kind, with their types.
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "api": {
        "method": (str,),
        "path": (str,),
        "code": (int,),
        "drop": (str,),
        "seconds": (int, float),
        "times": (int,),
        "lasts": (int, float),
        "share": (int, float),
    },
    "outage": {"seconds": (int, float)},
    "node": {"name": (str,), "seconds": (int, float)},
    "zone": {"name": (str,), "seconds": (int, float)},
    "image": {"name": (str,)},
    "crash": {"name": (str,)},
}
#: How long Pods stay bound to a node that is unreachable (kube-apiserver's default toleration).
EVICTION_SECONDS = 300.0
#: Seconds: nothing but time ends an outage.
LONGEST_OUTAGE = 600
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
        #: Of which requests a share is: seeded, so that a rehearsal can be repeated.
        self._dice = random.Random(1)
        #: Stops listening for so many seconds; the server sets it.
        self.on_outage: Callable[[float], None] | None = None

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
        _check(given["fault"], spec)
        if given["fault"] == "outage":
            if self.on_outage is None:
                raise not_rehearsed("an outage of a server that does not listen")
            self.on_outage(spec["seconds"])
            return given
        kept = given | ({"until": time.time() + spec["lasts"]} if "lasts" in spec else {})
        name = random_suffix(8)
        self._store.put(RESOURCE, {"metadata": {"name": name, "uid": f"fault-{name}"}, "spec": kept})
        return given

    def show(self) -> list[Object]:
        """Those still to come."""
        now, faults = time.time(), [fault["spec"] for fault in self._store.list(RESOURCE)]
        return [fault for fault in faults if fault.get("until", math.inf) > now]

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
            if fault.get("until", math.inf) <= time.time():
                self._store.remove(RESOURCE, "", stored["metadata"]["name"])
                continue
            if self._dice.random() >= fault.get("share", 1):
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


def _check(kind: str, spec: Object) -> None:
    """400 for what makes no fault, though every field has its type."""
    if kind == "outage":
        if not 0 < spec.get("seconds", 0) <= LONGEST_OUTAGE:
            raise bad_request(f"an outage needs seconds, at most {LONGEST_OUTAGE}")
        return
    if kind != "api":
        if not spec.get("name"):
            raise bad_request(f"a fault of kind {kind} needs a name")
        return
    if spec.get("drop", "before") not in ("before", "within"):
        raise bad_request("a connection is dropped before or within the answer")
    if not 0 < spec.get("share", 1) <= 1:
        raise bad_request("a share is above 0 and at most 1")
    if not spec.get("seconds") and "drop" not in spec and not 400 <= spec.get("code", 0) <= 599:
        raise bad_request("a fault of the API needs seconds, drop, or a code from 400 to 599")


def refusal(code: int) -> ApiError:
    """How the API server words a status."""
    reason, message = _REASONS.get(code, ("Unknown", "this fault was asked for"))
    return ApiError(code, reason, message)
