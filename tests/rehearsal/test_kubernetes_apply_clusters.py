"""A GKE and an EKS cluster of the local cloud: connect, apply, roll out, serve, scale on real load."""

import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest
from two_clusters import IMAGE, NAME, NAMESPACE, ROOT, Cloud, quiet

from dreamnet.errors import CredentialsError, ResourceError, UnreachableError
from dreamnet.kubernetes.apply import Settings, apply
from dreamnet.kubernetes.autoscale import prove_autoscaling
from dreamnet.kubernetes.batch import prepare
from dreamnet.kubernetes.cluster import APPLY_PATCH, Conflict, NotFound, each_cluster
from dreamnet.kubernetes.fleet import Target, apply_everywhere
from dreamnet.kubernetes.manifests import render
from dreamnet.kubernetes.rollout import RolloutStuck, restart, roll_out, undo, wait_rollout
from dreamnet.kubernetes.scale import scale, service_address

pytestmark = pytest.mark.rehearsal


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        each_cluster(made.clusters, made.deploy)
        yield made
    finally:
        made.close()


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
        return answer.status, answer.headers


def until_refused(address, seconds=10):
    """Whether nothing listens any more: a pod that ends may answer a moment longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            get(address, "/readyz")
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_who_we_are(cloud):
    assert each_cluster(cloud.clusters, lambda cluster: cluster.check()[:5]) == {
        "gke/us-central1/gke": "v1.35",
        "eks/us-east-1/eks": "v1.35",
    }


def test_wrong_credentials_and_wrong_certificate(cloud):
    with pytest.raises(CredentialsError, match="refused the token"):
        cloud.connect_gke("not-the-token").check()
    with pytest.raises(CredentialsError, match="refused the token"):
        cloud.connect_eks("not-the-secret").check()
    other = cloud.authority(cloud.eks_server)
    with pytest.raises(UnreachableError, match="certificate that its own CA did not sign"):
        cloud.connect_gke(cloud.keys.google_access_token, authority=other).check()


def test_applying_again_changes_nothing(cloud):
    reports = each_cluster(cloud.clusters, cloud.deploy)
    assert [row for report in reports.values() for row in report.rows if row.outcome != "unchanged"] == []


def test_the_service_answers_from_its_own_region(cloud):
    for cluster in cloud.clusters:
        address = service_address(cluster, NAMESPACE, NAME, 30)
        status, headers = get(address, "/readyz")
        assert (status, headers["X-Region"]) == (200, cluster.region)


def test_all_clusters_at_once_and_one_that_fails_hides_no_other(cloud):
    wrong = cloud.connect_gke(cloud.keys.google_access_token, server=cloud.eks_server)
    targets = [
        Target(
            name,
            lambda made=made: made,
            prepare(render(ROOT / overlay, {"image": IMAGE, "region": made.region})),
        )
        for name, made, overlay in (
            ("gke", cloud.gke, "gke"),
            ("another's address", wrong, "gke"),
            ("eks", cloud.eks, "eks"),
        )
    ]
    report = apply_everywhere(targets, Settings(), quiet, lambda done: None, rollout_timeout=60)
    assert [[rollout.deployment for rollout in one.rolled_out] for one in report.clusters] == [
        ["dreamnet/dreamnet-api"],
        [],
        ["dreamnet/dreamnet-api"],
    ]
    assert [one.applied.count("unchanged") for one in report.clusters] == [
        len(targets[0].batch.manifests),
        0,
        len(targets[2].batch.manifests),
    ]
    assert "refused the token" in report.failure.problem


def test_another_managers_field_is_a_conflict_that_names_both(cloud):
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}"
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"REGION": "elsewhere"},
    }
    query = {"fieldManager": "somebody", "force": "true"}
    cloud.gke.call("PATCH", path, query=query, body=theirs, content_type=APPLY_PATCH)
    manifests = render(ROOT / "gke", {"image": IMAGE, "region": "us-central1"})
    with pytest.raises(Conflict, match=r"\.data\.REGION.*somebody"):
        apply(cloud.gke, manifests, progress=quiet)
    report = apply(cloud.gke, manifests, progress=quiet, force=True)
    assert [str(row) for row in report.rows if row.outcome != "unchanged"] == [
        f"ConfigMap {NAMESPACE}/{NAME} configured"
    ]


def test_what_is_no_longer_declared_is_pruned(cloud):
    manifests = render(ROOT / "eks", {"image": IMAGE, "region": "us-east-1"})
    extra = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "left-over",
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/part-of": "dreamnet"},
        },
    }
    apply(cloud.eks, [*manifests, extra], progress=quiet)
    report = apply(cloud.eks, manifests, progress=quiet, prune="app.kubernetes.io/part-of=dreamnet")
    assert [str(row) for row in report.rows if row.outcome == "pruned"] == [
        f"ConfigMap {NAMESPACE}/left-over pruned"
    ]
    assert cloud.eks.find(f"/api/v1/namespaces/{NAMESPACE}/configmaps/left-over") is None


def test_a_missing_secret_is_named_as_the_reason(cloud):
    manifests = render(ROOT / "gke", {"image": IMAGE, "region": "us-central1"})
    deployment = next(item for item in manifests if item["kind"] == "Deployment")
    deployment["metadata"]["name"] = "no-secret"
    for labels in (
        deployment["metadata"]["labels"],
        deployment["spec"]["selector"]["matchLabels"],
        deployment["spec"]["template"]["metadata"]["labels"],
    ):
        labels["app.kubernetes.io/name"] = "no-secret"
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    reference = next(entry for entry in environment if entry["name"] == "DATABASE_URL")
    reference["valueFrom"]["secretKeyRef"]["name"] = "nowhere"
    apply(cloud.gke, [deployment], progress=quiet)
    try:
        with pytest.raises(ResourceError, match="nowhere") as caught:
            wait_rollout(cloud.gke, NAMESPACE, "no-secret", 3, quiet)
        assert "Secret" in caught.value.remedy
    finally:
        cloud.gke.call("DELETE", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/no-secret")


def test_restart_and_undo(cloud):
    before = wait_rollout(cloud.eks, NAMESPACE, NAME, 30, quiet)
    restart(cloud.eks, NAMESPACE, NAME)
    after = wait_rollout(cloud.eks, NAMESPACE, NAME, 60, quiet)
    assert int(after.revision) == int(before.revision) + 1
    assert undo(cloud.eks, NAMESPACE, NAME) == before.revision
    wait_rollout(cloud.eks, NAMESPACE, NAME, 60, quiet)


def test_an_image_that_never_starts_rolls_back_by_itself_and_is_applied_over(cloud):
    before = wait_rollout(cloud.eks, NAMESPACE, NAME, 30, quiet)
    address = service_address(cloud.eks, NAMESPACE, NAME, 30)
    failing = {"image": "localcloud/dreamnet-backend:missing", "region": "us-east-1"}
    manifests = render(ROOT / "eks", failing)
    deployment = next(item for item in manifests if item["kind"] == "Deployment")
    deployment["spec"]["progressDeadlineSeconds"] = 2
    apply(cloud.eks, manifests, progress=quiet)
    began = time.monotonic()
    with pytest.raises(RolloutStuck, match=r"ImagePullBackOff.*missing.*rolled back to revision") as caught:
        roll_out(cloud.eks, NAMESPACE, NAME, 60, quiet)
    assert time.monotonic() - began < 30, "Kubernetes gave up after two seconds"
    assert f"revision {before.revision}," in caught.value.problem
    assert get(address, "/readyz")[0] == 200
    # What the rollback wrote is ours: the next apply is no conflict.
    report = cloud.deploy(cloud.eks)
    assert [row.kind for row in report.rows if row.outcome != "unchanged"] == ["Deployment"]


def test_scaling_to_zero_stops_the_service_and_back(cloud):
    address = service_address(cloud.eks, NAMESPACE, NAME, 30)
    before, _ = scale(cloud.eks, NAMESPACE, NAME, 0)
    wait_rollout(cloud.eks, NAMESPACE, NAME, 30, quiet)
    assert until_refused(address), "it still answers"
    scale(cloud.eks, NAMESPACE, NAME, before)
    wait_rollout(cloud.eks, NAMESPACE, NAME, 60, quiet)
    assert get(service_address(cloud.eks, NAMESPACE, NAME, 30), "/readyz")[0] == 200


def test_what_is_not_there(cloud):
    with pytest.raises(NotFound, match="there is no deployments dreamnet/nothing"):
        wait_rollout(cloud.gke, NAMESPACE, "nothing", 1, quiet)


def test_real_load_raises_the_replicas(cloud):
    address = service_address(cloud.gke, NAMESPACE, NAME, 30)

    @contextmanager
    def load():
        stop = threading.Event()

        def hammer():
            while not stop.is_set():
                get(address, "/readyz")

        threads = [threading.Thread(target=hammer) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    proof = prove_autoscaling(cloud.gke, NAMESPACE, NAME, load, 60, quiet)
    assert proof.after > proof.before >= 2
    assert proof.metric > proof.target == 70
