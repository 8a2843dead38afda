"""One image digest onto one cluster: set it, wait until it is ready, read through the service; or back.

Only the image of DreamNet's Deployment changes; nothing is built, and no other field is touched. What ran
before is noted on the Deployment itself, so that the way back is known after a crash too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dreamnet.errors import (
    ConfigurationError,
    GameplanError,
    PrecheckFailed,
    ResourceError,
    VerificationError,
)
from dreamnet.kubernetes import rollout, scale
from dreamnet.kubernetes.cluster import FIELD_MANAGER, Cluster, Object
from dreamnet.resources.model import Progress
from dreamnet.serving.application import DEPLOYMENT, NAMESPACE
from dreamnet.serving.load import ReadLoad

#: An image by digest: what is checked in one region is what the next one gets (OCI distribution, "Pulling
#: manifests"; a tag may move in between).
IMAGE = re.compile(r"[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}", re.ASCII)
#: Annotations: the image that a promotion brought, the one that ran before it, and one that was taken back.
PROMOTED, PREVIOUS = "dreamnet/promoted-image", "dreamnet/previous-image"
TAKEN_BACK = "dreamnet/taken-back-image"
#: Reads through the service, before and after, and the share of them that may fail.
READS, MAX_ERROR_RATE = 200, 0.01
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
#: Reads of the service: how many were answered, and how many failed.
Read = Callable[[], tuple[int, int]]


class PromotionFailed(ResourceError):
    """An image did not pass on a cluster; the message says why and what runs there now."""


@dataclass(frozen=True)
class Promoted:
    """An image that passed on one cluster.

    Attributes:
        changed: whether it ran another image before.
        reads: how many were made through the service; `failed` of them failed.
    """

    cluster: str
    image: str
    changed: bool
    replicas: int
    reads: int
    failed: int


def check_image(image: str) -> None:
    """Refuse anything but an image named by its digest.

    Raises:
        ConfigurationError: it is not.
    """
    if not IMAGE.fullmatch(image):
        raise ConfigurationError(
            f"Image {image!r} is not named by a digest.",
            "Give it as registry/name@sha256: and 64 hexadecimal digits, as the push printed it.",
        )


def check_awake(cluster: Cluster) -> None:
    """Refuse a cluster on which no image can be checked; it is only read.

    Raises:
        PrecheckFailed: DreamNet sleeps there.
        NotFound: it does not run there.
    """
    if not deployment(cluster)["spec"].get("replicas", 1):
        raise PrecheckFailed(
            f"{cluster}: Deployment {NAMESPACE}/{DEPLOYMENT} sleeps (0 replicas): no image can be checked.",
            "Run morning-scale-up first.",
        )


def promote(
    cluster: Cluster,
    image: str,
    timeout: float,
    progress: Progress,
    max_error_rate: float = MAX_ERROR_RATE,
    read: Read | None = None,
) -> Promoted:
    """Bring the backend on a cluster to an image, and take it back by itself where it does not pass.

    Args:
        timeout: seconds for each of rollout, address and reads.
        max_error_rate: share of the reads that may fail, 0 to 1.
        read: how the service is read; None: at its load balancer's address.

    Raises:
        ConfigurationError: the image is not named by a digest.
        PrecheckFailed: the service there does not work already; nothing was changed.
        PromotionFailed: the rollout stuck or reads failed; the image of before runs again.
        GameplanError: as the cluster's calls.
    """
    check_image(image)
    read = read or (lambda: _read(cluster, timeout))
    changed = image_of(deployment(cluster)) != image
    if changed:
        _refuse_broken(cluster, read, timeout, progress, max_error_rate)
        progress(f"{cluster.key}: {image}")
        _set_image(cluster, image, image_of(deployment(cluster)))
    try:
        rolled = rollout.wait_rollout(cluster, NAMESPACE, DEPLOYMENT, timeout, progress)
        answered, failed = read()
        if _too_many(answered, failed, max_error_rate):
            raise VerificationError(
                f"{cluster}: {failed} of {answered + failed} reads through Service {NAMESPACE}/{DEPLOYMENT}"
                f" failed with {image}.",
                "Read the pods' logs.",
            )
    except GameplanError as error:
        end = _taken_back(cluster, timeout, progress)
        raise PromotionFailed(f"{error.problem} {end}", error.remedy) from None
    return Promoted(cluster.key, image, changed, rolled.replicas, answered + failed, failed)


def put_back(cluster: Cluster, timeout: float, progress: Progress) -> str | None:
    """Bring back the image that ran before the last promotion, and wait until it is ready.

    Returns:
        That image; None where no promotion brought what runs there now.

    Raises:
        GameplanError: the rollout sticks, or as the cluster's calls.
    """
    current = deployment(cluster)
    annotations = current["metadata"].get("annotations", {})
    before = annotations.get(PREVIOUS)
    if not before or annotations.get(PROMOTED) != image_of(current):
        return None
    progress(f"{cluster.key}: back to {before}")
    _set_image(cluster, before, None, taken_back=image_of(current))
    rollout.wait_rollout(cluster, NAMESPACE, DEPLOYMENT, timeout, progress)
    return str(before)


def _taken_back(cluster: Cluster, timeout: float, progress: Progress) -> str:
    try:
        before = put_back(cluster, timeout, progress)
    except GameplanError as error:
        return f"It could not be taken back: {error.problem}"
    return f"{before} runs again." if before else "No earlier image is noted there: nothing was taken back."


def _refuse_broken(
    cluster: Cluster, read: Read, timeout: float, progress: Progress, max_error_rate: float
) -> None:
    """A service that fails already would be blamed on the new image."""
    check_awake(cluster)
    # A rollout under way, such as the way back of a promotion that was killed, may fail reads by itself;
    # one that sticks leaves its old replicas serving, and the reads say whether they do.
    with suppress(rollout.RolloutStuck):
        rollout.wait_rollout(cluster, NAMESPACE, DEPLOYMENT, timeout, progress)
    answered, failed = read()
    if _too_many(answered, failed, max_error_rate):
        raise PrecheckFailed(
            f"{cluster}: {failed} of {answered + failed} reads through Service {NAMESPACE}/{DEPLOYMENT} fail"
            " before anything was changed.",
            "Repair what runs there first; a promotion would blame the new image for it.",
        )


def _read(cluster: Cluster, timeout: float) -> tuple[int, int]:
    """Reads through the service that were answered, and that failed."""
    address = scale.service_address(cluster, NAMESPACE, DEPLOYMENT, timeout)
    deadline = time.monotonic() + timeout
    with ReadLoad(f"http://{address}", connections=2) as load:
        while load.answered + load.failed < READS and time.monotonic() < deadline:
            time.sleep(0.02)
    return load.answered, load.failed


def _too_many(answered: int, failed: int, max_error_rate: float) -> bool:
    return not answered or failed > max_error_rate * (answered + failed)


def deployment(cluster: Cluster) -> Object:
    """The backend's Deployment as it is now."""
    return cluster.get(rollout.deployment_path(cluster, NAMESPACE, DEPLOYMENT))


def _container(deployment: Object) -> Object:
    """The backend's container: the first one, as everywhere where one has to be chosen (kubectl logs)."""
    return dict(deployment["spec"]["template"]["spec"]["containers"][0])


def image_of(deployment: Object) -> str:
    """The image of a Deployment's backend."""
    return str(_container(deployment)["image"])


def _set_image(cluster: Cluster, image: str, previous: str | None, taken_back: str | None = None) -> None:
    """Change image and note what ran before, or what was taken back, in one patch; None removes a note."""
    path = rollout.deployment_path(cluster, NAMESPACE, DEPLOYMENT)
    name = _container(cluster.get(path))["name"]
    notes = {PROMOTED: image if previous else None, PREVIOUS: previous, TAKEN_BACK: taken_back}
    patch = {
        "metadata": {"annotations": notes},
        "spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}},
    }
    query = {"fieldManager": FIELD_MANAGER}
    cluster.call("PATCH", path, query=query, body=patch, content_type=STRATEGIC_MERGE)
