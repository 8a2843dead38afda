"""An AWS account as the gameplan uses it: who we are, which regions, and clients for its services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.errors import CredentialsError, GameplanError, NotRehearsable, ResourceError, UnreachableError

if TYPE_CHECKING:  # boto3 takes 0.3 s to import: only when a client is wanted
    import boto3

#: Seconds to connect, and to wait for an answer. AWS answers every call well within these: long work
#: is an operation that is polled.
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60

#: Error codes with which AWS refuses an identity or what it may do, over its query, JSON and REST protocols
#: (Common Errors of the IAM, EC2, S3 and Cloud Control references, read November 2026).
REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidCredentials",
        "InvalidCredentialsException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)

#: Error codes that say that there were too many calls (the same references).
TOO_MANY = frozenset(
    {
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)

#: The code with which the local cloud says that it does not implement a call.
NOT_IN_REHEARSAL = "NotInRehearsal"


@dataclass(frozen=True)
class AwsAccount:
    """One account, as a block describes it.

    Attributes:
        account_id: the twelve digits.
        region: where everything lives that is not said to live elsewhere.
        second_region: where week 4 puts the standby.
        session: whose credentials sign the calls. Never printed.
        endpoint_url: one address for all services; None leaves AWS's own.
    """

    account_id: str
    region: str
    second_region: str
    session: boto3.Session = field(repr=False, compare=False)
    endpoint_url: str | None = None
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def from_keys(
        cls,
        *,
        account_id: str,
        region: str,
        second_region: str,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        endpoint_url: str | None = None,
    ) -> AwsAccount:
        """An account from a key pair; without one, boto3 looks where it always does (environment, role)."""
        import boto3

        session = boto3.Session(
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            region_name=region,
        )
        return cls(account_id, region, second_region, session, endpoint_url)

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, made once per service and region and safe to share between threads.

        Args:
            service: boto3's name, such as `eks`.
            region: the account's first region where not given.
        """
        from botocore.config import Config

        key = (service, region or self.region)
        with self._lock:  # making clients is not thread-safe, using them is
            if key not in self._clients:
                config = Config(
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=READ_TIMEOUT,
                    # Adaptive: a client slows down once its service throttles, as dreamnet.clouds.pace does.
                    retries={"mode": "adaptive", "total_max_attempts": 5},
                    max_pool_connections=32,
                    s3={"addressing_style": "path"} if self.endpoint_url else None,
                )
                self._clients[key] = self.session.client(
                    service, region_name=key[1], endpoint_url=self.endpoint_url, config=config
                )
            return self._clients[key]

    def check(self) -> str:
        """Ask AWS who we are.

        Returns:
            The identity's ARN.

        Raises:
            CredentialsError: AWS refused the keys, there are none, or they belong to another account.
            UnreachableError: nothing answered.
        """
        with aws_errors("AWS credentials"):
            identity = self.client("sts").get_caller_identity()
        if identity["Account"] != self.account_id:
            raise CredentialsError(
                f"The AWS keys belong to account {identity['Account']}, not to {self.account_id}.",
                "Put the keys of the right account into the AWS block, or correct its account id.",
            )
        return str(identity["Arn"])


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Translate what boto3 raises into errors an operator can act on.

    Args:
        what: the thing being worked on, such as a resource's id; the message begins with it.

    Raises:
        CredentialsError, UnreachableError, NotRehearsable, ResourceError: in place of botocore's exceptions.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise refused(what, error.response.get("Error", {}), error.operation_name) from error
    except BotoCoreError as error:
        raise _not_sent(what, error) from error


def refused(what: str, error: dict[str, Any], operation: str = "") -> GameplanError:
    """The error for an answer of AWS that says no.

    Args:
        what: the thing being worked on.
        error: `Code` and `Message`, as botocore parses them.
        operation: the call's name.
    """
    code, message = str(error.get("Code", "")), _sentence(str(error.get("Message", "")))
    if code in REFUSED:
        return CredentialsError(
            f"{what}: AWS refused {operation or 'the call'} ({code}): {message}",
            "Check the key pair in the AWS block and the permissions of its identity.",
        )
    if code == NOT_IN_REHEARSAL:
        return NotRehearsable(
            f"{what}: {message}", "Run this step on a real account, or leave it out of the rehearsal."
        )
    return ResourceError(
        f"{what}: AWS answered {operation or 'the call'} with {code}: {message}",
        "Correct the declaration or the account's state, then run the same step again.",
    )


def _not_sent(what: str, error: Exception) -> GameplanError:
    from botocore import exceptions as boto

    if isinstance(
        error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError
    ):
        return CredentialsError(
            f"{what}: there are no complete AWS credentials.", "Fill in the key pair of the AWS block."
        )
    if isinstance(error, boto.TokenRetrievalError | boto.UnauthorizedSSOTokenError):
        return CredentialsError(
            f"{what}: the AWS sign-on has expired.", "Run `aws sso login`, then try again."
        )
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return UnreachableError(
            f"{what}: no answer from AWS at {_endpoint(error)}.",
            "Check the network and the endpoint in the AWS block.",
        )
    return ResourceError(
        f"{what}: the call could not be made ({type(error).__name__}): {_sentence(str(error))}",
        "Correct the declaration or the AWS block.",
    )


def _endpoint(error: Exception) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url") or "its endpoint")


def _sentence(message: str) -> str:
    text = " ".join(message.split())[:600] or "no reason given"
    return text if text.endswith(".") else f"{text}."
