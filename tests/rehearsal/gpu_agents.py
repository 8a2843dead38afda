"""The catalogue's GPU agents on a cluster, and the pools and groups that they and spot Pods need."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.manifests import render
from dreamnet.resources.catalogue import load_catalogue

ROOT = Path(__file__).parents[2] / "infrastructure"
IMAGES = dict.fromkeys(("image", "worker_image", "agents_image"), "localcloud/none:1")
VARIABLES = IMAGES | {
    "region": "r",
    "project": "p",
    "host": "h.example",
    "certificate_arn": "arn:aws:acm:::c",
}
#: Never ready, so that it stays the same whatever it holds: what it asks for is all that counts.
PLAIN = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "plain", "namespace": "dreamnet", "labels": {"app.kubernetes.io/name": "plain"}},
    "spec": {
        "containers": [{"name": "a", "image": "nginx:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]
    },
}


def declared(name: str) -> dict[str, Any]:
    """What the catalogue says of a pool or group, without what refers to other resources."""
    body = load_catalogue(ROOT).resources[name].body
    return {key: value for key, value in body.items() if "${" not in str(value)} | (
        {"config": {key: value for key, value in body["config"].items() if "${" not in str(value)}}
        if "config" in body
        else {}
    )


def deploy_agents(cluster: Cluster, overlay: str) -> None:
    """Apply the overlay's namespace and agents, and a Pod that wants a GPU and tolerates nothing."""
    rendered = render(ROOT / "kubernetes" / overlay, VARIABLES)
    wanted = ("Namespace", ""), ("ServiceAccount", "dreamnet-agents"), ("Deployment", "dreamnet-agents")
    chosen = [
        one
        for one in rendered
        if any(one["kind"] == kind and name in one["metadata"]["name"] for kind, name in wanted)
    ]
    apply(cluster, [*chosen, PLAIN], progress=lambda _: None)


def pods(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """Pods of an application."""
    kind = cluster.kind("v1", "Pod")
    return cluster.items(kind.path("dreamnet"), f"app.kubernetes.io/name={name}")


def node_of(cluster: Cluster, name: str) -> dict[str, Any] | None:
    """The node that the application's only Pod was given."""
    (pod,) = pods(cluster, name) or [{"spec": {}}]
    nodes = {one["metadata"]["name"]: one for one in cluster.items(cluster.kind("v1", "Node").path(None))}
    return nodes.get(pod["spec"].get("nodeName", ""))


def unschedulable(cluster: Cluster, name: str) -> bool:
    """Whether the scheduler has looked at the application's Pod and found no node."""
    return any(
        condition["type"] == "PodScheduled" and condition["status"] == "False"
        for pod in pods(cluster, name)
        for condition in pod["status"].get("conditions", [])
    )


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What the condition gives as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
    return found
