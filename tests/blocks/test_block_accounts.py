"""What blocks give the core, and what they give nobody."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters
from prefect_gcp import GcpCredentials
from pydantic import SecretStr, ValidationError

from blocks import AmazonCloud, Budget, GameplanProfile, GoogleCloud, PostgresDatabase
from dreamnet.errors import CredentialsError


def _private_key() -> str:
    """A key that can sign: prefect-gcp refuses any other when a block is made."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


#: As a service account's key looks; nobody's.
KEY = {
    "type": "service_account",
    "project_id": "dreamnet-62b49",
    "private_key_id": "0123456789abcdef",
    "private_key": _private_key(),
    "client_email": "gameplan@dreamnet-62b49.iam.gserviceaccount.com",
    "client_id": "1",
    "token_uri": "https://oauth2.googleapis.com/token",
}
SECRETS = (KEY["private_key"].splitlines()[5], "aws-secret-value", "neon password", "owner password")


def google(**changes: Any) -> GoogleCloud:
    return GoogleCloud(
        **{
            "credentials": GcpCredentials(service_account_info=KEY, project="dreamnet-62b49"),
            "project": "dreamnet-62b49",
            "project_number": "628490062490",
            "billing_account": "0A1B2C-3D4E5F-607182",
            "endpoints": {"container": "http://127.0.0.1:1/container"},
            **changes,
        }
    )


def aws(**changes: Any) -> AmazonCloud:
    return AmazonCloud(
        **{
            "credentials": AwsCredentials(
                aws_access_key_id="AKIAEXAMPLE",
                aws_secret_access_key=SecretStr("aws-secret-value"),
                region_name="us-east-1",
                aws_client_parameters=AwsClientParameters(endpoint_url="http://127.0.0.1:2"),
            ),
            "account_id": "123456789012",
            **changes,
        }
    )


def neon(**changes: Any) -> PostgresDatabase:
    return PostgresDatabase(
        **{
            "host": "db.example",
            "database": "dreamnet",
            "user": "owner",
            "password": SecretStr("neon password"),
            **changes,
        }
    )


def profile(**changes: Any) -> GameplanProfile:
    return GameplanProfile(
        **{
            "google": google(),
            "aws": aws(),
            "neon": neon(),
            "budget": Budget(billing_table="billing.export"),
            "image": "ghcr.io/dreamnet/backend:1.4.2",
            "database_password": SecretStr("owner password"),
            "fault_injector": "http://127.0.0.1:3",
            "operator_email": "ops@dreamnet.example",
            "domain": "dreamnet.example",
            **changes,
        }
    )


def test_google_account_is_the_blocks() -> None:
    account = google(region="europe-west1", zone="europe-west1-b").account()
    assert (account.project, account.region, account.zone) == (
        "dreamnet-62b49",
        "europe-west1",
        "europe-west1-b",
    )
    assert account.second_region == "us-east1"
    assert account.credentials.service_account_email == KEY["client_email"]
    assert account.root("container", "https://container.googleapis.com/") == "http://127.0.0.1:1/container/"
    assert account.root("sqladmin", "https://sqladmin.googleapis.com/") == "https://sqladmin.googleapis.com/"


def test_aws_account_is_the_blocks() -> None:
    account = aws(second_region="eu-west-1").account()
    assert (account.account_id, account.region, account.second_region) == (
        "123456789012",
        "us-east-1",
        "eu-west-1",
    )
    assert account.endpoint_url == "http://127.0.0.1:2"
    assert account.session.get_credentials().access_key == "AKIAEXAMPLE"
    assert "aws-secret-value" not in repr(account)


def test_without_a_private_endpoint_aws_is_aws() -> None:
    credentials = AwsCredentials(
        aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key=SecretStr("x"), region_name="us-east-1"
    )
    assert aws(credentials=credentials).account().endpoint_url is None


def test_database_is_the_blocks() -> None:
    database = neon(port=6432, sslmode="require").connection()
    assert (database.host, database.port, database.dbname, database.user, database.sslmode) == (
        "db.example",
        6432,
        "dreamnet",
        "owner",
        "require",
    )
    assert database.password == "neon password"
    assert "neon password" not in repr(database)


def test_servers_are_verified_unless_said_otherwise() -> None:
    assert neon().connection().sslmode == "verify-full"


@pytest.mark.parametrize(
    "make",
    [
        lambda: aws(account_id="12345"),
        lambda: neon(port=0),
        lambda: neon(sslmode="allow"),
        lambda: Budget(billing_table="billing.export; DROP TABLE x"),
        lambda: Budget(billing_table="billing.export", google_credits=-1),
        lambda: profile(front_door_port="http"),
        lambda: profile(grace_seconds=0),
    ],
)
def test_impossible_values_are_refused(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()


@pytest.mark.parametrize(
    "show", [repr, str, lambda block: str(block.model_dump()), lambda b: b.model_dump_json()]
)
def test_secrets_are_hidden(show: Any) -> None:
    shown = show(profile())
    assert not [secret for secret in SECRETS if secret in shown]


def test_secrets_are_kept() -> None:
    kept = json.dumps(profile().model_dump(mode="json", context={"include_secrets": True}))
    assert [secret for secret in SECRETS if secret in kept] == list(SECRETS)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({**KEY, "private_key": KEY["private_key"][:400]}),
        json.dumps({name: value for name, value in KEY.items() if name != "client_email"}),
        KEY["private_key"],
    ],
    ids=["half a key", "a field is missing", "no JSON"],
)
def test_wrong_google_key_is_one_sentence_without_the_key(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(KEY))
    block = google(credentials=GcpCredentials(service_account_file=file))
    assert block.account().credentials.service_account_email == KEY["client_email"]
    file.write_text(content)
    with pytest.raises(CredentialsError) as caught:
        block.account()
    said = str(caught.value)
    assert "dreamnet-62b49" in caught.value.problem
    assert "gcloud iam service-accounts keys create" in caught.value.remedy
    assert "\n" not in said
    assert "PRIVATE KEY" not in said
    assert SECRETS[0] not in said
    # What the library said could quote the key.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_profile_gives_every_variable_and_secret_that_is_declared() -> None:
    from dreamnet.resources.catalogue import load_catalogue
    from tasks.support import INFRASTRUCTURE

    # Further overlays are rendered with variables that the operator gives (docs/operate.md).
    manifests = [INFRASTRUCTURE / "kubernetes" / folder for folder in ("base", "gke", "eks")]
    folders = [INFRASTRUCTURE / "google", INFRASTRUCTURE / "aws", *manifests]
    declared = "".join(path.read_text() for folder in folders for path in folder.rglob("*.yaml"))
    referred = set(re.findall(r"\$\{([a-z_.]+)\}", declared)) - {"region"}  # by a manifest's own rendering
    assert referred
    assert referred <= set(profile().variables())
    secrets = set(re.findall(r"\$\{secret\.([a-z-]+)\}", declared))
    assert secrets
    assert secrets <= set(profile().secrets())
    assert len(load_catalogue(INFRASTRUCTURE).resources) > 20


APPROVAL = {"approved_by": "Ada", "google_monthly": 900.0, "until": "2027-01-31", "reason": "the launch"}


def test_budget_says_what_may_be_spent_and_who_allowed_more() -> None:
    budget = Budget(billing_table="billing.export", approvals=[APPROVAL])
    saved = Budget(**json.loads(budget.model_dump_json(include={"billing_table", "approvals"})))
    (approval,) = saved.approved()
    assert (approval.by, approval.until, approval.reason) == ("Ada", date(2027, 1, 31), "the launch")
    assert approval.monthly == {"google": 900.0}, "a cloud that is not named stays under its budget"
    assert saved.monthly() == {"google": 430.0, "aws": 200.0}
    assert saved.credits() == {"google": 1300.0, "aws": 100.0}


@pytest.mark.parametrize("lacking", ["approved_by", "until", "reason"])
def test_an_approval_without_a_name_a_day_or_a_reason_is_none(lacking: str) -> None:
    given = {name: value for name, value in APPROVAL.items() if name != lacking}
    with pytest.raises(ValidationError, match=lacking):
        Budget(billing_table="billing.export", approvals=[given])


def test_profile_resolves_to_its_parts() -> None:
    variables = profile(front_door_port="8080").variables()
    assert variables["google.project"] == "dreamnet-62b49"
    assert variables["aws.account_id"] == "123456789012"
    assert variables["image"] == "ghcr.io/dreamnet/backend:1.4.2"
    assert variables["frontdoor.port"] == "8080"
    assert profile().secrets()["database-password"] == "owner password"
    assert not [secret for secret in SECRETS if secret in str(variables)]
