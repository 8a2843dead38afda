"""Every kind that the gameplan and its operator use, with an object, for the official client's typed APIs."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

POD = {"containers": [{"name": "main", "image": "nginx:1", "resources": {"requests": {"cpu": "10m"}}}]}


def workload(**more: Any) -> dict[str, Any]:
    """The spec of a Deployment and its like."""
    labels = {"app": "typed"}
    template = {"metadata": {"labels": labels}, "spec": POD}
    return {"selector": {"matchLabels": labels}, "template": template} | more


@dataclass(frozen=True)
class Typed:
    """One kind.

    Attributes:
        api: the client's class.
        name: what its methods call the kind, such as ``config_map``.
        content: of an object, beside its name.
        namespaced: whether it lives in a namespace.
        more: its subresources, of ``status`` and ``scale``.
    """

    api: str
    name: str
    content: dict[str, Any]
    namespaced: bool = True
    more: tuple[str, ...] = ()


_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "typed"}
_JOB = {"template": {"spec": POD | {"restartPolicy": "Never"}}}
_SCALER = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "typed"},
    "maxReplicas": 2,
    "metrics": [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
        }
    ],
}
_BOTH = ("status", "scale")
NOW = datetime.datetime.now(datetime.UTC).isoformat()

KINDS = [
    Typed("CoreV1Api", "config_map", {"data": {"a": "1"}}),
    Typed("CoreV1Api", "secret", {"stringData": {"a": "1"}}),
    Typed("CoreV1Api", "service", {"spec": {"ports": [{"port": 80}]}}, more=("status",)),
    Typed("CoreV1Api", "service_account", {}),
    Typed("CoreV1Api", "pod", {"spec": POD}, more=("status",)),
    Typed(
        "CoreV1Api",
        "replication_controller",
        {"spec": {"replicas": 0, "selector": {"app": "typed"}, "template": workload()["template"]}},
        more=_BOTH,
    ),
    Typed("CoreV1Api", "resource_quota", {"spec": {"hard": {"services": "9"}}}, more=("status",)),
    Typed("CoreV1Api", "limit_range", {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
    Typed(
        "CoreV1Api",
        "persistent_volume_claim",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        more=("status",),
    ),
    Typed("CoreV1Api", "namespace", {}, namespaced=False, more=("status",)),
    Typed("AppsV1Api", "deployment", {"spec": workload(replicas=1)}, more=_BOTH),
    Typed("AppsV1Api", "replica_set", {"spec": workload(replicas=1)}, more=_BOTH),
    Typed("AppsV1Api", "stateful_set", {"spec": workload(replicas=1, serviceName="typed")}, more=_BOTH),
    Typed("AppsV1Api", "daemon_set", {"spec": workload()}, more=("status",)),
    Typed("AppsV1Api", "controller_revision", {"revision": 1, "data": {}}),
    Typed(
        "AutoscalingV1Api",
        "horizontal_pod_autoscaler",
        {"spec": {"scaleTargetRef": _SCALER["scaleTargetRef"], "maxReplicas": 2}},
        more=("status",),
    ),
    Typed("AutoscalingV2Api", "horizontal_pod_autoscaler", {"spec": _SCALER}, more=("status",)),
    Typed("BatchV1Api", "job", {"spec": _JOB}, more=("status",)),
    Typed(
        "BatchV1Api",
        "cron_job",
        {"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": _JOB}}},
        more=("status",),
    ),
    Typed(
        "PolicyV1Api",
        "pod_disruption_budget",
        {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "typed"}}}},
        more=("status",),
    ),
    Typed("NetworkingV1Api", "network_policy", {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    Typed(
        "NetworkingV1Api",
        "ingress",
        {"spec": {"defaultBackend": {"service": {"name": "typed", "port": {"number": 80}}}}},
        more=("status",),
    ),
    Typed(
        "NetworkingV1Api", "ingress_class", {"spec": {"controller": "example.com/typed"}}, namespaced=False
    ),
    Typed("RbacAuthorizationV1Api", "role", {"rules": _RULES}),
    Typed(
        "RbacAuthorizationV1Api",
        "role_binding",
        {"roleRef": _ROLE, "subjects": [{"kind": "ServiceAccount", "name": "typed", "namespace": "typed"}]},
    ),
    Typed("RbacAuthorizationV1Api", "cluster_role", {"rules": _RULES}, namespaced=False),
    Typed(
        "RbacAuthorizationV1Api",
        "cluster_role_binding",
        {"roleRef": _ROLE | {"kind": "ClusterRole"}},
        namespaced=False,
    ),
    Typed("CoordinationV1Api", "lease", {"spec": {"holderIdentity": "typed", "leaseDurationSeconds": 15}}),
    Typed("DiscoveryV1Api", "endpoint_slice", {"addressType": "IPv4", "endpoints": []}),
    Typed("SchedulingV1Api", "priority_class", {"value": 1000}, namespaced=False),
    Typed("StorageV1Api", "storage_class", {"provisioner": "example.com/typed"}, namespaced=False),
]
