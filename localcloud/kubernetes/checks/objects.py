"""Which checks an object of a kind goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from localcloud.kubernetes.checks import policies, resources, services, workloads
from localcloud.kubernetes.checks.causes import Cause, Object
from localcloud.kubernetes.checks.changes import check_change
from localcloud.kubernetes.checks.metadata import check_metadata
from localcloud.kubernetes.checks.pods import check_pod
from localcloud.kubernetes.kinds import Kind


def _pod(obj: Object) -> Iterator[Cause]:
    return check_pod(obj["spec"], "spec")


_BY_RESOURCE: dict[str, Callable[[Object], Iterator[Cause]]] = {
    "pods": _pod,
    "deployments.apps": workloads.check_set,
    "replicasets.apps": workloads.check_set,
    "statefulsets.apps": workloads.check_set,
    "daemonsets.apps": workloads.check_set,
    "replicationcontrollers": workloads.check_replication_controller,
    "jobs.batch": workloads.check_whole_job,
    "cronjobs.batch": workloads.check_cron_job,
    "services": services.check_service,
    "ingresses.networking.k8s.io": services.check_ingress,
    "networkpolicies.networking.k8s.io": services.check_network_policy,
    "horizontalpodautoscalers.autoscaling": policies.check_autoscaler,
    "poddisruptionbudgets.policy": policies.check_budget,
    "roles.rbac.authorization.k8s.io": policies.check_role,
    "clusterroles.rbac.authorization.k8s.io": policies.check_role,
    "rolebindings.rbac.authorization.k8s.io": policies.check_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": policies.check_binding,
    "configmaps": policies.check_config,
    "secrets": policies.check_config,
    "resourcequotas": resources.check_quota,
    "persistentvolumeclaims": resources.check_claim,
}


def check_new(kind: Kind, obj: Object) -> list[Cause]:
    """All that is wrong with a new object, whose defaults are filled in."""
    check = _BY_RESOURCE.get(kind.resource)
    found = list(check_metadata(kind, obj))
    return found if check is None else found + list(check(obj))


def check_update(kind: Kind, live: Object, new: Object) -> list[Cause]:
    """All that is wrong with an object, and all that an update may not change; what stayed is sound."""
    was, now = live["metadata"], new["metadata"]
    found: list[Cause] = []
    if any(was.get(name) != now.get(name) for name in ("labels", "annotations")):
        found += check_metadata(kind, new)
    if all(live.get(k) == new.get(k) for k in live.keys() | new.keys() if k not in ("metadata", "status")):
        return found
    check = _BY_RESOURCE.get(kind.resource)
    if check is not None:
        found += check(new)
    return found + list(check_change(kind.resource, live, new))
