"""StatefulSets: order, claims, partitions and revisions; DaemonSets: one Pod a node, rolled node by node."""

from __future__ import annotations

import asyncio

from tests.localcloud.kubernetes_requests import APPS, CORE, running

LABELS = {"app": "db"}
SETS = f"{APPS}/namespaces/default/statefulsets"
DAEMONS = f"{APPS}/namespaces/default/daemonsets"
MERGE = {"content_type": "application/merge-patch+json"}


def body(image="pg:1", **spec):
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "m", "image": image}]}}
    return {
        "metadata": {"name": "db"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": template} | spec,
    }


def image(text):
    return {"spec": {"template": {"spec": {"containers": [{"name": "m", "image": text}]}}}}


def pods(requests):
    return requests.cluster.store.list("pods", "default")


def images(requests):
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in pods(requests)}


def stored(requests, resource="statefulsets.apps"):
    return requests.cluster.store.get(resource, "default", "db")


def status(requests, *names):
    found = stored(requests).get("status", {})
    return tuple(found.get(n) for n in names)


def log(requests):
    """Every Pod that comes, gets ready and goes, in order."""
    seen = []

    def listen(change):
        if change.resource == "pods":
            name = change.new["metadata"]["name"]
            conditions = change.new["status"].get("conditions", ())
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            event = ("gone" if change.deleted else "ready" if ready else "made", name)
            if event not in seen:
                seen.append(event)

    requests.cluster.store.listen(listen)
    return seen


def test_pods_come_in_order_and_go_from_the_highest_down(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            seen = log(requests)
            await requests.call("POST", SETS, body(replicas=3, serviceName="db"))
            await requests.until(lambda: status(requests, "readyReplicas") == (3,))
            assert seen == [(e, f"db-{i}") for i in range(3) for e in ("made", "ready")]
            pod = pods(requests)[1]
            assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
            assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
            await requests.call("PATCH", f"{SETS}/db", {"spec": {"replicas": 1}}, **MERGE)
            await requests.until(lambda: len(pods(requests)) == 1)
            assert seen[-2:] == [("gone", "db-2"), ("gone", "db-1")]

    asyncio.run(check())


def test_a_pod_that_does_not_get_ready_holds_up_the_next_one(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", "/_rehearsal/faults", {"fault": "crash", "name": "db-1"})
            await requests.call("POST", SETS, body(replicas=3))
            await requests.until(
                lambda: [p["status"].get("phase") for p in pods(requests)] == ["Running", "Running"]
            )
            parallel = body(
                replicas=3, podManagementPolicy="Parallel", selector={"matchLabels": {"app": "x"}}
            )
            parallel["metadata"]["name"] = "x"
            parallel["spec"]["template"]["metadata"]["labels"] = {"app": "x"}
            await requests.call("POST", SETS, parallel)
            await requests.until(lambda: len(pods(requests)) == 5)
            await requests.call("DELETE", "/_rehearsal/faults")
            await requests.until(lambda: len(pods(requests)) == 6)

    asyncio.run(check())


def test_an_update_goes_from_the_highest_down_to_the_partition_and_can_be_undone(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", SETS, body(replicas=3))
            await requests.until(lambda: status(requests, "readyReplicas") == (3,))
            first = status(requests, "currentRevision")[0]
            held = image("pg:2")
            held["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
            seen = log(requests)
            await requests.call("PATCH", f"{SETS}/db", held, **MERGE)
            await requests.until(lambda: status(requests, "updatedReplicas", "readyReplicas") == (1, 3))
            assert images(requests) == {"db-0": "pg:1", "db-1": "pg:1", "db-2": "pg:2"}
            assert status(requests, "currentRevision") == (first,)
            # Below the partition a lost Pod comes back as it was.
            await requests.call("DELETE", f"{CORE}/namespaces/default/pods/db-0")
            await requests.until(
                lambda: ("gone", "db-0") in seen and status(requests, "readyReplicas") == (3,)
            )
            assert images(requests)["db-0"] == "pg:1"
            held["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 0
            await requests.call("PATCH", f"{SETS}/db", held, **MERGE)
            await requests.until(lambda: status(requests, "updatedReplicas", "readyReplicas") == (3, 3))
            current, update = status(requests, "currentRevision", "updateRevision")
            assert current == update != first
            revisions = (await requests.call("GET", f"{APPS}/namespaces/default/controllerrevisions"))[
                "items"
            ]
            assert [r["revision"] for r in sorted(revisions, key=lambda r: r["revision"])] == [1, 2]
            # Undo, as kubectl does it: the old revision's data is a patch.
            old = next(r for r in revisions if r["metadata"]["name"] == first)
            strategic = {"content_type": "application/strategic-merge-patch+json"}
            await requests.call("PATCH", f"{SETS}/db", old["data"], **strategic)
            await requests.until(
                lambda: set(images(requests).values()) == {"pg:1"} and len(pods(requests)) == 3
            )
            await requests.until(lambda: status(requests, "currentRevision", "readyReplicas") == (first, 3))
            assert requests.cluster.store.get("controllerrevisions.apps", "default", first)["revision"] == 3

    asyncio.run(check())


def test_claims_stay_when_their_pods_go(tmp_path):
    claim = {"metadata": {"name": "data"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", SETS, body(replicas=2, volumeClaimTemplates=[claim]))
            await requests.until(lambda: status(requests, "readyReplicas") == (2,))
            volume = pods(requests)[1]["spec"]["volumes"][0]
            assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
            await requests.call("PATCH", f"{SETS}/db", {"spec": {"replicas": 0}}, **MERGE)
            await requests.until(lambda: not pods(requests))
            claims = requests.cluster.store.list("persistentvolumeclaims", "default")
            assert [c["metadata"]["name"] for c in claims] == ["data-db-0", "data-db-1"]

    asyncio.run(check())


def test_a_daemon_set_has_one_pod_a_node_and_follows_nodes_and_templates(tmp_path):
    async def check():
        async with running(tmp_path, "--node-group", "more=2:e2-standard-2") as requests:
            await requests.call("POST", DAEMONS, body())

            def ready():
                return stored(requests, "daemonsets.apps").get("status", {}).get("numberReady")

            await requests.until(lambda: ready() == 3)
            assert len({p["spec"]["nodeName"] for p in pods(requests)}) == 3
            await requests.call("PUT", "/_rehearsal/nodegroups/more", {"count": 3})
            await requests.until(lambda: ready() == 4)
            await requests.call("PATCH", f"{DAEMONS}/db", image("pg:2"), **MERGE)
            await requests.until(lambda: set(images(requests).values()) == {"pg:2"} and ready() == 4)
            revisions = requests.cluster.store.list("controllerrevisions.apps", "default")
            assert sorted(r["revision"] for r in revisions) == [1, 2]
            await requests.call("PUT", "/_rehearsal/nodegroups/more", {"count": 0})
            await requests.until(lambda: len(pods(requests)) == 1)

    asyncio.run(check())
