"""The connection string in two clouds' secrets: both change, or neither."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from dreamnet.clouds import google_rest
from dreamnet.errors import GameplanError, ResourceError
from dreamnet.serving import connection as subject

OLD, NEW = "postgresql://old", "postgresql://new"


class Absent(Exception):
    """As botocore makes one per client."""


class Clouds:
    """Both secrets; `google_refuses` and `aws_refuses_after` puts let a cloud fail."""

    def __init__(self) -> None:
        self.google: str | None = OLD
        self.aws: str | None = OLD
        self.google_refuses = False
        self.aws_refuses_after = 99
        self.exceptions = SimpleNamespace(ResourceNotFoundException=Absent)

    def client(self, service: str) -> Clouds:
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        if self.aws is None:
            raise Absent
        return {"SecretString": self.aws}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:
        self.aws_refuses_after -= 1
        if self.aws_refuses_after < 0:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutSecretValue")
        self.aws = SecretString

    def publish(self, url: str) -> bool:
        return subject.publish_url(None, self, url)  # type: ignore[arg-type]


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Clouds:
    clouds = Clouds()

    def call(account: Any, verb: str, path: str, what: str, body: Any = None) -> dict[str, Any]:
        import base64

        if verb == "GET":
            return {"payload": {"data": base64.b64encode((clouds.google or "").encode()).decode()}}
        if clouds.google_refuses:
            raise ResourceError("Google refuses the secret.", "Grant the role.")
        clouds.google = base64.b64decode(body["payload"]["data"]).decode()
        return {}

    monkeypatch.setattr(google_rest, "call", call)
    monkeypatch.setattr(subject, "_secret", lambda account: "secret")
    return clouds


def test_both_hold_it_and_a_second_time_changes_nothing(clouds: Clouds) -> None:
    assert clouds.publish(NEW) is True
    assert (clouds.google, clouds.aws) == (NEW, NEW)
    assert clouds.publish(NEW) is False


def test_one_that_lags_behind_is_brought_along(clouds: Clouds) -> None:
    clouds.google = NEW
    assert clouds.publish(NEW) is True
    assert (clouds.google, clouds.aws) == (NEW, NEW)


def test_aws_refusal_leaves_google_alone(clouds: Clouds) -> None:
    clouds.aws_refuses_after = 0
    with pytest.raises(GameplanError):
        clouds.publish(NEW)
    assert (clouds.google, clouds.aws) == (OLD, OLD)


def test_google_refusal_puts_back_what_aws_held(clouds: Clouds) -> None:
    clouds.google_refuses = True
    with pytest.raises(ResourceError, match=r"Google refuses the secret\. Remedy"):
        clouds.publish(NEW)
    assert (clouds.google, clouds.aws) == (OLD, OLD)


def test_what_could_not_be_put_back_is_said_beside_the_cause(clouds: Clouds) -> None:
    clouds.google_refuses, clouds.aws_refuses_after = True, 1
    with pytest.raises(ResourceError, match=r"Google refuses the secret\. AWS's secret .* holds the new"):
        clouds.publish(NEW)
    assert clouds.aws == NEW
