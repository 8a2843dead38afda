"""Cloud SQL and load balancer calls through the real discovery documents, answered by a small fake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from googleapiclient.discovery import build
from googleapiclient.http import HttpMockSequence

from dreamnet.errors import CredentialsError, ResourceError
from dreamnet.failover import CloudSql, Group, LoadBalancer
from dreamnet.failover import cloudsql as cloudsql_module

OK, DONE = {"status": "200"}, {"name": "op", "status": "DONE"}


class Account:
    project = "p"

    def __init__(self, *answers: tuple[dict[str, str], Any]) -> None:
        self.http = HttpMockSequence([(status, json.dumps(body)) for status, body in answers])

    def api(self, name: str, version: str) -> Any:
        return build(name, version, http=self.http, static_discovery=True, cache_discovery=False)

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [
            (method, uri.split("?")[0].rsplit("/", 1)[-1]) for uri, method, _, _ in self.http.request_sequence
        ]

    def body(self, number: int) -> Any:
        return json.loads(self.http.request_sequence[number][2])


def instance(name: str, primary: str = "", **more: Any) -> dict[str, Any]:
    body = {
        "name": name,
        "region": "r1",
        "state": "RUNNABLE",
        "databaseVersion": "POSTGRES_18",
        "settings": {"tier": "db-f1-micro"},
        "ipAddresses": [{"type": "PRIMARY", "ipAddress": "127.0.0.9"}],
        **more,
    }
    return {**body, "masterInstanceName": f"p:{primary}"} if primary else body


def test_promote_waits_for_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudsql_module, "POLL_S", 0)
    account = Account(
        (OK, instance("b", "a")), (OK, {"name": "op", "status": "PENDING"}), (OK, DONE), (OK, instance("b"))
    )
    assert not CloudSql(account).promote("b").is_replica
    assert account.calls == [("GET", "b"), ("POST", "promoteReplica"), ("GET", "op"), ("GET", "b")]


def test_promoting_a_primary_calls_nothing() -> None:
    account = Account((OK, instance("b")), (OK, instance("b")))
    CloudSql(account).promote("b")
    assert {method for method, _ in account.calls} == {"GET"}


def test_an_operation_that_fails_is_an_error_with_its_reason() -> None:
    failed = {**DONE, "error": {"errors": [{"code": "X", "message": "replica is broken"}]}}
    with pytest.raises(ResourceError, match="replica is broken"):
        CloudSql(Account((OK, instance("b", "a")), (OK, failed))).promote("b")


def test_rebuild_deletes_the_stale_instance_and_makes_a_replica_of_its_kind() -> None:
    account = Account(
        (OK, instance("a")),
        (OK, instance("a")),
        (OK, DONE),
        ({"status": "404"}, {}),
        (OK, instance("b")),
        (OK, DONE),
        (OK, instance("a", "b")),
    )
    assert CloudSql(account).rebuild("a", "b").primary == "b"
    assert ("DELETE", "a") in account.calls
    created = account.body(5)
    assert (created["masterInstanceName"], created["settings"]["tier"]) == ("b", "db-f1-micro")


def test_rebuild_leaves_a_replica_of_the_new_primary_alone() -> None:
    account = Account((OK, instance("a", "b")))
    CloudSql(account).rebuild("a", "b")
    assert account.calls == [("GET", "a")]


def test_a_refusal_is_one_of_credentials() -> None:
    with pytest.raises(CredentialsError, match="403"):
        CloudSql(Account(({"status": "403"}, {"error": {"code": 403, "message": "no"}}))).get("a")


def balancer(account: Account) -> LoadBalancer:
    return LoadBalancer(
        account, "web", {"r1": Group("r1-a", "neg-1", (("127.0.0.1", 80), ("127.0.0.2", 80)))}
    )


def listed(*addresses: str) -> dict[str, Any]:
    return {"items": [{"networkEndpoint": {"ipAddress": address, "port": 80}} for address in addresses]}


def test_attach_adds_only_what_is_missing() -> None:
    account = Account((OK, listed("127.0.0.1")), (OK, listed("127.0.0.1")), (OK, DONE))
    balancer(account).attach("r1")
    assert account.body(2) == {"networkEndpoints": [{"ipAddress": "127.0.0.2", "port": 80}]}


def test_detach_takes_out_all_that_is_in() -> None:
    account = Account((OK, listed("127.0.0.7")), (OK, DONE))
    balancer(account).detach("r1")
    assert account.calls[-1] == ("POST", "detachNetworkEndpoints")
    assert account.body(1)["networkEndpoints"][0]["ipAddress"] == "127.0.0.7"


@pytest.mark.parametrize(
    ("states", "healthy"), [(["UNHEALTHY", "HEALTHY"], True), (["UNHEALTHY"], False), ([], False)]
)
def test_health_is_read(states: list[str], healthy: bool) -> None:
    account = Account((OK, {"healthStatus": [{"healthState": state} for state in states]}))
    assert balancer(account).healthy("r1") is healthy
    assert account.body(0)["group"].endswith("/zones/r1-a/networkEndpointGroups/neg-1")
