"""Proof that a Deployment scales by itself: real load, then more replicas than before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.kubernetes.cluster import Cluster, Object
from dreamnet.kubernetes.rollout import deployment_path
from dreamnet.resources.model import Progress


@dataclass(frozen=True)
class ScalingProof:
    """What was seen under load.

    Attributes:
        before, after: replicas of the Deployment.
        metric, target: percent of the requested CPU, as the autoscaler reported it when it decided, and the
            utilization that it aims at.
        seconds: from the load's start until the new replicas were ready.
    """

    cluster: str
    deployment: str
    before: int
    after: int
    metric: int
    target: int
    seconds: float


def prove_autoscaling(
    cluster: Cluster,
    namespace: str,
    deployment: str,
    load: Callable[[], AbstractContextManager[object]],
    timeout: float,
    progress: Progress,
    poll: float = 0.5,
) -> ScalingProof:
    """Drive load until the HorizontalPodAutoscaler has raised the replicas and these are ready.

    Args:
        load: gives a context manager under which the Deployment is loaded.
        timeout: seconds under load. Kubernetes looks at metrics every 15 s, metrics are 15 to 60 s old.

    Raises:
        PrecheckFailed: there is no autoscaler on it, it can't read its metric, or has nothing left to raise.
        ResourceError: no more replicas in time; the message holds the metric that was seen.
    """
    scaler = find_autoscaler(cluster, namespace, deployment)
    before, ready = _replicas(cluster, namespace, deployment)
    if before >= scaler["spec"]["maxReplicas"]:
        raise PrecheckFailed(
            f"{cluster}: Deployment {namespace}/{deployment} already runs its {before} replicas at most.",
            "Wait until it has scaled down, or raise maxReplicas.",
        )
    target = _target(scaler)
    path = cluster.kind("autoscaling/v2", "HorizontalPodAutoscaler").path(
        namespace, scaler["metadata"]["name"]
    )
    started, seen, said = time.monotonic(), 0, ""
    with load():
        while True:
            current = _metric(cluster.get(path))
            if current is not None:
                seen = max(seen, current)
            wanted, ready = _replicas(cluster, namespace, deployment)
            elapsed = time.monotonic() - started
            if wanted > before and ready >= wanted:
                return ScalingProof(
                    cluster.key, f"{namespace}/{deployment}", before, wanted, seen, target, elapsed
                )
            if elapsed > timeout:
                raise _not_scaled(cluster, f"{namespace}/{deployment}", cluster.get(path), elapsed, target)
            usage = "unknown" if current is None else f"{current} %"
            state = f"{wanted} replicas, {ready} ready, CPU {usage}, target {target} %"
            if state != said:
                progress(f"{cluster.key}: {deployment}: {state}")
                said = state
            time.sleep(poll)


def find_autoscaler(cluster: Cluster, namespace: str, deployment: str) -> Object:
    """The HorizontalPodAutoscaler whose target is this Deployment.

    Raises:
        PrecheckFailed: there is none.
    """
    kind = cluster.kind("autoscaling/v2", "HorizontalPodAutoscaler")
    for scaler in cluster.items(kind.path(namespace)):
        target = scaler["spec"]["scaleTargetRef"]
        if target["kind"] == "Deployment" and target["name"] == deployment:
            return scaler
    raise PrecheckFailed(
        f"{cluster}: no HorizontalPodAutoscaler targets Deployment {namespace}/{deployment}.",
        "Apply infrastructure/kubernetes first.",
    )


def _replicas(cluster: Cluster, namespace: str, deployment: str) -> tuple[int, int]:
    current = cluster.get(deployment_path(cluster, namespace, deployment))
    return int(current["spec"].get("replicas", 1)), int(current.get("status", {}).get("readyReplicas", 0))


def _target(scaler: Object) -> int:
    for metric in scaler["spec"].get("metrics", []):
        if metric["type"] == "Resource" and metric["resource"]["name"] == "cpu":
            return int(metric["resource"]["target"].get("averageUtilization", 0))
    raise PrecheckFailed(
        f"HorizontalPodAutoscaler {scaler['metadata']['name']} does not scale on CPU.",
        "This proof drives CPU load; give it a CPU utilization target.",
    )


def _metric(scaler: Object) -> int | None:
    for metric in scaler.get("status", {}).get("currentMetrics") or []:
        if metric.get("type") == "Resource" and metric["resource"]["name"] == "cpu":
            value = metric["resource"]["current"].get("averageUtilization")
            return int(value) if value is not None else None
    return None


def _not_scaled(cluster: Cluster, title: str, scaler: Object, elapsed: float, target: int) -> ResourceError:
    conditions = scaler.get("status", {}).get("conditions") or []
    for condition in conditions:
        if condition["type"] in ("AbleToScale", "ScalingActive") and condition["status"] == "False":
            return ResourceError(
                f"{cluster}: the autoscaler of {title} can't act after {elapsed:.0f} s:"
                f" {str(condition.get('message', '')).rstrip('.')}.",
                "Check that metrics-server runs and that the containers request CPU.",
            )
    seen = _metric(scaler)
    return ResourceError(
        f"{cluster}: {title} has no more replicas after {elapsed:.0f} s of load:"
        f" CPU is at {seen if seen is not None else 'an unknown'} % and the target {target} %.",
        "Drive more load, or lower the target.",
    )
