"""What the local Google refuses, fills in, keeps and does wrong on request, in Google's own shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google_server import CREDENTIALS, PROJECT, Running, running

from localcloud.credentials import GOOGLE_BILLING_ACCOUNT, GOOGLE_PROJECT_NUMBER

P = f"projects/{PROJECT}"
L = f"{P}/locations/us-central1"
GLOBAL = f"/compute/compute/v1/{P}/global"
REGION = f"/compute/compute/v1/{P}/regions/us-central1"
IAM = f"/iam/v1/{P}"
ACCOUNT = f"dreamnet-api@{PROJECT}.iam.gserviceaccount.com"


class Client:
    """Calls, and waits for operations."""

    def __init__(self, root: str) -> None:
        headers = {"Authorization": f"Bearer {CREDENTIALS.google_access_token}"}
        self.http = httpx.Client(base_url=root, headers=headers)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, dict[str, Any]]:
        answer = self.http.request(method, path, json=body, params=query)
        result = dict(answer.json())
        api = path.split("/")[1]
        deadline = time.monotonic() + 10
        while not answer.is_error and (result.get("done") is False or result.get("status") == "RUNNING"):
            assert time.monotonic() < deadline
            link = result.get("selfLink", "")
            version = path.split("/")[2]
            where = "/" + link.split("/", 3)[3] if link else f"/{api}/{version}/{result['name']}"
            result = dict(self.http.get(where).json())
        return answer.status_code, result

    def made(self, path: str, body: Any, **query: Any) -> dict[str, Any]:
        code, result = self("POST", path, body, **query)
        assert code == 200, result
        assert "error" not in result, result
        return result

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str, str]:
        code, result = self(method, path, body, **query)
        assert code >= 400, result
        return code, result["error"]["status"], result["error"]["message"]


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture(scope="module")
def call(google: Running) -> Client:
    client = Client(google.root)
    client.made(f"{GLOBAL}/networks", {"name": "dreamnet", "autoCreateSubnetworks": False})
    client.made(
        f"{IAM}/serviceAccounts", {"accountId": "dreamnet-api", "serviceAccount": {"displayName": "A"}}
    )
    client.http.put(f"/pubsub/v1/{P}/topics/alerts", json={})
    return client


# Policies.


def policy(call: Client, etag: str | None = None, **binding: Any) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"bindings": [{"role": "roles/viewer", "members": [], **binding}], "version": 3}
    if etag:
        body["etag"] = etag
    return call("POST", f"/cloudresourcemanager/v3/{P}:setIamPolicy", {"policy": body})


def test_a_policy_is_guarded_by_its_etag(call: Client) -> None:
    code, first = policy(call, members=[f"serviceAccount:{ACCOUNT}"])
    assert code == 200
    assert policy(call, first["etag"], members=["user:a@b.c"])[0] == 200
    code, stale = policy(call, first["etag"], members=["user:x@y.z"])
    assert (code, stale["error"]["status"]) == (409, "ABORTED")
    _, shown = call("POST", f"/cloudresourcemanager/v3/{P}:getIamPolicy", {})
    assert shown["bindings"] == [{"role": "roles/viewer", "members": ["user:a@b.c"]}]


@pytest.mark.parametrize(
    ("binding", "word"),
    [
        ({"members": [f"serviceAccount:nobody@{PROJECT}.iam.gserviceaccount.com"]}, "does not exist"),
        ({"members": ["somebody"]}, "Invalid member"),
        ({"role": "viewer"}, "not supported"),
        ({"role": f"{P}/roles/none"}, "does not exist"),
    ],
)
def test_a_policy_names_only_what_there_is(call: Client, binding: dict[str, Any], word: str) -> None:
    code, answer = policy(call, **binding)
    assert code == 400
    assert word in answer["error"]["message"]


def test_conditions_are_shown_to_who_asks_for_version_three(call: Client) -> None:
    policy(call, members=["user:a@b.c"], condition={"title": "t", "expression": "true"})
    where = f"/cloudresourcemanager/v3/{P}:getIamPolicy"
    assert "bindings" not in call("POST", where, {})[1]
    asked = call("POST", where, {"options": {"requestedPolicyVersion": 3}})[1]
    assert asked["bindings"][0]["condition"]["title"] == "t"


def test_a_policy_of_what_is_not_there_is_404(call: Client) -> None:
    assert call.refused("GET", f"/pubsub/v1/{P}/topics/none:getIamPolicy")[0] == 404


# What is deleted and kept.


def test_a_deleted_role_keeps_its_id_and_comes_back(call: Client) -> None:
    body = {"roleId": "stopper", "role": {"title": "S", "includedPermissions": ["cloudsql.instances.update"]}}
    call.made(f"{IAM}/roles", body)
    assert call("DELETE", f"{IAM}/roles/stopper")[1]["deleted"] is True
    assert call("GET", f"{IAM}/roles/stopper")[1]["deleted"] is True
    assert "roles" not in call("GET", f"{IAM}/roles")[1]
    assert call.refused("POST", f"{IAM}/roles", body)[0] == 409
    assert "deleted" not in call("POST", f"{IAM}/roles/stopper:undelete", {})[1]
    assert call.refused("POST", f"{IAM}/roles/stopper:undelete", {})[1] == "FAILED_PRECONDITION"


def test_a_pool_is_deleted_and_undeleted_by_operations(call: Client) -> None:
    pools = f"/iam/v1/{P}/locations/global/workloadIdentityPools"
    call.made(pools, {"displayName": "AWS"}, workloadIdentityPoolId="aws-pool")
    call("DELETE", f"{pools}/aws-pool")
    assert call("GET", f"{pools}/aws-pool")[1]["state"] == "DELETED"
    providers = f"{pools}/aws-pool/providers"
    provider = {"aws": {"accountId": "1" * 12}}
    refused = call.refused("POST", providers, provider, workloadIdentityPoolProviderId="aws")
    assert refused[1] == "FAILED_PRECONDITION"
    call("POST", f"{pools}/aws-pool:undelete", {})
    assert call("GET", f"{pools}/aws-pool")[1]["state"] == "ACTIVE"


# What refers to what isn't there, or is no such thing.


@pytest.mark.parametrize(
    ("path", "body", "query", "code"),
    [
        (f"{REGION}/subnetworks", {"name": "s", "network": f"{P}/global/networks/none"}, {}, 404),
        (f"{REGION}/routers", {"name": "r"}, {}, 400),
        (f"{GLOBAL}/backendBuckets", {"name": "b", "bucketName": "none"}, {}, 400),
        (f"{GLOBAL}/targetHttpsProxies", {"name": "p", "urlMap": "x"}, {}, 400),
        (f"{GLOBAL}/urlMaps", {"name": "u", "hostRules": [{"hosts": ["a"], "pathMatcher": "none"}]}, {}, 400),
        (f"/dns/dns/v1/{P}/managedZones", {"name": "z", "dnsName": "no-dot", "description": "d"}, {}, 400),
        (f"/cloudscheduler/v1/{L}/jobs", {"name": f"{L}/jobs/j", "schedule": "soon"}, {}, 400),
        (f"/spanner/v1/{P}/instances", {"instanceId": "x", "instance": {"processingUnits": 150}}, {}, 400),
        (f"/documentai/v1/{P}/locations/us/processors", {"type": "TEA_LEAF_PROCESSOR"}, {}, 400),
        (f"/logging/v2/{P}/sinks", {"name": "s", "destination": "mail.example.com/x"}, {}, 400),
        (f"/gkehub/v1/{P}/locations/global/features", {}, {"featureId": "teleport"}, 400),
        (f"/run/v2/{L}/services", {"template": {"containers": [{}]}}, {"serviceId": "s"}, 400),
        (f"/bigquerydatatransfer/v1/{L}/transferConfigs", {"dataSourceId": "scheduled_query"}, {}, 400),
        (f"/billingbudgets/v1/billingAccounts/{GOOGLE_BILLING_ACCOUNT}/budgets", {"amount": {}}, {}, 400),
        ("/billingbudgets/v1/billingAccounts/AAAAAA-BBBBBB-CCCCCC/budgets", {"amount": {}}, {}, 403),
        (f"/iam/v1/{P}/serviceAccounts", {"accountId": "x"}, {}, 400),
    ],
)
def test_what_google_would_refuse_is_refused(
    call: Client, path: str, body: Any, query: dict[str, Any], code: int
) -> None:
    assert call.refused("POST", path, body, **query)[0] == code


def test_what_is_in_use_stays(call: Client) -> None:
    call.made(f"{REGION}/subnetworks", {"name": "s", "network": f"{P}/global/networks/dreamnet"})
    code, _, message = call.refused("DELETE", f"{GLOBAL}/networks/dreamnet")
    assert code == 400
    assert "already being used by" in message


# What Google fills in.


def test_outputs_are_there_as_google_names_them(call: Client) -> None:
    made = call("GET", f"{IAM}/serviceAccounts/{ACCOUNT}")[1]
    assert (made["email"], made["projectId"]) == (ACCOUNT, PROJECT)
    assert len(made["uniqueId"]) == 21
    call.made(f"{GLOBAL}/addresses", {"name": "web"})
    address = call("GET", f"{GLOBAL}/addresses/web")[1]
    assert address["address"].startswith("203.0.113.")
    assert (address["status"], address["networkTier"]) == ("RESERVED", "PREMIUM")
    body = {"name": "audit", "destination": f"storage.googleapis.com/{PROJECT}-logs"}
    sink = call.made(f"/logging/v2/{P}/sinks", body, uniqueWriterIdentity="true")
    account = f"service-{GOOGLE_PROJECT_NUMBER}@gcp-sa-logging.iam.gserviceaccount.com"
    assert sink["writerIdentity"] == f"serviceAccount:{account}"
    processor = call.made(f"/documentai/v1/{P}/locations/us/processors", {"type": "OCR_PROCESSOR"})
    assert processor["name"].startswith(f"projects/{GOOGLE_PROJECT_NUMBER}/locations/us/processors/")
    again = call("GET", f"/documentai/v1/{processor['name']}")[1]
    assert again["state"] == "ENABLED"


def test_a_zone_brings_its_records_and_keeps_names_apart(call: Client) -> None:
    zones = f"/dns/dns/v1/{P}/managedZones"
    call.made(zones, {"name": "z", "dnsName": "dreamnet.example.", "description": "d"})
    records = f"{zones}/z/rrsets"
    assert {one["type"] for one in call("GET", records)[1]["rrsets"]} == {"NS", "SOA"}
    www = {"name": "www.dreamnet.example.", "type": "CNAME", "rrdatas": ["dreamnet.example."]}
    call.made(records, www)
    assert call("GET", f"{records}/www.dreamnet.example./CNAME")[1]["ttl"] == 300
    other = {**www, "type": "A", "rrdatas": ["192.0.2.1"]}
    assert call.refused("POST", records, other)[0] == 409
    for wrong in (
        {**www, "name": "www.other.example."},
        {**www, "name": "a.dreamnet.example.", "rrdatas": ["x"]},
    ):
        assert call.refused("POST", records, wrong)[0] == 400
    assert call.refused("DELETE", f"{zones}/z")[1] == "FAILED_PRECONDITION"
    call("DELETE", f"{records}/www.dreamnet.example./CNAME")
    assert call("DELETE", f"{zones}/z")[0] == 200


def test_a_certificate_becomes_active_with_its_record(call: Client) -> None:
    above = f"/certificatemanager/v1/{P}/locations/global"
    call.made(f"{above}/dnsAuthorizations", {"domain": "a.example"}, dnsAuthorizationId="d")
    name = f"{P}/locations/global/dnsAuthorizations/d"
    managed = {"managed": {"domains": ["a.example"], "dnsAuthorizations": [name]}}
    call.made(f"{above}/certificates", managed, certificateId="c")
    assert call("GET", f"{above}/certificates/c")[1]["managed"]["state"] == "PROVISIONING"
    record = call("GET", f"{above}/dnsAuthorizations/d")[1]["dnsResourceRecord"]
    zones = f"/dns/dns/v1/{P}/managedZones"
    call.made(zones, {"name": "a", "dnsName": "a.example.", "description": "d"})
    body = {"name": record["name"], "type": "CNAME", "rrdatas": [record["data"]]}
    call.made(f"{zones}/a/rrsets", body)
    assert call("GET", f"{above}/certificates/c")[1]["managed"]["state"] == "ACTIVE"
    assert call.refused("DELETE", f"{above}/dnsAuthorizations/d")[1] == "FAILED_PRECONDITION"


def test_rules_of_a_security_policy_have_their_own_methods(call: Client) -> None:
    policies = f"{GLOBAL}/securityPolicies"
    call.made(policies, {"name": "armor"})
    rule = {"priority": 5, "action": "deny(403)", "match": {"versionedExpr": "SRC_IPS_V1"}}
    call.made(f"{policies}/armor/addRule", rule)
    assert call.refused("POST", f"{policies}/armor/addRule", rule)[0] == 400
    call.made(f"{policies}/armor/patchRule", {"action": "allow"}, priority=5)
    shown = call("GET", f"{policies}/armor")[1]
    assert [(one["priority"], one["action"]) for one in shown["rules"]] == [
        (5, "allow"),
        (2147483647, "allow"),
    ]
    assert call.refused("POST", f"{policies}/armor/removeRule", priority=2147483647)[0] == 400


def test_a_peering_needs_a_range_for_it(call: Client) -> None:
    where = "/servicenetworking/v1/services/servicenetworking.googleapis.com/connections"
    network = f"projects/{GOOGLE_PROJECT_NUMBER}/global/networks/dreamnet"
    body = {"network": network, "reservedPeeringRanges": ["services"]}
    assert call.refused("POST", where, body)[0] == 400
    given = {"purpose": "VPC_PEERING", "addressType": "INTERNAL", "address": "10.30.0.0", "prefixLength": 20}
    call.made(f"{GLOBAL}/addresses", {"name": "services", **given})
    call.made(where, body)
    assert (
        call("GET", where, network=network)[1]["connections"][0]["peering"]
        == "servicenetworking-googleapis-com"
    )
    assert call.refused("POST", where, body)[0] == 409


def test_the_projects_number_stands_for_its_id(call: Client) -> None:
    by_number = call("GET", f"/pubsub/v1/projects/{GOOGLE_PROJECT_NUMBER}/topics/alerts")
    assert by_number[1]["name"] == f"{P}/topics/alerts"


def test_compute_lists_over_all_places(call: Client) -> None:
    found = call("GET", f"/compute/compute/v1/{P}/aggregated/subnetworks")[1]["items"]
    assert [one["name"] for one in found["regions/us-central1"]["subnetworks"]] == ["s"]


def test_an_api_that_was_disabled_refuses(call: Client) -> None:
    service = f"/serviceusage/v1/{P}/services/cloudtasks.googleapis.com"
    queues = f"/cloudtasks/v2/{L}/queues"
    assert call("GET", queues)[0] == 200
    call("POST", f"{service}:disable", {})
    assert call.refused("GET", queues)[:2] == (403, "PERMISSION_DENIED")
    call("POST", f"{service}:enable", {})
    assert call("GET", queues)[0] == 200


# Faults on request.


@pytest.fixture
def faults(google: Running) -> Iterator[str]:
    where = f"{google.root}/_rehearsal/faults"
    yield where
    httpx.delete(where)


def test_a_method_fails_as_often_as_was_asked(call: Client, faults: str) -> None:
    httpx.post(faults, json={"method": "pubsub.projects.topics.*", "code": 429, "times": 2})
    topic = f"/pubsub/v1/{P}/topics/alerts"
    for _ in range(2):
        assert call.refused("GET", topic)[:2] == (429, "RESOURCE_EXHAUSTED")
    assert call("GET", topic)[0] == 200
    assert httpx.get(faults).json() == []


def test_an_operation_fails_and_leaves_nothing_behind(call: Client, faults: str) -> None:
    message = "Quota 'GLOBAL_ADDRESSES' exceeded."
    fault = {"method": "compute.globalAddresses.insert", "operation": True, "code": 403, "message": message}
    httpx.post(faults, json=fault)
    _, ended = call("POST", f"{GLOBAL}/addresses", {"name": "unlucky"})
    assert ended["error"]["errors"][0]["message"] == message
    assert call.refused("GET", f"{GLOBAL}/addresses/unlucky")[0] == 404


def test_a_fault_holds_to_its_paths(call: Client, faults: str) -> None:
    httpx.post(faults, json={"method": "*", "path": "*/topics/other", "code": 503})
    assert call("GET", f"/pubsub/v1/{P}/topics/alerts")[0] == 200
    assert call.refused("GET", f"/pubsub/v1/{P}/topics/other")[:2] == (503, "UNAVAILABLE")


def test_a_permission_can_be_missing(call: Client, faults: str) -> None:
    httpx.post(faults, json={"permission": "container.*"})
    asked = {"permissions": ["container.clusters.create", "cloudsql.instances.create"]}
    held = call("POST", f"/cloudresourcemanager/v3/{P}:testIamPermissions", asked)[1]
    assert held["permissions"] == ["cloudsql.instances.create"]


def test_what_is_no_fault_is_refused(call: Client, faults: str) -> None:
    for wrong in ({"code": 500}, {"method": "*", "code": 200}, {"methods": "*"}):
        assert httpx.post(faults, json=wrong).status_code == 400


def test_permissions_on_the_billing_account_are_asked_about_there(call: Client) -> None:
    asked = {"permissions": ["billing.budgets.create"]}
    for account, code in ((GOOGLE_BILLING_ACCOUNT, 200), ("AAAAAA-BBBBBB-CCCCCC", 403)):
        where = f"/cloudbilling/v1/billingAccounts/{account}:testIamPermissions"
        assert call("POST", where, asked)[0] == code
