"""Hooks: what services do beyond storing a resource, with stand-ins for the engines."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import google_crc32c
import httpx
import pytest
from google_server import CREDENTIALS, PROJECT, FakeEndpoint, Running, running

from localcloud.google.hooks import compute, container

P = f"projects/{PROJECT}"
SQL = f"/sqladmin/v1/{P}/instances"
COMPUTE = f"/compute/compute/v1/{P}"
SECRETS = f"/secretmanager/v1/{P}/secrets"


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("google")) as server:
        yield server


class Client:
    """Calls and waits for operations."""

    def __init__(self, google: Running) -> None:
        headers = {"Authorization": f"Bearer {CREDENTIALS.google_access_token}"}
        self.http = httpx.Client(base_url=google.root, headers=headers)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body, params=query)
        result = dict(answer.json())
        if answer.is_error or "operationType" not in result:
            return result
        link = "/" + result["selfLink"].split("/", 3)[3]
        deadline = time.monotonic() + 5
        while result["status"] != "DONE":
            assert time.monotonic() < deadline
            result = dict(self.http.get(link).json())
        return result


@pytest.fixture
def call(google: Running) -> Client:
    return Client(google)


def instance(name: str, **changes: Any) -> dict[str, Any]:
    settings = {
        "tier": "db-f1-micro",
        "backupConfiguration": {"enabled": True},
        **changes.pop("settings", {}),
    }
    return {
        "name": name,
        "databaseVersion": "POSTGRES_18",
        "region": "us-central1",
        "settings": settings,
        **changes,
    }


def test_cloud_sql_starts_stops_and_protects_a_server(call: Client, google: Running) -> None:
    made = call(
        "POST", SQL, instance("one", rootPassword="hidden", settings={"deletionProtectionEnabled": True})
    )
    assert "error" not in made
    shown = call("GET", f"{SQL}/one")
    assert shown["state"] == "RUNNABLE"
    assert shown["ipAddresses"][0]["ipAddress"].startswith("127.")
    assert "hidden" not in str(shown)

    call("PATCH", f"{SQL}/one", {"settings": {"activationPolicy": "NEVER"}})
    assert google.engines.verbs("cloudsql-one")[-1] == "stop"
    refused = call("POST", f"{SQL}/one/databases", {"name": "late"})
    assert "appropriate state" in refused["error"]["message"]
    call("PATCH", f"{SQL}/one", {"settings": {"activationPolicy": "ALWAYS"}})
    assert google.engines.verbs("cloudsql-one")[-1] == "start"

    assert "protected" in call("DELETE", f"{SQL}/one")["error"]["message"]
    call("PATCH", f"{SQL}/one", {"settings": {"deletionProtectionEnabled": False}})
    call("DELETE", f"{SQL}/one")
    assert google.engines.verbs("cloudsql-one")[-1] == "delete"
    assert call("GET", f"{SQL}/one")["error"]["code"] == 404


def test_a_replica_follows_its_master_until_it_is_promoted(call: Client, google: Running) -> None:
    call("POST", SQL, instance("main"))
    call("POST", SQL, instance("copy", region="europe-west1", masterInstanceName="main"))
    assert google.engines.asked[-1][2]["replica_of"] == "cloudsql-main"
    assert google.engines.asked[-1][2]["region"] == "europe-west1"
    assert call("GET", f"{SQL}/main")["replicaNames"] == ["copy"]
    assert call("GET", f"{SQL}/copy")["masterInstanceName"] == f"{PROJECT}:main"
    stop = call("PATCH", f"{SQL}/copy", {"settings": {"activationPolicy": "NEVER"}})
    assert "cannot be NEVER" in stop["error"]["message"]
    assert "has replicas" in call("DELETE", f"{SQL}/main")["error"]["message"]

    call("POST", f"{SQL}/copy/promoteReplica")
    assert google.engines.verbs("cloudsql-copy")[-1] == "promote"
    assert call("GET", f"{SQL}/copy")["instanceType"] == "CLOUD_SQL_INSTANCE"
    assert "replicaNames" not in call("GET", f"{SQL}/main")
    assert "not a replica" in call("POST", f"{SQL}/copy/promoteReplica")["error"]["message"]


def test_a_secret_keeps_versions_and_checks_their_sums(call: Client) -> None:
    call("POST", SECRETS, {"replication": {"automatic": {}}}, secretId="url")
    for text in (b"first", b"second"):
        payload = {"data": b64encode(text).decode(), "dataCrc32c": str(google_crc32c.value(text))}
        assert call("POST", f"{SECRETS}/url:addVersion", {"payload": payload})["state"] == "ENABLED"
    latest = call("GET", f"{SECRETS}/url/versions/latest:access")
    assert latest["name"].endswith("/versions/2")
    assert b64decode(latest["payload"]["data"]) == b"second"
    assert int(latest["payload"]["dataCrc32c"]) == google_crc32c.value(b"second")

    wrong = {"data": b64encode(b"x").decode(), "dataCrc32c": "1"}
    assert call("POST", f"{SECRETS}/url:addVersion", {"payload": wrong})["error"]["code"] == 400
    call("POST", f"{SECRETS}/url/versions/2:disable", {})
    assert call("GET", f"{SECRETS}/url/versions/2:access")["error"]["status"] == "FAILED_PRECONDITION"
    assert len(call("GET", f"{SECRETS}/url/versions")["versions"]) == 2
    assert "second" not in str(call("GET", f"{SECRETS}/url"))


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, str]]]:
    """Every configuration that the front door was given."""
    seen: list[list[dict[str, str]]] = []

    def set_frontdoor(_: Any, upstreams: Any, **options: Any) -> FakeEndpoint:
        seen.append(list(upstreams))
        assert options["health_path"] == "/healthz"
        return FakeEndpoint("frontdoor", "127.9.9.9", 80)

    monkeypatch.setattr(compute, "set_frontdoor", set_frontdoor)
    return seen


def chain(call: Client) -> None:
    call(
        "POST",
        f"{COMPUTE}/global/healthChecks",
        {"name": "h", "httpHealthCheck": {"requestPath": "/healthz"}},
    )
    backends = []
    for name, zone in (("near", "us-central1-a"), ("far", "europe-west1-b")):
        body = {"name": name, "networkEndpointType": "NON_GCP_PRIVATE_IP_PORT", "defaultPort": 8080}
        call("POST", f"{COMPUTE}/zones/{zone}/networkEndpointGroups", body)
        group = f"https://www.googleapis.com/compute/v1/{P}/zones/{zone}/networkEndpointGroups/{name}"
        backends.append({"group": group, "preference": "PREFERRED" if name == "near" else "DEFAULT"})
    service = {"name": "s", "healthChecks": [f"{P}/global/healthChecks/h"], "backends": backends[::-1]}
    call("POST", f"{COMPUTE}/global/backendServices", service)
    call(
        "POST", f"{COMPUTE}/global/urlMaps", {"name": "m", "defaultService": f"{P}/global/backendServices/s"}
    )
    call("POST", f"{COMPUTE}/global/targetHttpProxies", {"name": "p", "urlMap": f"{P}/global/urlMaps/m"})
    rule = {"name": "r", "target": f"{P}/global/targetHttpProxies/p", "portRange": "80"}
    made = call("POST", f"{COMPUTE}/global/forwardingRules", rule)
    assert "error" not in made, made


def test_a_forwarding_rule_leads_to_the_endpoints_and_follows_them(
    call: Client, doors: list[list[dict[str, str]]]
) -> None:
    chain(call)
    assert doors[-1] == []
    assert call("GET", f"{COMPUTE}/global/forwardingRules/r")["IPAddress"] == "127.9.9.9"
    far, near = (
        f"{COMPUTE}/zones/europe-west1-b/networkEndpointGroups/far",
        f"{COMPUTE}/zones/us-central1-a/networkEndpointGroups/near",
    )
    call("POST", f"{far}/attachNetworkEndpoints", {"networkEndpoints": [{"ipAddress": "127.0.0.3"}]})
    one = {"networkEndpoints": [{"ipAddress": "127.0.0.2", "port": 1}]}
    for _ in range(2):
        call("POST", f"{near}/attachNetworkEndpoints", one)
    assert doors[-1] == [
        {"address": "127.0.0.2:1", "region": "us-central1"},
        {"address": "127.0.0.3:8080", "region": "europe-west1"},
    ]
    assert call("GET", near)["size"] == 1
    listed = call("POST", f"{near}/listNetworkEndpoints", {})
    assert listed["items"] == [{"networkEndpoint": {"ipAddress": "127.0.0.2", "port": 1}}]
    group = {"group": f"{P}/zones/us-central1-a/networkEndpointGroups/near"}
    health = call("POST", f"{COMPUTE}/global/backendServices/s/getHealth", group)
    assert health["healthStatus"][0]["healthState"] == "UNHEALTHY"
    call("POST", f"{near}/detachNetworkEndpoints", one)
    assert [upstream["region"] for upstream in doors[-1]] == ["europe-west1"]


def test_what_is_in_use_stays_and_links_must_lead_somewhere(call: Client) -> None:
    call("POST", f"{COMPUTE}/global/networks", {"name": "net", "autoCreateSubnetworks": False})
    subnet = {"name": "sub", "network": f"{P}/global/networks/net", "ipCidrRange": "10.0.0.0/20"}
    call("POST", f"{COMPUTE}/regions/us-central1/subnetworks", subnet)
    refused = call("DELETE", f"{COMPUTE}/global/networks/net")
    assert refused["error"]["status"] == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"
    lost = call(
        "POST",
        f"{COMPUTE}/regions/us-central1/subnetworks",
        {**subnet, "network": f"{P}/global/networks/none"},
    )
    assert lost["error"]["code"] == 404


Told = list[tuple[str, str, Any]]


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What a cluster was told of its nodes; it has one in zone a and two in zone b."""
    told: Told = []
    group = {"name": "default-pool", "sizes": {"us-central1-a": 1, "us-central1-b": 2}}

    def kubernetes(_: Any, __: Any, method: str, pool: str, body: Any) -> dict[str, Any]:
        if method == "GET":
            return {"nodegroups": [group]}
        told.append((method, pool, body))
        return {"count": 6}

    monkeypatch.setattr(container, "_kubernetes", kubernetes)
    return told


CLUSTERS = f"/container/v1/{P}/locations/us-central1/clusters"
POOL = f"{CLUSTERS}/gke/nodePools/default-pool"


def test_node_pools_resize_the_cluster_they_belong_to(call: Client, google: Running, nodes: Told) -> None:
    call("POST", CLUSTERS, {"cluster": {"name": "gke", "initialNodeCount": 2}})
    _, _, options = google.engines.asked[-1]
    (group,) = options["node_groups"]
    assert (group["name"], group["count"], group["machine_type"]) == ("default-pool", 6, "e2-medium")
    assert group["zones"] == ["us-central1-a", "us-central1-b", "us-central1-c"]
    cluster = call("GET", f"{CLUSTERS}/gke")
    assert cluster["status"] == "RUNNING"
    assert cluster["endpoint"] == "127.0.0.1:6443"
    assert cluster["currentNodeCount"] == 3  # as the cluster has it, not as it was asked for
    assert "BEGIN CERTIFICATE" in b64decode(cluster["masterAuth"]["clusterCaCertificate"]).decode()

    call("POST", f"{POOL}:setSize", {"nodeCount": 0})
    assert nodes[-1][:2] == ("PUT", "default-pool")
    assert nodes[-1][2]["count"] == 0
    body = {"nodePool": {"name": "gpu", "initialNodeCount": 1, "config": {"machineType": "g2-standard-4"}}}
    call("POST", f"{CLUSTERS}/gke/nodePools", body)
    assert {one["name"] for one in call("GET", f"{CLUSTERS}/gke")["nodePools"]} == {"default-pool", "gpu"}
    managers = f"{COMPUTE}/zones/us-central1-a/instanceGroupManagers"
    assert len(call("GET", managers)["items"]) == 2
    call("DELETE", f"{CLUSTERS}/gke/nodePools/gpu")
    assert nodes[-1][0] == "DELETE"
    assert len(call("GET", managers)["items"]) == 1
    call("DELETE", f"{CLUSTERS}/gke")
    assert "items" not in call("GET", managers)
    assert google.engines.verbs("gke-gke")[-1] == "delete"
    assert call("GET", POOL)["error"]["code"] == 404


def test_a_pools_bounds_and_zones_reach_its_nodes(call: Client, nodes: Told) -> None:
    call("POST", CLUSTERS, {"cluster": {"name": "gke", "initialNodeCount": 2}})

    def sizes() -> list[int]:
        urls = call("GET", POOL)["instanceGroupUrls"]
        return [call("GET", url[url.index("/compute/") :])["targetSize"] for url in urls]

    assert sizes() == [1, 2, 0]
    bounds = {"enabled": True, "minNodeCount": 1, "maxNodeCount": 3}
    call("POST", f"{POOL}:setAutoscaling", {"autoscaling": bounds})
    assert (nodes[-1][2]["min"], nodes[-1][2]["max"]) == (3, 9)  # of three zones
    assert "count" not in nodes[-1][2]
    for wrong in ({"enabled": True}, {"enabled": True, "minNodeCount": 3, "maxNodeCount": 1}):
        refused = call("POST", f"{POOL}:setAutoscaling", {"autoscaling": wrong})
        assert refused["error"]["status"] == "INVALID_ARGUMENT"
    call("PUT", POOL, {"locations": ["us-central1-b"]})
    assert (nodes[-1][2]["zones"], nodes[-1][2]["max"]) == (["us-central1-b"], 3)
    assert sizes() == [2]
    call("POST", f"{POOL}:setAutoscaling", {"autoscaling": {"enabled": False}})
    assert (nodes[-1][2]["min"], nodes[-1][2]["max"]) == (None, None)


def test_the_project_says_what_it_is_and_what_is_enabled(call: Client) -> None:
    assert call("GET", f"/cloudresourcemanager/v1/{P}")["lifecycleState"] == "ACTIVE"
    assert call("GET", f"/cloudresourcemanager/v3/{P}")["projectId"] == PROJECT
    asked = {"permissions": ["container.clusters.create"]}
    assert call("POST", f"/cloudresourcemanager/v1/{P}:testIamPermissions", asked) == asked
    assert call("GET", f"/cloudbilling/v1/{P}/billingInfo")["billingEnabled"] is True
    service = "container.googleapis.com"
    assert call("GET", f"/serviceusage/v1/{P}/services/{service}")["state"] == "DISABLED"
    assert (
        call("POST", f"/serviceusage/v1/{P}/services:batchEnable", {"serviceIds": [service]})["done"] is True
    )
    listed = call("GET", f"/serviceusage/v1/{P}/services", filter="state:ENABLED")["services"]
    assert [one["config"]["name"] for one in listed] == [service]


def test_time_series_are_read_back_by_filter_and_interval(call: Client) -> None:
    path = f"/monitoring/v3/{P}/timeSeries"
    for minute, value in ((1, 5.0), (2, 7.0)):
        point = {"interval": {"endTime": f"2026-11-25T04:0{minute}:00Z"}, "value": {"doubleValue": value}}
        series = {"metric": {"type": "custom.googleapis.com/x", "labels": {"a": "b"}}, "points": [point]}
        assert call("POST", path, {"timeSeries": [series]}) == {}
    query = {
        "filter": 'metric.type="custom.googleapis.com/x" AND metric.labels.a="b"',
        "interval.startTime": "2026-11-25T04:01:30Z",
        "interval.endTime": "2026-11-25T05:00:00Z",
    }
    (found,) = call("GET", path, **query)["timeSeries"]
    assert [one["value"]["doubleValue"] for one in found["points"]] == [7.0]
    assert call("GET", path, **{**query, "filter": 'metric.type="other"'}) == {}
    aggregated = call("GET", path, **{**query, "aggregation.perSeriesAligner": "ALIGN_MEAN"})
    assert aggregated["error"]["code"] == 501
