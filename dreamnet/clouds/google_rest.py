"""One REST call to Google: retried where repeating can help, its refusals put into an operator's words."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dreamnet.errors import (
    ConfigurationError,
    CredentialsError,
    GameplanError,
    NotRehearsable,
    ResourceError,
    UnreachableError,
)

if TYPE_CHECKING:
    from dreamnet.clouds.google import GoogleAccount
    from dreamnet.clouds.pace import Pace

#: Answers after which the same request may succeed (google.aip.dev/194 and the SRE guidance of Cloud APIs).
RETRYABLE = frozenset({502, 503})

#: Attempts in all, and the first wait in seconds, which doubles each time and is shortened at random.
ATTEMPTS, FIRST_WAIT = 5, 0.25

#: What is said where there were too many calls: by status 429, or by 403 with one of these reasons
#: (docs.cloud.google.com/compute/api-quota and Google's older APIs, read November 2026).
TOO_MANY = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})

#: Quotas are counted a minute: seconds for which a throttled call is repeated, and between two attempts at
#: most.
PATIENCE, LONGEST_WAIT = 90.0, 16.0


class Refused(ResourceError):
    """Google answered with an error.

    Attributes:
        status: the HTTP status.
        reason: Google's own word for it, such as `ALREADY_EXISTS` or `conditionNotMet`.
    """

    def __init__(self, problem: str, remedy: str, status: int, reason: str) -> None:
        super().__init__(problem, remedy)
        self.status = status
        self.reason = reason


def service_account(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    """Credentials from a service account key.

    Raises:
        CredentialsError: the key lacks a field or holds no private key.
    """
    from google.auth.exceptions import MalformedError
    from google.oauth2.service_account import Credentials

    try:
        make: Any = Credentials.from_service_account_info  # google-auth has no annotations here
        return make(dict(info), scopes=list(scopes))
    except (MalformedError, ValueError):  # the message could quote the key
        raise CredentialsError(
            "The Google credentials are not a service account key.",
            "Put the whole JSON that Google issued for the key into the Google block.",
        ) from None


@lru_cache(maxsize=32)
def document(name: str, version: str) -> dict[str, Any]:
    """The discovery document of an API, as google-api-python-client bundles it.

    Raises:
        ConfigurationError: there is no such API or version.
    """
    from googleapiclient.discovery_cache import get_static_doc

    text = get_static_doc(name, version)
    if text is None:
        raise ConfigurationError(
            f"Google publishes no API {name} {version}.",
            "Correct the type: `<api>.<version>/<collection>`, as Google's discovery documents name them.",
        )
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def call(
    account: GoogleAccount,
    http_method: str,
    url: str,
    *,
    what: str,
    parameters: Mapping[str, Any] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """Send one request, and again while that can help.

    Args:
        what: the thing being worked on; every message begins with it.
        parameters: the query.
        body: sent as JSON.

    Returns:
        The answer's JSON object ({} for an empty answer).

    Raises:
        CredentialsError, UnreachableError, NotRehearsable: as their names say.
        Refused: any other answer that is not a success.
    """
    pace = account.pace(url)
    deadline = time.monotonic() + PATIENCE
    for attempt in itertools.count(1):
        pace.wait()
        try:
            answer = _send(account, http_method, url, parameters, body)
        except ConnectionError as error:
            if attempt == ATTEMPTS or _refused_connection(error):
                raise _unreachable(what, url) from error
        else:
            if not _again(answer, attempt, deadline, pace):
                return _result(what, answer)
        pause = min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)
        time.sleep(pause * random.uniform(0.5, 1.0))
    raise AssertionError("the last attempt returns or raises")


def _again(answer: Any, attempt: int, deadline: float, pace: Pace) -> bool:
    """Whether the same request may succeed a little later."""
    if answer.status_code == 429 or (answer.status_code == 403 and _too_many(answer)):
        pace.throttled()
        return time.monotonic() < deadline
    return answer.status_code in RETRYABLE and attempt < ATTEMPTS


def _too_many(answer: Any) -> bool:
    try:
        errors = answer.json()["error"]["errors"]
        return any(one.get("reason") in TOO_MANY for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _send(account: GoogleAccount, method: str, url: str, parameters: Any, body: Any) -> Any:
    import requests
    from google.auth.exceptions import RefreshError, TransportError

    from dreamnet.clouds.google import TIMEOUT

    try:
        return account.session().request(method, url, params=parameters, json=body, timeout=TIMEOUT)
    except RefreshError as error:
        raise _identity_refused(error) from error
    except TransportError as error:
        raise UnreachableError(
            "Google's token endpoint does not answer.",
            "Check the network, and `token_uri` in the service account key.",
        ) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise ConnectionError(str(error)) from error


def _refused_connection(error: ConnectionError) -> bool:
    """Nobody listens there: waiting a second changes nothing."""
    return "Connection refused" in str(error) or "Name or service not known" in str(error)


def _unreachable(what: str, url: str) -> UnreachableError:
    host = "/".join(url.split("/")[:3])
    return UnreachableError(
        f"{what}: nothing answers at {host}.",
        "Check the network, and the Google block's endpoints where it names any.",
    )


def _identity_refused(error: Any) -> GameplanError:
    details = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    reason = details.get("error_description") or details.get("error") or "the token endpoint refused the key"
    return CredentialsError(
        f"Google refused the service account key: {str(reason).rstrip('.')}.",
        "Put a key that is still valid into the Google block (IAM & Admin, Service Accounts, Keys).",
    )


def _result(what: str, answer: Any) -> dict[str, Any]:
    try:
        parsed = answer.json() if answer.content else {}
    except ValueError:
        parsed = {}
    if answer.ok:
        return parsed if isinstance(parsed, dict) else {}
    raise refusal(what, answer.status_code, parsed if isinstance(parsed, dict) else {})


def refusal(what: str, status: int, answer: Mapping[str, Any]) -> GameplanError:
    """The error for an answer that is not a success.

    Args:
        what: the thing being worked on.
        status: the HTTP status.
        answer: `{"error": {"code", "message", "status" | "errors"}}`, Google's two shapes.
    """
    given = answer.get("error")
    error: Mapping[str, Any] = given if isinstance(given, dict) else {"message": str(given or "")}
    message = str(error.get("message") or f"HTTP {status}").strip().rstrip(".")
    reasons = [item.get("reason", "") for item in error.get("errors", []) if isinstance(item, dict)]
    reason = str(error.get("status") or next(iter(reasons), ""))
    if status == 401:
        return CredentialsError(
            f"{what}: Google refused the identity: {message}.",
            "Put a key that is still valid into the Google block.",
        )
    if status == 403:
        return CredentialsError(
            f"{what}: not allowed: {message}.",
            "Grant the service account the role that holds this permission, or enable the API it names.",
        )
    if status == 501:
        return NotRehearsable(f"{what}: {message}.", "Run this step against a real project.")
    return Refused(
        f"{what}: Google refused: {message}.", "Correct the declaration and run again.", status, reason
    )
