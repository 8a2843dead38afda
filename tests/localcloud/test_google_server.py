"""The local Google server as any client meets it: identity, errors, operations, paging, restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from google_server import CREDENTIALS, PROJECT, Running, running

from dreamnet.errors import CredentialsError
from localcloud.credentials import _rsa_key
from localcloud.google.router import route

P = f"projects/{PROJECT}"
REDIS = f"redis/v1/{P}/locations/us-central1/instances"
SECRETS = f"secretmanager/v1/{P}/secrets"


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture
def client(google: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {CREDENTIALS.google_access_token}"}
    with httpx.Client(base_url=google.root, headers=headers) as one:
        yield one


def error(answer: httpx.Response) -> dict[str, Any]:
    return dict(answer.json()["error"])


def test_a_service_account_is_let_in_and_named(google: Running) -> None:
    assert google.account().check() == f"gameplan@{PROJECT}.iam.gserviceaccount.com in project {PROJECT}"


def test_a_key_that_was_not_issued_is_refused_without_showing_it(google: Running) -> None:
    key = replace(CREDENTIALS, google_private_key=_rsa_key()).service_account(f"{google.root}/token")
    with pytest.raises(CredentialsError, match="Invalid JWT Signature") as refused:
        google.account(key=key).check()
    assert "PRIVATE KEY" not in str(refused.value)


def test_no_token_and_a_wrong_token_get_401(google: Running) -> None:
    for headers in ({}, {"Authorization": "Bearer ya29.stolen"}):
        answer = httpx.get(f"{google.root}/{REDIS}", headers=headers)
        assert answer.status_code == 401
        assert error(answer)["status"] == "UNAUTHENTICATED"


def test_another_project_gets_403(client: httpx.Client) -> None:
    answer = client.get(f"/{REDIS.replace(PROJECT, 'somebody-else')}")
    assert answer.status_code == 403
    assert "somebody-else" in error(answer)["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"memorySize": 1}, "memorySize"),
        ({"displayName": "x"}, "memorySizeGb"),
        ({"memorySizeGb": "much"}, "memorySizeGb"),
        ({"tier": "GOLD", "memorySizeGb": 1}, "tier"),
        ({"tier": "BASIC", "memorySizeGb": 1, "labels": {"a": 1}}, "labels.a"),
        (
            {"tier": "BASIC", "memorySizeGb": 1, "persistenceConfig": {"persistenceMode": True}},
            "persistenceConfig.persistenceMode",
        ),
    ],
)
def test_a_body_that_the_schema_forbids_gets_400_with_the_field(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    answer = client.post(f"/{REDIS}", params={"instanceId": "x"}, json=body)
    assert answer.status_code == 400
    assert error(answer)["status"] == "INVALID_ARGUMENT"
    assert error(answer)["details"][0]["fieldViolations"][0]["field"] == field
    assert client.get(f"/{REDIS}/x").status_code == 404


def test_an_operation_runs_before_it_is_done_and_the_resource_says_so(client: httpx.Client) -> None:
    operation = client.post(
        f"/{REDIS}", params={"instanceId": "slow"}, json={"tier": "BASIC", "memorySizeGb": 1}
    ).json()
    assert operation["done"] is False
    assert client.get(f"/{REDIS}/slow").json()["state"] == "CREATING"
    assert client.delete(f"/{REDIS}/slow").status_code == 409
    deadline = time.monotonic() + 5
    while not (operation := client.get(f"/redis/v1/{operation['name']}").json())["done"]:
        assert time.monotonic() < deadline
    assert operation["response"]["memorySizeGb"] == 1
    assert client.get(f"/{REDIS}/slow").json()["state"] == "READY"
    again = client.post(f"/{REDIS}", params={"instanceId": "slow"}, json={"tier": "BASIC", "memorySizeGb": 1})
    assert again.status_code == 409
    assert error(again)["status"] == "ALREADY_EXISTS"


def test_compute_answers_in_its_older_shapes(client: httpx.Client) -> None:
    path = f"/compute/compute/v1/{P}/global/healthChecks"
    operation = client.post(path, json={"name": "h", "type": "HTTP", "httpHealthCheck": {}}).json()
    assert operation["kind"] == "compute#operation"
    assert operation["status"] == "RUNNING"
    missing = client.get(f"{path}/other")
    assert missing.status_code == 404
    assert error(missing)["errors"][0]["reason"] == "notFound"
    nameless = client.post(path, json={"type": "HTTP"})
    assert nameless.status_code == 400
    assert "name" in error(nameless)["message"]


def test_lists_come_in_pages(client: httpx.Client) -> None:
    for number in range(5):
        body = {"replication": {"automatic": {}}}
        assert client.post(f"/{SECRETS}", params={"secretId": f"page-{number}"}, json=body).status_code == 200
    names: list[str] = []
    token = ""
    while True:
        page = client.get(f"/{SECRETS}", params={"pageSize": 2, "pageToken": token}).json()
        assert len(page["secrets"]) <= 2
        names += [one["name"].rsplit("/", 1)[1] for one in page["secrets"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert [name for name in names if name.startswith("page-")] == [f"page-{n}" for n in range(5)]


def test_a_stale_etag_is_refused(client: httpx.Client) -> None:
    body = {"replication": {"automatic": {}}}
    first = client.post(f"/{SECRETS}", params={"secretId": "guarded"}, json=body).json()
    change = {"labels": {"a": "b"}, "etag": first["etag"]}
    path, mask = f"/{SECRETS}/guarded", {"updateMask": "labels"}
    assert client.patch(path, params=mask, json=change).json()["labels"] == {"a": "b"}
    stale = client.patch(path, params=mask, json=change)
    assert stale.status_code == 409
    assert error(stale)["status"] == "ABORTED"


def test_a_mask_changes_only_what_it_names(client: httpx.Client) -> None:
    body = {"replication": {"automatic": {}}, "labels": {"keep": "me"}, "annotations": {"x": "1"}}
    client.post(f"/{SECRETS}", params={"secretId": "masked"}, json=body)
    change = {"annotations": {"x": "2"}, "labels": {"lose": "me"}}
    after = client.patch(f"/{SECRETS}/masked", params={"updateMask": "annotations"}, json=change).json()
    assert after["annotations"] == {"x": "2"}
    assert after["labels"] == {"keep": "me"}
    unknown = client.patch(f"/{SECRETS}/masked", params={"updateMask": "colour"}, json={})
    assert unknown.status_code == 400


def test_what_is_not_rehearsed_says_so_by_name(client: httpx.Client) -> None:
    client.post(f"/{REDIS}", params={"instanceId": "verbs"}, json={"tier": "BASIC", "memorySizeGb": 1})
    answer = client.post(f"/{REDIS}/verbs:failover", json={})
    assert answer.status_code == 501
    assert error(answer)["message"] == "redis.projects.locations.instances.failover is not in the rehearsal."
    filtered = client.get(f"/{SECRETS}", params={"filter": "name:x"})
    assert filtered.status_code == 501


def test_a_path_that_no_document_has_gets_404(client: httpx.Client) -> None:
    for path in ("nothing/v1/x", "redis/v9/x", f"redis/v1/{P}/colours", f"redis/v1/{P}"):
        assert client.get(f"/{path}").status_code == 404


def test_any_api_of_the_documents_works_without_a_hook(client: httpx.Client) -> None:
    path = f"/artifactregistry/v1/{P}/locations/us-central1/repositories"
    operation = client.post(path, params={"repositoryId": "images"}, json={"format": "DOCKER"}).json()
    deadline = time.monotonic() + 5
    while not client.get(f"/artifactregistry/v1/{operation['name']}").json()["done"]:
        assert time.monotonic() < deadline
    answer = client.get(f"{path}/images")
    assert answer.json()["format"] == "DOCKER"
    assert answer.headers["X-Rehearsal"] == "simulated"
    listed = {one["type"]: one["backing"] for one in client.get("/_rehearsal/resources").json()}
    assert listed["artifactregistry/projects.locations.repositories"] == "simulated"
    assert listed["redis/projects.locations.instances"] == "valkey"


def test_a_discovery_client_drives_it_from_several_threads(google: Running) -> None:
    from concurrent.futures import ThreadPoolExecutor

    secrets = google.account().api("secretmanager", "v1").projects().secrets()

    def make(number: int) -> str:
        body = {"replication": {"automatic": {}}}
        return str(secrets.create(parent=P, secretId=f"thread-{number}", body=body).execute()["name"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(8)))) == 8


def test_resources_outlive_the_server_and_interrupted_operations_end(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {CREDENTIALS.google_access_token}"}
    with running(tmp_path) as first:
        body = {"replication": {"automatic": {}}}
        httpx.post(f"{first.root}/{SECRETS}", params={"secretId": "kept"}, json=body, headers=headers)
        answer = httpx.post(
            f"{first.root}/{REDIS}",
            params={"instanceId": "cut"},
            json={"tier": "BASIC", "memorySizeGb": 1},
            headers=headers,
        )
        operation = answer.json()["name"]
        store = first.server.context.store
        found = store.get(f"redis/{operation}")
        assert found
        made = store.get(f"redis/{P}/locations/us-central1/instances/cut")
        assert made
        frozen = replace(found, body={**found.body, "done": False})
        deadline = time.monotonic() + 5
        while not store.get(f"redis/{operation}").body["done"]:  # type: ignore[union-attr]
            assert time.monotonic() < deadline
        store.put(frozen)
        store.put(replace(made, body={**made.body, "state": "CREATING"}, busy=True))
    with running(tmp_path) as second:
        assert httpx.get(f"{second.root}/{SECRETS}/kept", headers=headers).status_code == 200
        ended = httpx.get(f"{second.root}/redis/v1/{operation}", headers=headers).json()
        assert ended["done"] is True
        assert "stopped" in ended["error"]["message"]
        again = httpx.post(
            f"{second.root}/{REDIS}",
            params={"instanceId": "cut"},
            json={"tier": "BASIC", "memorySizeGb": 1},
            headers=headers,
        )
        assert again.status_code == 200
    assert (tmp_path / "google" / "state.sqlite").stat().st_mode & 0o077 == 0


def test_verbs_and_literals_win_over_variables() -> None:
    assert (
        route("POST", f"container/v1/{P}/locations/l/clusters/c/nodePools/n:setSize").method.name == "setSize"
    )
    neg = route("POST", f"compute/compute/v1/{P}/zones/z/networkEndpointGroups/n/attachNetworkEndpoints")
    assert neg.method.name == "attachNetworkEndpoints"
    assert neg.variables["networkEndpointGroup"] == "n"
    assert route("GET", "sqladmin/sql/v1beta4/projects/p/instances/i").path == "projects/p/instances/i"
