"""Server-side apply, its order, its report, its errors; Secrets, scale, addresses."""

import base64
import copy
import pickle
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3
import yaml
from fake_cluster import Answer, cluster, deployment
from kubernetes.client import ApiClient, Configuration

from dreamnet.errors import (
    ConfigurationError,
    CredentialsError,
    NotRehearsable,
    ResourceError,
    UnreachableError,
)
from dreamnet.kubernetes.apply import Settings, apply, attempt, delete
from dreamnet.kubernetes.batch import prepare
from dreamnet.kubernetes.cluster import (
    FIELD_MANAGER,
    Cluster,
    Conflict,
    Forbidden,
    NotFound,
    describe_path,
    each_cluster,
)
from dreamnet.kubernetes.manifests import render
from dreamnet.kubernetes.scale import put_secret, scale, service_address

ROOT = Path(__file__).parents[3] / "infrastructure" / "kubernetes"
PATH = "/apis/apps/v1/namespaces/dreamnet/deployments/dreamnet-api"
quiet = lambda text: None  # noqa: E731


@pytest.fixture
def manifests():
    return render(ROOT / "gke", {"image": "i:1", "region": "r"})


def test_apply_creates_in_order_then_changes_nothing(manifests):
    target, _api = cluster()
    said = []
    first = apply(target, manifests, progress=said.append)
    assert [row.outcome for row in first.rows] == ["created"] * len(manifests)
    kinds = [row.kind for row in first.rows]
    assert kinds[0] == "Namespace"
    assert kinds.index("ConfigMap") < kinds.index("Deployment") < kinds.index("HorizontalPodAutoscaler")
    assert len(said) == len(manifests)
    second = apply(target, manifests, progress=said.append)
    assert not second.changed
    assert second.count("unchanged") == len(manifests)
    assert len(said) == len(manifests), "nothing to say about what is unchanged"


def test_only_what_differs_is_configured(manifests):
    target, api = cluster()
    apply(target, manifests, progress=quiet)
    api.objects["/api/v1/namespaces/dreamnet/configmaps/dreamnet-api"]["data"]["REGION"] = "elsewhere"
    report = apply(target, manifests, progress=quiet)
    assert [str(row) for row in report.rows if row.outcome != "unchanged"] == [
        "ConfigMap dreamnet/dreamnet-api configured"
    ]


def test_many_of_a_collection_are_read_at_once(manifests):
    target, api = cluster()
    many = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n}", "namespace": "dreamnet"}}
        for n in range(5)
    ]
    collection = "/api/v1/namespaces/dreamnet/configmaps"
    assert apply(target, many, progress=quiet).count("created") == 5
    assert not apply(target, many, progress=quiet).changed
    api.objects[f"{collection}/c3"]["data"] = {"a": "b"}
    many[3]["data"] = {"a": "c"}
    assert [str(row) for row in apply(target, many, progress=quiet).rows if row.outcome != "unchanged"] == [
        "ConfigMap dreamnet/c3 configured"
    ]
    reads = [path for method, path in api.requests if method == "GET"]
    assert [path for path in reads if path.startswith(collection)] == [collection] * 3


def test_a_status_written_by_a_controller_is_no_change(manifests):
    target, api = cluster()
    apply(target, manifests, progress=quiet)

    def bump(path, item):
        item.setdefault("status", {})["seen"] = item["metadata"]["resourceVersion"]

    api.controllers.append(bump)
    deployments = [item for item in manifests if item["kind"] == "Deployment"]
    before = api.objects[PATH]["metadata"]["resourceVersion"]
    original = api._patch

    def patch(path, body, content_type, dry_run):
        api.put(dict(api.objects[path], status={"late": True}))
        return original(path, body, content_type, dry_run)

    api._patch = patch
    assert not apply(target, deployments, progress=quiet).changed
    assert api.objects[PATH]["metadata"]["resourceVersion"] != before


def test_invalid_manifests_are_refused_before_anything_is_sent(manifests):
    target, api = cluster()
    manifests[-1]["spec"]["bogus"] = 1
    with pytest.raises(ConfigurationError, match="bogus"):
        apply(target, manifests, progress=quiet)
    assert api.requests == []


OURS = {"app.kubernetes.io/part-of": "dreamnet"}
SELECTOR = "app.kubernetes.io/part-of=dreamnet"


def named(kind, name, namespace="dreamnet"):
    metadata = {"name": name, "labels": OURS} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def outcomes(report, outcome):
    return [row.title for row in report.rows if row.outcome == outcome]


def test_prune_deletes_only_what_we_applied_and_no_longer_declare(manifests):
    target, api = cluster()
    api.put_applied(deployment("old", labels=OURS))
    stay = [
        api.put_applied(deployment("theirs", labels={"app.kubernetes.io/part-of": "other"})),
        api.put_applied(deployment("elsewhere", namespace="other", labels=OURS)),
        api.put_applied(deployment("made-by-another-tool", labels=OURS), manager="helm"),
        api.put_applied(deployment("of-a-controller", labels=OURS, ownerReferences=[{"uid": "1"}])),
        api.put(deployment("by-hand", labels=OURS)),
    ]
    report = apply(target, manifests, progress=quiet, prune=SELECTOR)
    assert outcomes(report, "pruned") == ["Deployment dreamnet/old"]
    assert set(stay) <= set(api.objects)
    assert not apply(target, manifests, progress=quiet, prune=SELECTOR).changed


def test_namespaces_volumes_and_secrets_are_pruned_only_with_consent(manifests):
    target, api = cluster()
    lasting = [
        named("PersistentVolumeClaim", "dreams"),
        named("Secret", "keys"),
        named("Namespace", "old", namespace=""),
    ]
    paths = [api.put_applied(item) for item in lasting]
    report = apply(target, manifests, progress=quiet, prune=SELECTOR)
    assert sorted(outcomes(report, "kept")) == [
        "Namespace old",
        "PersistentVolumeClaim dreamnet/dreams",
        "Secret dreamnet/keys",
    ]
    assert set(paths) <= set(api.objects)
    agreed = Settings(prune=SELECTOR, consents=["PersistentVolumeClaim dreamnet/dreams"])
    again = attempt(target, prepare(manifests), quiet, agreed)
    assert outcomes(again, "pruned") == ["PersistentVolumeClaim dreamnet/dreams"]
    assert [path in api.objects for path in paths] == [False, True, True]


def test_a_dry_run_shows_everything_and_changes_nothing(manifests):
    target, api = cluster()
    said = []
    report = attempt(target, prepare(manifests), said.append, Settings(dry_run=True))
    assert outcomes(report, "created") == [row.title for row in report.rows]
    assert [path for method, path in api.writes()] == ["/api/v1/namespaces/dreamnet"], (
        "in a namespace that is not there nothing can be tried"
    )
    assert said[0].endswith("Namespace dreamnet would be created")
    apply(target, manifests, progress=quiet)
    api.put_applied(deployment("old", labels=OURS))
    api.objects["/api/v1/namespaces/dreamnet/configmaps/dreamnet-api"]["data"]["REGION"] = "elsewhere"
    before = copy.deepcopy(api.objects)
    report = attempt(target, prepare(manifests), quiet, Settings(dry_run=True, prune=SELECTOR))
    assert outcomes(report, "configured") == ["ConfigMap dreamnet/dreamnet-api"]
    assert outcomes(report, "pruned") == ["Deployment dreamnet/old"]
    assert api.objects == before


def test_where_an_apply_stops_every_object_is_accounted_for(manifests):
    target, api = cluster()
    api.refuse["PATCH", PATH] = Answer(403, {"message": "exceeded quota: compute"})
    report = attempt(target, prepare(manifests), quiet, Settings(prune=SELECTOR))
    rows = {row.title: row for row in report.rows}
    assert len(rows) == len(manifests)
    assert "exceeded quota: compute" in rows["Deployment dreamnet/dreamnet-api"].why
    assert outcomes(report, "failed") == ["Deployment dreamnet/dreamnet-api"]
    assert outcomes(report, "not reached") == [
        "HorizontalPodAutoscaler dreamnet/dreamnet-api",
        "PodDisruptionBudget dreamnet/dreamnet-api",
    ]
    assert "not reached: HorizontalPodAutoscaler dreamnet/dreamnet-api" in report.failure.problem
    assert str(pickle.loads(pickle.dumps(report.failure))) == str(report.failure), "as Prefect stores it"
    assert report.count("pruned") == 0


def test_what_we_may_not_list_is_not_pruned_and_no_error_unless_we_apply_it(manifests):
    target, api = cluster()
    api.put_applied(deployment("old", labels=OURS))
    api.refuse["GET", "/apis/apps/v1/namespaces/dreamnet/statefulsets"] = Answer(403, {"message": "no"})
    assert outcomes(apply(target, manifests, progress=quiet, prune=SELECTOR), "pruned") == [
        "Deployment dreamnet/old"
    ]
    api.refuse["GET", "/apis/apps/v1/namespaces/dreamnet/deployments"] = Answer(403, {"message": "no"})
    with pytest.raises(Forbidden, match="not allowed to GET deployments"):
        apply(target, manifests, progress=quiet, prune=SELECTOR)


def test_a_kind_that_nobody_knows_names_what_to_install(manifests):
    target, api = cluster()
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": "dreamnet"},
    }
    with pytest.raises(ConfigurationError, match=r"HTTPRoute dreamnet/r \(gateway.networking") as caught:
        apply(target, [*manifests, route], progress=quiet)
    assert "Install the Gateway API" in caught.value.remedy
    assert api.writes() == []


def test_definitions_are_waited_for_also_where_nothing_follows_them():
    target, api = cluster()
    text = (ROOT / "crds" / "vertical-pod-autoscaler.yaml").read_text()
    report = attempt(target, prepare([yaml.safe_load(text)]), quiet, Settings(crd_timeout=0))
    assert "verticalpodautoscalers.autoscaling.k8s.io is not served in 0 s" in report.failure.problem
    assert len(api.writes()) == 1


def test_a_refused_token_is_renewed_once_then_said():
    target, api = cluster()
    forgotten = []
    renewing = replace(target, forget_token=lambda: forgotten.append(1))
    api.refuse["GET", "/version"] = Answer(401, {})
    with pytest.raises(CredentialsError, match=r"refused the token at GET /version, and a new one too"):
        renewing.get("/version")
    assert forgotten == [1]
    original = api.call_api

    def call(*arguments, **rest):
        if len(forgotten) > 1:
            api.refuse.clear()
            api.objects["/version"] = {"gitVersion": "v1"}
        return original(*arguments, **rest)

    api.call_api = call
    assert renewing.get("/version") == {"gitVersion": "v1"}
    assert forgotten == [1, 1]


def test_delete_goes_in_reverse_and_is_safe_to_repeat(manifests):
    target, _api = cluster()
    apply(target, manifests, progress=quiet)
    gone = delete(target, manifests, quiet)
    assert gone[-1] == "Namespace dreamnet"
    assert delete(target, manifests, quiet) == []


FIELD_CONFLICT = {
    "message": "Apply failed with 1 conflict",
    "details": {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "field": ".spec.replicas",
                "message": 'conflict with "kubectl"',
            }
        ]
    },
}


def test_a_field_of_our_own_patches_is_taken_over(manifests):
    target, api = cluster()
    ours = {
        "reason": "FieldManagerConflict",
        "field": ".spec.template",
        "message": 'conflict with "M" using v1',
    }
    ours["message"] = ours["message"].replace("M", FIELD_MANAGER)
    forced = []
    original = api.call_api

    def call(method, url, header_params=None, body=None, **rest):
        if method == "PATCH" and PATH in url and not forced:
            if "force=true" not in url:
                return Answer(409, {"message": "conflict", "details": {"causes": [ours]}})
            forced.append(url)
        return original(method, url, header_params, body, **rest)

    api.call_api = call
    assert apply(target, manifests, progress=quiet).count("created") == len(manifests)
    assert len(forced) == 1


def test_what_was_applied_before_a_refusal_is_said(manifests):
    target, api = cluster()
    api.refuse["PATCH", PATH] = Answer(422, {"message": "spec.x: Required value"})
    with pytest.raises(
        ResourceError, match=r"Required value; \d+ of \d+ objects.*ConfigMap dreamnet-api created"
    ):
        apply(target, manifests, progress=quiet)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Answer(401, {}),
            CredentialsError,
            "refused the token at PATCH deployments dreamnet/dreamnet-api",
        ),
        (
            Answer(403, {"message": 'cannot patch "deployments"'}),
            CredentialsError,
            "not allowed to PATCH deployments dreamnet/dreamnet-api",
        ),
        (Answer(403, {"message": "exceeded quota: pods"}), ResourceError, "exceeds a quota"),
        (
            Answer(409, FIELD_CONFLICT),
            Conflict,
            r"another manager owns fields of deployments .*\.spec\.replicas .*kubectl",
        ),
        (
            Answer(422, {"message": "spec.x: Required value"}),
            ResourceError,
            "is invalid: spec.x: Required value",
        ),
        (
            Answer(501, {"message": "evictions are not in the rehearsal"}),
            NotRehearsable,
            "not in the rehearsal",
        ),
        (Answer(500, b"<html>"), ResourceError, "HTTP 500"),
    ],
)
def test_each_refusal_names_the_object(manifests, answer, kind, words):
    target, api = cluster()
    api.refuse["PATCH", PATH] = answer
    with pytest.raises(kind, match=words) as caught:
        apply(target, manifests, progress=quiet)
    assert "fake (GKE, us-central1)" in caught.value.problem


def test_a_kind_the_cluster_does_not_serve():
    target, _ = cluster()
    with pytest.raises(NotFound, match=r"serves no Gateway in gateway.networking.k8s.io/v1"):
        target.kind("gateway.networking.k8s.io/v1", "Gateway")


def test_nobody_answers():
    client = ApiClient(Configuration(host="https://127.0.0.1:9", retries=urllib3.Retry(0)))
    with pytest.raises(UnreachableError, match=r"c \(EKS, r\) does not answer at https://127.0.0.1:9"):
        Cluster("c", "aws", "r", client).get("/version")


def test_put_secret_keeps_the_value_out_of_errors():
    target, api = cluster()
    path = "/api/v1/namespaces/dreamnet/secrets/dreamnet-database"
    assert put_secret(target, "dreamnet", "dreamnet-database", {"url": "hunter2"}) == "created"
    assert base64.b64decode(api.objects[path]["data"]["url"]) == b"hunter2"
    assert put_secret(target, "dreamnet", "dreamnet-database", {"url": "hunter2"}) == "unchanged"
    assert put_secret(target, "dreamnet", "dreamnet-database", {"url": "hunter3"}) == "configured"
    api.refuse["PATCH", path] = Answer(422, {"reason": "Invalid", "message": "data: Invalid value: hunter3"})
    with pytest.raises(ResourceError) as caught:
        put_secret(target, "dreamnet", "dreamnet-database", {"url": "hunter3"})
    assert "hunter3" not in str(caught.value)


def test_scale_writes_only_a_difference():
    target, api = cluster()
    api.put(deployment("api", replicas=2))
    assert scale(target, "dreamnet", "api", 5) == (2, 5)
    assert scale(target, "dreamnet", "api", 5) == (5, 5)
    assert len(api.writes()) == 1


def test_service_address_waits_for_the_cloud(manifests):
    target, api = cluster()
    apply(target, manifests, progress=quiet)
    path = "/api/v1/namespaces/dreamnet/services/dreamnet-api"
    with pytest.raises(ResourceError, match="has no address after 0 s"):
        service_address(target, "dreamnet", "dreamnet-api", 0, poll=0.01)

    def give():
        time.sleep(0.05)
        api.objects[path]["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}

    threading.Thread(target=give).start()
    assert service_address(target, "dreamnet", "dreamnet-api", 5, poll=0.01) == "lb.example:8080"


def test_each_cluster_tries_all_and_names_every_failure():
    one, _ = cluster("one")
    two, bad = cluster("two")
    three, worse = cluster("three", "aws")
    bad.refuse["GET", "/api/v1"] = Answer(401, {})
    assert each_cluster([one], lambda c: c.name) == {"gke/us-central1/one": "one"}
    tried = []

    def look(c):
        tried.append(c.name)
        return c.get("/api/v1")

    worse.refuse["GET", "/api/v1"] = Answer(403, {"message": "no"})
    with pytest.raises(ResourceError) as caught:
        each_cluster([two, three, one], look)
    assert sorted(tried) == ["one", "three", "two"]
    assert "two" in caught.value.problem
    assert "three" in caught.value.problem
    assert caught.value.problem.endswith("Done on gke/us-central1/one.")
    with pytest.raises(CredentialsError, match=r"two .*at GET /api/v1.* Done on gke/us-central1/one\."):
        each_cluster([one, two], look)


def test_no_token_in_reprs():
    target, _ = cluster()
    target.client.configuration.api_key["authorization"] = "Bearer hunter2"
    assert "hunter2" not in repr(target)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/namespaces/a", "namespaces a"),
        ("/api/v1/namespaces/a/secrets/b", "secrets a/b"),
        ("/apis/apps/v1/namespaces/a/deployments/b/scale", "deployments a/b/scale"),
        ("/api/v1/nodes", "nodes"),
    ],
)
def test_paths_in_words(path, words):
    assert describe_path(path) == words


def test_all_pages_are_read():
    target, api = cluster()
    pages = {
        None: Answer(200, {"items": [1], "metadata": {"continue": "t"}}),
        "t": Answer(200, {"items": [2]}),
    }
    api._get = lambda path, query: pages[query.get("continue")]
    assert target.items("/api/v1/nodes") == [1, 2]
