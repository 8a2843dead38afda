"""Rollouts of Deployments: wait, say why one sticks, and take it back; restart; undo."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dreamnet.errors import ResourceError
from dreamnet.kubernetes.cluster import FIELD_MANAGER, Cluster, Object
from dreamnet.resources.model import Progress

#: Seconds without progress after which a waiting rollout says what it seems to wait for, and again.
_EXPLAINED_EVERY = 5.0
REVISION = "deployment.kubernetes.io/revision"

#: Reasons of a waiting container, by what is wrong and what to do about it
#: (kubelet's container state reasons, pkg/kubelet/images and kuberuntime).
_WAITING = {
    "ErrImagePull": (
        "its image can't be pulled",
        "Check the image's name and tag, and the nodes' right to pull it.",
    ),
    "ImagePullBackOff": (
        "its image can't be pulled",
        "Check the image's name and tag, and the nodes' right to pull it.",
    ),
    "ErrImageNeverPull": ("its image is not on the node", "Push the image, or allow pulling."),
    "InvalidImageName": ("its image's name is not valid", "Correct the image parameter."),
    "CreateContainerConfigError": (
        "its configuration is missing",
        "Create the Secret or ConfigMap that it names.",
    ),
    "CreateContainerError": (
        "its container can't be created",
        "Correct command, mounts or security context.",
    ),
    "RunContainerError": ("its container can't be started", "Correct command, mounts or security context."),
    "CrashLoopBackOff": ("it starts and ends again", "Read its log with kubectl logs --previous."),
}
_MISSING_PODS = "Look at the Deployment's events with kubectl describe."


class RolloutStuck(ResourceError):
    """A Deployment's newest template does not become available; the message says why."""


@dataclass(frozen=True)
class Rollout:
    """A finished rollout: how many replicas run the newest template, and how long it took (seconds)."""

    cluster: str
    deployment: str
    replicas: int
    revision: str
    seconds: float


def deployment_path(cluster: Cluster, namespace: str, name: str, subresource: str | None = None) -> str:
    """The URL path of a Deployment."""
    return cluster.kind("apps/v1", "Deployment").path(namespace, name, subresource)


def wait_rollout(
    cluster: Cluster, namespace: str, deployment: str, timeout: float, progress: Progress, poll: float = 0.5
) -> Rollout:
    """Wait until every replica of a Deployment runs its newest template and is available.

    Args:
        timeout: seconds.
        poll: seconds between two looks.

    Raises:
        RolloutStuck: it has not finished in time, or Kubernetes has given up; the message says why, as far
            as pods and conditions tell: image, configuration, quota, probe, no room on the nodes.
    """
    started = time.monotonic()
    path = deployment_path(cluster, namespace, deployment)
    said, explained, looked = "", "", started
    while True:
        current = cluster.get(path)
        done, state = _state(current)
        if done:
            return Rollout(
                cluster.key,
                f"{namespace}/{deployment}",
                current["spec"].get("replicas", 1),
                current["metadata"].get("annotations", {}).get(REVISION, ""),
                time.monotonic() - started,
            )
        elapsed = time.monotonic() - started
        gave_up = _condition(current, "Progressing").get("reason") == "ProgressDeadlineExceeded"
        if elapsed > timeout or gave_up:
            why, remedy = why_stuck(cluster, namespace, current)
            raise RolloutStuck(
                f"{cluster}: Deployment {namespace}/{deployment} has not rolled out in {elapsed:.0f} s"
                f" ({state}): {why}.",
                remedy,
            )
        if state != said:
            progress(f"{cluster.key}: {deployment}: {state}")
            said, looked = state, time.monotonic()
        elif time.monotonic() - looked > _EXPLAINED_EVERY:
            explained, looked = _explain(cluster, namespace, current, explained, progress), time.monotonic()
        time.sleep(poll)


def _explain(cluster: Cluster, namespace: str, deployment: Object, said: str, progress: Progress) -> str:
    """Say what a rollout waits for, unless that was said last; returns what was said."""
    why, _ = why_stuck(cluster, namespace, deployment)
    if why != said:
        progress(f"{cluster.key}: {deployment['metadata']['name']}: {why}")
    return why


def why_stuck(cluster: Cluster, namespace: str, deployment: Object) -> tuple[str, str]:
    """Why a rollout does not get on, and what to do: the first cause that the conditions or pods name."""
    failure = _condition(deployment, "ReplicaFailure")
    if failure.get("status") == "True":
        message = str(failure.get("message", "")).rstrip(".")
        remedy = "Raise the ResourceQuota or ask for less." if "quota" in message else "Correct what it says."
        return f"its pods are refused: {message}", remedy
    labels = deployment["spec"]["selector"].get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    pods = cluster.items(cluster.kind("v1", "Pod").path(namespace), selector)
    for pod in pods:
        cause = _pod_trouble(pod)
        if cause:
            return cause
    if not pods:
        return "it has no pods", _MISSING_PODS
    return "its pods are not ready yet", "Give it more time, or read its pods' logs."


def restart(cluster: Cluster, namespace: str, deployment: str) -> None:
    """Replace every pod, one after the other, as `kubectl rollout restart` does."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}
    cluster.merge(deployment_path(cluster, namespace, deployment), {"spec": {"template": template}})


def roll_out(
    cluster: Cluster, namespace: str, deployment: str, timeout: float, progress: Progress
) -> Rollout:
    """Wait for a rollout; one that sticks is taken back to the revision that still serves.

    Args:
        timeout: seconds, for the rollout and for the way back.

    Raises:
        RolloutStuck: it stuck; the message says why, and which revision runs now.
    """
    try:
        return wait_rollout(cluster, namespace, deployment, timeout, progress)
    except RolloutStuck as stuck:
        progress(f"{cluster.key}: {stuck.problem}")
        try:
            revision = undo(cluster, namespace, deployment, serving=True)
            back = wait_rollout(cluster, namespace, deployment, timeout, progress)
        except ResourceError as error:
            raise RolloutStuck(
                f"{stuck.problem} It could not be rolled back: {error.problem}", stuck.remedy
            ) from None
        raise RolloutStuck(
            f"{stuck.problem} It was rolled back to revision {revision}, {back.replicas} replicas available.",
            stuck.remedy,
        ) from None


def undo(cluster: Cluster, namespace: str, deployment: str, *, serving: bool = False) -> str:
    """Go back to the template of the revision before, as `kubectl rollout undo` does.

    Args:
        serving: prefer the newest earlier revision that has available replicas: several changes in a row may
            have failed.

    Returns:
        The revision whose template is used again.

    Raises:
        ResourceError: there is no earlier revision (revisionHistoryLimit keeps few).
    """
    path = deployment_path(cluster, namespace, deployment)
    current = cluster.get(path)
    earlier = _earlier_revisions(cluster, namespace, current)
    if not earlier:
        raise ResourceError(
            f"{cluster}: Deployment {namespace}/{deployment} has no revision before {_revision(current)}.",
            "Apply the manifest that should run.",
        )
    available = [item for item in earlier if item.get("status", {}).get("availableReplicas", 0)]
    chosen = available[-1] if serving and available else earlier[-1]
    template = dict(chosen["spec"]["template"])
    metadata = dict(template.get("metadata", {}))
    metadata["labels"] = {k: v for k, v in metadata.get("labels", {}).items() if k != "pod-template-hash"}
    template["metadata"] = metadata
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": current["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": template},
    ]
    query = {"fieldManager": FIELD_MANAGER}
    cluster.call("PATCH", path, query=query, body=patch, content_type="application/json-patch+json")
    return str(_revision(chosen))


def _earlier_revisions(cluster: Cluster, namespace: str, deployment: Object) -> list[Object]:
    """The Deployment's ReplicaSets of earlier revisions, the newest last."""
    uid, now = deployment["metadata"]["uid"], _revision(deployment)
    sets = cluster.items(cluster.kind("apps/v1", "ReplicaSet").path(namespace))
    owned = [
        item for item in sets if any(o.get("uid") == uid for o in item["metadata"].get("ownerReferences", []))
    ]
    return sorted((item for item in owned if _revision(item) < now), key=_revision)


def _state(deployment: Object) -> tuple[bool, str]:
    """Whether it has rolled out, and how far it is: the conditions of `kubectl rollout status`."""
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status", {})
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return False, "waiting for the controller"
    if updated < wanted:
        return False, f"{updated} of {wanted} replicas updated"
    if status.get("replicas", 0) > updated:
        return False, f"{status['replicas'] - updated} old replicas still running"
    if available < updated:
        return False, f"{available} of {updated} replicas available"
    return True, f"{available} replicas available"


def _pod_trouble(pod: Object) -> tuple[str, str] | None:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = str(condition.get("message", "")).rstrip(".")
            return f"no node has room for {name}: {message}", "Add nodes, or ask for less CPU or memory."
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in _WAITING:
            what, remedy = _WAITING[waiting["reason"]]
            message = str(waiting.get("message", "")).rstrip(".")
            return f"{name}: {what} ({waiting['reason']}{': ' + message if message else ''})", remedy
        if not container.get("ready") and "running" in container.get("state", {}):
            return _probe_trouble(name, container)
    return None


def _probe_trouble(name: str, container: Object) -> tuple[str, str]:
    count = container.get("restartCount", 0)
    if count:
        return (
            f"{name} was restarted {count} times because its liveness or startup probe fails",
            "Read its log with kubectl logs --previous.",
        )
    return (
        f"{name} runs, but its readiness probe fails",
        "Check what /readyz needs: the database's address in Secret dreamnet-database, and the way to it.",
    )


def _condition(deployment: Object, kind: str) -> dict[str, Any]:
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            return dict(condition)
    return {}


def _revision(item: Object) -> int:
    return int(item["metadata"].get("annotations", {}).get(REVISION, 0))
