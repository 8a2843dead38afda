"""The Google driver against the local Google server: resources made, found equal, changed, deleted."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "localcloud"))

from google_server import PROJECT, Running, running

from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import CredentialsError, NotRehearsable, ResourceError, UnreachableError
from dreamnet.resources.google import GoogleDriver, requests
from dreamnet.resources.model import Change, Live, Resource

P = f"projects/{PROJECT}"
REGION, ZONE = f"{P}/locations/us-central1", f"{P}/zones/us-central1-a"


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture(scope="module")
def driver(google: Running) -> GoogleDriver:
    return GoogleDriver(google.account())


def quiet(_: str) -> None:
    pass


def declared(type_name: str, name: str, parent: str, body: dict[str, Any], **options: Any) -> Resource:
    return Resource("google/it", "google", type_name, name, parent, body, source="x.yaml:1", options=options)


#: type, name, parent, body, a changed body that can be reached in place
LIFE_CYCLES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "redis.v1/projects.locations.instances",
        "cache",
        REGION,
        {"tier": "BASIC", "memorySizeGb": 1, "redisConfigs": {"maxmemory-policy": "allkeys-lru"}},
        {"tier": "BASIC", "memorySizeGb": 2, "redisConfigs": {"maxmemory-policy": "noeviction"}},
    ),
    (
        "secretmanager.v1/projects.secrets",
        "url",
        P,
        {"replication": {"automatic": {}}},
        {"replication": {"automatic": {}}, "annotations": {"a": "b"}},
    ),
    (
        "compute.v1/networks",
        "net",
        f"{P}/global",
        {"autoCreateSubnetworks": False, "mtu": 1460},
        {"mtu": 1500},
    ),
    (
        "compute.v1/healthChecks",
        "healthy",
        f"{P}/global",
        {"type": "HTTP", "checkIntervalSec": 5, "httpHealthCheck": {"requestPath": "/healthz"}},
        {"type": "HTTP", "checkIntervalSec": 2, "httpHealthCheck": {"requestPath": "/readyz"}},
    ),
    (
        "monitoring.v1/projects.dashboards",
        "DreamNet overview",
        P,
        {"displayName": "DreamNet overview", "gridLayout": {"columns": "2"}},
        {"displayName": "DreamNet overview", "gridLayout": {"columns": 3}},
    ),
    (
        "monitoring.v3/projects.alertPolicies",
        "errors",
        P,
        {"displayName": "errors", "combiner": "OR", "conditions": []},
        {"displayName": "errors", "combiner": "AND", "conditions": []},
    ),
    (
        "cloudscheduler.v1/projects.locations.jobs",
        "nightly",
        REGION,
        {"schedule": "0 20 * * *", "timeZone": "UTC", "httpTarget": {"uri": "https://example.com"}},
        {"schedule": "0 21 * * *", "timeZone": "UTC", "httpTarget": {"uri": "https://example.com"}},
    ),
    (
        "spanner.v1/projects.instances",
        "globe",
        P,
        {
            "config": f"{P}/instanceConfigs/regional-us-central1",
            "displayName": "globe",
            "processingUnits": 100,
        },
        {
            "config": f"{P}/instanceConfigs/regional-us-central1",
            "displayName": "globe",
            "processingUnits": 200,
        },
    ),
]


@pytest.mark.parametrize(
    ("type_name", "name", "parent", "body", "after"), LIFE_CYCLES, ids=[one[0] for one in LIFE_CYCLES]
)
def test_a_resource_is_made_once_changed_in_place_and_deleted(
    driver: GoogleDriver,
    type_name: str,
    name: str,
    parent: str,
    body: dict[str, Any],
    after: dict[str, Any],
) -> None:
    resource = declared(type_name, name, parent, body)
    assert driver.validate(resource) == []
    assert driver.read(resource) is None

    live = driver.create(resource, "token", quiet)
    assert live.owned
    assert driver.diff(resource, live) == []
    again = driver.create(resource, "token", quiet)
    assert again.identifier == live.identifier

    changed = declared(type_name, name, parent, after)
    differences = driver.diff(changed, live)
    assert differences
    assert not any(one.replacement for one in differences)
    live = driver.update(changed, live, differences, "token", quiet)
    assert driver.diff(changed, live) == []
    assert live.owned

    driver.delete(changed, live, "token", quiet)
    assert driver.read(changed) is None
    driver.delete(changed, live, "token", quiet)


SQL = {"databaseVersion": "POSTGRES_18", "region": "us-central1", "settings": {"tier": "db-f1-micro"}}
CLUSTER = {
    "network": f"https://www.googleapis.com/compute/v1/{P}/global/networks/dreamnet",
    "releaseChannel": {"channel": "REGULAR"},
    "nodePools": [
        {
            "name": "default",
            "initialNodeCount": 1,
            "autoscaling": {"enabled": True, "minNodeCount": 1, "maxNodeCount": 3},
            "config": {"machineType": "e2-standard-2"},
        }
    ],
}


def test_a_database_and_a_user_hang_under_their_instance(driver: GoogleDriver) -> None:
    instance = declared("sqladmin.v1/instances", "tree", P, SQL)
    live = driver.create(instance, "t", quiet)
    assert live.owned
    parent = f"{P}/instances/tree"
    database = declared("sqladmin.v1/databases", "dreamnet", parent, {"charset": "UTF8"})
    assert driver.create(database, "t", quiet).body["instance"] == "tree"
    absent = declared("sqladmin.v1/databases", "dreamnet", f"{P}/instances/none", {})
    with pytest.raises(ResourceError, match=r"google/it: .*none"):
        driver.create(absent, "t", quiet)

    changed = declared("sqladmin.v1/instances", "tree", P, {**SQL, "settings": {"tier": "db-g1-small"}})
    changes = driver.diff(changed, live)
    assert [(one.path, one.before, one.after) for one in changes] == [
        ("/settings/tier", "db-f1-micro", "db-g1-small")
    ]
    live = driver.update(changed, live, changes, "t", quiet)
    assert live.owned
    assert driver.diff(changed, live) == []
    moved = declared("sqladmin.v1/instances", "tree", P, {**SQL, "region": "europe-west1"})
    assert [one.replacement for one in driver.diff(moved, live) if one.path == "/region"] == [True]


def test_a_cluster_changes_field_by_field(driver: GoogleDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    from localcloud.google.hooks import container

    told: list[Any] = []
    monkeypatch.setattr(container, "_kubernetes", lambda *told_what: told.append(told_what[2:]))
    resource = declared(
        "container.v1/projects.locations.clusters", "dreamnet", f"{P}/locations/us-central1-a", CLUSTER
    )
    assert driver.validate(resource) == []
    live = driver.create(resource, "t", quiet)
    assert driver.diff(resource, live) == []

    pool = {
        **CLUSTER["nodePools"][0],  # type: ignore[index]
        "autoscaling": {"enabled": True, "minNodeCount": 2, "maxNodeCount": 5},
    }
    gpu = {"name": "gpu", "initialNodeCount": 1, "config": {"machineType": "g2-standard-4"}}
    body = {
        **CLUSTER,
        "releaseChannel": {"channel": "STABLE"},
        "verticalPodAutoscaling": {"enabled": True},
        "networkConfig": {"gatewayApiConfig": {"channel": "CHANNEL_STANDARD"}},
        "resourceLabels": {"team": "dreams"},
        "nodePools": [pool, gpu],
    }
    wanted = declared(resource.type, resource.name, resource.parent, body)
    changes = driver.diff(wanted, live)
    live = driver.update(wanted, live, changes, "t", quiet)
    assert driver.diff(wanted, live) == []
    assert live.owned
    (bounds,) = [body for method, pool, body in told if (method, pool) == ("PUT", "default")]
    assert (bounds["min"], bounds["max"], bounds["machine_type"]) == (2, 5, "e2-standard-2")

    assert live.body["networkConfig"]["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}

    nodes = {**body, "networkConfig": {"enableIntraNodeVisibility": True}}
    unknown = declared(resource.type, resource.name, resource.parent, nodes)
    changes = driver.diff(unknown, live)
    with pytest.raises(ResourceError, match=r"networkConfig.enableIntraNodeVisibility can't be changed in"):
        driver.update(unknown, live, changes, "t", quiet)
    impossible = declared(resource.type, resource.name, resource.parent, {**body, "description": "other"})
    changes = driver.diff(impossible, live)
    with pytest.raises(ResourceError, match="description can't be changed in place"):
        driver.update(impossible, live, changes, "t", quiet)
    replaced = declared(
        resource.type, resource.name, resource.parent, {**body, "network": f"{P}/global/networks/b"}
    )
    assert any(one.replacement for one in driver.diff(replaced, live))


def test_a_topic_and_its_subscription(driver: GoogleDriver) -> None:
    topic = declared("pubsub.v1/projects.topics", "dreams", P, {"messageRetentionDuration": "600s"})
    assert driver.validate(topic) == []
    live = driver.create(topic, "t", quiet)
    assert live.identifier == f"{P}/topics/dreams"
    body = {"topic": f"{P}/topics/dreams", "ackDeadlineSeconds": 20}
    subscription = declared("pubsub.v1/projects.subscriptions", "workers", P, body)
    made = driver.create(subscription, "t", quiet)
    assert driver.diff(subscription, made) == []
    slower = declared(subscription.type, "workers", P, {**body, "ackDeadlineSeconds": 60})
    changes = driver.diff(slower, made)
    made = driver.update(slower, made, changes, "t", quiet)
    assert made.body["ackDeadlineSeconds"] == 60
    driver.delete(slower, made, "t", quiet)
    driver.delete(topic, live, "t", quiet)
    assert driver.read(topic) is None


def test_the_load_balancers_chain(driver: GoogleDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    from google_server import FakeEndpoint

    from localcloud.google.hooks import compute

    monkeypatch.setattr(compute, "set_frontdoor", lambda *_, **__: FakeEndpoint("frontdoor", "127.0.0.9", 80))
    everywhere, group = f"{P}/global", {"networkEndpointType": "NON_GCP_PRIVATE_IP_PORT", "defaultPort": 8080}
    check = {"type": "HTTP", "httpHealthCheck": {"requestPath": "/healthz"}}
    chain = [
        declared("compute.v1/healthChecks", "lb", everywhere, check),
        declared("compute.v1/networkEndpointGroups", "lb", ZONE, group),
    ]
    links = {"h": f"{everywhere}/healthChecks/lb", "n": f"{ZONE}/networkEndpointGroups/lb"}
    service = {"protocol": "HTTP", "healthChecks": [links["h"]], "backends": [{"group": links["n"]}]}
    chain += [
        declared("compute.v1/backendServices", "lb", everywhere, service),
        declared(
            "compute.v1/urlMaps", "lb", everywhere, {"defaultService": f"{everywhere}/backendServices/lb"}
        ),
        declared("compute.v1/targetHttpProxies", "lb", everywhere, {"urlMap": f"{everywhere}/urlMaps/lb"}),
        declared(
            "compute.v1/globalForwardingRules",
            "lb",
            everywhere,
            {"target": f"{everywhere}/targetHttpProxies/lb", "portRange": "80"},
        ),
    ]
    made = []
    for one in chain:
        assert driver.validate(one) == []
        live = driver.create(one, "t", quiet)
        assert driver.diff(one, live) == []
        made.append(live)
    assert made[-1].body["IPAddress"] == "127.0.0.9"
    slower = declared("compute.v1/backendServices", "lb", everywhere, {**service, "timeoutSec": 60})
    changes = driver.diff(slower, made[2])
    assert driver.update(slower, made[2], changes, "t", quiet).body["timeoutSec"] == 60
    for one, live in zip(reversed(chain), reversed(made), strict=True):
        driver.delete(one, live, "t", quiet)
    assert all(driver.read(one) is None for one in chain)


def test_a_stale_fingerprint_is_refused_not_overwritten(driver: GoogleDriver) -> None:
    resource = declared("compute.v1/networks", "raced", f"{P}/global", {"autoCreateSubnetworks": False})
    check = declared(
        "compute.v1/healthChecks", "raced", f"{P}/global", {"type": "HTTP", "httpHealthCheck": {}}
    )
    driver.create(resource, "t", quiet)
    driver.create(check, "t", quiet)
    service = {"healthChecks": [f"{P}/global/healthChecks/raced"]}
    first = declared("compute.v1/backendServices", "raced", f"{P}/global", service)
    old = driver.create(first, "t", quiet)
    for seconds in (40, 50):
        changed = declared(first.type, "raced", f"{P}/global", {**service, "timeoutSec": seconds})
        changes = driver.diff(changed, old)
        if seconds == 40:
            driver.update(changed, old, changes, "t", quiet)
        else:
            with pytest.raises(ResourceError, match="fingerprint"):
                driver.update(changed, old, changes, "t", quiet)


def test_refusals_name_the_resource_and_the_remedy(google: Running, driver: GoogleDriver) -> None:
    wrong = declared(
        "redis.v1/projects.locations.instances", "x", REGION, {"tier": "BASIC", "memorySizeGb": 0}
    )
    with pytest.raises(ResourceError, match=r"google/it: Google refused: memory_size_gb is required"):
        driver.create(wrong, "t", quiet)
    auto = declared("compute.v1/networks", "auto", f"{P}/global", {"autoCreateSubnetworks": True})
    with pytest.raises(NotRehearsable, match=r"google/it: .*not in the rehearsal"):
        driver.create(auto, "t", quiet)
    foreign = declared("redis.v1/projects.locations.instances", "x", "projects/other/locations/r", {})
    with pytest.raises(CredentialsError, match="google/it: not allowed"):
        driver.read(foreign)


def test_nothing_listening_is_said_at_once(google: Running) -> None:
    known = google.account()
    known.session()
    known.check()
    gone = GoogleAccount(PROJECT, "r", "z", "s", known.credentials, {"redis": "http://127.0.0.1:9/redis"})
    resource = declared("redis.v1/projects.locations.instances", "x", REGION, {})
    with pytest.raises(UnreachableError, match=r"google/it: nothing answers at http://127.0.0.1:9"):
        GoogleDriver(gone).read(resource)


def test_a_failing_engine_fails_the_operation_and_leaves_nothing(
    google: Running, driver: GoogleDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localcloud.google.hooks import redis

    def fail(*_: Any) -> None:
        raise ResourceError("valkey stopped while it was starting.", "Read its log.")

    monkeypatch.setattr(redis.Instances, "created", fail)
    resource = declared(
        "redis.v1/projects.locations.instances", "bad", REGION, {"tier": "BASIC", "memorySizeGb": 1}
    )
    with pytest.raises(ResourceError, match="google/it: Google failed: valkey stopped"):
        driver.create(resource, "t", quiet)
    assert driver.read(resource) is None


def test_what_is_not_ours_is_seen(driver: GoogleDriver) -> None:
    mine = declared("secretmanager.v1/projects.secrets", "mine", P, {"replication": {"automatic": {}}})
    live = driver.create(mine, "t", quiet)
    assert Live(live.identifier, live.body, live.owned).owned
    account = driver._account
    assert account
    body = {"replication": {"automatic": {}}}
    account.api("secretmanager", "v1").projects().secrets().create(
        parent=P, secretId="theirs", body=body
    ).execute()
    theirs = driver.read(declared(mine.type, "theirs", P, body))
    assert theirs
    assert not theirs.owned


@pytest.mark.parametrize(
    ("type_name", "parent", "body", "labels"),
    [
        ("pubsub.v1/projects.topics", P, {}, "labels"),
        ("sqladmin.v1/instances", P, SQL, "settings.userLabels"),
        (
            "container.v1/projects.locations.clusters",
            f"{P}/locations/us-central1-a",
            CLUSTER,
            "resourceLabels",
        ),
        ("monitoring.v3/projects.alertPolicies", P, {"combiner": "OR", "conditions": []}, "userLabels"),
        ("secretmanager.v1/projects.secrets", P, {"replication": {"automatic": {}}}, "labels"),
    ],
)
def test_what_carries_our_mark_undeclared_is_listed_and_the_mark_is_put_beside_other_labels(
    driver: GoogleDriver,
    monkeypatch: pytest.MonkeyPatch,
    type_name: str,
    parent: str,
    body: dict[str, Any],
    labels: str,
) -> None:
    from localcloud.google.hooks import container

    monkeypatch.setattr(container, "_kubernetes", lambda *told: None)
    stray, other = (declared(type_name, name, parent, body) for name in ("stray", "another"))
    made = driver.create(stray, f"mark-{type_name}", quiet)
    assert driver.listing(stray) == driver.listing(other)

    def listed(*known: Resource) -> bool:
        return made.identifier in [one.identifier for one in driver.undeclared(known, {})]

    assert listed(other)
    assert not listed(other, stray)

    theirs = copy.deepcopy(body)
    requests.set_path(theirs, labels, {"team": "dreams"})
    change = Change(f"/{labels.replace('.', '/')}", {}, {})
    with monkeypatch.context() as another:
        another.setattr(requests, "OWNER_LABEL", ("managed-by", "somebody"))
        driver.update(replace(stray, body=theirs), made, [change], f"take-{type_name}", quiet)
    live = driver.read(stray)
    assert live
    assert (live.owned, live.owner) == (False, "somebody")
    assert not listed(other)
    marked = driver.mark(stray, live, f"mark-{type_name}", quiet)
    assert (marked.owned, requests.get_path(marked.body, labels)["team"]) == (True, "dreams")
    assert driver.diff(stray, marked) == []
    driver.delete(stray, marked, f"delete-{type_name}", quiet)


def test_what_carries_no_label_is_in_no_listing(driver: GoogleDriver) -> None:
    assert driver.listing(declared("sqladmin.v1/databases", "d", f"{P}/instances/i", {})) is None
    member = declared("cloudresourcemanager.v3/projects.iamMembers", "m", P, {})
    assert driver.listing(member) is None
