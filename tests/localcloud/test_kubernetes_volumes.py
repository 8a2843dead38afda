"""Claims and volumes: binding, provisioning, protection, expansion, reclaiming; Pods wait for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from localcloud.kubernetes.controllers.volumes import DIRECTORY, SELECTED_NODE
from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import APPS, CORE, running

SPACE = f"{CORE}/namespaces/default"
CLAIMS, PODS, VOLUMES = f"{SPACE}/persistentvolumeclaims", f"{SPACE}/pods", f"{CORE}/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
MERGE = {"content_type": "application/merge-patch+json"}


def claim(name="data", size="1Gi", **spec):
    resources = {"requests": {"storage": size}}
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources} | spec,
    }


def pod(name="web", *claims):
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    containers = [{"name": "m", "image": "nginx:1"}]
    return {"metadata": {"name": name}, "spec": {"containers": containers, "volumes": volumes}}


def volume(name, size="1Gi", **spec):
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "hand"}
    return {"metadata": {"name": name}, "spec": body | {"hostPath": {"path": "/x"}} | spec}


async def immediate(requests, name="fast", **more):
    body = {"metadata": {"name": name}, "provisioner": "pd.csi.storage.gke.io"} | more
    await requests.call("POST", CLASSES, body)


def stored(requests, resource, name):
    namespace = "" if resource == "persistentvolumes" else "default"
    return requests.cluster.store.get(resource, namespace, name)


def phase(requests, name="data"):
    return (stored(requests, "persistentvolumeclaims", name) or {"status": {}})["status"].get("phase")


def volumes(requests):
    return requests.cluster.store.list("persistentvolumes")


def events(requests, reason):
    return [e["message"] for e in requests.cluster.store.list("events") if e["reason"] == reason]


def running_pod(requests, name="web"):
    return stored(requests, "pods", name)["status"]["phase"] == "Running"


def test_a_claim_waits_for_its_first_consumer_and_goes_where_that_goes(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            made = await requests.call("POST", CLAIMS, claim())
            assert made["spec"]["storageClassName"] == "standard-rwo"
            assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
            await requests.until(lambda: events(requests, "WaitForFirstConsumer"))
            assert events(requests, "WaitForFirstConsumer") == [
                "waiting for first consumer to be created before binding"
            ]
            await requests.call("POST", PODS, pod("web", "data"))
            await requests.until(lambda: running_pod(requests))
            (made,) = volumes(requests)
            (node,) = requests.cluster.store.list("nodes")
            bound = stored(requests, "persistentvolumeclaims", "data")
            assert bound["metadata"]["annotations"][SELECTED_NODE] == node["metadata"]["name"]
            assert bound["status"]["capacity"] == {"storage": "1Gi"}
            zone = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
            assert zone["values"] == [node["metadata"]["labels"]["topology.kubernetes.io/zone"]]
            assert made["spec"]["claimRef"]["uid"] == bound["metadata"]["uid"]
            directory = Path(made["metadata"]["annotations"][DIRECTORY])
            (directory / "kept").write_text("x")
        async with running(tmp_path) as requests:
            assert phase(requests) == "Bound"
            assert (directory / "kept").read_text() == "x"
            # In use, it stays until the Pod has gone; then the volume goes as well, with what is on it.
            await requests.call("DELETE", f"{CLAIMS}/data")
            await requests.call("POST", CLAIMS, claim("later", storageClassName=""))
            await requests.until(lambda: events(requests, "FailedBinding"))
            assert stored(requests, "persistentvolumeclaims", "data")["metadata"]["deletionTimestamp"]
            await requests.call("DELETE", f"{PODS}/web")
            await requests.until(lambda: not phase(requests) and not volumes(requests))
            assert not directory.exists()

    asyncio.run(check())


def test_pods_wait_with_the_reason_for_claims(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", PODS, pod("web", "data"))
            none = "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
            missing = f'0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: {none}'
            await requests.until(lambda: events(requests, "FailedScheduling") == [missing])
            await requests.call("POST", CLAIMS, claim(storageClassName="absent"))
            await requests.until(lambda: len(events(requests, "FailedScheduling")) == 2)
            text = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
            assert f"{text} preemption: {none}" in events(requests, "FailedScheduling")
            assert events(requests, "ProvisioningFailed") == [
                'storageclass.storage.k8s.io "absent" not found'
            ]
            await immediate(requests, "absent")
            await requests.until(lambda: running_pod(requests))
            assert events(requests, "ProvisioningSucceeded")

    asyncio.run(check())


def test_a_volume_in_another_zone_keeps_the_pod_away(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            term = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["elsewhere"]}
            affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}
            await requests.call("POST", VOLUMES, volume("far", nodeAffinity=affinity))
            await requests.call("POST", CLAIMS, claim(storageClassName="hand"))
            await requests.until(lambda: phase(requests) == "Bound")
            await requests.call("POST", PODS, pod("web", "data"))
            expected = "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity."
            await requests.until(
                lambda: any(e.startswith(expected) for e in events(requests, "FailedScheduling"))
            )

    asyncio.run(check())


def test_the_smallest_volume_that_fits_is_bound_and_kept_when_its_claim_goes(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            for name, size in (("small", "1Gi"), ("large", "20Gi"), ("right", "10Gi")):
                await requests.call("POST", VOLUMES, volume(name, size))
            await requests.until(lambda: all(v["status"]["phase"] == "Available" for v in volumes(requests)))
            await requests.call("POST", CLAIMS, claim(size="5Gi", storageClassName="hand"))
            await requests.until(lambda: phase(requests) == "Bound")
            assert stored(requests, "persistentvolumeclaims", "data")["spec"]["volumeName"] == "right"
            await requests.call("DELETE", f"{CLAIMS}/data")
            await requests.until(
                lambda: stored(requests, "persistentvolumes", "right")["status"]["phase"] == "Released"
            )
            # What was released is not given to others.
            await requests.call("POST", CLAIMS, claim("other", size="5Gi", storageClassName="hand"))
            await requests.until(lambda: phase(requests, "other") == "Bound")
            assert stored(requests, "persistentvolumeclaims", "other")["spec"]["volumeName"] == "large"
            # A bound volume outlives its deletion until its claim has gone.
            await requests.call("DELETE", f"{VOLUMES}/large")
            assert stored(requests, "persistentvolumes", "large")["metadata"]["deletionTimestamp"]
            await requests.call("DELETE", f"{CLAIMS}/other")
            await requests.until(lambda: stored(requests, "persistentvolumes", "large") is None)
            await requests.call("POST", CLAIMS, claim("plain", storageClassName=""))
            await requests.until(lambda: events(requests, "FailedBinding"))

    asyncio.run(check())


def test_a_lost_volume_is_said(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await immediate(requests)
            await requests.call("POST", CLAIMS, claim(storageClassName="fast"))
            await requests.until(lambda: phase(requests) == "Bound")
            (made,) = volumes(requests)
            requests.cluster.store.remove("persistentvolumes", "", made["metadata"]["name"])
            await requests.until(lambda: phase(requests) == "Lost")
            assert events(requests, "ClaimLost")

    asyncio.run(check())


async def grow(requests, size, name="data"):
    body = {"spec": {"resources": {"requests": {"storage": size}}}}
    return await requests.call("PATCH", f"{CLAIMS}/{name}", body, **MERGE)


def test_a_claim_grows_where_its_class_allows_it_and_never_shrinks(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await immediate(requests, allowVolumeExpansion=True)
            await immediate(requests, "fixed")
            await requests.call("POST", CLAIMS, claim(storageClassName="fast"))
            await requests.call("POST", CLAIMS, claim("other", storageClassName="fixed"))
            await requests.until(lambda: phase(requests) == phase(requests, "other") == "Bound")
            await grow(requests, "3Gi")
            await requests.until(lambda: events(requests, "FileSystemResizeRequired"))
            status = stored(requests, "persistentvolumeclaims", "data")["status"]
            assert (status["capacity"]["storage"], status["conditions"][0]["type"]) == (
                "1Gi",
                "FileSystemResizePending",
            )
            await requests.call("POST", PODS, pod("web", "data"))
            await requests.until(
                lambda: (
                    stored(requests, "persistentvolumeclaims", "data")["status"]["capacity"]["storage"]
                    == "3Gi"
                )
            )
            assert "conditions" not in stored(requests, "persistentvolumeclaims", "data")["status"]
            for change, code, text in (
                (lambda: grow(requests, "2Gi"), 422, "field can not be less than status.capacity"),
                (
                    lambda: grow(requests, "2Gi", "other"),
                    403,
                    "only dynamically provisioned pvc can be resized",
                ),
                (
                    lambda: requests.call(
                        "PATCH", f"{CLAIMS}/data", {"spec": {"volumeMode": "Block"}}, **MERGE
                    ),
                    422,
                    "spec is immutable after creation",
                ),
            ):
                with pytest.raises(ApiError) as refused:
                    await change()
                assert (refused.value.code, text in refused.value.message) == (code, True)

    asyncio.run(check())


@pytest.mark.parametrize("when", ["whenScaled", "whenDeleted"])
def test_a_sets_claims_go_as_its_retention_policy_says(tmp_path, when):
    async def check():
        async with running(tmp_path) as requests:
            labels = {"app": "db"}
            template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
            spec = {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": template,
                "serviceName": "db",
            }
            spec |= {
                "volumeClaimTemplates": [claim()],
                "persistentVolumeClaimRetentionPolicy": {when: "Delete"},
            }
            path = f"{APPS}/namespaces/default/statefulsets"
            await requests.call("POST", path, {"metadata": {"name": "db"}, "spec": spec})
            await requests.until(
                lambda: (
                    (stored(requests, "statefulsets.apps", "db").get("status") or {}).get("readyReplicas")
                    == 2
                )
            )
            assert phase(requests, "data-db-1") == "Bound"
            await requests.call("PATCH", f"{path}/db", {"spec": {"replicas": 1}}, **MERGE)
            await requests.until(lambda: stored(requests, "pods", "db-1") is None)
            if when == "whenScaled":
                await requests.until(lambda: phase(requests, "data-db-1") is None)
            await requests.call("DELETE", f"{path}/db")
            await requests.until(lambda: stored(requests, "pods", "db-0") is None)
            if when == "whenDeleted":
                await requests.until(lambda: phase(requests, "data-db-0") is None)
                await requests.until(lambda: phase(requests, "data-db-1") is None)
            else:
                assert phase(requests, "data-db-0") == "Bound"

    asyncio.run(check())
