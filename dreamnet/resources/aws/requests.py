"""Cloud Control requests: submit one, wait for it, and repeat what is worth repeating."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.clouds.aws import TOO_MANY, aws_errors, refused
from dreamnet.errors import NotRehearsable, ResourceError
from dreamnet.resources.model import Progress

#: Handler error codes after which the same request may succeed (Cloud Control API reference, `ProgressEvent`;
#: "Handler error codes" of the CloudFormation CLI user guide marks them retriable; read November 2026).
RETRYABLE = frozenset(
    {"Throttling", "ServiceInternalError", "NetworkFailure", "ResourceConflict", "NotStabilized"}
)
#: The same for refusals of the call itself. botocore has repeated throttled calls already, but gives up when
#: many threads are throttled at once (github.com/hashicorp/terraform-provider-awscc issue 3295, August 2026).
_BUSY = TOO_MANY | {
    "ConcurrentOperationException",
    "ResourceConflictException",
    "ConcurrentModificationException",
}

#: Refusals of the call that say the same as a handler's code.
_KNOWN = {"ResourceNotFoundException": "NotFound", "AlreadyExistsException": "AlreadyExists"}

_ATTEMPTS = 6
_POLL_FIRST, _POLL_MOST = 0.05, 5.0
_PAUSE_FIRST, _PAUSE_MOST = 0.5, 20.0


class HandlerFailed(Exception):
    """A request ended in FAILED with a code that is not worth repeating."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message

    def as_error(self, what: str, operation: str) -> Exception:
        """The error for the operator, naming the resource."""
        if "is not in the rehearsal" in self.message:
            return NotRehearsable(f"{what}: {self.message}", "Leave it out of the rehearsal.")
        return refused(what, {"Code": self.code, "Message": self.message}, operation)


@dataclass(frozen=True)
class Requests:
    """Submits requests for one resource and follows them to their end.

    Attributes:
        client: boto3's `cloudcontrol` client for the resource's region.
        what: the resource's id, with which messages begin.
        seconds: how long one request may take.
    """

    client: Any
    what: str
    seconds: float = 3600.0

    def run(self, operation: str, arguments: Mapping[str, Any], token: str, progress: Progress) -> str:
        """Submit `create_resource`, `update_resource` or `delete_resource` and wait for its end.

        The client token makes a repeated call find the first request. A request that failed is only ever
        repeated under another token, since AWS would hand back the failed one.

        Args:
            operation: the client's method.
            arguments: its arguments without the token.
            token: the idempotency key.
            progress: told how the request goes on.

        Returns:
            The resource's primary identifier.

        Raises:
            HandlerFailed: AWS says why not.
            ResourceError: it went on failing or took too long.
        """
        last = HandlerFailed("NotStabilized", "no attempt was accepted")
        for attempt in range(_ATTEMPTS):
            event = self._submit(operation, arguments, f"{token}-{attempt}")
            if event is None:
                progress(f"{self.what}: AWS is busy, waiting")
                _pause(attempt)
                continue
            stale = event["OperationStatus"] == "FAILED"
            event = self._wait(event, progress)
            if event["OperationStatus"] == "SUCCESS":
                return str(event["Identifier"])
            last = HandlerFailed(event.get("ErrorCode", "Cancelled"), event.get("StatusMessage", ""))
            if last.code not in RETRYABLE and not stale:
                raise last
            if not stale:  # a failure of an earlier run says nothing about now: try at once
                progress(f"{self.what}: {last.code}, trying again")
                _pause(attempt)
        raise last

    def _submit(self, operation: str, arguments: Mapping[str, Any], token: str) -> Mapping[str, Any] | None:
        """The request's first progress event; None where it can't be accepted just now."""
        from botocore.exceptions import ClientError

        call: Callable[..., Any] = getattr(self.client, operation)
        with aws_errors(self.what):
            try:
                event: Mapping[str, Any] = call(**arguments, ClientToken=token)["ProgressEvent"]
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if code == "ClientTokenConflictException":  # an earlier attempt asked for something else
                    return {"OperationStatus": "FAILED", "ErrorCode": "ResourceConflict"}
                if code in _BUSY:
                    return None
                if code in _KNOWN:
                    raise HandlerFailed(_KNOWN[code], str(error)) from error
                raise
        return event

    def _wait(self, event: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
        deadline, pause, said = time.monotonic() + self.seconds, _POLL_FIRST, ""
        while event["OperationStatus"] in ("PENDING", "IN_PROGRESS", "CANCEL_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise ResourceError(
                    f"{self.what}: AWS has not finished after {self.seconds:.0f} s "
                    f"({event.get('StatusMessage') or event['OperationStatus']}).",
                    "Look at it in the console; the same step, run again, goes on waiting.",
                )
            message = str(event.get("StatusMessage") or "")
            if message and message != said:
                said = message
                progress(f"{self.what}: {message}")
            time.sleep(random.uniform(0.7, 1.0) * pause)
            pause = min(pause * 1.6, _POLL_MOST)
            with aws_errors(self.what):
                event = unthrottled(
                    self.client.get_resource_request_status, RequestToken=event["RequestToken"]
                )["ProgressEvent"]
        return event


def unthrottled(call: Callable[..., Any], **arguments: Any) -> Any:
    """What a reading call answers, asked again while the service says that there are too many.

    Raises:
        botocore.exceptions.ClientError: any other refusal, or the last one.
    """
    from botocore.exceptions import ClientError

    for attempt in range(_ATTEMPTS):
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in TOO_MANY:
                raise
        _pause(attempt)
    return call(**arguments)


def _pause(attempt: int) -> None:
    """Exponential back-off with full jitter."""
    time.sleep(random.uniform(0.2, 1.0) * min(_PAUSE_FIRST * 2**attempt, _PAUSE_MOST))
