"""An image digest through two clusters of the local cloud: passes, sticks on the second, and goes back."""

import psycopg
import pytest
from two_clusters import IMAGE, NAME, NAMESPACE, Cloud, quiet

from dreamnet.kubernetes.cluster import each_cluster
from dreamnet.kubernetes.rollout import deployment_path, wait_rollout
from dreamnet.serving.promotion import PREVIOUS, TAKEN_BACK, PromotionFailed, promote, put_back

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
    nodes = cloud.eks.items(cloud.eks.kind("v1", "Node").path(None))
    paths = [cloud.eks.kind("v1", "Node").path(None, node["metadata"]["name"]) for node in nodes]
    for path in paths:
        cloud.eks.merge(path, {"spec": {"unschedulable": True}})
    try:
        with pytest.raises(PromotionFailed, match=r"EKS.*no node has room.*runs again"):
            promote(cloud.eks, NEW, 3, quiet)
    finally:
        for path in paths:
            cloud.eks.merge(path, {"spec": {"unschedulable": None}})
    assert image(cloud.eks) == IMAGE
    wait_rollout(cloud.eks, NAMESPACE, NAME, 30, quiet)
    assert cloud.deploy(cloud.eks).count("created") == 0
