"""Google's discovery documents read as collections; declarations checked and compared offline."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.resources.google import GoogleDriver, requests
from dreamnet.resources.google.discovery import load_type
from dreamnet.resources.model import Change, Live, Resource

P = "projects/p"


def declared(type_name: str, name: str, parent: str, body: dict[str, Any], **options: Any) -> Resource:
    return Resource("google/it", "google", type_name, name, parent, body, source="x.yaml:1", options=options)


@pytest.mark.parametrize(
    ("type_name", "id_place", "wrapper", "answer", "labels"),
    [
        ("container.v1/projects.locations.clusters", ("body", "name"), "cluster", "status", "resourceLabels"),
        ("container.v1/projects.locations.clusters.nodePools", ("body", "name"), "nodePool", "status", None),
        ("sqladmin.v1/instances", ("body", "name"), None, "status", "settings.userLabels"),
        ("redis.v1/projects.locations.instances", ("query", "instanceId"), None, "done", "labels"),
        ("cloudfunctions.v2/projects.locations.functions", ("query", "functionId"), None, "done", "labels"),
        ("secretmanager.v1/projects.secrets", ("query", "secretId"), None, "plain", "labels"),
        ("spanner.v1/projects.instances", ("sibling", "instanceId"), "instance", "done", "labels"),
        ("pubsub.v1/projects.topics", ("path", ""), None, "plain", "labels"),
        ("storage.v1/buckets", ("body", "name"), None, "plain", "labels"),
        ("bigquery.v2/tables", ("reference", "tableReference.tableId"), None, "plain", "labels"),
        ("monitoring.v3/projects.alertPolicies", ("server", "name"), None, "plain", "userLabels"),
        ("monitoring.v3/projects.notificationChannels", ("server", "name"), None, "plain", "userLabels"),
        ("compute.v1/networks", ("body", "name"), None, "status", None),
    ],
)
def test_where_each_api_puts_names_labels_and_answers(
    type_name: str, id_place: tuple[str, str], wrapper: str | None, answer: str, labels: str | None
) -> None:
    collection = load_type(type_name)
    assert collection.create
    assert collection.id_place == id_place
    assert collection.wrapper == wrapper
    assert collection.api.answer(collection.create) == answer
    assert collection.labels == labels


@pytest.mark.parametrize("type_name", ["container/clusters", "container.v9/x", "container.v1/colours", "x"])
def test_a_type_that_google_has_not_is_named(type_name: str) -> None:
    with pytest.raises(ConfigurationError):
        load_type(type_name)
    (problem,) = GoogleDriver().validate(declared(type_name, "x", P, {}))
    assert problem.path == "/type"


@pytest.mark.parametrize(
    ("resource", "path", "words"),
    [
        (
            declared(
                "redis.v1/projects.locations.instances",
                "x",
                f"{P}/locations/r",
                {"tier": "BASIC", "memorySizeGb": 1, "memorySize": 1},
            ),
            "/body/memorySize",
            "did you mean memorySizeGb",
        ),
        (
            declared(
                "redis.v1/projects.locations.instances",
                "x",
                f"{P}/locations/r",
                {"memorySizeGb": 1, "tier": "GOLD"},
            ),
            "/body/tier",
            "STANDARD_HA",
        ),
        (
            declared(
                "redis.v1/projects.locations.instances",
                "x",
                f"{P}/locations/r",
                {"tier": "BASIC", "memorySizeGb": 1, "host": "h"},
            ),
            "/body/host",
            "set by Google",
        ),
        (
            declared(
                "redis.v1/projects.locations.instances",
                "x",
                f"{P}/regions/r",
                {"tier": "BASIC", "memorySizeGb": 1},
            ),
            "/parent",
            "projects/{projectsId}/locations/{locationsId}",
        ),
        (
            declared(
                "container.v1/projects.locations.clusters",
                "x",
                f"{P}/locations/r",
                {"nodePools": [{"config": {"diskSizeGb": "fifty"}}]},
            ),
            "/body/nodePools/0/config/diskSizeGb",
            "an integer",
        ),
        (
            declared(
                "cloudfunctions.v2/projects.locations.functions",
                "f",
                f"{P}/locations/r",
                {"eventTrigger": {}},
            ),
            "/body/eventTrigger/eventType",
            "is required",
        ),
        (declared("compute.v1/networks", "1 net", f"{P}/global", {}), "/name", "letters"),
        (declared("storage.v1/buckets", "x", "buckets", {}), "/parent", "projects/{project}"),
    ],
)
def test_a_mistake_is_found_offline_with_its_field(resource: Resource, path: str, words: str) -> None:
    (problem,) = GoogleDriver().validate(resource)
    assert problem.path == path
    assert words in problem.message
    assert problem.source == "x.yaml:1"


def test_references_count_as_valid_wherever_a_scalar_is() -> None:
    body = {
        "memorySizeGb": "${secret.size}",
        "authEnabled": "${google.zone}",
        "tier": "${google.region}",
        "authorizedNetwork": "${resource:google/network.selfLink}",
    }
    parent = "projects/${google.project}/locations/${google.region}"
    resource = declared("redis.v1/projects.locations.instances", "x", parent, body)
    assert GoogleDriver().validate(resource) == []


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"settings": {"dataDiskSizeGb": 10}}, {"settings": {"dataDiskSizeGb": "10"}}),
        ({"settings": {"storageAutoResize": False}}, {"settings": {}}),
        ({"rootPassword": "secret"}, {}),
        ({"masterInstanceName": "main"}, {"masterInstanceName": "p:main"}),
        (
            {"settings": {"databaseFlags": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}]}},
            {"settings": {"databaseFlags": [{"name": "a", "value": "2"}, {"name": "b", "value": "1"}]}},
        ),
        (
            {"settings": {"ipConfiguration": {"privateNetwork": "projects/p/global/networks/n"}}},
            {
                "settings": {
                    "ipConfiguration": {
                        "privateNetwork": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"
                    }
                }
            },
        ),
        ({}, {"settings": {"tier": "anything"}, "state": "RUNNABLE"}),
    ],
)
def test_the_same_in_another_spelling_is_no_difference(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    resource = declared("sqladmin.v1/instances", "x", P, wanted)
    assert GoogleDriver().diff(resource, Live("x", live, True)) == []


@pytest.mark.parametrize(
    ("wanted", "live", "change"),
    [
        (
            {"settings": {"databaseFlags": [{"name": "a", "value": "1"}]}},
            {"settings": {"databaseFlags": [{"name": "a", "value": "2"}]}},
            Change("/settings/databaseFlags/0/value", "2", "1"),
        ),
        (
            {"settings": {"databaseFlags": [{"name": "a", "value": "1"}]}},
            {"settings": {"databaseFlags": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}]}},
            Change("/settings/databaseFlags", ["a", "b"], ["a"]),
        ),
        ({"settings": {"tier": "b"}}, {"settings": {"tier": "a"}}, Change("/settings/tier", "a", "b")),
        ({"region": "b"}, {"region": "a"}, Change("/region", "a", "b", replacement=True)),
    ],
)
def test_a_difference_names_its_field(wanted: dict[str, Any], live: dict[str, Any], change: Change) -> None:
    resource = declared("sqladmin.v1/instances", "x", P, wanted)
    assert GoogleDriver().diff(resource, Live("x", live, True)) == [change]


def test_the_header_can_name_more_fields_that_need_a_replacement() -> None:
    resource = declared(
        "sqladmin.v1/instances", "x", P, {"databaseVersion": "POSTGRES_18"}, create_only=["databaseVersion"]
    )
    (change,) = GoogleDriver().diff(resource, Live("x", {"databaseVersion": "POSTGRES_17"}, True))
    assert change.replacement


def test_a_mask_stops_at_lists_and_maps() -> None:
    collection = load_type("redis.v1/projects.locations.instances")
    changes = [
        Change("/redisConfigs/maxmemory-policy", "a", "b"),
        Change("/maintenancePolicy/weeklyMaintenanceWindow/0/day", "MONDAY", "SUNDAY"),
        Change("/memorySizeGb", 1, 2),
    ]
    assert requests.masks(collection, changes) == [
        "maintenancePolicy.weeklyMaintenanceWindow",
        "memorySizeGb",
        "redisConfigs",
    ]


def test_the_idempotency_key_is_a_uuid_that_the_token_alone_decides() -> None:
    resource = declared("compute.v1/networks", "n", f"{P}/global", {})
    collection = load_type(resource.type)
    first, again, other = (requests.create(collection, resource, token) for token in ("a", "a", "b"))
    assert first.parameters["requestId"] == again.parameters["requestId"] != other.parameters["requestId"]
    assert len(first.parameters["requestId"]) == 36


def test_a_bucket_is_created_in_its_project_and_addressed_without_it() -> None:
    resource = declared("storage.v1/buckets", "lake", P, {"location": "US"})
    request = requests.create(load_type(resource.type), resource, "t")
    assert request.path == "b"
    assert request.parameters == {"project": "p"}
    assert request.body == {"location": "US", "name": "lake", "labels": {"managed-by": "dreamnet-gameplan"}}
    assert requests.own_path(load_type(resource.type), resource) == "b/lake"


def test_labels_of_the_declaration_keep_ours_beside_them() -> None:
    collection = load_type("redis.v1/projects.locations.instances")
    body = {"memorySizeGb": 1, "labels": {"team": "dreams"}}
    resource = declared("redis.v1/projects.locations.instances", "x", f"{P}/locations/r", body)
    live = Live("x", {"memorySizeGb": 1, "labels": {"managed-by": "dreamnet-gameplan"}}, True)
    changes = GoogleDriver().diff(resource, live)
    request = requests.update(collection, resource, live, changes, "t")
    assert request.parameters == {"updateMask": "labels"}
    assert request.body == {"labels": {"team": "dreams", "managed-by": "dreamnet-gameplan"}}
