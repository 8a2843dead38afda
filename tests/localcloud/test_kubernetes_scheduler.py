"""Where Pods may run: requests, taints, affinity and spread, with the scheduler's own sentences."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from localcloud.kubernetes.controllers.placement import Placement, requests_of
from tests.localcloud.kubernetes_requests import APPS, CORE, running

ZONE = "topology.kubernetes.io/zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def node(name, zone="a", cpu="2", taints=(), **labels):
    return {
        "metadata": {"name": name, "labels": {ZONE: zone, **labels}},
        "spec": {"taints": list(taints)},
        "status": {
            "allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "3"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(name="p", on="", app="web", requests=None, **spec):
    containers = [{"name": "m", "resources": {"requests": requests or {}}}]
    return {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
        "spec": {"containers": containers, "nodeName": on} | spec,
    }


def look(one, nodes, placed=()):
    used = {}
    for other in placed:
        used.setdefault(other["spec"]["nodeName"], Counter()).update(requests_of(other))
    shy = [p for p in placed if "affinity" in p["spec"]]
    return Placement(one, nodes, list(placed), shy, used)


def refusals(one, nodes, placed=()):
    seen = look(one, nodes, placed)
    return {n["metadata"]["name"]: seen.refusals(n) for n in nodes}


def test_requests_of_init_containers_and_sidecars():
    one = pod(requests={"cpu": "1"})
    one["spec"]["initContainers"] = [
        {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}},
        {"name": "first", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}},
    ]
    assert requests_of(one) == {"pods": 1, "cpu": 2.5, "memory": 1024**3}


def test_every_lacking_resource_is_named():
    full = pod("full", on="n", requests={"cpu": "1500m", "memory": "3Gi"})
    assert refusals(pod(requests={"cpu": "1", "memory": "2Gi"}), [node("n")], [full]) == {
        "n": ["Insufficient cpu", "Insufficient memory"]
    }
    assert refusals(pod(), [node("n")], [pod(str(i), on="n") for i in range(3)]) == {"n": ["Too many pods"]}


def test_taints_keep_pods_away_that_do_not_tolerate_them():
    gpu = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    nodes = [node("n", taints=[gpu])]
    assert refusals(pod(), nodes)["n"] == ["node(s) had untolerated taint {nvidia.com/gpu: present}"]
    for toleration in (
        {"key": "nvidia.com/gpu", "operator": "Exists"},
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
        {"operator": "Exists"},
    ):
        assert refusals(pod(tolerations=[toleration]), nodes)["n"] == []
    wrong = {"key": "nvidia.com/gpu", "value": "other", "effect": "NoSchedule"}
    assert refusals(pod(tolerations=[wrong]), nodes)["n"]


def test_a_cordoned_node_and_one_that_is_not_ready_take_nothing():
    cordoned, silent = node("cordoned"), node("silent")
    cordoned["spec"]["unschedulable"] = True
    silent["status"]["conditions"][0]["status"] = "Unknown"
    assert refusals(pod(), [cordoned, silent]) == {
        "cordoned": ["node(s) were unschedulable"],
        "silent": ["node(s) were not ready"],
    }


@pytest.mark.parametrize(
    ("spec", "good"),
    [
        ({"nodeSelector": {"tier": "gpu"}}, {"b"}),
        ({"nodeSelector": {"tier": "none"}}, set()),
        (
            {
                "affinity": {
                    "nodeAffinity": {
                        REQUIRED: {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["a"]}]},
                                {
                                    "matchFields": [
                                        {"key": "metadata.name", "operator": "In", "values": ["b"]}
                                    ]
                                },
                            ]
                        }
                    }
                }
            },
            {"a", "b"},
        ),
    ],
)
def test_node_selectors_and_affinity(spec, good):
    nodes = [node("a", "a"), node("b", "b", tier="gpu"), node("c", "c")]
    found = refusals(pod(**spec), nodes)
    assert {n for n, why in found.items() if not why} == good
    bad = {r for why in found.values() for r in why}
    assert bad == {"node(s) didn't match Pod's node affinity/selector"}


def spread(when="DoNotSchedule", skew=1, **more):
    selector = {"matchLabels": {"app": "web"}}
    one = {"maxSkew": skew, "topologyKey": ZONE, "whenUnsatisfiable": when, "labelSelector": selector}
    return {"topologySpreadConstraints": [one | more]}


def test_topology_spread_keeps_zones_even():
    nodes = [node("a", "a"), node("b", "b")]
    placed = [pod("1", on="a")]
    assert refusals(pod(**spread()), nodes, placed) == {
        "a": ["node(s) didn't match pod topology spread constraints"],
        "b": [],
    }
    assert refusals(pod(**spread(skew=2)), nodes, placed)["a"] == []
    # Pods of other names do not count, nor zones that the Pod may not go to.
    assert refusals(pod(**spread()), nodes, [pod("1", on="a", app="other")])["a"] == []
    assert refusals(pod(nodeSelector={ZONE: "a"}, **spread()), nodes, placed)["a"] == []
    assert refusals(pod(**spread(minDomains=3)), nodes, [pod("1", on="a"), pod("2", on="b")])["b"]
    bare = node("bare")
    del bare["metadata"]["labels"][ZONE]
    assert "missing required label" in refusals(pod(**spread()), [bare])["bare"][0]
    soft = look(pod(**spread("ScheduleAnyway")), nodes, placed)
    assert soft.refusals(nodes[0]) == []
    assert soft.score(nodes[1]) > soft.score(nodes[0])


def term(app, key=ZONE):
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}


def test_affinity_and_anti_affinity_between_pods():
    nodes = [node("a", "a"), node("b", "b")]
    placed = [pod("cache", on="b", app="cache")]
    near = {"affinity": {"podAffinity": {REQUIRED: [term("cache")]}}}
    assert refusals(pod(**near), nodes, placed) == {"a": ["node(s) didn't match pod affinity rules"], "b": []}
    far = {"affinity": {"podAntiAffinity": {REQUIRED: [term("cache")]}}}
    assert refusals(pod(**far), nodes, placed) == {
        "a": [],
        "b": ["node(s) didn't match pod anti-affinity rules"],
    }
    # A group that wants to be together may begin anywhere; one that waits for another may not.
    assert refusals(pod(affinity={"podAffinity": {REQUIRED: [term("web")]}}), nodes)["a"] == []
    assert refusals(pod(**near), nodes)["a"]
    # Whoever is there already may shun newcomers.
    alone = pod("alone", on="a", app="alone", affinity={"podAntiAffinity": {REQUIRED: [term("web")]}})
    assert refusals(pod(), nodes, [alone]) == {
        "a": ["node(s) didn't satisfy existing pods anti-affinity rules"],
        "b": [],
    }


def test_preferences_decide_among_nodes_that_fit():
    spot = {"key": "spot", "effect": "PreferNoSchedule"}
    nodes = [node("a", "a"), node("b", "b", tier="fast"), node("c", "c", taints=[spot])]
    fast = {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}
    liking = {"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 10, "preference": fast}]}}}

    def order(one, placed=()):
        seen = look(one, nodes, placed)
        return [n["metadata"]["name"] for n in sorted(nodes, key=seen.score, reverse=True)]

    assert order(pod(**liking))[0] == "b"
    assert order(pod())[-1] == "c"
    assert order(pod(), [pod("1", on="a", app="x")])[0] == "b"
    shy = [{"weight": 5, "podAffinityTerm": term("x")}]
    assert order(pod(affinity={"podAntiAffinity": {PREFERRED: shy}}), [pod("1", on="b", app="x")])[0] == "a"


def test_pods_of_one_owner_spread_over_nodes():
    owned = {"ownerReferences": [{"uid": "1", "controller": True}]}
    nodes = [node("a"), node("b")]
    placed = [pod("first", on="a"), pod("x", on="b", app="x", requests={"cpu": "1"})]
    placed[0]["metadata"] |= owned
    one = pod()
    assert look(one, nodes, placed).score(nodes[0]) > look(one, nodes, placed).score(nodes[1])
    one["metadata"] |= owned
    assert look(one, nodes, placed).score(nodes[0]) < look(one, nodes, placed).score(nodes[1])


def test_pods_wait_with_the_reason_and_go_when_there_is_room(tmp_path):
    async def check():
        async with running(tmp_path, "--node-group", "more=1:e2-standard-2") as requests:
            store = requests.cluster.store
            labels = {"app": "web"}
            container = {"name": "m", "image": "nginx:1", "resources": {"requests": {"cpu": "1500m"}}}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
            spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
            path = f"{APPS}/namespaces/default/deployments"
            await requests.call("POST", path, {"metadata": {"name": "web"}, "spec": spec})

            def waiting():
                return [p for p in store.list("pods", "default") if not p["spec"].get("nodeName")]

            def reason():
                failed = [e["message"] for e in store.list("events") if e["reason"] == "FailedScheduling"]
                return len(waiting()) == 1 and failed

            assert await requests.until(reason) == [
                "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: "
                "2 No preemption victims found for incoming pod."
            ]
            condition = next(c for c in waiting()[0]["status"]["conditions"] if c["type"] == "PodScheduled")
            assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
            busy = {p["spec"]["nodeName"] for p in store.list("pods", "default") if p["spec"].get("nodeName")}
            assert len(busy) == 2
            # One of the others goes: the one that waits takes its place.
            patch = {"content_type": "application/merge-patch+json"}
            await requests.call("PATCH", f"{path}/web", {"spec": {"replicas": 2}}, **patch)
            await requests.until(lambda: not waiting() and len(store.list("pods", "default")) == 2)
            gone = store.list("pods", "default")[0]["metadata"]["name"]
            await requests.call("DELETE", f"{CORE}/namespaces/default/pods/{gone}")
            await requests.until(
                lambda: len([p for p in store.list("pods", "default") if p["spec"].get("nodeName")]) == 2
            )

    asyncio.run(check())
