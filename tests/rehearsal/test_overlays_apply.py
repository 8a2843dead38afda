"""Every overlay on a local cluster that has the custom kinds: applied, repeated, taken away again."""

from pathlib import Path

import pytest
import yaml
from kubernetes import config

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes.apply import Settings, apply, attempt, delete
from dreamnet.kubernetes.batch import BRINGS, prepare
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.manifests import render
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).parents[2] / "infrastructure" / "kubernetes"
#: Images that no pod starts from: there are no nodes here.
VALUES = {
    "image": "registry/dreamnet-api:7",
    "region": "us-central1",
    "project": "dreamnet",
    "worker_image": "registry/dreamnet-worker:7",
    "agents_image": "registry/dreamnet-agents:7",
    "host": "api.dreamnet.example",
    "certificate_arn": "arn:aws:acm:us-east-1:000000000000:certificate/1",
    "node_role": "dreamnet-node",
}
OVERLAYS = sorted(file.parent.name for file in ROOT.glob("*-*/kustomization.yaml"))
PRUNE = "app.kubernetes.io/part-of=dreamnet"


def quiet(text):
    pass


def definitions():
    return [
        item
        for file in sorted((ROOT / "crds").glob("*.yaml"))
        for item in yaml.safe_load_all(file.read_text())
    ]


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    engines = Engines(State(tmp_path_factory.mktemp("overlays")))
    try:
        made = {}
        for name, cloud, region in (("gke", "google", "us-central1"), ("eks", "aws", "us-east-1")):
            endpoint = engines.kubernetes(name, cloud=cloud, region=region, version="1.35")
            client = config.new_client_from_config(str(endpoint.kubeconfig))
            made[name] = Cluster(name, cloud, region, client)
        yield made
    finally:
        for endpoint in engines.list():
            engines.delete(endpoint.name)


@pytest.fixture(scope="module")
def ready(clusters):
    """The clusters, after it was seen what they say without the custom kinds, and with these installed."""
    with pytest.raises(ConfigurationError) as caught:
        apply(clusters["eks"], render(ROOT / "eks-karpenter", VALUES), progress=quiet)
    assert "EC2NodeClass dreamnet-spot" in caught.value.problem or "NodePool" in caught.value.problem
    assert "Install" in caught.value.remedy
    assert "Karpenter" in caught.value.remedy
    assert clusters["eks"].find("/api/v1/namespaces/dreamnet") is None
    for cluster in clusters.values():
        report = apply(cluster, definitions(), progress=quiet)
        assert report.count("created") == len(report.rows) == len(definitions())
    return clusters


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_applied_repeated_and_taken_away(ready, name):
    cluster, manifests = ready[name.split("-")[0]], render(ROOT / name, VALUES)
    first = apply(cluster, manifests, progress=quiet)
    assert first.count("created") == len(manifests)
    kinds = [row.kind for row in first.rows]
    assert kinds.index("Gateway") < kinds.index("HTTPRoute")
    assert kinds.index("Service") < kinds.index("Deployment")
    again = apply(cluster, manifests, progress=quiet, prune=PRUNE)
    assert [str(row) for row in again.rows if row.outcome != "unchanged"] == []
    assert len(delete(cluster, manifests, quiet)) == len(manifests)


def test_custom_resources_are_held_against_the_definition_on_the_cluster(ready):
    manifests = render(ROOT / "gke-full", VALUES)
    scaler = next(item for item in manifests if item["kind"] == "VerticalPodAutoscaler")
    scaler["spec"]["updatePolicy"]["updateMod"] = "Off"
    with pytest.raises(ConfigurationError, match=r"VerticalPodAutoscaler dreamnet/.*updateMod"):
        apply(ready["gke"], manifests, progress=quiet)
    assert ready["gke"].find("/api/v1/namespaces/dreamnet") is None, "nothing was sent"


def test_a_kind_and_its_definition_in_one_apply(ready):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "naps.dreamnet.example"},
        "spec": {
            "group": "dreamnet.example",
            "names": {"kind": "Nap", "plural": "naps"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {"type": "object", "properties": {"hours": {"type": "integer"}}}
                            },
                        }
                    },
                }
            ],
        },
    }
    nap = {
        "apiVersion": "dreamnet.example/v1",
        "kind": "Nap",
        "metadata": {"name": "n", "namespace": "default"},
        "spec": {"hours": "two"},
    }
    with pytest.raises(ConfigurationError, match=r"Nap default/n: /spec/hours"):
        apply(ready["gke"], [nap, definition], progress=quiet)
    nap["spec"]["hours"] = 2
    dry = attempt(ready["gke"], prepare([nap, definition]), quiet, Settings(dry_run=True))
    assert (dry.failure, dry.count("created")) == (None, 2)
    done = apply(ready["gke"], [nap, definition], progress=quiet)
    assert [str(row) for row in done.rows] == [
        "CustomResourceDefinition naps.dreamnet.example created",
        "Nap default/n created",
    ]


def test_an_overlay_left_behind_is_pruned_after_a_dry_run_has_shown_it(ready):
    cluster = ready["gke"]
    apply(cluster, render(ROOT / "gke-full", VALUES), progress=quiet)
    plain = prepare(render(ROOT / "gke", VALUES))
    shown = attempt(cluster, plain, quiet, Settings(prune=PRUNE, dry_run=True))
    gone = {row.title for row in shown.rows if row.outcome == "pruned"}
    assert {
        "Deployment dreamnet/dreamnet-worker",
        "HTTPRoute dreamnet/dreamnet-api",
        "VerticalPodAutoscaler dreamnet/dreamnet-api",
    } <= gone
    assert cluster.find("/apis/apps/v1/namespaces/dreamnet/deployments/dreamnet-worker")
    done = attempt(cluster, plain, quiet, Settings(prune=PRUNE))
    assert {row.title for row in done.rows if row.outcome == "pruned"} == gone
    assert cluster.find("/apis/apps/v1/namespaces/dreamnet/deployments/dreamnet-worker") is None
    assert cluster.find("/apis/apps/v1/namespaces/dreamnet/deployments/dreamnet-api")


def test_every_custom_group_of_the_overlays_says_what_brings_it():
    groups = {item["spec"]["group"] for item in definitions()}
    assert groups == set(BRINGS)
