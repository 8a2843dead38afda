"""Which images are DreamNet's backend, and which cannot be pulled."""

from __future__ import annotations

from localcloud.kubernetes.faults import Faults
from localcloud.kubernetes.kubelet.status import first_status
from localcloud.kubernetes.storage import Object

#: Repository of the image that is backed by a real process.
BACKEND_IMAGE = "dreamnet-backend"


def is_backend(image: str) -> bool:
    """Whether an image is DreamNet's backend."""
    name = image.partition("@")[0]
    repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    return repository.endswith(BACKEND_IMAGE)


def missing_image(image: str) -> bool:
    """Images that fail to pull in the rehearsal: those tagged ``missing``, with or without a digest."""
    return image.partition("@")[0].endswith(":missing")


def misbehaviour(image: str) -> dict[str, str]:
    """What the backend is told by images that are no good, with or without a digest.

    Those tagged ``failing`` answer every fourth request with 500, those tagged ``slow`` half a second late.
    """
    tag = image.partition("@")[0].rpartition(":")[2]
    return {"failing": {"FAILING_SHARE": "0.25"}, "slow": {"SLOW_SECONDS": "0.5"}}.get(tag, {})


def unpulled(pod: Object, faults: Faults) -> str:
    """An image of the Pod that cannot be pulled; what runs or has run has its image."""
    before = first_status(pod).get("state", {})
    if "running" in before or before.get("waiting", {}).get("reason") == "CrashLoopBackOff":
        return ""
    images = [c["image"] for c in pod["spec"]["containers"]]
    return next((i for i in images if missing_image(i) or faults.of_image(i)), "")
