"""The connection string that DreamNet reads: a secret of the same name in both clouds' secret managers.

Secret Manager's newest enabled version is the one that counts; AWS Secrets Manager's is `AWSCURRENT`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import ResourceError

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


def publish_url(google: GoogleAccount, aws: AwsAccount, url: str) -> bool:
    """Make both clouds' secrets hold a connection string.

    Returns:
        Whether anything had to be changed.

    Raises:
        ResourceError: a secret does not exist, or is refused.
    """
    changed = False
    client = aws.client("secretsmanager")
    with aws_errors(f"secret {SECRET}"):
        try:
            same = client.get_secret_value(SecretId=SECRET).get("SecretString") == url
        except client.exceptions.ResourceNotFoundException:
            same = False
        if not same:
            client.put_secret_value(SecretId=SECRET, SecretString=url)
            changed = True
    if current_url(google) != url:
        _add_version(google, url)
        changed = True
    return changed


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
