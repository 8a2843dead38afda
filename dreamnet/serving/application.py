"""DreamNet's backend on one cluster: its database secret, its manifests, its rollout and its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dreamnet.kubernetes import apply as kubernetes_apply
from dreamnet.kubernetes import manifests, rollout, scale
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.resources.model import Progress

#: As the manifests under infrastructure/kubernetes name them.
NAMESPACE, DEPLOYMENT, DATABASE_SECRET = "dreamnet", "dreamnet-api", "dreamnet-database"
#: The label of everything that belongs to DreamNet.
PART_OF = "app.kubernetes.io/part-of=dreamnet"
#: Each cloud's overlay under infrastructure/kubernetes.
OVERLAYS: Mapping[str, str] = {"google": "gke", "aws": "eks"}


def selector(overlay: str) -> str:
    """The labels of what an overlay's objects, and no other overlay's, carry on a cluster."""
    return f"{PART_OF},dreamnet/overlay={overlay}"


@dataclass(frozen=True)
class Deployed:
    """The backend as it runs on a cluster.

    Attributes:
        cluster: the cluster's key.
        address: `host:port` of its Service.
        changed: whether anything had to be applied.
        replicas: of the Deployment, all ready.
    """

    cluster: str
    address: str
    changed: bool
    replicas: int


def deploy(
    cluster: Cluster,
    region: str,
    infrastructure: Path,
    variables: Mapping[str, str],
    database_url: str,
    timeout: float,
    progress: Progress,
    gateway: bool = False,
) -> Deployed:
    """Bring the backend on a cluster to what the manifests say, and wait until all of it is ready.

    What an earlier deployment applied of this overlay, and the manifests no longer have, is deleted.

    Args:
        region: what the backend calls its region, in answers and metrics.
        infrastructure: the folder that holds `kubernetes/<overlay>`.
        variables: values for the manifests' `${...}`, beyond `${region}`.
        database_url: goes into the Secret that the Deployment reads. Changing it restarts the pods.
        timeout: seconds for each of rollout and address.
        gateway: put a Gateway beside the Service's own balancer; what a canary by weight needs.

    Raises:
        GameplanError: a manifest is invalid, an object is refused, or the rollout sticks (with its reason; it
            is rolled back to the revision before).
    """
    overlay = OVERLAYS[cluster.cloud]
    folder = infrastructure / "kubernetes" / (f"{overlay}-gateway" if gateway else overlay)
    objects = manifests.render(folder, {**variables, "region": region})
    namespaces = [item for item in objects if item["kind"] == "Namespace"]
    kubernetes_apply.apply(cluster, namespaces, progress=progress)
    secret = scale.put_secret(cluster, NAMESPACE, DATABASE_SECRET, {"url": database_url})
    applied = kubernetes_apply.apply(cluster, objects, progress=progress, prune=selector(overlay))
    if secret == "configured":
        rollout.restart(cluster, NAMESPACE, DEPLOYMENT)
    rolled = rollout.roll_out(cluster, NAMESPACE, DEPLOYMENT, timeout, progress)
    address = scale.service_address(cluster, NAMESPACE, DEPLOYMENT, timeout)
    return Deployed(cluster.key, address, applied.changed or secret != "unchanged", rolled.replicas)
