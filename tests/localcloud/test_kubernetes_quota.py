"""ResourceQuotas and LimitRanges: what is counted, what is refused in which words, and who says so."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.quantities import Quantity
from tests.localcloud.kubernetes_requests import APPS, CORE, running

SPACE = f"{CORE}/namespaces/default"
MERGE = {"content_type": "application/merge-patch+json"}


def pod(name, requests=None, limits=None, **spec):
    resources = {"requests": requests or {}, "limits": limits or {}}
    containers = [{"name": "main", "image": "nginx:1", "resources": resources}]
    return {"metadata": {"name": name}, "spec": {"containers": containers} | spec}


def quota(name, hard, **spec):
    return {"metadata": {"name": name}, "spec": {"hard": hard} | spec}


def limit_range(**item):
    return {"metadata": {"name": "bounds"}, "spec": {"limits": [{"type": "Container"} | item]}}


def deployment(replicas, requests):
    labels = {"app": "api"}
    template = pod("", requests) | {"metadata": {"labels": labels}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "api"}, "spec": spec}


async def refusal(call):
    with pytest.raises(ApiError) as refused:
        await call
    assert (refused.value.code, refused.value.reason) == (403, "Forbidden")
    return refused.value.message


def used(requests, name):
    found = requests.cluster.store.get("resourcequotas", "default", name)
    return found.get("status", {}).get("used")


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        (("100m", "0.25"), "350m"),
        (("1.5Gi", "512Mi"), "2Gi"),
        (("0", "1Gi"), "1Gi"),
        (("1500m", "500m"), "2"),
        (("999", "1"), "1k"),
        (("1e3", "24"), "1024"),
        (("128974848", "0"), "128974848"),
    ],
)
def test_sums_keep_the_first_notation_and_are_exact(parts, total):
    first, second = parts
    assert str(Quantity.of(first) + Quantity.of(second)) == total


def test_what_does_not_fit_is_refused_with_requested_used_and_limited(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            hard = {"requests.cpu": "1", "limits.memory": "1Gi", "pods": "3"}
            await requests.call("POST", f"{SPACE}/resourcequotas", quota("team", hard))
            await requests.until(lambda: used(requests, "team") is not None)
            first = pod("a", {"cpu": "600m"}, {"memory": "512Mi"})
            await requests.call("POST", f"{SPACE}/pods", first)
            await requests.until(lambda: used(requests, "team")["pods"] == "1")
            assert used(requests, "team") == {"requests.cpu": "600m", "limits.memory": "512Mi", "pods": "1"}
            second = pod("b", {"cpu": "0.5"}, {"memory": "1Gi"})
            assert await refusal(requests.call("POST", f"{SPACE}/pods", second)) == (
                'pods "b" is forbidden: exceeded quota: team, '
                "requested: limits.memory=1Gi,requests.cpu=500m, "
                "used: limits.memory=512Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1"
            )
            assert await refusal(requests.call("POST", f"{SPACE}/pods", pod("b"))) == (
                'pods "b" is forbidden: failed quota: team: '
                "must specify limits.memory for: main; requests.cpu for: main"
            )
            await requests.call("DELETE", f"{SPACE}/pods/a", {"gracePeriodSeconds": 0})
            await requests.until(lambda: used(requests, "team")["requests.cpu"] == "0")
            await requests.call("POST", f"{SPACE}/pods", second)

    asyncio.run(check())


def test_objects_are_counted_and_a_change_counts_what_it_adds(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            hard = {"count/deployments.apps": "1", "services.loadbalancers": "0", "configmaps": "2"}
            await requests.call("POST", f"{SPACE}/resourcequotas", quota("objects", hard))
            await requests.call("POST", f"{SPACE}/configmaps", {"metadata": {"name": "mine"}})
            # The cluster's CA is a ConfigMap in every namespace.
            await requests.until(lambda: (used(requests, "objects") or {}).get("configmaps") == "2")
            assert "requested: configmaps=1, used: configmaps=2, limited: configmaps=2" in await refusal(
                requests.call("POST", f"{SPACE}/configmaps", {"metadata": {"name": "more"}})
            )
            deployments = f"{APPS}/namespaces/default/deployments"
            await requests.call("POST", deployments, deployment(0, {}))
            second = deployment(0, {}) | {"metadata": {"name": "web"}}
            text = await refusal(requests.call("POST", deployments, second))
            assert text.startswith(
                'deployments.apps "web" is forbidden: exceeded quota: objects, requested: '
            )
            service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
            await requests.call("POST", f"{SPACE}/services", service)
            change = requests.call(
                "PATCH", f"{SPACE}/services/s", {"spec": {"type": "LoadBalancer"}}, **MERGE
            )
            assert "requested: services.loadbalancers=1" in await refusal(change)

    asyncio.run(check())


def test_scopes_choose_the_pods_that_a_quota_counts(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            quotas = f"{SPACE}/resourcequotas"
            await requests.call("POST", quotas, quota("effortless", {"pods": "0"}, scopes=["BestEffort"]))
            classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
            await requests.call("POST", classes, {"metadata": {"name": "high"}, "value": 100})
            rule = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
            high = quota("high", {"pods": "0"}, scopeSelector={"matchExpressions": [rule]})
            await requests.call("POST", quotas, high)
            assert "exceeded quota: effortless" in await refusal(
                requests.call("POST", f"{SPACE}/pods", pod("a"))
            )
            small = {"cpu": "10m"}
            await requests.call("POST", f"{SPACE}/pods", pod("a", small))
            important = pod("b", small, priorityClassName="high")
            assert "exceeded quota: high" in await refusal(requests.call("POST", f"{SPACE}/pods", important))

    asyncio.run(check())


def test_a_workload_says_why_its_pods_are_refused_and_goes_on_when_they_fit(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            store = requests.cluster.store
            await requests.call("POST", f"{SPACE}/resourcequotas", quota("small", {"requests.cpu": "150m"}))
            deployments = f"{APPS}/namespaces/default/deployments"
            await requests.call("POST", deployments, deployment(2, {"cpu": "100m"}))

            def failure(resource="deployments.apps"):
                for obj in store.list(resource, "default"):
                    for condition in obj.get("status", {}).get("conditions", ()):
                        if condition["type"] == "ReplicaFailure":
                            return condition
                return None

            found = await requests.until(failure)
            assert (found["status"], found["reason"]) == ("True", "FailedCreate")
            assert "exceeded quota: small, requested: requests.cpu=100m" in found["message"]
            assert failure("replicasets.apps")["message"] == found["message"]
            event, *_ = [e for e in store.list("events", "default") if e["reason"] == "FailedCreate"]
            assert (event["type"], event["involvedObject"]["kind"]) == ("Warning", "ReplicaSet")
            assert event["message"].startswith('Error creating: pods "api-')
            more = {"spec": {"hard": {"requests.cpu": "200m"}}}
            await requests.call("PATCH", f"{SPACE}/resourcequotas/small", more, **MERGE)
            await requests.until(lambda: not failure() and not failure("replicasets.apps"), 10)
            assert len(store.list("pods", "default")) == 2

    asyncio.run(check())


def test_a_limit_range_fills_in_and_bounds_containers(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            bounds = limit_range(
                max={"cpu": "1", "memory": "1Gi"},
                min={"cpu": "50m"},
                default={"cpu": "0.5"},
                maxLimitRequestRatio={"cpu": "10"},
            )
            made = await requests.call("POST", f"{SPACE}/limitranges", bounds)
            (item,) = made["spec"]["limits"]
            assert item["default"] == item["defaultRequest"] == {"cpu": "500m", "memory": "1Gi"}
            filled = await requests.call("POST", f"{SPACE}/pods", pod("a", {"cpu": "100m"}))
            (container,) = filled["spec"]["containers"]
            assert container["resources"] == {
                "requests": {"cpu": "100m", "memory": "1Gi"},
                "limits": {"cpu": "500m", "memory": "1Gi"},
            }
            assert filled["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
                "LimitRanger plugin set: memory request for container main; "
                "cpu, memory limit for container main"
            )
            broken = pod("b", {"cpu": "20m"}, {"cpu": "2"})
            assert await refusal(requests.call("POST", f"{SPACE}/pods", broken)) == (
                'pods "b" is forbidden: [minimum cpu usage per Container is 50m, but request is 20m, '
                "maximum cpu usage per Container is 1, but limit is 2, cpu max limit to request ratio per "
                "Container is 10, but provided ratio is 100.000000]"
            )

    asyncio.run(check())


def test_a_limit_range_bounds_whole_pods_and_claims(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", f"{SPACE}/limitranges", limit_range(type="Pod", max={"cpu": "1"}))
            both = pod("a", {}, {"cpu": "600m"})
            both["spec"]["containers"].append(both["spec"]["containers"][0] | {"name": "beside"})
            assert "maximum cpu usage per Pod is 1, but limit is 1200m" in await refusal(
                requests.call("POST", f"{SPACE}/pods", both)
            )
            claims = limit_range(type="PersistentVolumeClaim", min={"storage": "1Gi"})
            await requests.call("POST", f"{SPACE}/limitranges", claims | {"metadata": {"name": "claims"}})
            spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "500Mi"}}}
            claim = {"metadata": {"name": "c"}, "spec": spec}
            assert await refusal(requests.call("POST", f"{SPACE}/persistentvolumeclaims", claim)) == (
                'persistentvolumeclaims "c" is forbidden: '
                "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"
            )

    asyncio.run(check())
