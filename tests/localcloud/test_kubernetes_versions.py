"""Other versions of the same objects, other forms of the documents about them, and deprecated watch paths."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from localcloud.kubernetes import gnostic
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.protobuf import _fields as fields
from localcloud.kubernetes.routing import Request
from tests.localcloud.kubernetes_requests import CORE, running

V1, V2 = (f"/apis/autoscaling/{v}/namespaces/default/horizontalpodautoscalers" for v in ("v1", "v2"))
MERGE, APPLY = ({"content_type": f"application/{kind}"} for kind in ("merge-patch+json", "apply-patch+yaml"))
PREFIX = "autoscaling.alpha.kubernetes.io/"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}


def scaler(version, **spec):
    spec = {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5} | spec
    kind = "HorizontalPodAutoscaler"
    return {"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": "api"}, "spec": spec}


CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
}
QUEUE = {
    "type": "External",
    "external": {
        "metric": {"name": "depth", "selector": {"matchLabels": {"queue": "dreams"}}},
        "target": {"type": "AverageValue", "averageValue": "30"},
    },
}
INGRESS = {
    "type": "Object",
    "object": {
        "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"},
        "metric": {"name": "requests"},
        "target": {"type": "Value", "value": "10k"},
    },
}
DOWN = {"scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max"}}


def test_an_autoscaler_of_v1_is_one_of_v2(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            made = await requests.call("POST", V1, scaler("v1", targetCPUUtilizationPercentage=70))
            assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == (
                "autoscaling/v1",
                70,
            )
            assert (await requests.call("GET", f"{V2}/api"))["spec"]["metrics"] == [CPU]
            change = {"spec": {"targetCPUUtilizationPercentage": 50}}
            patched = await requests.call("PATCH", f"{V1}/api", change, **MERGE)
            assert patched["spec"]["targetCPUUtilizationPercentage"] == 50
            applied = scaler("v1", targetCPUUtilizationPercentage=60)
            await requests.call("PATCH", f"{V1}/api?fieldManager=me&force=true", applied, **APPLY)
            (metric,) = (await requests.call("GET", f"{V2}/api"))["spec"]["metrics"]
            assert metric["resource"]["target"]["averageUtilization"] == 60
            bad = scaler("v1", metrics=[CPU])
            with pytest.raises(ApiError, match=r'unknown field "spec\.metrics"'):
                await requests.call("PUT", f"{V1}/api?fieldValidation=Strict", bad)

    asyncio.run(check())


def test_what_v1_has_no_field_for_travels_in_annotations_and_back(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            metrics = [CPU, MEMORY, QUEUE, INGRESS]
            await requests.call("POST", V2, scaler("v2", metrics=metrics, behavior=DOWN))
            listed = await requests.call("GET", V1)
            (old,) = listed["items"]
            assert (listed["apiVersion"], old["apiVersion"]) == ("autoscaling/v1", "autoscaling/v1")
            assert set(old["spec"]) == {
                "scaleTargetRef",
                "minReplicas",
                "maxReplicas",
                "targetCPUUtilizationPercentage",
            }
            annotations = old["metadata"]["annotations"]
            assert orjson.loads(annotations[f"{PREFIX}metrics"]) == [
                {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
                {
                    "type": "External",
                    "external": {
                        "metricName": "depth",
                        "metricSelector": {"matchLabels": {"queue": "dreams"}},
                        "targetAverageValue": "30",
                    },
                },
                {
                    "type": "Object",
                    "object": {
                        "metricName": "requests",
                        "target": INGRESS["object"]["describedObject"],
                        "targetValue": "10k",
                    },
                },
            ]
            assert orjson.loads(annotations[f"{PREFIX}behavior"]) == {
                "ScaleDown": {"StabilizationWindowSeconds": 60, "SelectPolicy": "Max"}
            }
            # An old client that changes one field and writes all back loses nothing.
            await requests.call("PUT", f"{V1}/api", old | {"spec": old["spec"] | {"maxReplicas": 9}})
            new = await requests.call("GET", f"{V2}/api")
            assert new["spec"]["maxReplicas"] == 9
            assert new["spec"]["metrics"] == metrics
            assert new["spec"]["behavior"] == DOWN
            assert not new["metadata"].get("annotations")

    asyncio.run(check())


def test_status_of_an_autoscaler_in_both_versions(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", V2, scaler("v2", metrics=[CPU]))
            current = {"name": "cpu", "current": {"averageUtilization": 42, "averageValue": "21m"}}
            status = {
                "currentReplicas": 2,
                "desiredReplicas": 3,
                "currentMetrics": [{"type": "Resource", "resource": current}],
                "conditions": [],
            }
            store = requests.cluster.store
            live = store.get("horizontalpodautoscalers.autoscaling", "default", "api")
            requests.cluster.verbs.set_status("horizontalpodautoscalers.autoscaling", live, status)
            old = await requests.call("GET", f"{V1}/api")
            assert old["status"]["currentCPUUtilizationPercentage"] == 42
            assert orjson.loads(old["metadata"]["annotations"][f"{PREFIX}current-metrics"]) == [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "currentAverageUtilization": 42,
                        "currentAverageValue": "21m",
                    },
                }
            ]

    asyncio.run(check())


def test_events_of_both_groups_are_the_same(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            body = {
                "metadata": {"name": "e"},
                "eventTime": "2026-11-28T10:00:00.000000Z",
                "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
                "note": "it happened",
                "reason": "Happened",
                "type": "Normal",
                "action": "Testing",
                "reportingController": "test",
                "reportingInstance": "test-1",
            }
            await requests.call("POST", "/apis/events.k8s.io/v1/namespaces/default/events", body)
            event = await requests.call("GET", f"{CORE}/namespaces/default/events/e")
            assert (event["message"], event["involvedObject"]["name"]) == ("it happened", "p")
            (listed,) = (await requests.call("GET", "/apis/events.k8s.io/v1/events"))["items"]
            assert (listed["note"], listed["apiVersion"]) == ("it happened", "events.k8s.io/v1")

    asyncio.run(check())


def definition(*versions):
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [
                {"name": v, "served": True, "storage": v == "v1", "schema": {"openAPIV3Schema": schema}}
                for v in versions
            ],
        },
    }


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_versions_of_a_custom_kind_show_one_object_and_the_best_is_preferred(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", CRDS, definition("v1beta1", "v1", "v2alpha1"))
            kinds = requests.cluster.kinds
            await requests.until(lambda: kinds.find("example.com", "v2alpha1", "widgets"))
            group = await requests.call("GET", "/apis/example.com")
            assert [v["version"] for v in group["versions"]] == ["v1", "v1beta1", "v2alpha1"]
            widget = {"metadata": {"name": "w"}, "spec": {"size": 3}}
            beta, stable = (f"/apis/example.com/{v}/namespaces/default/widgets" for v in ("v1beta1", "v1"))
            made = await requests.call("POST", beta, widget | {"kind": "Widget"})
            assert made["apiVersion"] == "example.com/v1beta1"
            found = await requests.call("GET", f"{stable}/w")
            assert (found["apiVersion"], found["spec"]) == ("example.com/v1", {"size": 3})
            document = await requests.call("GET", "/openapi/v2")
            assert document["definitions"]["com.example.v1beta1.Widget"]["properties"]["spec"]

    asyncio.run(check())


def message(data):
    found = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def entry(data):
    name, value = (message(data)[n][0] for n in (1, 2))
    return name.decode(), value


def test_openapi_2_as_json_and_as_protobuf_say_the_same(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            document = await requests.call("GET", "/openapi/v2")
            binary = message(gnostic.encode(document))
            assert gnostic.wanted(f"{gnostic.MEDIA};q=1, application/json")
            assert not gnostic.wanted("application/json")
            assert binary[1] == [b"2.0"]
            schemas = dict(entry(e) for e in message(binary[9][0])[1])
            assert schemas.keys() == document["definitions"].keys()
            name = "io.k8s.api.apps.v1.Deployment"
            deployment = message(schemas[name])
            assert deployment[4][0].decode() == document["definitions"][name]["description"]
            said = dict(entry(e) for e in deployment[31])
            assert orjson.loads(message(said["x-kubernetes-group-version-kind"])[2][0]) == [
                {"group": "apps", "version": "v1", "kind": "Deployment"}
            ]
            properties = dict(entry(e) for e in message(deployment[25][0])[1])
            assert message(properties["spec"])[1] == [b"#/definitions/io.k8s.api.apps.v1.DeploymentSpec"]
            paths = dict(entry(e) for e in message(binary[8][0])[2])
            patch = message(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"])[8][0]
            (query,) = (message(message(message(message(patch)[8][0])[1][0])[2][0])[3],)
            assert message(query[0])[4] == [b"dryRun"]
            text = document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
            assert text == {"type": "string", "format": "int-or-string"}

    asyncio.run(check())


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("watch/namespaces/default/configmaps", {"a", "b"}),
        ("watch/namespaces/default/configmaps/a", {"a"}),
        ("watch/configmaps", {"a", "b", "c"}),
    ],
)
def test_deprecated_watch_paths(tmp_path, path, names):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", f"{CORE}/namespaces", {"metadata": {"name": "other"}})
            for space, name in (("default", "a"), ("default", "b"), ("other", "c")):
                body = {"metadata": {"name": name, "labels": {"mine": "yes"}}}
                await requests.call("POST", f"{CORE}/namespaces/{space}/configmaps", body)
            token = {"authorization": f"Bearer {requests.token}"}
            query = {"labelSelector": "mine=yes"}
            request = Request("GET", f"{CORE}/{path}", query, token)
            stream = (await requests.answer(request)).stream
            seen = [orjson.loads(await anext(stream)) for _ in names]
            await stream.aclose()
            assert {(e["type"], e["object"]["metadata"]["name"]) for e in seen} == {
                ("ADDED", name) for name in names
            }

    asyncio.run(check())
