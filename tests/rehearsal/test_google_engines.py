"""Google's resources through the driver on real engines: PostgreSQL, Valkey, Kubernetes, Caddy."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "localcloud"))

import gpu_agents
from google_server import PROJECT, Running, running

from dreamnet.clouds import google_rest
from dreamnet.kubernetes.connect import connect_gke
from dreamnet.resources.google import GoogleDriver
from dreamnet.resources.model import Live, Resource
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

P = f"projects/{PROJECT}"
SQL = {
    "databaseVersion": "POSTGRES_18",
    "region": "us-central1",
    "settings": {
        "tier": "db-f1-micro",
        "activationPolicy": "ALWAYS",
        "backupConfiguration": {"enabled": True},
        "databaseFlags": [{"name": "cloudsql.logical_decoding", "value": "on"}],
    },
}


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = State(tmp_path_factory.mktemp("state"))
    engines = Engines(state)
    try:
        with running(state.dir, engines, state) as server:
            yield server
    finally:
        for engine in engines.list():
            engines.delete(engine.name)


@pytest.fixture(scope="module")
def driver(google: Running) -> GoogleDriver:
    return GoogleDriver(google.account())


def quiet(_: str) -> None:
    pass


def declared(type_name: str, name: str, parent: str, body: dict[str, Any]) -> Resource:
    return Resource(f"google/{name}", "google", type_name, name, parent, body)


def made(driver: GoogleDriver, resource: Resource) -> Live:
    live = driver.create(resource, "token", quiet)
    assert driver.diff(resource, live) == []
    return live


def connect(live: Live, database: str, user: str, password: str) -> psycopg.Connection[Any]:
    host = live.body["ipAddresses"][0]["ipAddress"]
    return psycopg.connect(
        host=host,
        port=5432,
        dbname=database,
        user=user,
        password=password,
        autocommit=True,
        connect_timeout=5,
    )


def test_cloud_sql_is_a_real_server_with_a_real_replica(google: Running, driver: GoogleDriver) -> None:
    instance = declared("sqladmin.v1/instances", "main", P, SQL)
    live = made(driver, instance)
    parent = f"{P}/instances/main"
    made(driver, declared("sqladmin.v1/databases", "dreamnet", parent, {"charset": "UTF8"}))
    user = declared("sqladmin.v1/users", "dreamnet", parent, {"password": "p w'1"})
    user_live = made(driver, user)
    with connect(live, "dreamnet", "dreamnet", "p w'1") as connection:
        connection.execute("CREATE TABLE dreams (id int PRIMARY KEY)")
        connection.execute("INSERT INTO dreams VALUES (1)")
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)

    copy = {"databaseVersion": "POSTGRES_18", "region": "europe-west1", "masterInstanceName": "main"}
    replica = declared("sqladmin.v1/instances", "copy", P, {**copy, "settings": {"tier": "db-f1-micro"}})
    replica_live = made(driver, replica)
    deadline = time.monotonic() + 10
    with connect(replica_live, "dreamnet", "dreamnet", "p w'1") as connection:
        while connection.execute("SELECT count(*) FROM dreams").fetchone() != (1,):
            assert time.monotonic() < deadline
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO dreams VALUES (2)")

    account = google.account()
    call = account.api("sqladmin", "v1").instances().promoteReplica(project=PROJECT, instance="copy")
    _wait(google, call.execute())
    with connect(replica_live, "dreamnet", "dreamnet", "p w'1") as connection:
        connection.execute("INSERT INTO dreams VALUES (2)")

    stopped = {**SQL, "settings": {**SQL["settings"], "activationPolicy": "NEVER"}}  # type: ignore[dict-item]
    asleep = declared("sqladmin.v1/instances", "main", P, stopped)
    driver.update(asleep, live, driver.diff(asleep, live), "token", quiet)
    with pytest.raises(psycopg.OperationalError):
        connect(live, "dreamnet", "dreamnet", "p w'1")
    now = driver.read(instance)
    assert now
    driver.update(instance, now, driver.diff(instance, now), "token", quiet)
    with connect(live, "dreamnet", "dreamnet", "p w'1") as connection:
        assert connection.execute("SELECT count(*) FROM dreams").fetchone() == (1,)
        connection.execute("DROP TABLE dreams")

    driver.delete(user, user_live, "token", quiet)
    with pytest.raises(psycopg.OperationalError):
        connect(live, "dreamnet", "dreamnet", "p w'1")
    _delete(driver, replica, instance)
    assert [one.name for one in google.engines.list() if one.kind == "postgresql"] == []


def _delete(driver: GoogleDriver, *resources: Resource) -> None:
    for one in resources:
        found = driver.read(one)
        assert found
        driver.delete(one, found, "token", quiet)


def _wait(google: Running, operation: dict[str, Any]) -> None:
    url = f"{google.root}/sqladmin/v1/{P}/operations/{operation['name']}"
    deadline = time.monotonic() + 60
    while operation["status"] != "DONE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        operation = google_rest.call(google.account(), "GET", url, what="operation")
    assert "error" not in operation, operation


def test_memorystore_answers_on_its_address(driver: GoogleDriver) -> None:
    import socket

    body = {"tier": "BASIC", "memorySizeGb": 1}
    cache = declared("redis.v1/projects.locations.instances", "cache", f"{P}/locations/us-central1", body)
    live = made(driver, cache)
    with socket.create_connection((live.body["host"], live.body["port"]), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"
    driver.delete(cache, live, "token", quiet)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((live.body["host"], live.body["port"]), timeout=5)


def test_a_cluster_serves_kubernetes_and_its_pools_are_nodes(google: Running, driver: GoogleDriver) -> None:
    pool = {"name": "default", "initialNodeCount": 2, "config": {"machineType": "e2-standard-2"}}
    parent = f"{P}/locations/us-central1-a"
    cluster = declared("container.v1/projects.locations.clusters", "gke", parent, {"nodePools": [pool]})
    live = made(driver, cluster)

    def nodes() -> int:
        import base64
        import ssl

        certificate = base64.b64decode(live.body["masterAuth"]["clusterCaCertificate"]).decode()
        trust = ssl.create_default_context(cadata=certificate)
        token = google.server.context.identity.token
        url = f"https://{live.body['endpoint']}/api/v1/nodes"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, verify=trust)
        return len(answer.raise_for_status().json()["items"])

    assert nodes() == 2
    more = declared(
        "container.v1/projects.locations.clusters.nodePools",
        "spot",
        f"{parent}/clusters/gke",
        {"initialNodeCount": 1, "config": {"machineType": "e2-small", "spot": True}},
    )
    spot = made(driver, more)
    assert nodes() == 3
    assert driver.diff(cluster, driver.read(cluster) or live) == []
    driver.delete(more, spot, "token", quiet)
    assert nodes() == 2
    driver.delete(cluster, live, "token", quiet)
    with pytest.raises(httpx.ConnectError):
        nodes()


def test_a_pool_with_bounds_grows_for_whom_it_is_and_its_record_follows(
    google: Running, driver: GoogleDriver
) -> None:
    parent = f"{P}/locations/us-central1-a"
    (default,) = gpu_agents.declared("google/gke-cluster")["nodePools"]
    cluster = declared("container.v1/projects.locations.clusters", "pools", parent, {"nodePools": [default]})
    live = made(driver, cluster)
    type_name = "container.v1/projects.locations.clusters.nodePools"
    bodies = {name: gpu_agents.declared(f"google/pool-{name}") for name in ("gpu", "spot")}
    pools = {
        name: declared(type_name, name, f"{parent}/clusters/pools", body) for name, body in bodies.items()
    }
    made_pools = {name: made(driver, pool) for name, pool in pools.items()}
    kubernetes = connect_gke(google.account(), live.body)
    gpu_agents.deploy_agents(kubernetes, "gke-full")
    node = gpu_agents.until(lambda: gpu_agents.node_of(kubernetes, "dreamnet-agents"))
    labels = node["metadata"]["labels"]
    assert labels["cloud.google.com/gke-nodepool"] == labels["dreamnet/pool"] == "gpu"
    assert labels["cloud.google.com/gke-accelerator"] == "nvidia-l4"
    assert labels["topology.kubernetes.io/zone"] == "us-central1-a"
    assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert gpu_agents.unschedulable(kubernetes, "plain")  # wants a GPU, and tolerates nothing

    def size(pool: str) -> int:
        shown = driver.read(pools[pool])
        assert shown
        (url,) = shown.body["instanceGroupUrls"]
        group = google_rest.call(google.account(), "GET", url, what=pool)
        return int(group["targetSize"])

    assert (size("gpu"), size("spot")) == (1, 0)
    grown = driver.read(cluster)
    assert grown
    assert grown.body["currentNodeCount"] == 2
    assert driver.diff(cluster, grown) == []
    assert driver.diff(pools["gpu"], driver.read(pools["gpu"]) or live) == []
    # Another label reaches the node that is there, under the Pod that runs on it.
    change = declared(type_name, "gpu", pools["gpu"].parent, deepcopy(bodies["gpu"]))
    change.body["config"]["labels"]["dreamnet/pool"] = "l4"
    changes = driver.diff(change, made_pools["gpu"])
    driver.update(change, made_pools["gpu"], changes, "token", quiet)
    same = gpu_agents.node_of(kubernetes, "dreamnet-agents")
    assert same
    assert same["metadata"]["name"] == node["metadata"]["name"]
    assert same["metadata"]["labels"]["dreamnet/pool"] == "l4"
    driver.delete(cluster, live, "token", quiet)


@pytest.fixture
def regions() -> Iterator[dict[str, HTTPServer]]:
    """A server a region that answers with the region's name."""
    servers = {}
    for region, host in (("us-central1", "127.0.77.1"), ("europe-west1", "127.0.77.2")):

        class Handler(BaseHTTPRequestHandler):
            name = region

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.name.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        servers[region] = HTTPServer((host, 0), Handler)
        threading.Thread(target=servers[region].serve_forever, daemon=True).start()
    yield servers
    for server in servers.values():
        server.shutdown()
        server.server_close()


def test_the_forwarding_rule_is_a_front_door_that_fails_over(
    google: Running, driver: GoogleDriver, regions: dict[str, HTTPServer]
) -> None:
    everywhere = f"{P}/global"
    check = {
        "type": "HTTP",
        "checkIntervalSec": 1,
        "timeoutSec": 1,
        "httpHealthCheck": {"requestPath": "/healthz"},
    }
    made(driver, declared("compute.v1/healthChecks", "lb", everywhere, check))
    compute = google.account().api("compute", "v1")
    backends = []
    for region, zone in (("us-central1", "us-central1-a"), ("europe-west1", "europe-west1-b")):
        body = {"networkEndpointType": "NON_GCP_PRIVATE_IP_PORT", "defaultPort": 8080}
        made(driver, declared("compute.v1/networkEndpointGroups", region, f"{P}/zones/{zone}", body))
        host, port = regions[region].server_address[:2]
        compute.networkEndpointGroups().attachNetworkEndpoints(
            project=PROJECT,
            zone=zone,
            networkEndpointGroup=region,
            body={"networkEndpoints": [{"ipAddress": host, "port": port}]},
        ).execute()
        group = f"{P}/zones/{zone}/networkEndpointGroups/{region}"
        backends.append({"group": group, "preference": "PREFERRED" if region == "us-central1" else "DEFAULT"})
    service = {"protocol": "HTTP", "healthChecks": [f"{everywhere}/healthChecks/lb"], "backends": backends}
    made(driver, declared("compute.v1/backendServices", "lb", everywhere, service))
    link = {"defaultService": f"{everywhere}/backendServices/lb"}
    made(driver, declared("compute.v1/urlMaps", "lb", everywhere, link))
    made(
        driver,
        declared("compute.v1/targetHttpProxies", "lb", everywhere, {"urlMap": f"{everywhere}/urlMaps/lb"}),
    )
    rule = {"target": f"{everywhere}/targetHttpProxies/lb", "portRange": "80"}
    made(driver, declared("compute.v1/globalForwardingRules", "lb", everywhere, rule))

    url = google.state.endpoints()["frontdoor"]
    _until(url, "us-central1")
    health = compute.backendServices().getHealth(
        project=PROJECT, backendService="lb", body={"group": backends[0]["group"]}
    )
    assert health.execute()["healthStatus"][0]["healthState"] == "HEALTHY"
    regions["us-central1"].shutdown()
    regions["us-central1"].server_close()
    _until(url, "europe-west1")
    assert health.execute()["healthStatus"][0]["healthState"] == "UNHEALTHY"


def _until(url: str, region: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        answer = httpx.get(url, timeout=5)
        if answer.status_code == 200 and answer.text == region:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
