"""Lambda: works off what agents are asked to do, from SQS, and says on the bus what came of it.

A finished task is remembered in DynamoDB under its id: SQS delivers at least once, and a second delivery of a
finished task changes nothing. A worker that dies between saying and remembering says it again, under the same
id. A task that fails is delivered again; the queue moves it to the dead letters in the end.

Environment:
    EVENT_BUS: the EventBridge bus that gets `agent.finished`.
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

#: How long a finished task is remembered: longer than SQS may deliver it again (at most 14 days).
KEPT = timedelta(days=30)

_LOG = logging.getLogger()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Do every record's task; see "Reporting batch item failures" in Lambda's developer guide.

    Returns:
        `batchItemFailures` with the messages to deliver again, and how many tasks were done now.
    """
    failures, done = [], 0
    for record in event.get("Records", ()):
        try:
            done += _work(record["messageId"], json.loads(record["body"]))
        except (KeyError, TypeError, ValueError) as problem:
            _LOG.warning("task %s can't be done: %r", record.get("messageId"), problem)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures, "done": done}


def result_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """What the agent makes of its task.

    Args:
        task: `{"task": "tidy"}` or `{"task": "summarise", "text": ...}`.

    Raises:
        ValueError: no agent knows such a task.
    """
    kind = task["task"]
    if kind == "tidy":
        return {"task": kind, "tidied": True}
    if kind == "summarise":
        words = str(task["text"]).split()
        return {"task": kind, "words": len(words), "summary": " ".join(words[:12])}
    raise ValueError(f"no agent knows the task {kind}")


def _work(message: str, event: Mapping[str, Any]) -> bool:
    detail = event["detail"]
    identifier = f"agent:{detail.get('id') or event.get('id') or message}"
    table = _table(os.environ["PROCESSED_TABLE"])
    if "Item" in table.get_item(Key={"event_id": identifier}):
        return False
    result = result_of(detail)
    entry = {
        "EventBusName": os.environ["EVENT_BUS"],
        "Source": "dreamnet.agents",
        "DetailType": "agent.finished",
        "Detail": json.dumps({"id": identifier, **result}),
    }
    if _events().put_events(Entries=[entry])["FailedEntryCount"]:
        raise ValueError("the bus refused the result")
    item = {
        "event_id": identifier,
        "type": "agent.finished",
        "detail": json.dumps(result, sort_keys=True),
        "expires": int((datetime.now(UTC) + KEPT).timestamp()),
    }
    table.put_item(Item=item)
    _LOG.warning("agent finished %s", identifier)
    return True


@cache
def _events() -> Any:
    import boto3

    return boto3.client("events")


@cache
def _table(name: str) -> Any:
    import boto3

    return boto3.resource("dynamodb").Table(name)
