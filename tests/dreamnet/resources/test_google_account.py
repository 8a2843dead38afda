"""The Google account: which address each client calls, and what never shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "localcloud"))

from google_server import CREDENTIALS, PROJECT

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ConfigurationError, CredentialsError, NotRehearsable, UnreachableError


def account(**endpoints: str) -> GoogleAccount:
    return GoogleAccount.from_service_account(
        CREDENTIALS.service_account("http://127.0.0.1:9/token"),
        project=PROJECT,
        region="us-central1",
        zone="us-central1-a",
        second_region="europe-west1",
        endpoints=endpoints,
    )


def test_googles_own_addresses_are_the_default() -> None:
    ours = account()
    assert ours.root("container", "https://container.googleapis.com/") == "https://container.googleapis.com/"
    assert ours.api("compute", "v1")._baseUrl == "https://compute.googleapis.com/compute/v1/"
    assert ours.storage()._connection.API_BASE_URL == "https://storage.googleapis.com"


def test_endpoints_replace_them_api_by_api() -> None:
    ours = account(
        compute="http://127.0.0.1:1/compute",
        storage="http://127.0.0.1:1/storage",
        bigquery="http://127.0.0.1:1/bigquery/",
        pubsub="127.0.0.1:2",
        pubsub_rest="http://127.0.0.1:1/pubsub",
    )
    assert ours.api("compute", "v1")._baseUrl == "http://127.0.0.1:1/compute/compute/v1/"
    assert ours.api("compute", "v1") is ours.api("compute", "v1")
    assert ours.storage()._connection.API_BASE_URL == "http://127.0.0.1:1/storage"
    assert ours.bigquery("US")._connection.API_BASE_URL == "http://127.0.0.1:1/bigquery"
    assert ours.root("pubsub", "unused") == "http://127.0.0.1:1/pubsub/"
    assert ours.publisher().transport.host == "127.0.0.1:2"
    assert ours.subscriber().transport.host == "127.0.0.1:2"
    assert ours.root("redis", "https://redis.googleapis.com/") == "https://redis.googleapis.com/"


def test_nothing_secret_shows() -> None:
    assert "PRIVATE" not in repr(account())
    with pytest.raises(CredentialsError) as refused:
        google_rest.service_account({"private_key": "s3cret", "client_email": "x"}, ())
    assert "s3cret" not in str(refused.value)


def test_an_unknown_api_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no API colours v1"):
        account().api("colours", "v1")


def test_an_account_whose_token_endpoint_is_gone_says_so() -> None:
    with pytest.raises(UnreachableError, match="token endpoint"):
        account().check()


@pytest.mark.parametrize(
    ("status", "answer", "kind", "words"),
    [
        (401, {"error": {"message": "expired", "status": "UNAUTHENTICATED"}}, CredentialsError, "expired"),
        (
            403,
            {"error": {"message": "Required 'container.clusters.create' permission"}},
            CredentialsError,
            "container.clusters.create",
        ),
        (501, {"error": {"message": "x is not in the rehearsal."}}, NotRehearsable, "x is not in"),
        (409, {"error": {"errors": [{"reason": "alreadyExists"}]}}, google_rest.Refused, "HTTP 409"),
        (500, {}, google_rest.Refused, "HTTP 500"),
        (400, {"error": "invalid_grant"}, google_rest.Refused, "invalid_grant"),
    ],
)
def test_refusals_in_an_operators_words(
    status: int, answer: dict[str, object], kind: type[Exception], words: str
) -> None:
    error = google_rest.refusal("google/it", status, answer)
    assert isinstance(error, kind)
    assert str(error).startswith("google/it: ")
    assert words in str(error)
