"""A rollout that finishes, one that sticks and why, restart and undo, and the proof of autoscaling."""

from contextlib import contextmanager

import pytest
from fake_cluster import autoscaler, cluster, deployment

from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.kubernetes import rollout
from dreamnet.kubernetes.autoscale import prove_autoscaling
from dreamnet.kubernetes.rollout import (
    REVISION,
    RolloutStuck,
    restart,
    roll_out,
    undo,
    wait_rollout,
)

PATH = "/apis/apps/v1/namespaces/dreamnet/deployments/api"
quiet = lambda text: None  # noqa: E731


def pod(name="api-1", **status):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "dreamnet", "labels": {"app": "api"}},
        "status": status,
    }


def waiting(reason, message=""):
    return {
        "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": reason, "message": message}}}]
    }


@pytest.fixture
def stuck():
    target, api = cluster(controllers=())
    api.put(deployment("api"))
    return target, api


def test_a_finished_rollout_is_reported():
    target, api = cluster()
    api.put(deployment("api", replicas=3, annotations={REVISION: "4"}))
    done = wait_rollout(target, "dreamnet", "api", 5, quiet)
    assert (done.replicas, done.revision, done.deployment) == (3, "4", "dreamnet/api")


def test_a_rollout_that_waits_says_for_what(stuck, monkeypatch):
    monkeypatch.setattr(rollout, "_EXPLAINED_EVERY", 0.02)
    target, api = stuck
    api.put(pod(**waiting("ImagePullBackOff", "no such tag")))
    said = []
    with pytest.raises(ResourceError):
        wait_rollout(target, "dreamnet", "api", 0.3, said.append, poll=0.01)
    assert [line for line in said if "can't be pulled" in line] == [
        f"{target.key}: api: api-1: its image can't be pulled (ImagePullBackOff: no such tag)"
    ]


def test_old_replicas_keep_it_unfinished(stuck):
    target, api = stuck
    api.objects[PATH]["status"] = {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 2,
        "availableReplicas": 3,
    }
    api.put(pod())
    with pytest.raises(ResourceError, match="1 old replicas still running"):
        wait_rollout(target, "dreamnet", "api", 0, quiet)


@pytest.mark.parametrize(
    ("status", "words", "remedy"),
    [
        (waiting("ImagePullBackOff", "no such tag"), "image can't be pulled.*no such tag", "tag"),
        (waiting("CreateContainerConfigError", 'secret "x" not found'), "configuration is missing", "Secret"),
        (waiting("CrashLoopBackOff"), "starts and ends again", "--previous"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu."}]},
            "no node has room for api-1: Insufficient cpu",
            "Add nodes",
        ),
        (
            {"containerStatuses": [{"name": "a", "ready": False, "state": {"running": {}}}]},
            "readiness probe fails",
            "/readyz",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "a", "ready": False, "restartCount": 3, "state": {"running": {}}}
                ]
            },
            "restarted 3 times",
            "--previous",
        ),
    ],
)
def test_why_it_sticks(stuck, status, words, remedy):
    target, api = stuck
    api.put(pod(**status))
    with pytest.raises(ResourceError, match=words) as caught:
        wait_rollout(target, "dreamnet", "api", 0, quiet)
    assert remedy in caught.value.remedy
    assert "Deployment dreamnet/api" in caught.value.problem


def test_a_quota_that_refuses_pods(stuck):
    target, api = stuck
    api.objects[PATH]["status"] = {
        "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: compute"}]
    }
    with pytest.raises(ResourceError, match="exceeded quota: compute") as caught:
        wait_rollout(target, "dreamnet", "api", 0, quiet)
    assert "ResourceQuota" in caught.value.remedy


def test_it_ends_when_kubernetes_gives_up(stuck):
    target, api = stuck
    api.objects[PATH]["status"] = {
        "observedGeneration": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    }
    with pytest.raises(ResourceError, match="it has no pods"):
        wait_rollout(target, "dreamnet", "api", 600, quiet)


def test_restart_changes_the_template_only():
    target, api = cluster()
    api.put(deployment("api"))
    restart(target, "dreamnet", "api")
    template = api.objects[PATH]["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    assert template["spec"]["containers"][0]["image"] == "i"


def test_undo_takes_the_template_of_the_revision_before():
    target, api = cluster()
    api.put(deployment("api", annotations={REVISION: "3"}))
    uid = api.objects[PATH]["metadata"]["uid"]
    for revision, image, owner in ((1, "one", uid), (2, "two", uid), (3, "i", uid), (2, "other", "someone")):
        template = {
            "metadata": {"labels": {"app": "api", "pod-template-hash": f"h{revision}"}},
            "spec": {"containers": [{"name": "a", "image": image}]},
        }
        api.put(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"api-{image}",
                    "namespace": "dreamnet",
                    "annotations": {REVISION: str(revision)},
                    "ownerReferences": [{"uid": owner}],
                },
                "spec": {"template": template},
            }
        )
    assert undo(target, "dreamnet", "api") == "2"
    template = api.objects[PATH]["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "two"
    assert template["metadata"]["labels"] == {"app": "api"}


def test_undo_without_history():
    target, api = cluster()
    api.put(deployment("api", annotations={REVISION: "1"}))
    with pytest.raises(ResourceError, match="no revision before 1"):
        undo(target, "dreamnet", "api")


def replica_set(revision, image, available, owner):
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"api-{revision}",
            "namespace": "dreamnet",
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [{"uid": owner}],
        },
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "a", "image": image}]}}},
        "status": {"availableReplicas": available},
    }


def only_old_image_starts(path, item):
    """A Deployment controller for which every image but `old` never becomes available."""
    if item["kind"] == "Deployment":
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        up = 2 if image == "old" else 0
        item["status"] = {
            "observedGeneration": item["metadata"]["generation"],
            "replicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": up,
        }


@pytest.fixture
def failing():
    target, api = cluster(controllers=[only_old_image_starts])
    api.put(deployment("api", annotations={REVISION: "3"}))
    api.put(pod(**waiting("ImagePullBackOff", "no such tag")))
    return target, api


def test_a_stuck_rollout_goes_back_to_what_still_serves(failing):
    target, api = failing
    uid = api.objects[PATH]["metadata"]["uid"]
    api.put(replica_set(1, "old", 2, uid))
    api.put(replica_set(2, "failed-too", 0, uid))
    with pytest.raises(
        RolloutStuck, match=r"can't be pulled.*rolled back to revision 1, 2 replicas"
    ) as caught:
        roll_out(target, "dreamnet", "api", 0, quiet)
    assert "Deployment dreamnet/api" in caught.value.problem
    assert api.objects[PATH]["spec"]["template"]["spec"]["containers"][0]["image"] == "old"


def test_a_first_rollout_that_sticks_has_nothing_to_go_back_to(failing):
    target, _ = failing
    with pytest.raises(RolloutStuck, match=r"can't be pulled.*not be rolled back: .*no revision before 3"):
        roll_out(target, "dreamnet", "api", 0, quiet)


@pytest.fixture
def scaled():
    """A cluster whose autoscaler adds a replica once load is on."""
    target, api = cluster()
    api.put(deployment("api", replicas=2))
    path = api.put(autoscaler("api"))
    loaded = []

    @contextmanager
    def load():
        loaded.append("on")
        api.objects[path]["status"] = {
            "currentMetrics": [
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 140}}}
            ]
        }
        target.merge(PATH, {"spec": {"replicas": 4}})
        yield
        loaded.append("off")

    return target, api, load, loaded


def test_autoscaling_is_proven_under_load(scaled):
    target, _, load, loaded = scaled
    proof = prove_autoscaling(target, "dreamnet", "api", load, 5, quiet, poll=0.01)
    assert (proof.before, proof.after, proof.metric, proof.target) == (2, 4, 140, 70)
    assert loaded == ["on", "off"]


def test_no_scaling_is_an_error_that_ends_the_load(scaled):
    target, _api, _, _ = scaled
    ended = []

    @contextmanager
    def idle():
        try:
            yield
        finally:
            ended.append(True)

    with pytest.raises(ResourceError, match=r"no more replicas.*target 70 %"):
        prove_autoscaling(target, "dreamnet", "api", idle, 0.05, quiet, poll=0.01)
    assert ended == [True]


def test_an_autoscaler_that_cannot_read_its_metric_says_so(scaled):
    target, api, _, _ = scaled
    path = api.path(autoscaler("api"))
    api.objects[path]["status"] = {
        "conditions": [{"type": "ScalingActive", "status": "False", "message": "unable to get metrics."}]
    }

    @contextmanager
    def load():
        yield

    with pytest.raises(ResourceError, match="can't act after 0 s: unable to get metrics"):
        prove_autoscaling(target, "dreamnet", "api", load, 0, quiet, poll=0.01)


def test_prechecks_of_the_proof(scaled):
    target, api, load, loaded = scaled
    with pytest.raises(PrecheckFailed, match="no HorizontalPodAutoscaler targets"):
        prove_autoscaling(target, "dreamnet", "other", load, 1, quiet)
    api.put(deployment("api", replicas=6))
    with pytest.raises(PrecheckFailed, match="6 replicas at most"):
        prove_autoscaling(target, "dreamnet", "api", load, 1, quiet)
    assert loaded == []
