"""Autoscalers of DreamNet's manifests on real queues and requests: Pub/Sub, SQS, the backend's counter."""

from __future__ import annotations

import asyncio
import base64
import threading
import urllib.error
import urllib.request
from pathlib import Path

import httpx
import pytest
import yaml

from localcloud.kubernetes.adapters.api import milli
from localcloud.state import State
from tests.localcloud import google_server
from tests.localcloud.kubernetes_requests import APPS, CORE, running
from tests.rehearsal.aws_server import REGION, local_aws

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(120)]

COMPONENTS = Path("infrastructure/kubernetes/components")
FAST = ("--hpa-sync-seconds", "0.3")
HPAS = "/apis/autoscaling/v2/namespaces/dreamnet/horizontalpodautoscalers"
PATH = f"projects/{google_server.PROJECT}"


def component(name):
    return yaml.safe_load((COMPONENTS / name).read_text())


async def deploy(requests, name, scaler, image="dreamnet-worker:1", window=1, **container):
    """The Deployment and its autoscaler, with short windows: minutes are not rehearsed."""
    await requests.call("POST", f"{CORE}/namespaces", {"metadata": {"name": "dreamnet"}})
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": image} | container]},
    }
    spec = {"selector": {"matchLabels": labels}, "template": template}
    path = f"{APPS}/namespaces/dreamnet/deployments"
    await requests.call("POST", path, {"metadata": {"name": name}, "spec": spec})
    scaler["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": window}}
    await requests.call("POST", HPAS, scaler)


def ready(requests, name):
    found = requests.cluster.store.get("deployments.apps", "dreamnet", name)
    return (found.get("status") or {}).get("readyReplicas", 0)


def events(requests, reason):
    return [e["message"] for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_messages_in_pub_sub_scale_the_worker_and_an_emptied_subscription_gives_it_back(tmp_path):
    state = State(tmp_path)
    with google_server.running(tmp_path / "google", state=state) as google:
        state.update_endpoints({"google": {"monitoring": f"{google.root}/monitoring"}})
        token = state.credentials().google_access_token
        client = httpx.Client(base_url=google.root, headers={"Authorization": f"Bearer {token}"})
        client.put(f"/pubsub/v1/{PATH}/topics/dream-events", json={}).raise_for_status()
        subscription = f"/pubsub/v1/{PATH}/subscriptions/dream-events-workers"
        client.put(subscription, json={"topic": f"{PATH}/topics/dream-events"}).raise_for_status()
        data = {"data": base64.b64encode(b"{}").decode()}

        async def check():
            async with running(tmp_path, *FAST) as requests:
                await deploy(requests, "dreamnet-worker", component("custom-metrics-gke/worker.yaml"))
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 1, 20)
                topic = f"/pubsub/v1/{PATH}/topics/dream-events:publish"
                client.post(topic, json={"messages": [data] * 100}).raise_for_status()
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 4, 20)
                metric = "pubsub.googleapis.com|subscription|num_undelivered_messages"
                path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/dreamnet/{metric}"
                selector = "?labelSelector=resource.labels.subscription_id%3Ddream-events-workers"
                (item,) = (await requests.call("GET", path + selector))["items"]
                assert (item["value"], item["metricLabels"]["resource.type"]) == (
                    "100",
                    "pubsub_subscription",
                )
                pulled = client.post(f"{subscription}:pull", json={"maxMessages": 100}).json()
                # On loan is not done: they count until they are acknowledged.
                (item,) = (await requests.call("GET", path + selector))["items"]
                assert item["value"] == "100"
                acknowledged = {"ackIds": [m["ackId"] for m in pulled["receivedMessages"]]}
                client.post(f"{subscription}:acknowledge", json=acknowledged).raise_for_status()
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 1, 20)
                assert "New size: 1; reason: All metrics below target" in events(
                    requests, "SuccessfulRescale"
                )

        asyncio.run(check())


def test_messages_in_sqs_scale_the_worker_by_the_rules_of_the_adapter(tmp_path):
    with local_aws(tmp_path) as aws:
        aws.state.update_endpoints({"aws": aws.url})
        queues = aws.account.client("sqs", REGION)
        url = queues.create_queue(QueueName="dream-events")["QueueUrl"]

        async def check():
            async with running(tmp_path, *FAST, "--cloud", "aws", "--region", REGION) as requests:
                await deploy(requests, "dreamnet-worker", component("custom-metrics-eks/worker.yaml"))
                # Without the adapter's rules nobody knows the metric.
                await requests.until(lambda: events(requests, "FailedGetExternalMetric"), 20)
                path = f"{CORE}/namespaces/dreamnet/configmaps"
                await requests.call("POST", path, component("custom-metrics-eks/adapter.yaml"))
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 1, 20)
                for _ in range(4):
                    entries = [{"Id": str(n), "MessageBody": "{}"} for n in range(10)]
                    await asyncio.to_thread(queues.send_message_batch, QueueUrl=url, Entries=entries)
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 2, 20)
                await asyncio.to_thread(queues.purge_queue, QueueUrl=url)
                await requests.until(lambda: ready(requests, "dreamnet-worker") == 1, 20)

        asyncio.run(check())


def ask(url, done):
    while not done.is_set():
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()


def test_requests_to_the_backend_scale_it_beside_its_cpu(tmp_path):
    async def check():
        async with running(tmp_path, *FAST) as requests:
            patch = component("custom-metrics-gke/api.yaml")
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dreamnet-api"}
            patch["spec"] |= {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 4}
            # Load of a test is small: its memory and CPU must not be what scales.
            cpu, _, rate = patch["spec"]["metrics"]
            cpu["resource"]["target"]["averageUtilization"] = 100
            rate["pods"]["target"]["averageValue"] = "5"
            ports = [{"name": "http", "containerPort": 8080}]
            environment = [{"name": "DATABASE_URL", "value": "postgresql://nobody@127.0.0.1:1/none"}]
            probe = {"httpGet": {"path": "/livez", "port": 8080}}
            asked = {"requests": {"cpu": "400m", "memory": "512Mi"}}
            await deploy(
                requests,
                "dreamnet-api",
                patch,
                image="dreamnet-backend:1",
                ports=ports,
                env=environment,
                readinessProbe=probe,
                resources=asked,
            )
            await requests.until(lambda: ready(requests, "dreamnet-api") == 1, 20)
            (backend,) = requests.cluster.kubelet.backends.values()
            done = threading.Event()
            url = f"http://{backend.running.host}:{backend.running.port}/none"
            thread = threading.Thread(target=ask, args=(url, done))
            thread.start()
            try:
                name = "prometheus.googleapis.com|dreamnet_http_requests_total|counter"
                why = f"pods metric {name} above target"
                # The processor time of its start may have asked for a second one before.
                await requests.until(
                    lambda: any(why in event for event in events(requests, "SuccessfulRescale")), 20
                )
                await requests.until(lambda: ready(requests, "dreamnet-api") >= 2, 20)
                path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/dreamnet/pods/*/"
                items = (await requests.call("GET", path + name))["items"]
                # One process serves them all: each Pod has an equal share.
                assert len({i["value"] for i in items}) == 1
                assert items[0]["value"] != milli(0)
            finally:
                done.set()
                await asyncio.to_thread(thread.join)
            await requests.until(lambda: ready(requests, "dreamnet-api") == 1, 20)

    asyncio.run(check())
