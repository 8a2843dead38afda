"""A deployment to one cluster: everything applied, what it no longer declares gone, an address."""

from pathlib import Path

from fake_cluster import cluster, deployment, pods_follow

from dreamnet.serving.application import DEPLOYMENT, deploy

INFRASTRUCTURE = Path(__file__).parents[3] / "infrastructure"
LABELS = {"app.kubernetes.io/part-of": "dreamnet", "dreamnet/overlay": "gke"}


def balancer(path, item):
    """The cloud's controller for Services."""
    if item["kind"] == "Service":
        item["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


def deployed(target, image="dreamnet/backend:1"):
    return deploy(
        target, "us-central1", INFRASTRUCTURE, {"image": image}, "postgresql://a", 5, lambda text: None
    )


def test_what_the_overlay_no_longer_has_is_removed_and_another_overlays_is_not():
    target, api = cluster(controllers=(pods_follow, balancer))
    left_over = api.put_applied(deployment("dreamnet-old", labels=LABELS))
    other = api.put_applied(deployment("worker", labels=LABELS | {"dreamnet/overlay": "gke-full"}))
    first = deployed(target)
    assert (first.changed, first.address, first.replicas) == (True, "192.0.2.1:8080", 1)
    assert left_over not in api.objects
    assert other in api.objects
    assert api.path(deployment(DEPLOYMENT)) in api.objects
    assert not deployed(target).changed
    api.put_applied(deployment("dreamnet-old", labels=LABELS))
    assert deployed(target).changed, "removing something is a change"
