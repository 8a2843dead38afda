"""Dream events: sent on either cloud, and the proof that a function has processed one.

An event is a JSON object: `id` (unique; makes processing idempotent), `type`, and `dream` (`id`, `title`,
`content`). On Google it is a Pub/Sub message; on AWS it is the detail of an EventBridge event of source
`dreamnet`,
which a rule hands to a queue and the queue to a Lambda function.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import ResourceError, VerificationError
from dreamnet.warehouse.load import google_errors

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: EventBridge's `source`, which the rule in infrastructure/aws/services matches.
AWS_SOURCE = "dreamnet"

#: Seconds to wait for a function by default: a cold start takes a few, a redelivery ten.
TIMEOUT_S = 60.0

_FIRST_LOOK_S, _LONGEST_PAUSE_S = 0.1, 2.0

#: Seconds that one look may repeat a call that Google did not answer.
_PATIENCE_S = 5.0


def dream_event(dream: Mapping[str, Any], event_id: str | None = None) -> dict[str, Any]:
    """The event that a dream was created.

    Args:
        dream: JSON values.
        event_id: the same for a repeat of the same event; a new one where not given.
    """
    return {"id": event_id or str(uuid.uuid4()), "type": "dream.created", "dream": dict(dream)}


def send_dream_event_google(account: GoogleAccount, topic: str, event: Mapping[str, Any]) -> str:
    """Publish an event.

    Args:
        topic: its name in the account's project, or its full name.

    Returns:
        Pub/Sub's message id, once Pub/Sub has the message.

    Raises:
        CredentialsError, UnreachableError, ResourceError: Google refuses, or there is no such topic.
    """
    name = topic if topic.startswith("projects/") else f"projects/{account.project}/topics/{topic}"
    with google_errors(f"Event {event['id']} to {name}"):
        publisher = account.publisher()
        try:
            sent = publisher.publish(name, json.dumps(event).encode(), event_id=str(event["id"]))
            return str(sent.result(timeout=30))
        finally:
            publisher.stop()


def send_dream_event_aws(account: AwsAccount, bus: str, event: Mapping[str, Any]) -> str:
    """Put an event on a bus.

    Returns:
        EventBridge's own id of it. The function remembers the event under the event's `id`, which is the same
        when an event is sent twice.

    Raises:
        CredentialsError, UnreachableError, ResourceError: AWS refuses the call or the event.
    """
    entry = {
        "EventBusName": bus,
        "Source": AWS_SOURCE,
        "DetailType": str(event["type"]),
        "Detail": json.dumps(event),
    }
    with aws_errors(f"Event {event['id']} to the bus {bus}"):
        answer = account.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        said = failed.get("ErrorMessage") or failed.get("ErrorCode")
        raise ResourceError(
            f"The bus {bus} refused event {event['id']}: {said}.",
            "Apply infrastructure/aws/services first, or correct the bus's name.",
        )
    return str(answer["Entries"][0]["EventId"])


def wait_processed_google(
    account: GoogleAccount, bucket: str, event_id: str, timeout: float = TIMEOUT_S
) -> dict[str, Any]:
    """What functions/google/dream_processed wrote of an event, as soon as it is there.

    Args:
        bucket: the lake.
        timeout: seconds.

    Raises:
        VerificationError: it wasn't there in time.
        CredentialsError, UnreachableError, ResourceError: Google refuses.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.storage.retry import DEFAULT_RETRY

    patience = DEFAULT_RETRY.with_timeout(max(timeout, _PATIENCE_S))
    blob = account.storage().bucket(bucket).blob(f"processed/dreams/{event_id}.json")

    def look() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(blob.download_as_bytes(retry=patience))
        except NotFound:
            return None
        return found

    with google_errors(f"Result of event {event_id} in gs://{bucket}"):
        return _wait(look, event_id, timeout, "the logs of the Cloud Function dream-processed")


def wait_processed_aws(
    account: AwsAccount, table: str, event_id: str, timeout: float = TIMEOUT_S
) -> dict[str, Any]:
    """What functions/aws/dream_events remembered of an event in DynamoDB, as soon as it is there.

    Args:
        table: whose key is `event_id`.
        event_id: the event's `id`.
        timeout: seconds.

    Returns:
        The item, in plain values.

    Raises:
        VerificationError: it wasn't there in time.
        CredentialsError, UnreachableError, ResourceError: AWS refuses.
    """
    from boto3.dynamodb.types import TypeDeserializer

    client, plain = account.client("dynamodb"), TypeDeserializer().deserialize

    def look() -> dict[str, Any] | None:
        key = {"event_id": {"S": event_id}}
        found = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return {name: plain(value) for name, value in found.items()} if found else None

    with aws_errors(f"Result of event {event_id} in the table {table}"):
        return _wait(look, event_id, timeout, "the logs of the Lambda function dream-events and its queue")


def _wait(
    look: Callable[[], dict[str, Any] | None], event_id: str, timeout: float, where: str
) -> dict[str, Any]:
    deadline, pause = time.monotonic() + timeout, _FIRST_LOOK_S
    while (found := look()) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise VerificationError(
                f"Event {event_id} was not processed within {timeout:g} s.",
                f"Read {where}; the event is delivered again until it succeeds or expires.",
            )
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    return found
