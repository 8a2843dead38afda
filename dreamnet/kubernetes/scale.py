"""Small day-2 operations: how many replicas, what a Secret holds, where a Service is reached."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Literal

from dreamnet.errors import ResourceError
from dreamnet.kubernetes.apply import Outcome, apply_object
from dreamnet.kubernetes.cluster import Cluster

Scalable = Literal["Deployment", "StatefulSet"]


def scale(
    cluster: Cluster, namespace: str, name: str, replicas: int, kind: Scalable = "Deployment"
) -> tuple[int, int]:
    """Set a workload's replicas through its scale subresource.

    With 0 a HorizontalPodAutoscaler on it stands still until the number is above 0 again (Kubernetes docs,
    "Implicit maintenance-mode deactivation"); with another number it may change it again at once.

    Returns:
        Replicas before and after.
    """
    path = cluster.kind("apps/v1", kind).path(namespace, name, "scale")
    before = int(cluster.get(path)["spec"].get("replicas", 0))
    if before != replicas:
        cluster.merge(path, {"spec": {"replicas": replicas}})
    return before, replicas


def put_secret(cluster: Cluster, namespace: str, name: str, values: Mapping[str, str]) -> Outcome:
    """Make a Secret hold exactly these of our values (server-side apply: others' keys stay).

    Returns:
        created, configured or unchanged.
    """
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "dreamnet-gameplan"},
        },
        "type": "Opaque",
        "data": data,
    }
    return apply_object(cluster, manifest, force=True)


def service_address(cluster: Cluster, namespace: str, name: str, timeout: float, poll: float = 0.5) -> str:
    """Where a Service of type LoadBalancer is reached, once its cloud has given it an address.

    Args:
        timeout: seconds. Google takes about one minute, a network load balancer of AWS two to three.

    Returns:
        `address:port`, with the Service's first port; the address is an IP (GKE) or a host name (EKS).

    Raises:
        ResourceError: no address in time.
    """
    deadline = time.monotonic() + timeout
    path = cluster.kind("v1", "Service").path(namespace, name)
    while True:
        service = cluster.get(path)
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        for entry in ingress:
            address = entry.get("ip") or entry.get("hostname")
            if address:
                return f"{address}:{service['spec']['ports'][0]['port']}"
        if time.monotonic() > deadline:
            raise ResourceError(
                f"{cluster}: Service {namespace}/{name} has no address after {timeout:.0f} s.",
                "Look at its events with kubectl describe: a quota, or the load balancer controller.",
            )
        time.sleep(poll)
