"""Lambda: dream events from EventBridge, through SQS, become processed records in DynamoDB.

Each event is kept once, under the id that its sender gave it, or else EventBridge's: SQS delivers at least
once, and a second delivery changes nothing. A message that can't be kept is reported by its id, so that SQS
delivers only that one again and moves it to the dead-letter queue in the end.

Environment:
    PROCESSED_TABLE: the DynamoDB table, with the string key `event_id`; its items expire by `expires`.

Deployed as the single module `dream_events.py` (handler `dream_events.handler`); needs
nothing but boto3, which the runtime brings.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

#: How long a record is kept: longer than SQS may deliver the event again (at most 14 days).
KEPT = timedelta(days=30)

_LOG = logging.getLogger()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Keep every record's event; see "Reporting batch item failures" in Lambda's developer guide.

    Args:
        event: what SQS hands over, `{"Records": [{"messageId", "body", ...}]}`.
        context: Lambda's context.

    Returns:
        `batchItemFailures` with the messages to deliver again, and how many were new.
    """
    failures, new = [], 0
    for record in event.get("Records", ()):
        try:
            new += keep(processed(json.loads(record["body"])))
        except (KeyError, TypeError, ValueError) as error:
            _LOG.warning("message %s is no dream event: %r", record.get("messageId"), error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures, "processed": new}


def processed(event: Mapping[str, Any]) -> dict[str, Any]:
    """The record of one EventBridge event.

    Args:
        event: EventBridge's envelope, with `id`, `source`, `detail-type`, `time` and `detail`.

    Returns:
        The attributes of the item. `dream_id` is absent where the event is about no dream.

    Raises:
        KeyError, TypeError: it is not such an envelope.
    """
    detail, now = event["detail"], datetime.now(UTC)
    record = {
        "event_id": str(detail.get("id") or event["id"]),
        "source": str(event["source"]),
        "type": str(event["detail-type"]),
        "time": str(event["time"]),
        "detail": json.dumps(detail, sort_keys=True),
        "processed_at": now.isoformat(),
        "expires": int((now + KEPT).timestamp()),
    }
    dream = detail.get("dream", {}).get("id")
    if dream is not None:
        record["dream_id"] = str(dream)
    return record


def keep(record: Mapping[str, Any]) -> bool:
    """Put the record into the table unless its id is there already.

    Returns:
        Whether it was new.
    """
    table = _table(os.environ["PROCESSED_TABLE"])
    try:
        table.put_item(Item=dict(record), ConditionExpression="attribute_not_exists(event_id)")
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


@cache
def _table(name: str) -> Any:
    """Made on the first event and kept while the environment lives."""
    import boto3

    return boto3.resource("dynamodb").Table(name)
