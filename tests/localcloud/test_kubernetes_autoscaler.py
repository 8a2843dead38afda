"""The horizontal autoscaler: metrics of every type, missing ones, windows, policies and what it says."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.adapters.base import Sample, Source, Unavailable
from localcloud.kubernetes.adapters.prometheus import SQS_VISIBLE, PrometheusAdapter
from localcloud.kubernetes.adapters.scraping import parse_text
from localcloud.kubernetes.adapters.stackdriver import StackdriverAdapter
from localcloud.kubernetes.controllers import scaling_limits
from localcloud.kubernetes.controllers.scaling_limits import Limits
from localcloud.kubernetes.controllers.scaling_metrics import Replicas, Situation, Unmeasured, _settled
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.kinds import Kinds
from localcloud.kubernetes.selectors import parse_labels
from localcloud.kubernetes.subresources import scale_of
from localcloud.kubernetes.tables import table
from localcloud.state import State
from tests.localcloud.kubernetes_requests import APPS, CORE, running

HPAS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
DEPLOYMENTS = f"{APPS}/namespaces/default/deployments"
SCALERS = "horizontalpodautoscalers.autoscaling"
FAST = ("--hpa-sync-seconds", "0.05")


def pod(name, ready=True, phase="Running", **metadata):
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {"name": name, "namespace": "default"} | metadata,
        "spec": {"containers": [{"name": "m", "image": "nginx:1"}]},
        "status": {"phase": phase, "conditions": [condition]},
    }


def situation(pods, wanted=None, behavior=None):
    scaler = {"spec": {"minReplicas": 1, "maxReplicas": 10} | ({"behavior": behavior} if behavior else {})}
    return Situation(scaler, pods, wanted or len(pods), wanted or len(pods))


TWO = [pod("a"), pod("b")]


@pytest.mark.parametrize(
    ("pods", "values", "replicas"),
    [
        (TWO, {"a": 105, "b": 105}, 2),  # within the tolerance
        (TWO, {"a": 150, "b": 150}, 3),
        (TWO, {"a": 40, "b": 40}, 1),
        # One without a value counts as at its target when the other asks for fewer, as idle when for more.
        (TWO, {"a": 40}, 2),
        (TWO, {"a": 150}, 2),
        (TWO, {"a": 350}, 4),
        # One that is not ready holds growth back, and does not keep what is idle.
        ([pod("a"), pod("b", ready=False)], {"a": 150}, 2),
        ([*TWO, pod("c", ready=False)], {"a": 40, "b": 40}, 1),
        # One that failed or goes does not count at all.
        ([*TWO, pod("c", phase="Failed")], {"a": 150, "b": 150}, 3),
        ([*TWO, pod("c", deletionTimestamp="now")], {"a": 150, "b": 150, "c": 900}, 3),
    ],
)
def test_pods_without_values_hold_a_change_back(pods, values, replicas):
    seen = situation(pods, wanted=2)
    assert _settled(seen, values, dict.fromkeys("abc", 100), 100) == replicas


def test_without_any_value_there_is_no_number():
    with pytest.raises(Unavailable, match="did not receive metrics"):
        _settled(situation(TWO), {}, {}, 100)


def test_metrics_of_the_whole():
    seen = situation([pod("a"), pod("b"), pod("c", ready=False)], wanted=3)
    assert seen.by_ratio(1.05) == 3
    assert seen.by_ratio(2) == 4  # of the two that are ready
    assert seen.by_average(270, 30) == 9
    assert seen.by_average(95, 30) == 3
    assert situation(TWO, behavior={"scaleUp": {"tolerance": "0.6"}}).by_ratio(1.5) == 2


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(scaling_limits.time, "monotonic", lambda: now[0])
    return now


def said(bounded):
    return bounded.replicas, [c[2] for c in bounded.conditions]


def test_windows_policies_and_bounds(clock):
    limits, key = Limits(), ("default", "x")
    policies = [{"type": "Pods", "value": 2, "periodSeconds": 15}]
    behavior = {"scaleUp": {"policies": policies}, "scaleDown": {"stabilizationWindowSeconds": 60}}
    scaler = {"spec": {"minReplicas": 2, "maxReplicas": 7, "behavior": behavior}}
    assert said(limits.bounded(key, scaler, 2, 9)) == (4, ["ReadyForNewScale", "ScaleUpLimit"])
    limits.done(key, 2)
    assert said(limits.bounded(key, scaler, 4, 9)) == (4, ["ReadyForNewScale", "ScaleUpLimit"])
    clock[0] += 16
    assert limits.bounded(key, scaler, 4, 9).replicas == 6
    limits.done(key, 2)
    clock[0] += 16
    assert said(limits.bounded(key, scaler, 6, 9)) == (7, ["ReadyForNewScale", "TooManyReplicas"])
    limits.done(key, 1)
    assert said(limits.bounded(key, scaler, 7, 1)) == (7, ["ScaleDownStabilized", "DesiredWithinRange"])
    clock[0] += 61
    assert said(limits.bounded(key, scaler, 7, 1)) == (2, ["ReadyForNewScale", "TooFewReplicas"])
    behavior["scaleDown"] |= {"policies": [{"type": "Percent", "value": 30, "periodSeconds": 60}]}
    assert said(limits.bounded(key, scaler, 7, 1)) == (4, ["ReadyForNewScale", "ScaleDownLimit"])
    behavior["scaleDown"] |= {"selectPolicy": "Disabled"}
    assert limits.bounded(key, scaler, 7, 1).replicas == 7


class Measured:
    """Values of the APIs that metrics come from."""

    def __init__(self, values=None, total=0.0):
        self.values, self.total, self.asked = values or {}, total, []

    def cpu_and_memory(self, one):
        return self.values.get(one["metadata"]["name"])

    def of_pods(self, metric, pods, selector):
        return self.values

    def of_object(self, *asked):
        self.asked.append(asked)
        return self.total


def resource(kind="Resource", **target):
    part = "containerResource" if kind == "ContainerResource" else "resource"
    container = {"container": "m"} if kind == "ContainerResource" else {}
    return {"type": kind, part: {"name": "cpu", "target": target} | container}


def requesting(name, cpu="500m"):
    found = pod(name)
    found["spec"] = {
        "containers": [
            {"name": "m", "resources": {"requests": {"cpu": cpu}}},
            {"name": "side", "resources": {"requests": {"cpu": cpu}}},
        ]
    }
    return found


def propose(metric, seen, measured):
    return Replicas(measured, measured).propose(metric, seen, [])


def test_resources_of_pods_and_of_one_container():
    seen = situation([requesting("a"), requesting("b")])
    measured = Measured({"a": (0.9, 1e6), "b": (0.5, 1e6)})
    whole = propose(resource(averageUtilization=35), seen, measured)
    assert (whole.replicas, whole.name) == (4, "cpu resource utilization (percentage of request)")
    current = {"averageValue": "700m", "averageUtilization": 70}
    assert whole.status == {"type": "Resource", "resource": {"name": "cpu", "current": current}}
    # Of one container, its own request alone counts.
    part = propose(resource("ContainerResource", averageUtilization=100), seen, measured)
    assert (part.replicas, part.status["containerResource"]["current"]["averageUtilization"]) == (3, 140)
    value = propose(resource(averageValue="350m"), seen, measured)
    assert (value.replicas, value.name) == (4, "cpu resource")


def test_why_a_resource_cannot_be_measured():
    seen = situation([requesting("a")])
    side = resource("ContainerResource", averageUtilization=50)
    side["containerResource"]["container"] = "side"
    cases = {
        "no metrics returned from resource metrics API": (resource(averageUtilization=50), Measured()),
        "container side not present in metrics for pod default/a": (side, Measured({"a": (1, 1)})),
    }
    for text, (metric, measured) in cases.items():
        with pytest.raises(Unmeasured, match=text):
            propose(metric, seen, measured)
    with pytest.raises(Unmeasured, match="missing request for cpu in container m of Pod a") as refused:
        propose(resource(averageUtilization=50), situation([pod("a")]), Measured({"a": (1, 1)}))
    assert refused.value.reason == "FailedGetResourceMetric"


def test_a_metric_of_an_object_and_one_of_each_pod():
    seen = situation(TWO)
    seen.scaler["metadata"] = {"namespace": "default"}
    measured = Measured({"a": 30.0, "b": 10.0}, total=60.0)
    found = propose(SERVICE, seen, measured)
    assert (found.replicas, found.name) == (6, "Service metric requests")
    assert measured.asked == [("requests", "default", "services", "web", None)]
    assert found.status["object"]["current"] == {"value": "60"}
    found = propose(PODS, seen, measured)
    assert (found.replicas, found.name) == (4, "pods metric requests")
    assert found.status["pods"]["current"] == {"averageValue": "20"}


class Adapter:
    """An adapter whose values the test sets; None: it does not know the metric."""

    def __init__(self):
        self.depth, self.asked = 0, []

    def custom(self, series):
        return {"requests": Source("requests_total", True, ("pods", "services"))}

    def source(self, metric):
        return self.custom({}).get(metric)

    def external(self):
        return ("depth",)

    def read(self, metric, labels):
        self.asked.append((metric, labels))
        if self.depth is None:
            raise Unavailable("the server could not find the metric depth for ")
        return [Sample(self.depth, labels)]


def scaler(*metrics, **spec):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    window = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    spec = {
        "scaleTargetRef": reference,
        "maxReplicas": 5,
        "metrics": list(metrics),
        "behavior": window,
    } | spec
    return {"metadata": {"name": "web"}, "spec": spec}


def external(target, **labels):
    metric = {"name": "depth", "selector": {"matchLabels": labels}}
    return {"type": "External", "external": {"metric": metric, "target": target}}


PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "10"}},
}
SERVICE = {
    "type": "Object",
    "object": {
        "metric": {"name": "requests"},
        "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
        "target": {"type": "Value", "value": "20"},
    },
}
EACH = {"type": "AverageValue", "averageValue": "10"}


async def start(requests, adapter, *metrics, **spec):
    requests.cluster.measured._adapter = adapter
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "m", "image": "nginx:1"}]}}
    deployment = {"selector": {"matchLabels": labels}, "template": template}
    await requests.call("POST", DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": deployment})
    body = {"metadata": {"name": "web"}, "spec": {"selector": labels, "ports": [{"port": 80}]}}
    await requests.call("POST", f"{CORE}/namespaces/default/services", body)
    await requests.call("POST", HPAS, scaler(*metrics, **spec))


def wanted(requests):
    return requests.cluster.store.get("deployments.apps", "default", "web")["spec"]["replicas"]


def status(requests):
    return requests.cluster.store.get(SCALERS, "default", "web").get("status", {})


def condition(requests, kind):
    found = next((c for c in status(requests).get("conditions", ()) if c["type"] == kind), {})
    return found.get("status"), found.get("reason"), found.get("message", "")


def events(requests, reason):
    return [e["message"] for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_an_external_metric_scales_up_and_down_and_says_why(tmp_path):
    async def check():
        async with running(tmp_path, *FAST) as requests:
            adapter = Adapter()
            adapter.depth = 38
            await start(requests, adapter, external(EACH, queue="q"))
            await requests.until(lambda: wanted(requests) == 4)
            assert adapter.asked[0] == ("depth", {"queue": "q"})
            (text,) = events(requests, "SuccessfulRescale")
            assert text.startswith(
                "New size: 4; reason: external metric depth(&LabelSelector{MatchLabels:map["
            )
            assert text.endswith("above target")
            adapter.depth = 90
            await requests.until(lambda: condition(requests, "ScalingLimited")[1] == "TooManyReplicas")
            assert wanted(requests) == 5
            hpa = requests.cluster.store.get(SCALERS, "default", "web")
            await requests.until(lambda: status(requests)["currentReplicas"] == 5)
            assert "/10 (avg)" in str(table(SCALERS, [hpa], {}, ())["rows"])
            adapter.depth = 0
            await requests.until(lambda: wanted(requests) == 1)
            assert "New size: 1; reason: All metrics below target" in events(requests, "SuccessfulRescale")
            await requests.until(lambda: condition(requests, "AbleToScale")[1] == "ReadyForNewScale")

    asyncio.run(check())


def test_while_a_metric_is_missing_nothing_is_scaled_down_but_the_others_scale_up(tmp_path):
    async def check():
        async with running(tmp_path, *FAST) as requests:
            adapter = Adapter()
            adapter.depth = 30
            await start(requests, adapter, PODS, SERVICE, external({"type": "Value", "value": "10"}))
            await requests.until(lambda: wanted(requests) >= 3)
            adapter.depth = 0
            await requests.until(lambda: condition(requests, "ScalingActive")[1] == "FailedGetPodsMetric")
            assert condition(requests, "ScalingActive")[2].startswith(
                "the HPA was unable to compute the replica count: failed to get pods metric value: unable to "
                "get metric requests: no metrics returned from custom metrics API"
            )
            assert wanted(requests) >= 3
            (first, *_) = events(requests, "FailedComputeMetricsReplicas")
            assert first.startswith(
                "invalid metrics (2 invalid out of 3), first error is: failed to get pods"
            )
            assert events(requests, "FailedGetObjectMetric")
            # Each metric keeps its place.
            assert [m["type"] for m in status(requests)["currentMetrics"]] == ["", "", "External"]
            adapter.depth = None
            await requests.until(lambda: events(requests, "FailedGetExternalMetric"))
            (text,) = events(requests, "FailedGetExternalMetric")
            assert text.endswith("the server could not find the metric depth for ")

    asyncio.run(check())


def test_a_scale_names_its_pods_by_expressions_too():
    kind = Kinds().by_resource("deployments.apps")
    rules = [
        {"key": "a", "operator": "In", "values": ["x", "y"]},
        {"key": "b", "operator": "NotIn", "values": ["z"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    obj = {
        "kind": "Deployment",
        "metadata": {},
        "spec": {"selector": {"matchLabels": {"app": "w"}, "matchExpressions": rules}},
    }
    text = scale_of(kind, obj)["status"]["selector"]
    assert text == "app=w,a in (x,y),b notin (z),c,!d"
    assert parse_labels(text)({"app": "w", "a": "y", "c": ""})
    assert not parse_labels(text)({"app": "w", "a": "y"})


def test_the_target_that_is_not_there_and_replicas_out_of_bounds(tmp_path):
    async def check():
        async with running(tmp_path, *FAST) as requests:
            adapter = Adapter()
            await start(requests, adapter, external(EACH), minReplicas=3)
            await requests.until(lambda: wanted(requests) == 3)
            text = "New size: 3; reason: Current number of replicas below Spec.MinReplicas"
            assert events(requests, "SuccessfulRescale") == [text]
            await requests.call("DELETE", f"{DEPLOYMENTS}/web")
            await requests.until(lambda: condition(requests, "AbleToScale")[1] == "FailedGetScale")
            assert 'deployments.apps "web" not found' in condition(requests, "AbleToScale")[2]

    asyncio.run(check())


def test_the_aggregated_apis_are_discovered_and_answer(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            adapter = Adapter()
            requests.cluster.measured._adapter = adapter
            adapter.depth = 2.5
            external_group, custom_group = (
                "/apis/external.metrics.k8s.io/v1beta1",
                "/apis/custom.metrics.k8s.io",
            )
            listed = (await requests.call("GET", external_group))["resources"]
            assert [(r["name"], r["kind"], r["verbs"]) for r in listed] == [
                ("depth", "ExternalMetricValueList", ["get"])
            ]
            listed = (await requests.call("GET", f"{custom_group}/v1beta2"))["resources"]
            assert [r["name"] for r in listed] == ["pods/requests", "services/requests"]
            groups = {g["name"] for g in (await requests.call("GET", "/apis"))["groups"]}
            assert {"custom.metrics.k8s.io", "external.metrics.k8s.io"} <= groups
            path = f"{external_group}/namespaces/default/depth?labelSelector=queue%3Dq"
            (item,) = (await requests.call("GET", path))["items"]
            assert (item["metricName"], item["metricLabels"], item["value"]) == (
                "depth",
                {"queue": "q"},
                "2500m",
            )
            values = f"{custom_group}/v1beta2/namespaces/default"
            assert (await requests.call("GET", f"{values}/pods/*/requests"))["items"] == []
            for wrong in (
                f"{values}/pods/none/requests",
                f"{values}/nodes/n/requests",
                f"{values}/pods/*/other",
            ):
                with pytest.raises(ApiError) as refused:
                    await requests.call("GET", wrong)
                assert refused.value.code == 404

    asyncio.run(check())


def test_metrics_are_read_only_with_a_role_for_them(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            requests.cluster.measured._adapter = Adapter()
            path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/depth"
            with pytest.raises(ApiError) as refused:
                await requests.call("GET", path, impersonate_user="nobody")
            assert refused.value.code == 403

    asyncio.run(check())


TEXT = """# TYPE http_total counter
http_total{code="200"} 7
http_total{code="500"} 1
"""


def test_names_as_the_adapters_have_them(tmp_path):
    series = parse_text(TEXT).types
    assert series == {"http_total": "counter"}
    google = StackdriverAdapter(State(tmp_path))
    (name,) = google.custom(series)
    assert name == "prometheus.googleapis.com|http_total|counter"
    assert google.source(name) == Source("http_total", rate=True)
    assert google.source("kubernetes.io|container") is None
    with pytest.raises(Unavailable, match="the local Google does not run"):
        google.read("pubsub.googleapis.com|subscription|num_undelivered_messages", {})

    async def check():
        async with running(tmp_path, "--cloud", "aws") as requests:
            adapter = PrometheusAdapter(requests.cluster.store, State(tmp_path), "us-east-1")
            assert adapter.custom(series) == {}
            rules = f"""
rules:
- seriesQuery: 'http_total{{pod!=""}}'
  resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}
  name: {{as: requests}}
  metricsQuery: 'sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[2m])) by (<<.GroupBy>>)'
- nonsense
externalRules:
- seriesQuery: '{SQS_VISIBLE}'
  name: {{as: depth}}
"""
            body = {"metadata": {"name": "x-prometheus-adapter"}, "data": {"config.yaml": rules}}
            await requests.call("POST", f"{CORE}/namespaces/default/configmaps", body)
            assert adapter.custom(series) == {"requests": Source("http_total", True, ("pods",))}
            assert adapter.custom({}) == {}
            assert adapter.external() == ["depth"]
            with pytest.raises(Unavailable, match="not in the rehearsal"):
                adapter.read("depth", {"queue": "q"})
            with pytest.raises(Unavailable, match="the local AWS does not run"):
                adapter.read("depth", {"dimension_QueueName": "q"})

    asyncio.run(check())
