"""Adapters of collections that keep to no convention: what each sends, against a cloud that remembers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dreamnet.clouds.google_rest import Refused
from dreamnet.resources.google import (
    bigtable,
    compare,
    dataflow,
    iam,
    irregular,
    load_balancing,
    peering,
    requests,
    soft_deletion,
)
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import Change, Live, Resource

REGION = "projects/p/locations/us-central1"
INSTANCE = "projects/p/instances/i"


def declared(type_name: str, name: str, parent: str, body: dict[str, Any]) -> Resource:
    return Resource("google/it", "google", type_name, name, parent, body, source="x.yaml:1")


class Cloud:
    """Answers by `METHOD path`, and remembers each request."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers or {}
        self.sent: list[tuple[str, str, dict[str, Any], dict[str, Any] | None]] = []

    def __call__(self, collection: Collection, request: Request, what: str) -> dict[str, Any]:
        self.sent.append((request.method.name, request.path, request.parameters, request.body))
        answer = self.answers.get(f"{request.method.name} {request.path}", {})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer() if isinstance(answer, Callable) else answer)  # type: ignore[arg-type]

    def named(self, method: str) -> list[Any]:
        return [body for name, _, _, body in self.sent if name == method]


def missing() -> Refused:
    return Refused("it is not there.", "Look.", 404, "NOT_FOUND")


# IAM members.


def member(role: str = "roles/viewer", who: str = "user:a@b.c", **more: Any) -> Resource:
    body = {"role": role, "member": who, **more}
    return declared("cloudresourcemanager.v3/projects.iamMembers", "it", "projects/p", body)


POLICY = "getIamPolicy v3/projects/p:getIamPolicy"


def test_a_member_is_added_beside_the_others_and_under_the_policys_etag() -> None:
    others = [
        {"role": "roles/viewer", "members": ["user:x@y.z"]},
        {"role": "roles/owner", "members": ["user:o@y.z"]},
    ]
    cloud = Cloud({POLICY: {"etag": "one", "bindings": others}})
    iam.Members(cloud).create(member())
    (body,) = cloud.named("setIamPolicy")
    policy = body["policy"]
    assert policy["etag"] == "one"
    assert policy["bindings"][0]["members"] == ["user:x@y.z", "user:a@b.c"]
    assert policy["bindings"][1] == others[1]


def test_a_member_that_is_there_is_not_written_again() -> None:
    cloud = Cloud({POLICY: {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"]}]}})
    iam.Members(cloud).create(member())
    assert cloud.named("setIamPolicy") == []


def test_the_last_member_takes_its_binding_along() -> None:
    cloud = Cloud({POLICY: {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"]}]}})
    iam.Members(cloud).delete(member())
    (body,) = cloud.named("setIamPolicy")
    assert body["policy"]["bindings"] == []


def test_a_condition_makes_another_binding() -> None:
    condition = {"title": "t", "expression": "true"}
    cloud = Cloud({POLICY: {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"]}]}})
    members = iam.Members(cloud)
    assert members.read(member(condition=condition)) is None
    assert members.read(member())


def test_a_policy_changed_in_between_is_read_and_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam.time, "sleep", lambda _: None)
    refusals = [Refused("concurrent.", "Again.", 409, "ABORTED")]

    def written() -> dict[str, Any]:
        if refusals:
            raise refusals.pop()
        return {}

    cloud = Cloud({POLICY: {"bindings": []}, "setIamPolicy v3/projects/p:setIamPolicy": written})
    iam.Members(cloud).create(member())
    assert [name for name, *_ in cloud.sent] == ["getIamPolicy", "setIamPolicy"] * 2


def test_a_bucket_takes_its_policy_bare() -> None:
    cloud = Cloud({"getIamPolicy b/x/iam": {"etag": "one"}})
    resource = declared("storage.v1/buckets.iamMembers", "it", "b/x", member().body)
    iam.Members(cloud).create(resource)
    assert cloud.named("setIamPolicy")[0]["bindings"][0]["role"] == "roles/viewer"


# Soft deletion.

KEPT = [
    ("iam.v1/projects.roles", "projects/p", {"deleted": True}),
    ("iam.v1/projects.locations.workloadIdentityPools", "projects/p/locations/global", {"state": "DELETED"}),
    ("logging.v2/projects.locations.buckets", REGION, {"lifecycleState": "DELETE_REQUESTED"}),
]


@pytest.mark.parametrize(("type_name", "parent", "mark"), KEPT, ids=[one[0] for one in KEPT])
def test_what_was_deleted_softly_counts_as_absent_and_is_undeleted(
    type_name: str, parent: str, mark: dict[str, Any]
) -> None:
    collection, resource = load_type(type_name), declared(type_name, "it", parent, {})
    path = requests.own_path(collection, resource)
    cloud = Cloud({f"get {path}": mark})
    assert irregular.READS[collection.key](collection, resource, dict(mark), cloud) is None
    request = irregular.REVIVALS[collection.key](collection, resource, cloud)
    assert request
    assert (request.method.name, request.path) == ("undelete", f"{path}:undelete")


def test_nothing_is_undeleted_that_lives_or_never_was() -> None:
    collection = load_type("iam.v1/projects.roles")
    resource = declared("iam.v1/projects.roles", "it", "projects/p", {})
    path = requests.own_path(collection, resource)
    for answer in ({"title": "lives"}, missing()):
        assert soft_deletion.revival(collection, resource, Cloud({f"get {path}": answer})) is None


def test_a_deleted_transfer_job_is_switched_on_again_in_its_project() -> None:
    body = {"projectId": "p", "status": "ENABLED"}
    resource = declared("storagetransfer.v1/transferJobs", "it", "projects/p", body)
    collection = load_type(resource.type)
    cloud = Cloud({"get v1/transferJobs/it": {"status": "DELETED"}})
    request = soft_deletion.revival(collection, resource, cloud)
    assert request
    assert request.body == {
        "projectId": "p",
        "transferJob": {"status": "ENABLED"},
        "updateTransferJobFieldMask": "status",
    }
    assert cloud.sent[0][2] == {"projectId": "p"}


def test_a_transfer_job_is_changed_field_by_whole_field() -> None:
    spec = {"gcsDataSource": {"bucketName": "a"}, "transferOptions": {"overwriteWhen": "NEVER"}}
    body = {"projectId": "p", "status": "ENABLED", "transferSpec": spec}
    resource = declared("storagetransfer.v1/transferJobs", "it", "projects/p", body)
    change = Change("/transferSpec/transferOptions/overwriteWhen", "ALWAYS", "NEVER")
    request = requests.update(load_type(resource.type), resource, Live("x", {}, True), [change], "t")
    assert request.body == {
        "projectId": "p",
        "transferJob": {"transferSpec": spec},
        "updateTransferJobFieldMask": "transferSpec",
    }


# Bigtable.


def test_an_instance_is_read_with_its_clusters_and_gets_a_further_one_in_place() -> None:
    type_name = "bigtableadmin.v2/projects.instances"
    first = {"location": "l1", "serveNodes": 1}
    second = {"location": "l2", "serveNodes": 1}
    body = {"displayName": "i", "clusters": {"cluster-1": first, "cluster-2": second}}
    resource, collection = declared(type_name, "i", "projects/p", body), load_type(type_name)
    live_cluster = {"name": f"{INSTANCE}/clusters/cluster-1", "location": "l1", "serveNodes": 3}
    cloud = Cloud({f"list v2/{INSTANCE}/clusters": {"clusters": [live_cluster]}})
    read = bigtable.with_clusters(collection, resource, {"displayName": "i"}, cloud)
    assert set(read["clusters"]) == {"cluster-1"}
    changes = list(compare.differences(collection, body, read, frozenset()))
    assert not any(change.replacement for change in changes)
    sent = bigtable.instance_updates(collection, resource, Live("x", read, True), changes)
    calls = {(one.method.name, one.path): (one.parameters, one.body) for one in sent}
    grow = calls["partialUpdateCluster", f"v2/{INSTANCE}/clusters/cluster-1"]
    assert grow == ({"updateMask": "serveNodes"}, {"serveNodes": 1})
    assert calls["create", f"v2/{INSTANCE}/clusters"] == ({"clusterId": "cluster-2"}, second)


def test_families_are_made_and_changed_in_one_call() -> None:
    type_name = "bigtableadmin.v2/projects.instances.tables"
    families = {"old": {"gcRule": {"maxNumVersions": 2}}, "new": {"gcRule": {"maxNumVersions": 1}}}
    resource = declared(type_name, "t", INSTANCE, {"columnFamilies": families})
    live = Live("x", {"columnFamilies": {"old": {"gcRule": {"maxNumVersions": 1}}}}, True)
    collection = load_type(type_name)
    changes = list(compare.differences(collection, resource.body, live.body, frozenset()))
    (request,) = bigtable.table_updates(collection, resource, live, changes)
    assert request.body == {
        "modifications": [
            {"id": "old", "update": families["old"], "updateMask": "gcRule"},
            {"id": "new", "create": families["new"]},
        ]
    }


# Spanner, Dataflow.


def test_a_database_is_made_by_a_statement_in_its_dialect() -> None:
    type_name = "spanner.v1/projects.instances.databases"
    body = {"extraStatements": ["CREATE TABLE a (b INT64) PRIMARY KEY (b)"], "enableDropProtection": True}
    request = requests.create(load_type(type_name), declared(type_name, "d", INSTANCE, body), "t")
    assert request.body == {
        "createStatement": "CREATE DATABASE `d`",
        "extraStatements": body["extraStatements"],
    }
    postgres = declared(type_name, "d", INSTANCE, {"databaseDialect": "POSTGRESQL"})
    made = requests.create(load_type(type_name), postgres, "t").body
    assert made
    assert made["createStatement"] == 'CREATE DATABASE "d"'


def test_a_databases_statements_are_for_its_creation_only() -> None:
    collection = load_type("spanner.v1/projects.instances.databases")
    body = {"extraStatements": ["CREATE TABLE a (b INT64) PRIMARY KEY (b)"]}
    assert list(compare.differences(collection, body, {"name": "d"}, frozenset())) == []


def test_a_pipelines_jobs_are_cancelled_with_it_over_all_pages() -> None:
    workload = {"dataflowFlexTemplateRequest": {"launchParameter": {"jobName": "dreams"}}}
    pipeline = declared("datapipelines.v1/projects.locations.pipelines", "dreams", REGION, {})
    path = f"v1b3/{REGION}/jobs"
    pages = [
        {"jobs": [{"id": "3", "name": "dreams"}]},
        {"jobs": [{"id": "1", "name": "dreams-2026"}, {"id": "2", "name": "other"}], "nextPageToken": "more"},
    ]
    cloud = Cloud({f"list {path}": lambda: pages.pop()})
    dataflow.cancel_jobs(pipeline, Live("x", {"workload": workload}, True), cloud)
    cancelled = [path for name, path, *_ in cloud.sent if name == "update"]
    assert cancelled == [f"{path}/1", f"{path}/3"]


# Found by the name that people see.


@pytest.mark.parametrize(
    ("type_name", "parent"),
    [
        ("billingbudgets.v1/billingAccounts.budgets", "billingAccounts/1"),
        ("documentai.v1/projects.locations.processors", "projects/p/locations/us"),
        ("aiplatform.v1/projects.locations.indexes", REGION),
        ("bigquerydatatransfer.v1/projects.locations.transferConfigs", REGION),
        ("monitoring.v3/projects.uptimeCheckConfigs", "projects/p"),
    ],
)
def test_what_the_server_names_is_named_for_people_and_addressed_by_the_servers_name(
    type_name: str, parent: str
) -> None:
    collection, resource = load_type(type_name), declared(type_name, "monthly", parent, {})
    body = requests.create(collection, resource, "t").body
    assert body
    assert (body["displayName"], "name" in body) == ("monthly", False)
    live = Live(f"{parent}/{collection.literal}/77", {}, True)
    path = requests.own_path(collection, resource, live)
    assert path == f"{collection.version_prefix}{parent}/{collection.literal}/77"


# Load balancing.


def rule(priority: int, action: str) -> dict[str, Any]:
    return {"priority": priority, "action": action, "match": {"versionedExpr": "SRC_IPS_V1"}}


def test_a_policys_rules_are_added_changed_and_removed_one_by_one() -> None:
    type_name, parent = "compute.v1/securityPolicies", "projects/p/global"
    wanted = {"rules": [rule(1, "deny(403)"), rule(2, "allow"), rule(9, "allow")]}
    live = {"rules": [rule(1, "allow"), rule(3, "allow"), rule(9, "allow")]}
    collection, resource = load_type(type_name), declared(type_name, "s", parent, wanted)
    changes = list(compare.differences(collection, wanted, live, frozenset()))
    sent = load_balancing.policy_updates(collection, resource, Live("x", live, True), changes)
    assert [(one.method.name, one.parameters) for one in sent] == [
        ("patchRule", {"priority": 1}),
        ("addRule", {}),
        ("removeRule", {"priority": 3}),
    ]


def test_a_service_is_put_behind_its_policy_by_a_call_of_its_own() -> None:
    type_name, parent = "compute.v1/backendServices", "projects/p/global"
    link = "projects/p/global/securityPolicies/s"
    resource = declared(type_name, "b", parent, {"timeoutSec": 30, "securityPolicy": link})
    changes = [Change("/timeoutSec", 10, 30), Change("/securityPolicy", None, link)]
    sent = load_balancing.service_updates(load_type(type_name), resource, Live("x", {}, True), changes)
    assert [(one.method.name, one.body) for one in sent] == [
        ("patch", {"timeoutSec": 30}),
        ("setSecurityPolicy", {"securityPolicy": link}),
    ]


# Peering.


def test_a_peering_is_found_by_its_network_and_deleted_by_a_verb() -> None:
    parent = "services/servicenetworking.googleapis.com"
    network = "projects/1/global/networks/n"
    resource = declared("servicenetworking.v1/services.connections", "it", parent, {"network": network})
    collection = load_type(resource.type)
    cloud = Cloud({f"list v1/{parent}/connections": {"connections": [{"network": network, "peering": "x"}]}})
    found = peering.find(collection, resource, cloud)
    assert found
    assert cloud.sent[0][2] == {"network": network}
    request = peering.delete(collection, resource, Live(found["name"], found, True))
    assert (request.method.name, request.body) == ("deleteConnection", {"consumerNetwork": network})
    assert request.path == f"v1/{parent}/connections/x"


# Lists.


def test_lists_without_keys_are_compared_in_any_order() -> None:
    collection = load_type("eventarc.v1/projects.locations.triggers")
    one, two = {"attribute": "type", "value": "t"}, {"attribute": "bucket", "value": "b"}
    same = compare.differences(
        collection, {"eventFilters": [one, two]}, {"eventFilters": [two, one]}, frozenset()
    )
    assert list(same) == []
    other = {"eventFilters": [two, {"attribute": "type", "value": "u"}]}
    changed = compare.differences(collection, {"eventFilters": [one, two]}, other, frozenset())
    assert [(change.path, change.before, change.after) for change in changed] == [
        ("/eventFilters/0/value", "u", "t")
    ]
