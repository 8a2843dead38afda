"""What dreamnet/kubernetes applies, rolls out and takes back, on the local API server or a given cluster."""

from __future__ import annotations

import os

import pytest
from cluster_under_test import GIVEN, cluster_under_test

from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.cluster import Cluster, Conflict, NotFound
from dreamnet.kubernetes.rollout import RolloutStuck, restart, roll_out, undo, wait_rollout
from dreamnet.kubernetes.scale import put_secret, scale

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900 if os.environ.get(GIVEN) else 120)]
SECONDS = 300 if os.environ.get(GIVEN) else 30
LABEL = "dreamnet.example.com/test"


def quiet(text):
    pass


class Place:
    """A cluster as the gameplan has it, and a namespace of the run's own."""

    def __init__(self, under_test):
        self.cluster = Cluster("given", "google", "nowhere", under_test.client())
        self.id, self.namespace = under_test.id, under_test.namespace("gameplan")

    def manifest(self, api_version, kind, name, **content):
        metadata = {"name": name, "namespace": self.namespace, "labels": {LABEL: self.id}}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata} | content

    def settings(self, name, **data):
        return self.manifest("v1", "ConfigMap", name, data=data)

    def web(self, image="nginx:1", **spec):
        labels = {"app": "web"}
        container = {"name": "main", "image": image, "resources": {"requests": {"cpu": "10m"}}}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template} | spec
        return self.manifest("apps/v1", "Deployment", "web", spec=spec)

    def apply(self, *manifests, **options):
        report = apply(self.cluster, list(manifests), progress=quiet, **options)
        return [f"{row.kind} {row.outcome}" for row in report.rows]

    def wait(self, name="web"):
        return wait_rollout(self.cluster, self.namespace, name, SECONDS, quiet)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with cluster_under_test(tmp_path_factory.mktemp("home")) as under_test:
        yield Place(under_test)


def test_manifests_are_applied_once_and_what_is_left_over_is_pruned(place):
    assert place.apply(place.settings("kept", a="1"), place.settings("left", a="1"), place.web()) == [
        "ConfigMap created",
        "ConfigMap created",
        "Deployment created",
    ]
    place.wait()
    manifests = [place.settings("kept", a="1"), place.web()]
    outcomes = place.apply(*manifests, prune=f"{LABEL}={place.id}")
    assert sorted(outcomes) == ["ConfigMap pruned", "ConfigMap unchanged", "Deployment unchanged"]


def test_another_managers_field_is_a_conflict(place):
    path = f"/api/v1/namespaces/{place.namespace}/configmaps/shared"
    query = {"fieldManager": "somebody"}
    theirs = place.settings("shared", a="theirs")
    place.cluster.call("PATCH", path, query=query, body=theirs, content_type="application/apply-patch+yaml")
    with pytest.raises(Conflict, match=r"\.data\.a.*somebody|somebody.*\.data\.a"):
        place.apply(place.settings("shared", a="ours"))
    assert place.apply(place.settings("shared", a="ours"), force=True) == ["ConfigMap configured"]


def test_a_rollout_is_restarted_scaled_and_undone(place):
    place.apply(place.web())
    before = place.wait()
    restart(place.cluster, place.namespace, "web")
    assert int(place.wait().revision) == int(before.revision) + 1
    assert undo(place.cluster, place.namespace, "web") == before.revision
    assert scale(place.cluster, place.namespace, "web", 1)[0] == 2
    place.wait()


def test_a_failing_image_is_named_and_rolled_back(place):
    place.apply(place.web(), force=True)
    before = place.wait()
    place.apply(place.web("nginx:missing", progressDeadlineSeconds=10 if SECONDS > 60 else 2))
    with pytest.raises(RolloutStuck, match=rf"nginx:missing.*rolled back to revision {before.revision}"):
        roll_out(place.cluster, place.namespace, "web", SECONDS, quiet)
    place.wait()


def test_a_secret_is_put_and_what_is_missing_is_named(place):
    assert put_secret(place.cluster, place.namespace, "login", {"url": "a"}) == "created"
    assert put_secret(place.cluster, place.namespace, "login", {"url": "a"}) == "unchanged"
    with pytest.raises(NotFound, match="there is no deployments"):
        place.wait("nothing")
