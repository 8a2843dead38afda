"""The connection string that DreamNet reads: a secret of the same name in both clouds' secret managers.

Secret Manager's newest enabled version is the one that counts; AWS Secrets Manager's is `AWSCURRENT`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import GameplanError, ResourceError

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: As infrastructure/google/data/secrets.yaml and infrastructure/aws/data/storage.yaml name it.
SECRET = "dreamnet-database-url"


def current_url(account: GoogleAccount) -> str | None:
    """The connection string that DreamNet reads now; None where none was ever published.

    Raises:
        CredentialsError, UnreachableError, ResourceError: Google refuses.
    """
    try:
        answer = google_rest.call(account, "GET", f"{_secret(account)}/versions/latest:access", what=SECRET)
    except google_rest.Refused as error:
        if error.status == 404:
            return None
        raise
    return base64.b64decode(answer["payload"]["data"]).decode()


def current_url_on_aws(account: AwsAccount) -> str | None:
    """What AWS's secret holds; None where none was ever published there.

    Raises:
        CredentialsError, UnreachableError, ResourceError: AWS refuses.
    """
    client = account.client("secretsmanager")
    with aws_errors(f"secret {SECRET}"):
        try:
            held: str | None = client.get_secret_value(SecretId=SECRET).get("SecretString")
        except client.exceptions.ResourceNotFoundException:
            return None
    return held


def publish_url(google: GoogleAccount, aws: AwsAccount, url: str) -> bool:
    """Make both clouds' secrets hold a connection string; or neither, where one cloud refuses.

    Google's, which decides what `current_url` says, is written last.

    Returns:
        Whether anything had to be changed.

    Raises:
        ResourceError: a secret does not exist, or is refused. AWS's holds what it held, or the error says so.
    """
    client, before = aws.client("secretsmanager"), current_url_on_aws(aws)
    if before != url:
        with aws_errors(f"secret {SECRET}"):
            client.put_secret_value(SecretId=SECRET, SecretString=url)
    try:
        if current_url(google) == url:
            return bool(before != url)
        _add_version(google, url)
    except BaseException as error:
        if before not in (None, url):
            _put_back(client, before, error)
        raise
    return True


def _put_back(client: Any, url: str, error: BaseException) -> None:
    """Undo AWS's half. A second failure must not hide the first, which says what to put right."""
    try:
        with aws_errors(f"secret {SECRET}"):
            client.put_secret_value(SecretId=SECRET, SecretString=url)
    except GameplanError as second:
        if isinstance(error, GameplanError):
            error.extend(
                f"{error.problem} AWS's secret {SECRET} holds the new connection string, for it could not be"
                f" put back: {second.problem}"
            )


def _add_version(account: GoogleAccount, url: str) -> None:
    body = {"payload": {"data": base64.b64encode(url.encode()).decode()}}
    try:
        google_rest.call(account, "POST", f"{_secret(account)}:addVersion", what=SECRET, body=body)
    except google_rest.Refused as error:
        if error.status != 404:
            raise
        raise ResourceError(
            f"Secret Manager has no secret {SECRET} in project {account.project}.",
            "Apply infrastructure/google/data first (flow week2-data does).",
        ) from None


def _secret(account: GoogleAccount) -> str:
    root = account.root("secretmanager", "https://secretmanager.googleapis.com/").rstrip("/")
    return f"{root}/v1/projects/{account.project}/secrets/{SECRET}"
