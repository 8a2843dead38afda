"""An image digest through two clusters of the local cloud: passes, sticks on the second, and goes back."""

import multiprocessing
import os
import random
import secrets
import signal
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from two_clusters import IMAGE, NAME, NAMESPACE, Cloud, quiet

from dreamnet.kubernetes.cluster import each_cluster
from dreamnet.kubernetes.rollout import deployment_path, wait_rollout
from dreamnet.serving.promotion import PREVIOUS, PROMOTED, TAKEN_BACK, PromotionFailed, promote, put_back

pytestmark = pytest.mark.rehearsal

NEW = f"localcloud/dreamnet-backend@sha256:{'a' * 64}"
MISSING = f"localcloud/dreamnet-backend:missing@sha256:{'b' * 64}"

#: What the backend reads of it.
DREAMS = """
    CREATE TABLE dreams (
        id uuid PRIMARY KEY, number bigserial, agent_id uuid, title text, content text, tags text[],
        mood text, metadata jsonb, created_at timestamptz DEFAULT now()
    )
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        with psycopg.connect(made.database.dsn) as connection:
            connection.execute(DREAMS)
        each_cluster(made.clusters, made.deploy)
        yield made
    finally:
        made.close()


def image(cluster):
    found = cluster.get(deployment_path(cluster, NAMESPACE, NAME))
    return found["spec"]["template"]["spec"]["containers"][0]["image"]


def notes(cluster):
    """What promotions have noted on a cluster's Deployment."""
    found = cluster.get(deployment_path(cluster, NAMESPACE, NAME))["metadata"]["annotations"]
    return {key: found[key] for key in (PROMOTED, PREVIOUS, TAKEN_BACK) if key in found}


@contextmanager
def no_room(cluster):
    """No new Pod finds a node there."""
    nodes = cluster.items(cluster.kind("v1", "Node").path(None))
    paths = [cluster.kind("v1", "Node").path(None, node["metadata"]["name"]) for node in nodes]
    for path in paths:
        cluster.merge(path, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        for path in paths:
            cluster.merge(path, {"spec": {"unschedulable": None}})


def test_a_digest_passes_on_one_cluster_after_the_other(cloud):
    for cluster in cloud.clusters:
        done = promote(cluster, NEW, 60, quiet)
        assert (done.changed, image(cluster), done.failed) == (True, NEW, 0)
        assert done.reads >= 200
    again = promote(cloud.gke, NEW, 60, quiet)
    assert not again.changed
    assert [put_back(cluster, 60, quiet) for cluster in cloud.clusters] == [IMAGE, IMAGE]
    assert put_back(cloud.gke, 60, quiet) is None, "what runs now came from no promotion"


def test_an_image_that_never_starts_is_taken_back(cloud):
    with pytest.raises(PromotionFailed, match=rf"GKE.*ImagePullBackOff.*{IMAGE} runs again") as caught:
        promote(cloud.gke, MISSING, 3, quiet)
    assert "pull" in caught.value.remedy
    assert image(cloud.gke) == IMAGE
    annotations = cloud.gke.get(deployment_path(cloud.gke, NAMESPACE, NAME))["metadata"]["annotations"]
    assert PREVIOUS not in annotations
    assert annotations[TAKEN_BACK] == MISSING


def test_a_cluster_without_room_says_so_and_keeps_its_image(cloud):
    with no_room(cloud.eks), pytest.raises(PromotionFailed, match=r"EKS.*no node has room.*runs again"):
        promote(cloud.eks, NEW, 3, quiet)
    assert image(cloud.eks) == IMAGE
    wait_rollout(cloud.eks, NAMESPACE, NAME, 30, quiet)
    assert cloud.deploy(cloud.eks).count("created") == 0


# ---- killed in the middle


@pytest.fixture
def flow(cloud, desk, tmp_path, monkeypatch):
    """The flow on both clusters, without Prefect's engine; the profile is a file with a line a write."""
    from flows import promote as module
    from tasks import promotion

    kept = tmp_path / "profile"
    kept.touch()

    def connect(profile, where):
        # A process that was forked must not share its parent's connections.
        if where == "gke":
            return cloud.connect_gke(cloud.keys.google_access_token)
        return cloud.connect_eks(cloud.keys.aws_secret_access_key)

    def keep_image(profile, wanted):
        if wanted in kept.read_text():
            return promotion.Step("Profile", "unchanged", "names this image already", 0.0)
        with kept.open("a") as file:
            file.write(f"{wanted}\n")
        return promotion.Step("Profile", "done", "names the new image", 0.0)

    monkeypatch.setattr(promotion, "NAMES", {"gke": "gke", "eks": "eks"})
    monkeypatch.setattr(promotion, "cluster", connect)
    monkeypatch.setattr(promotion, "load_profile", lambda name: SimpleNamespace(grace_seconds=3))
    monkeypatch.setattr(promotion, "put_back_on", promotion.put_back_on.fn)
    monkeypatch.setattr(module, "promotion_order", promotion.promotion_order.fn)
    monkeypatch.setattr(module, "promote_to", promotion.promote_to.fn)
    monkeypatch.setattr(module, "keep_image", keep_image)
    return SimpleNamespace(run=module.promote.fn, kept=kept, desk=desk)


def killed(run, wanted, after):
    """Promote in a process of its own, which is killed with -9 after so many seconds."""
    process = multiprocessing.get_context("fork").Process(target=run, args=("acme", wanted))
    process.start()
    process.join(after)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def moments(longest):
    """Two random moments, whose seed is printed."""
    seed = random.SystemRandom().randrange(10**6)
    chosen = [random.Random(seed + number).uniform(0, longest) for number in (0, 1)]
    print(f"\nkilled after {chosen[0]:.2f} s and {chosen[1]:.2f} s (seed {seed})")
    return chosen


def test_a_promotion_that_was_killed_twice_ends_with_the_image_everywhere(cloud, flow):
    wanted = f"localcloud/dreamnet-backend@sha256:{secrets.token_hex(32)}"
    before = [image(cluster) for cluster in cloud.clusters]
    for moment in moments(3.0):
        killed(flow.run, wanted, moment)
        assert {image(cluster) for cluster in cloud.clusters} <= {wanted, *before}
    flow.run("acme", wanted)
    for cluster, old in zip(cloud.clusters, before, strict=True):
        assert notes(cluster) == {PROMOTED: wanted, PREVIOUS: old}
        assert image(cluster) == wanted
    assert flow.kept.read_text() == f"{wanted}\n", "written once"


def test_one_that_fails_and_was_killed_twice_ends_with_the_old_image_everywhere(cloud, flow):
    wanted = f"localcloud/dreamnet-backend@sha256:{secrets.token_hex(32)}"
    before = [image(cluster) for cluster in cloud.clusters]
    with no_room(cloud.eks):
        for moment in moments(7.0):
            killed(flow.run, wanted, moment)
        with pytest.raises(PromotionFailed, match=r"stopped at eks: .*no node has room.*gke: .*runs again"):
            flow.run("acme", wanted)
    for cluster, old in zip(cloud.clusters, before, strict=True):
        assert notes(cluster) == {TAKEN_BACK: wanted}
        assert image(cluster) == old
        wait_rollout(cluster, NAMESPACE, NAME, 30, quiet)
    assert flow.kept.read_text() == ""
    assert "no node has room" in flow.desk.artifacts["promote-acme"]
