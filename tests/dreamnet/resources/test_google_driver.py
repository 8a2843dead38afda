"""The Google driver against the local Google server: each kind of resource made, found equal, changed, deleted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "localcloud"))

from google_server import CREDENTIALS, PROJECT, Running, running

from dreamnet.errors import CredentialsError, NotRehearsable, ResourceError, UnreachableError
from dreamnet.resources.google import GoogleDriver
from dreamnet.resources.model import Live, Resource

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
    ("type_name", "name", "parent", "body", "after"), LIFE_CYCLES, ids=lambda one: str(one)[:30]
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
