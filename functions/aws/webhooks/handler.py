"""Lambda: turns each received webhook into one dream event on the bus.

A webhook is remembered in DynamoDB under its id, so that a second delivery, by SQS or by the sender, changes
nothing. A function that dies between the two sends the event again under the same id, which `dream_events`
keeps once.

Environment:
    EVENT_BUS: the EventBridge bus that gets `dream.created`.
    PROCESSED_TABLE: the DynamoDB table with the string key `event_id`; its items expire by `expires`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

#: How long a webhook is remembered: longer than SQS may deliver it again (at most 14 days).
KEPT = timedelta(days=30)

_LOG = logging.getLogger()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Process every record; see "Reporting batch item failures" in Lambda's developer guide.

    Returns:
        `batchItemFailures` with the messages to deliver again, and how many webhooks were new.
    """
    failures, new = [], 0
    for record in event.get("Records", ()):
        try:
            new += _process(dream_of(json.loads(record["body"])["detail"]))
        except (KeyError, TypeError, ValueError) as problem:
            _LOG.warning("message %s is no webhook of ours: %r", record.get("messageId"), problem)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures, "processed": new}


def dream_of(webhook: Mapping[str, Any]) -> dict[str, Any]:
    """The dream event's detail that a webhook stands for.

    Args:
        webhook: `{"id", "source", "payload": {"title", ...}}`.

    Raises:
        KeyError, TypeError: it says no title.
    """
    payload = webhook["payload"]
    identifier = f"webhook:{webhook['source']}:{webhook['id']}"
    dream = {"id": identifier, "title": str(payload["title"]), "origin": str(webhook["source"])}
    return {"id": identifier, "dream": dream}


def _process(detail: Mapping[str, Any]) -> bool:
    table, key = _table(os.environ["PROCESSED_TABLE"]), f"seen:{detail['id']}"
    if "Item" in table.get_item(Key={"event_id": key}):
        return False
    entry = {
        "EventBusName": os.environ["EVENT_BUS"],
        "Source": "dreamnet",
        "DetailType": "dream.created",
        "Detail": json.dumps(detail),
    }
    if _events().put_events(Entries=[entry])["FailedEntryCount"]:
        raise ValueError("the bus refused the dream event")
    table.put_item(Item={"event_id": key, "expires": int((datetime.now(UTC) + KEPT).timestamp())})
    _LOG.warning("webhook processed: %s", detail["id"])
    return True


@cache
def _events() -> Any:
    import boto3

    return boto3.client("events")


@cache
def _table(name: str) -> Any:
    import boto3

    return boto3.resource("dynamodb").Table(name)
