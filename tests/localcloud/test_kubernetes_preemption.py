"""Priorities: who gets a place first, who has to leave for whom, and what is said about it."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.controllers.preemption import Preemption
from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import CORE, running
from tests.localcloud.test_kubernetes_scheduler import node
from tests.localcloud.test_kubernetes_scheduler import pod as bare

PODS = f"{CORE}/namespaces/default/pods"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def pod(name, priority=0, on="", cpu="1", **spec):
    found = bare(name, on, app=name, requests={"cpu": cpu}, priority=priority, **spec)
    found["metadata"] |= {"uid": name, "creationTimestamp": f"2026-01-01T00:00:0{len(name)}Z"}
    found["status"] = {"phase": "Running"}
    return found


class Budgets:
    """A store that has disruption budgets only."""

    def __init__(self, **allowed):
        self.listed = [
            {
                "metadata": {"namespace": "default", "name": app},
                "spec": {"selector": {"matchLabels": {"app": app}}},
                "status": {"disruptionsAllowed": n},
            }
            for app, n in allowed.items()
        ]

    def list(self, resource, namespace=""):
        return self.listed


def search(one, nodes, placed, refused=None, **budgets):
    from collections import Counter

    from localcloud.kubernetes.controllers.placement import requests_of

    used = {}
    for other in placed:
        used.setdefault(other["spec"]["nodeName"], Counter()).update(requests_of(other))
    refused = refused or {n["metadata"]["name"]: ["Insufficient cpu"] for n in nodes}
    choice, why = Preemption(Budgets(**budgets), one, nodes, placed, used).search(refused)
    return (choice.node, sorted(v["metadata"]["name"] for v in choice.victims)) if choice else why


def test_as_few_as_will_do_have_to_go_and_the_least_important():
    placed = [pod("a", 1, "n", "500m"), pod("bb", 5, "n", "500m"), pod("ccc", 100, "n")]
    assert search(pod("new", 10, cpu="400m"), [node("n")], placed) == ("n", ["a"])
    assert search(pod("new", 10), [node("n")], placed) == ("n", ["a", "bb"])
    none = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    assert search(pod("new", 10, cpu="1500m"), [node("n")], placed) == none
    assert search(pod("new", 1, cpu="400m"), [node("n")], placed) == none


def test_a_budget_is_spared_where_another_node_does():
    nodes = [node("n"), node("m")]
    placed = [pod("a", 1, "n", "2"), pod("bb", 5, "m", "2")]
    assert search(pod("new", 10), nodes, placed) == ("n", ["a"])
    assert search(pod("new", 10), nodes, placed, a=0) == ("m", ["bb"])
    # Preferred, not promised: without another way the budget is exceeded.
    assert search(pod("new", 10), nodes, placed, a=0, bb=0) == ("n", ["a"])


def test_where_and_when_preemption_is_of_no_use():
    nodes, placed = [node("n")], [pod("a", 1, "n", "2")]
    refused = {"n": ["node(s) didn't match Pod's node affinity/selector"]}
    text = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    assert search(pod("new", 10), nodes, placed, refused) == text
    never = pod("new", 10, preemptionPolicy="Never")
    assert search(never, nodes, placed) == "preemption: not eligible due to preemptionPolicy=Never."


def body(name, cpu="1500m", **spec):
    container = {"name": "m", "image": "nginx:1", "resources": {"requests": {"cpu": cpu}}}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [container]} | spec}


def stored(requests, name):
    return requests.cluster.store.get("pods", "default", name)


def events(requests, reason):
    return [e for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_an_important_pod_takes_the_place_of_another(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            high = {"metadata": {"name": "high"}, "value": 1000}
            await requests.call("POST", CLASSES, high)
            await requests.call("POST", PODS, body("low"))
            await requests.until(lambda: stored(requests, "low")["status"]["phase"] == "Running")
            made = await requests.call("POST", PODS, body("urgent", priorityClassName="high"))
            assert (made["spec"]["priority"], made["spec"]["preemptionPolicy"]) == (
                1000,
                "PreemptLowerPriority",
            )
            nodes = requests.cluster.store.list("nodes")
            nominated = []

            def bound():
                nominated.append(stored(requests, "urgent")["status"].get("nominatedNodeName"))
                return stored(requests, "urgent")["spec"].get("nodeName")

            assert await requests.until(bound) == nodes[0]["metadata"]["name"]
            assert nodes[0]["metadata"]["name"] in nominated
            assert "nominatedNodeName" not in stored(requests, "urgent")["status"]
            assert stored(requests, "low") is None
            (event,) = events(requests, "Preempted")
            assert event["involvedObject"]["name"] == "low"
            uid = stored(requests, "urgent")["metadata"]["uid"]
            assert event["message"] == f"Preempted by pod {uid} on node {nodes[0]['metadata']['name']}"

    asyncio.run(check())


def test_the_more_important_of_those_that_wait_goes_first(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            for name, value in (("high", 1000), ("middle", 500)):
                await requests.call(
                    "POST", CLASSES, {"metadata": {"name": name}, "value": value, "preemptionPolicy": "Never"}
                )
            await requests.call("POST", PODS, body("first"))
            await requests.until(lambda: stored(requests, "first")["spec"].get("nodeName"))
            await requests.call("POST", PODS, body("second", priorityClassName="middle"))
            await requests.call("POST", PODS, body("third", priorityClassName="high"))
            await requests.until(lambda: len(events(requests, "FailedScheduling")) == 2)
            assert events(requests, "FailedScheduling")[0]["message"].endswith("preemptionPolicy=Never.")
            await requests.call("DELETE", f"{PODS}/first")
            await requests.until(lambda: stored(requests, "third")["spec"].get("nodeName"))
            assert not stored(requests, "second")["spec"].get("nodeName")

    asyncio.run(check())


def test_priorities_come_from_classes(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            with pytest.raises(ApiError) as refused:
                await requests.call("POST", PODS, body("a", priorityClassName="none"))
            assert refused.value.code == 403
            assert refused.value.message == 'pods "a" is forbidden: no PriorityClass with name none was found'
            assert (await requests.call("POST", PODS, body("a", priority=7)))["spec"]["priority"] == 0
            usual = {"metadata": {"name": "usual"}, "value": 5, "globalDefault": True}
            await requests.call("POST", CLASSES, usual)
            spec = (await requests.call("POST", PODS, body("b")))["spec"]
            assert (spec["priority"], spec["priorityClassName"]) == (5, "usual")
            critical = await requests.call("POST", PODS, body("c", priorityClassName="system-node-critical"))
            assert critical["spec"]["priority"] == 2000001000

    asyncio.run(check())
