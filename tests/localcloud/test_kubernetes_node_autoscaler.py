"""Node groups with bounds: they grow for Pods that find no room, and lose idle nodes."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import APPS, CORE, running

GROUP = "/_rehearsal/nodegroups/extra"
DEPLOYMENTS = f"{APPS}/namespaces/default/deployments"
MERGE = {"content_type": "application/merge-patch+json"}
QUICK = ("--node-unneeded-seconds", "0.5")


def deployment(replicas, cpu="1500m", **pod):
    labels = {"app": "web"}
    container = {"name": "m", "image": "nginx:1", "resources": {"requests": {"cpu": cpu}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]} | pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


def group(least=0, most=3, **more):
    return {"count": least, "min": least, "max": most, "machine_type": "e2-standard-2"} | more


def nodes(requests):
    return len(requests.cluster.store.list("nodes"))


def placed(requests):
    return sum(bool(p["spec"].get("nodeName")) for p in requests.cluster.store.list("pods", "default"))


def events(requests, reason):
    return [e["message"] for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_a_group_grows_by_what_is_needed_and_no_further_than_its_bound(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("PUT", GROUP, group(most=2))
            await requests.call("POST", DEPLOYMENTS, deployment(3))
            await requests.until(lambda: placed(requests) == 3)
            assert nodes(requests) == 3
            assert any("[{extra 0->" in text for text in events(requests, "TriggeredScaleUp"))
            assert (await requests.call("GET", GROUP))["count"] == 2
            await requests.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 4}}, **MERGE)
            expected = "pod didn't trigger scale-up: 1 max node group size reached"
            await requests.until(lambda: expected in events(requests, "NotTriggerScaleUp"))
            assert (nodes(requests), placed(requests)) == (3, 3)

    asyncio.run(check())


def test_only_a_group_that_the_pods_fit_grows(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("PUT", GROUP, group())
            taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
            labels = {"tier": "gpu"}
            await requests.call("PUT", "/_rehearsal/nodegroups/gpu", group(labels=labels, taints=[taint]))
            tolerations = [{"key": "gpu", "operator": "Exists"}]
            await requests.call(
                "POST", DEPLOYMENTS, deployment(1, nodeSelector=labels, tolerations=tolerations)
            )
            await requests.until(lambda: placed(requests) == 1)
            assert (await requests.call("GET", "/_rehearsal/nodegroups/gpu"))["count"] == 1
            assert (await requests.call("GET", GROUP))["count"] == 0
            await requests.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 0}}, **MERGE)
            big = deployment(1, cpu="9")
            big["metadata"]["name"] = "big"
            await requests.call("POST", DEPLOYMENTS, big)
            await requests.until(lambda: "no node group" in "".join(events(requests, "NotTriggerScaleUp")))
            assert (await requests.call("GET", GROUP))["count"] == 0

    asyncio.run(check())


def test_idle_nodes_go_down_to_the_lower_bound_once_their_pods_fit_elsewhere(tmp_path):
    async def check():
        async with running(tmp_path, *QUICK) as requests:
            await requests.call("PUT", GROUP, group(least=1))
            await requests.call("POST", DEPLOYMENTS, deployment(4))
            await requests.until(lambda: placed(requests) == 4)
            assert nodes(requests) == 4
            await requests.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 1}}, **MERGE)
            await requests.until(lambda: nodes(requests) == 2)
            await requests.until(lambda: placed(requests) == 1)
            assert (await requests.call("GET", GROUP))["count"] == 1
            assert len(events(requests, "ScaleDown")) == 2

    asyncio.run(check())


#: Pods that rather run in the group, and fit elsewhere too.
LIKING = {
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "preference": {
                        "matchExpressions": [
                            {"key": "cloud.google.com/gke-nodepool", "operator": "In", "values": ["extra"]}
                        ]
                    },
                }
            ]
        }
    }
}


def test_a_node_stays_while_a_budget_holds_its_pods(tmp_path):
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"

    async def check():
        async with running(tmp_path, *QUICK) as requests:
            selector = {"matchLabels": {"app": "web"}}
            body = {"metadata": {"name": "web"}, "spec": {"selector": selector, "minAvailable": 1}}
            await requests.call("POST", budgets, body)
            await requests.call("PUT", GROUP, group(count=1))
            await requests.call("POST", DEPLOYMENTS, deployment(1, cpu="100m", **LIKING))
            await requests.until(lambda: events(requests, "ScaleDownFailed"))
            (node,) = [n for n in requests.cluster.store.list("nodes") if "-extra-" in n["metadata"]["name"]]
            assert "taints" not in node["spec"]
            await requests.call("DELETE", f"{budgets}/web")
            await requests.until(lambda: nodes(requests) == 1)
            await requests.until(lambda: placed(requests) == 1)

    asyncio.run(check())


def test_a_node_stays_while_a_pod_says_so(tmp_path):
    async def check():
        async with running(tmp_path, *QUICK) as requests:
            held = deployment(1, cpu="100m", **LIKING)
            safe = "cluster-autoscaler.kubernetes.io/safe-to-evict"
            held["spec"]["template"]["metadata"]["annotations"] = {safe: "false"}
            await requests.call("PUT", GROUP, group(count=2))
            await requests.call("POST", DEPLOYMENTS, held)
            # The idle one of both goes; the other had been unneeded for as long.
            await requests.until(lambda: nodes(requests) == 2)
            (pod,) = (await requests.call("GET", f"{CORE}/namespaces/default/pods"))["items"]
            path = f"{CORE}/namespaces/default/pods/{pod['metadata']['name']}"
            assert requests.cluster.store.get("nodes", "", pod["spec"]["nodeName"])
            await requests.call("PATCH", path, {"metadata": {"annotations": {safe: "true"}}}, **MERGE)
            await requests.until(lambda: nodes(requests) == 1)

    asyncio.run(check())


@pytest.mark.parametrize("wrong", [{"min": 3, "max": 1}, {"min": -1}, {"max": "many"}, {"min": 1}])
def test_bounds_are_checked(tmp_path, wrong):
    async def check():
        async with running(tmp_path) as requests:
            with pytest.raises(ApiError) as refused:
                await requests.call("PUT", GROUP, {"count": 1, "machine_type": "e2-standard-2"} | wrong)
            assert refused.value.code == 400

    asyncio.run(check())
