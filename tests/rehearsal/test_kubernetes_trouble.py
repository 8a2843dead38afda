"""What goes wrong on a cluster, through the gameplan's own client: quotas, and an API that fails."""

import pytest
from kubernetes import config

from dreamnet.errors import ResourceError
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.rollout import RolloutStuck, wait_rollout
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}


def quiet(text):
    pass


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    engines = Engines(State(tmp_path_factory.mktemp("state")))
    endpoint = engines.kubernetes(
        "west",
        cloud="google",
        region="us-central1",
        version="1.35",
        node_groups=[{"name": "pool", "count": 1, "machine_type": "e2-standard-2"}],
    )
    client = config.new_client_from_config(str(endpoint.kubeconfig))
    try:
        yield Cluster("west", "google", "us-central1", client)
    finally:
        engines.delete("west")


def deployment(name, cpu, replicas=2):
    labels = {"app": name}
    container = {"name": "main", "image": "nginx:1", "resources": {"requests": {"cpu": cpu}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "team"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def quota(name, **hard):
    metadata = {"name": name, "namespace": "team"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}


def test_a_rollout_that_a_quota_stops_says_so(cluster):
    limit = quota("cores", **{"requests.cpu": "150m"})
    apply(cluster, [SPACE, limit, deployment("api", "100m")], progress=quiet)
    with pytest.raises(RolloutStuck) as stuck:
        wait_rollout(cluster, "team", "api", 2, quiet)
    assert "its pods are refused: pods" in stuck.value.problem
    assert (
        "exceeded quota: cores, requested: requests.cpu=100m, used: requests.cpu=100m, "
        "limited: requests.cpu=150m" in stuck.value.problem
    )
    assert stuck.value.remedy == "Raise the ResourceQuota or ask for less."
    apply(cluster, [quota("cores", **{"requests.cpu": "200m"})], progress=quiet)
    assert wait_rollout(cluster, "team", "api", 30, quiet).replicas == 2


def test_an_object_that_a_quota_refuses_is_named(cluster):
    config_maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "team"}}
        for name in ("first", "second")
    ]
    with pytest.raises(
        ResourceError, match=r"configmaps team/second exceeds a quota: .*exceeded quota: maps"
    ):
        apply(cluster, [SPACE, quota("maps", configmaps="2"), *config_maps], progress=quiet)
