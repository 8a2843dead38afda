"""Faults on request: a slow or failing API, nodes and zones that are gone, images and Pods that never run."""

from __future__ import annotations

import asyncio
import time

import pytest

from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import APPS, CORE, running

FAULTS = "/_rehearsal/faults"
DEPLOYMENTS = f"{APPS}/namespaces/default/deployments"
TWO_ZONES = ("--node-group", "more=2:e2-standard-2")


def deployment(name="web", replicas=2, **pod):
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "m", "image": "nginx:1"}]},
    }
    template["spec"] |= pod
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def pods(requests):
    return requests.cluster.store.list("pods", "default")


def ready(requests, count):
    def all_ready():
        conditions = [c for p in pods(requests) for c in p["status"].get("conditions", ())]
        return [c["status"] for c in conditions if c["type"] == "Ready"].count("True") == count

    return requests.until(all_ready)


def waiting(requests):
    return {
        s["state"].get("waiting", {}).get("reason")
        for p in pods(requests)
        for s in p["status"].get("containerStatuses", ())
    }


def events(requests, reason):
    return [e for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_the_api_fails_as_often_as_asked_then_answers(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            fault = {"fault": "api", "method": "GET", "path": "/api/v1/*", "code": 503, "times": 2}
            await requests.call("POST", FAULTS, fault)
            await requests.call("POST", DEPLOYMENTS, deployment())
            for left in (1, 0):
                with pytest.raises(ApiError) as refused:
                    await requests.call("GET", f"{CORE}/nodes")
                assert (refused.value.code, refused.value.reason) == (503, "ServiceUnavailable")
                shown = (await requests.call("GET", FAULTS))["faults"]
                assert [f["times"] for f in shown] == [left] * bool(left)
            assert await requests.call("GET", f"{CORE}/nodes")
            await requests.call("POST", FAULTS, {"fault": "api", "seconds": 0.2})
            begun = time.monotonic()
            assert await requests.call("GET", f"{CORE}/nodes")
            assert time.monotonic() - begun >= 0.2
            await requests.call("DELETE", FAULTS)
            begun = time.monotonic()
            assert await requests.call("GET", f"{CORE}/nodes")
            assert time.monotonic() - begun < 0.2

    asyncio.run(check())


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "flood"},
        {"fault": "node"},
        {"fault": "api"},
        {"fault": "api", "code": 200},
        {"fault": "image", "name": "a", "seconds": 1},
        {"fault": "node", "name": 1},
        [],
    ],
)
def test_what_is_no_fault_is_refused(tmp_path, wrong):
    async def check():
        async with running(tmp_path) as requests:
            with pytest.raises(ApiError) as refused:
                await requests.call("POST", FAULTS, wrong)
            assert refused.value.code == 400
            assert (await requests.call("GET", FAULTS))["faults"] == []

    asyncio.run(check())


def test_an_image_never_starts_until_the_fault_has_gone_also_over_a_restart(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", FAULTS, {"fault": "image", "name": "nginx:*"})
            await requests.call("POST", DEPLOYMENTS, deployment())
            await requests.until(lambda: waiting(requests) == {"ImagePullBackOff"})
        async with running(tmp_path) as requests:
            await requests.call("POST", DEPLOYMENTS, deployment("later"))
            await requests.until(
                lambda: len(pods(requests)) == 4 and waiting(requests) == {"ImagePullBackOff"}
            )
            await requests.call("DELETE", FAULTS)
            await ready(requests, 4)

    asyncio.run(check())


def test_pods_crash_in_a_loop_and_recover(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", DEPLOYMENTS, deployment())
            await ready(requests, 2)
            await requests.call("POST", FAULTS, {"fault": "crash", "name": "web-*"})
            await requests.until(lambda: waiting(requests) == {"CrashLoopBackOff"})
            await ready(requests, 0)
            status = pods(requests)[0]["status"]
            assert status["phase"] == "Running"
            container = status["containerStatuses"][0]
            assert container["restartCount"] >= 1
            assert container["lastState"]["terminated"]["exitCode"] == 1
            assert "restarting failed container=m pod=web-" in container["state"]["waiting"]["message"]
            assert events(requests, "BackOff")
            await requests.call("DELETE", FAULTS)
            await ready(requests, 2)
            assert pods(requests)[0]["status"]["containerStatuses"][0]["restartCount"] >= 1

    asyncio.run(check())


def test_a_node_that_is_gone_loses_its_pods_to_the_others(tmp_path):
    async def check():
        async with running(tmp_path, *TWO_ZONES) as requests:
            await requests.call("POST", DEPLOYMENTS, deployment(replicas=3))
            await ready(requests, 3)
            lost = pods(requests)[0]["spec"]["nodeName"]
            await requests.call("POST", FAULTS, {"fault": "node", "name": lost, "seconds": 1})
            await ready(requests, 2)
            node = requests.cluster.store.get("nodes", "", lost)
            condition = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
            assert (condition["status"], condition["reason"]) == ("Unknown", "NodeStatusUnknown")
            assert {t["key"] for t in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
            # Its Pods are evicted and made anew elsewhere; nobody there could say that they have stopped.
            await ready(requests, 3)
            places = [(p["spec"]["nodeName"], "deletionTimestamp" in p["metadata"]) for p in pods(requests)]
            assert all(stopping == (place == lost) for place, stopping in places)
            assert events(requests, "TaintManagerEviction")
            await requests.call("DELETE", FAULTS)
            await requests.until(lambda: len(pods(requests)) == 3)
            assert "taints" not in requests.cluster.store.get("nodes", "", lost)["spec"]

    asyncio.run(check())


def test_a_zone_that_is_gone_takes_all_its_nodes_but_tolerant_pods_stay(tmp_path):
    async def check():
        async with running(tmp_path, *TWO_ZONES) as requests:
            patient = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}]
            await requests.call("POST", DEPLOYMENTS, deployment(replicas=3, tolerations=patient))
            await ready(requests, 3)
            await requests.call("POST", FAULTS, {"fault": "zone", "name": "us-central1-a", "seconds": 0})
            nodes = (await requests.call("GET", f"{CORE}/nodes"))["items"]
            lost = {
                n["metadata"]["name"]
                for n in nodes
                if n["metadata"]["labels"]["topology.kubernetes.io/zone"] == "us-central1-a"
            }
            assert len(lost) == 2
            await requests.until(lambda: len(events(requests, "NodeNotReady")) >= 2)
            await ready(requests, sum(p["spec"]["nodeName"] not in lost for p in pods(requests)))
            assert len(pods(requests)) == 3
            assert not events(requests, "TaintManagerEviction")
            await requests.call("DELETE", FAULTS)
            await ready(requests, 3)

    asyncio.run(check())
