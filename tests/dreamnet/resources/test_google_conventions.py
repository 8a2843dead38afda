"""Collections that keep to no convention: where their names, ids and parameters go."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet.resources.google import checks, requests
from dreamnet.resources.google.discovery import load_type
from dreamnet.resources.model import Live, Resource

ZONE = "projects/p/managedZones/z"


def declared(type_name: str, name: str, parent: str, body: dict[str, Any]) -> Resource:
    return Resource("google/it", "google", type_name, name, parent, body, source="x.yaml:1")


def create(type_name: str, name: str, parent: str, body: dict[str, Any]) -> requests.Request:
    return requests.create(load_type(type_name), declared(type_name, name, parent, body), "t")


def test_a_record_set_is_addressed_by_its_name_and_its_type() -> None:
    records = load_type("dns.v1/resourceRecordSets")
    assert records.parent_template == "projects/{project}/managedZones/{managedZone}"
    assert records.item_path(ZONE, "www.a.example./A") == f"dns/v1/{ZONE}/rrsets/www.a.example./A"
    request = create(
        "dns.v1/resourceRecordSets", "www.a.example./A", ZONE, {"type": "A", "rrdatas": ["1.2.3.4"]}
    )
    assert request.path == f"dns/v1/{ZONE}/rrsets"
    assert request.body == {"name": "www.a.example.", "type": "A", "rrdatas": ["1.2.3.4"]}


@pytest.mark.parametrize(
    ("name", "fine"),
    [("*.a.example./A", True), ("_x.a.example./CNAME", True), ("a.example/A", False), ("a.example.", False)],
)
def test_a_record_sets_name_is_checked_offline(name: str, fine: bool) -> None:
    record = declared("dns.v1/resourceRecordSets", name, ZONE, {"type": "A"})
    wrong = [one for one in checks.problems(record) if one.path == "/name"]
    assert (not wrong) is fine


def test_a_scheduled_querys_account_is_a_parameter_of_its_creation() -> None:
    type_name = "bigquerydatatransfer.v1/projects.locations.transferConfigs"
    body = {"displayName": "q", "serviceAccountName": "a@b.c", "params": {"query": "SELECT 1"}}
    request = create(type_name, "q", "projects/p/locations/l", body)
    assert request.parameters == {"serviceAccountName": "a@b.c"}
    assert request.body == {"displayName": "q", "params": {"query": "SELECT 1"}}
    assert not list(checks.problems(declared(type_name, "q", "projects/p/locations/l", body)))


def test_a_sink_gets_an_identity_of_its_own_and_keeps_its_short_name() -> None:
    request = create("logging.v2/projects.sinks", "s", "projects/p", {"destination": "d"})
    assert request.parameters == {"uniqueWriterIdentity": "true"}
    assert request.body == {"name": "s", "destination": "d"}


def test_a_security_policy_is_no_part_of_a_new_backend_service() -> None:
    body = {"protocol": "HTTP", "securityPolicy": "projects/p/global/securityPolicies/s"}
    assert not list(checks.problems(declared("compute.v1/backendServices", "b", "projects/p/global", body)))
    assert create("compute.v1/backendServices", "b", "projects/p/global", body).body == {
        "name": "b",
        "protocol": "HTTP",
    }


def test_a_job_of_cloud_run_is_changed_as_a_whole() -> None:
    jobs = load_type("run.v2/projects.locations.jobs")
    body = {"template": {"taskCount": 2}, "annotations": {"a": "b"}}
    job = declared("run.v2/projects.locations.jobs", "j", "projects/p/locations/l", body)
    live = Live("x", {"template": {"taskCount": 1}, "annotations": {"a": "b"}, "uid": "1"}, True)
    from dreamnet.resources.model import Change

    request = requests.update(jobs, job, live, [Change("/template/taskCount", 1, 2)], "t")
    assert request.body is not None
    assert request.body["annotations"] == {"a": "b"}
    assert "uid" not in request.body
