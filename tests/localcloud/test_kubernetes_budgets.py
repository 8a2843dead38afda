"""Disruption budgets: what they count, and what an eviction costs them."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import APPS, CORE, running

LABELS = {"app": "web"}
DEPLOYMENTS = f"{APPS}/namespaces/default/deployments"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


async def furnish(requests, replicas, image="nginx:1", **budget):
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "m", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    await requests.call("POST", DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})
    selector = {"selector": {"matchLabels": LABELS}}
    await requests.call("POST", BUDGETS, {"metadata": {"name": "web"}, "spec": selector | budget})


def status(requests):
    found = requests.cluster.store.get("poddisruptionbudgets.policy", "default", "web").get("status", {})
    return tuple(
        found.get(k) for k in ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    )


def pods(requests):
    return [p["metadata"]["name"] for p in requests.cluster.store.list("pods", "default")]


async def evict(requests, name):
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return await requests.call("POST", f"{CORE}/namespaces/default/pods/{name}/eviction", body)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"minAvailable": 3}, (4, 4, 3, 1)),
        ({"minAvailable": "30%"}, (4, 4, 2, 2)),
        ({"maxUnavailable": 1}, (4, 4, 3, 1)),
        ({"maxUnavailable": "50%"}, (4, 4, 2, 2)),
        ({"minAvailable": 5}, (4, 4, 5, 0)),
    ],
)
def test_a_budget_counts_what_is_healthy(tmp_path, budget, expected):
    async def check():
        async with running(tmp_path) as requests:
            await furnish(requests, 4, **budget)
            await requests.until(lambda: pods(requests) and status(requests)[1] == 4)
            assert status(requests) == expected

    asyncio.run(check())


def test_evictions_in_a_row_do_not_exceed_the_budget(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await furnish(requests, 3, maxUnavailable=1)
            await requests.until(lambda: status(requests) == (3, 3, 2, 1))
            first, second, _ = pods(requests)
            assert (await evict(requests, first))["status"] == "Success"
            with pytest.raises(ApiError) as refused:
                await evict(requests, second)
            assert (refused.value.code, refused.value.reason) == (429, "TooManyRequests")
            cause = refused.value.details["causes"][0]
            assert cause["reason"] == "DisruptionBudget"
            assert "disruption budget web needs 2 healthy pods" in cause["message"]
            # Its successor is ready: the next one may go.
            await requests.until(lambda: first not in pods(requests) and status(requests) == (3, 3, 2, 1))
            assert await evict(requests, second)

    asyncio.run(check())


def test_pods_that_are_missing_count_as_unavailable(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await furnish(requests, 3, maxUnavailable=1)
            await requests.until(lambda: status(requests) == (3, 3, 2, 1))
            await requests.call("POST", "/_rehearsal/faults", {"fault": "image", "name": "nginx:*"})
            gone = pods(requests)[0]
            await requests.call("DELETE", f"{CORE}/namespaces/default/pods/{gone}")
            await requests.until(lambda: status(requests) == (3, 2, 2, 0) and len(pods(requests)) == 3)

    asyncio.run(check())


@pytest.mark.parametrize(("policy", "goes"), [("IfHealthyBudget", False), ("AlwaysAllow", True)])
def test_pods_that_are_not_ready_go_by_the_budget_s_policy(tmp_path, policy, goes):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", "/_rehearsal/faults", {"fault": "crash", "name": "web-*"})
            await furnish(requests, 2, minAvailable=1, unhealthyPodEvictionPolicy=policy)

            def phases():
                return [p["status"].get("phase") for p in requests.cluster.store.list("pods", "default")]

            await requests.until(lambda: phases() == ["Running", "Running"])
            if goes:
                assert await evict(requests, pods(requests)[0])
            else:
                with pytest.raises(ApiError) as refused:
                    await evict(requests, pods(requests)[0])
                assert refused.value.code == 429

    asyncio.run(check())


def test_a_pod_of_two_budgets_cannot_be_evicted(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await furnish(requests, 1, minAvailable=0)
            body = {"metadata": {"name": "second"}, "spec": {"selector": {"matchLabels": LABELS}}}
            await requests.call("POST", BUDGETS, body)
            (name,) = await requests.until(lambda: pods(requests))
            with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
                await evict(requests, name)

    asyncio.run(check())
