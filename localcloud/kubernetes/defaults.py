"""Defaults that clients read back, as Kubernetes fills them in (the definitions carry none)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.kubernetes.limits import set_item_defaults
from localcloud.kubernetes.schema import Node
from localcloud.kubernetes.storage import copy

Object = dict[str, Any]


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        target.setdefault(name, value)


def _probe(probe: Object) -> None:
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        _fill(probe["httpGet"], path="/", scheme="HTTP")


def _container(container: Object) -> None:
    image = container.get("image", "")
    latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
    _fill(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in container.get("ports", ()):
        _fill(port, protocol="TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for variable in container.get("env", ()):
        if "fieldRef" in variable.get("valueFrom", {}):
            _fill(variable["valueFrom"]["fieldRef"], apiVersion="v1")
    resources = container["resources"]
    for name, value in resources.get("limits", {}).items():
        resources.setdefault("requests", {}).setdefault(name, value)


def pod_spec(spec: Object) -> None:
    """Defaults of a Pod's spec, or of a template's."""
    _fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        terminationGracePeriodSeconds=30,
        securityContext={},
    )
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _container(container)
    for volume in spec.get("volumes", ()):
        for kind, mode in (
            ("secret", "defaultMode"),
            ("configMap", "defaultMode"),
            ("projected", "defaultMode"),
        ):
            if kind in volume:
                volume[kind].setdefault(mode, 420)


def _template(spec: Object) -> None:
    template = spec.setdefault("template", {})
    pod_spec(template.setdefault("spec", {}))


def _pod(obj: Object) -> None:
    spec = obj["spec"]
    pod_spec(spec)
    _fill(
        spec,
        enableServiceLinks=True,
        serviceAccountName="default",
    )
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), maxSurge="25%", maxUnavailable="25%")
    _template(spec)


def _replica_set(obj: Object) -> None:
    _fill(obj["spec"], replicas=1)
    _template(obj["spec"])


def _replication_controller(obj: Object) -> None:
    spec = obj["spec"]
    labels = spec.get("template", {}).get("metadata", {}).get("labels", {})
    _fill(spec, replicas=1, selector=copy(labels))
    _template(spec)


def _stateful_set(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", serviceName="")
    update = spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    if update.get("type") == "RollingUpdate":
        _fill(update.setdefault("rollingUpdate", {}), partition=0)
    _fill(
        spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), whenDeleted="Retain", whenScaled="Retain"
    )
    _template(spec)


def _daemon_set(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, revisionHistoryLimit=10)
    update = spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    if update.get("type") == "RollingUpdate":
        _fill(update.setdefault("rollingUpdate", {}), maxSurge=0, maxUnavailable=1)
    _template(spec)


def job_spec(spec: Object) -> None:
    """Defaults of a Job's spec, or of a CronJob's template."""
    if "parallelism" not in spec:
        _fill(spec, completions=1)
    # With a limit for each index there is none for the whole, unless it is given.
    limit = 2**31 - 1 if "backoffLimitPerIndex" in spec else 6
    replaced = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    _fill(spec, parallelism=1, backoffLimit=limit, completionMode="NonIndexed", suspend=False)
    _fill(spec, podReplacementPolicy=replaced)
    _template(spec)


def _job(obj: Object) -> None:
    uid = obj["metadata"].get("uid", "")
    job_spec(obj["spec"])
    if uid:
        obj["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
        labels = obj["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
        name = obj["metadata"]["name"]
        labels |= {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}


def _cron_job(obj: Object) -> None:
    _fill(
        obj["spec"],
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )
    job_spec(obj["spec"]["jobTemplate"].setdefault("spec", {}))


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None", internalTrafficPolicy="Cluster")
    for port in spec.get("ports", ()):
        _fill(port, protocol="TCP", targetPort=port["port"])
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True, externalTrafficPolicy="Cluster")


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, minReplicas=1)
    spec.setdefault(
        "metrics",
        [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    )


def _secret(obj: Object) -> None:
    _fill(obj, type="Opaque")


def _claim(obj: Object) -> None:
    _fill(obj["spec"], volumeMode="Filesystem")
    _fill(obj.setdefault("status", {}), phase="Pending")


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    _fill(obj.setdefault("spec", {}), finalizers=["kubernetes"])
    _fill(obj.setdefault("status", {}), phase="Active")


def _storage_class(obj: Object) -> None:
    _fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _priority_class(obj: Object) -> None:
    _fill(obj, preemptionPolicy="PreemptLowerPriority")


def _volume(obj: Object) -> None:
    _fill(obj["spec"], volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    _fill(obj.setdefault("status", {}), phase="Pending")


def _limit_range(obj: Object) -> None:
    for item in obj["spec"]["limits"]:
        set_item_defaults(item)


_BY_RESOURCE: dict[str, Callable[[Object], None]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "replicationcontrollers": _replication_controller,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "namespaces": _namespace,
    "storageclasses.storage.k8s.io": _storage_class,
    "limitranges": _limit_range,
}


def set_schema_defaults(value: Any, node: Node | None) -> None:
    """Fill in the defaults that a CustomResourceDefinition's schema declares."""
    if isinstance(value, list):
        for item in value:
            set_schema_defaults(item, node.items if node else None)
    if not isinstance(value, dict) or node is None:
        return
    for name, raw in node.properties.items():
        if "default" in raw and name not in value:
            value[name] = copy(raw["default"])
    for name, member in value.items():
        if name != "metadata":
            set_schema_defaults(member, node.field(name))


def set_defaults(resource: str, obj: Object) -> None:
    """Fill in what the object leaves out."""
    fill = _BY_RESOURCE.get(resource)
    if fill is not None:
        fill(obj)
