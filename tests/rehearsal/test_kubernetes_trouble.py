"""What goes wrong on a cluster, through the gameplan's own client: quotas, and an API that fails."""

import base64
import time
from types import SimpleNamespace

import pytest
import urllib3
from google.oauth2.credentials import Credentials
from kubernetes import client, watch

from dreamnet.errors import ResourceError, UnreachableError
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.connect import connect_gke
from dreamnet.kubernetes.rollout import RolloutStuck, wait_rollout
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}


def quiet(text):
    pass


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    state = State(tmp_path_factory.mktemp("state"))
    engines = Engines(state)
    endpoint = engines.kubernetes(
        "west",
        cloud="google",
        region="us-central1",
        version="1.35",
        node_groups=[{"name": "pool", "count": 1, "machine_type": "e2-standard-2"}],
    )
    credentials = Credentials(state.credentials().google_access_token)
    account = SimpleNamespace(credentials=credentials, project="p", region="us-central1")
    authority = base64.b64encode(endpoint.ca_certificate_pem.encode()).decode()
    record = {
        "name": "west",
        "location": "us-central1",
        "endpoint": endpoint.server.removeprefix("https://"),
        "masterAuth": {"clusterCaCertificate": authority},
    }
    try:
        yield connect_gke(account, record)
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


@pytest.fixture
def fault(cluster):
    """Asks for a fault; at the end there are none."""

    def ask(**fault):
        return cluster.call("POST", "/_rehearsal/faults", body=fault)

    yield ask
    cluster.call("DELETE", "/_rehearsal/faults")


def faults_left(cluster):
    return cluster.get("/_rehearsal/faults")["faults"]


@pytest.mark.parametrize("how", [{"drop": "before"}, {"code": 503}])
def test_a_request_that_fails_twice_is_tried_again(cluster, fault, how):
    fault(fault="api", method="GET", path="/api/v1/nodes", times=2, **how)
    assert len(cluster.items("/api/v1/nodes")) == 1
    assert faults_left(cluster) == []


def test_applies_get_over_an_api_that_drops_a_share_of_the_requests(cluster, fault):
    fault(fault="api", drop="before", path="/api/v1/namespaces/default/*", share=0.1, lasts=20)
    config_maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"map-{i}", "namespace": "default"}}
        for i in range(30)
    ]
    report = apply(cluster, config_maps, progress=quiet)
    assert [row.outcome for row in report.rows] == ["created"] * 30


def test_a_short_outage_is_waited_out(cluster, fault):
    fault(fault="outage", seconds=1)
    time.sleep(0.2)
    assert cluster.get("/version")["gitVersion"]


def test_a_longer_outage_is_one_sentence(cluster, fault):
    fault(fault="outage", seconds=4)
    time.sleep(0.2)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"^Cluster west \(GKE, us-central1\) does not answer at"):
        cluster.get("/version")
    assert time.monotonic() - began < 4
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            cluster.get("/version")
            break
        except UnreachableError:
            continue
    # Nothing was lost: what was there before is there.
    assert cluster.find("/api/v1/namespaces/default") is not None


def test_an_answer_that_breaks_off_is_one_sentence(cluster, fault):
    fault(fault="api", path="/api/v1/nodes", drop="within", times=1)
    with pytest.raises(UnreachableError, match=r"^Cluster west \(GKE, us-central1\) does not answer at"):
        cluster.get("/api/v1/nodes")
    assert cluster.get("/api/v1/nodes")["items"]


def test_a_watch_that_breaks_off_goes_on_where_it_was(cluster, fault):
    fault(fault="api", path="/api/v1/namespaces/default/configmaps", drop="within", seconds=0.3, times=1)
    core, seen = client.CoreV1Api(cluster.client), watch.Watch()
    call = {"namespace": "default", "label_selector": "watched=yes", "timeout_seconds": 5}
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(seen.stream(core.list_namespaced_config_map, **call))
    last = core.list_namespaced_config_map("default").metadata.resource_version
    metadata = client.V1ObjectMeta(name="missed", labels={"watched": "yes"})
    core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=metadata))
    for event in seen.stream(core.list_namespaced_config_map, resource_version=last, **call):
        assert (event["type"], event["object"].metadata.name) == ("ADDED", "missed")
        break
    seen.stop()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"fault": "outage"}, "an outage needs seconds"),
        ({"fault": "api", "drop": "twice"}, "before or within"),
        ({"fault": "api", "code": 500, "share": 2}, "a share is above 0"),
    ],
)
def test_what_is_no_fault(cluster, wrong, text):
    with pytest.raises(ResourceError, match=text):
        cluster.call("POST", "/_rehearsal/faults", body=wrong)
