"""Priority admission: a Pod's priority comes from its PriorityClass, else from the default one.

As kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption describes it (read November 2026).
"""

from __future__ import annotations

from localcloud.kubernetes import errors
from localcloud.kubernetes.storage import Object, Store

RESOURCE = "priorityclasses.scheduling.k8s.io"
#: Classes that every cluster has.
BUILT_IN = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def admit(store: Store, pod: Object) -> None:
    """Fill in a new Pod's priority and preemption policy.

    Raises:
        ApiError: 403, there is no such class.
    """
    spec, name = pod["spec"], pod["spec"].get("priorityClassName", "")
    if name:
        found = store.get(RESOURCE, "", name)
        if found is None:
            text = f"no PriorityClass with name {name} was found"
            message = f'pods "{pod["metadata"]["name"]}" is forbidden: {text}'
            raise errors.ApiError(403, "Forbidden", message)
    else:
        defaults = [c for c in store.list(RESOURCE) if c.get("globalDefault")]
        found = min(defaults, key=lambda c: int(c["value"]), default=None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    spec["priority"] = int(found["value"]) if found else 0
    policy = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
    spec["preemptionPolicy"] = policy
