"""Lambda: DreamNet's HTTP endpoints on AWS, behind an API Gateway HTTP API (payload format 2.0).

`POST /dreams` and `POST /webhooks/{source}` put an event on the bus and answer 202 with its id at once; what
happens next is the events' business. `GET /dreams/{id}` shows what was recorded of a posted dream.

Environment:
    EVENT_BUS: the EventBridge bus.
    PROCESSED_TABLE: the DynamoDB table of what `dream_events` has recorded.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

#: EventBridge takes entries of at most 256 KB; the envelope needs some of that.
LARGEST = 200_000

_LOG = logging.getLogger()


class BadRequest(ValueError):
    """The caller's mistake, in words for the caller."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request ("Working with AWS Lambda proxy integrations for HTTP APIs", API Gateway guide)."""
    try:
        return _route(event)
    except BadRequest as problem:
        return _answer(400, {"error": str(problem)})


def _route(event: Mapping[str, Any]) -> dict[str, Any]:
    key, parameters = str(event.get("routeKey", "")), event.get("pathParameters") or {}
    if key == "GET /health":
        return _answer(200, {"status": "ok"})
    if key == "POST /dreams":
        return _create_dream(_body(event))
    if key == "GET /dreams/{id}":
        return _read_dream(str(parameters["id"]))
    if key == "POST /webhooks/{source}":
        return _webhook(str(parameters["source"]), _body(event))
    return _answer(404, {"error": f"There is no {key or 'such route'} here."})


def _create_dream(body: Mapping[str, Any]) -> dict[str, Any]:
    title = body.get("title")
    if not isinstance(title, str) or not title.strip():
        raise BadRequest("A dream needs a title.")
    identifier = str(body.get("id") or uuid.uuid4())
    dream = {**{key: value for key, value in body.items() if key != "id"}, "id": identifier}
    _send("dreamnet", "dream.created", {"id": identifier, "dream": dream})
    return _answer(202, {"id": identifier})


def _read_dream(identifier: str) -> dict[str, Any]:
    found = _table(os.environ["PROCESSED_TABLE"]).get_item(Key={"event_id": identifier}).get("Item")
    if found is None:
        return _answer(404, {"error": f"Nothing is recorded of {identifier} yet."})
    return _answer(200, {"id": identifier, **json.loads(found["detail"])["dream"]})


def _webhook(source: str, body: Mapping[str, Any]) -> dict[str, Any]:
    identifier = str(body.get("id") or uuid.uuid4())
    _send("dreamnet.api", "webhook.received", {"id": identifier, "source": source, "payload": dict(body)})
    return _answer(202, {"id": identifier})


def _body(event: Mapping[str, Any]) -> dict[str, Any]:
    text = event.get("body") or ""
    try:
        raw = base64.b64decode(text) if event.get("isBase64Encoded") else str(text).encode()
        content = json.loads(raw)
    except ValueError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(content, dict):
        raise BadRequest("The body is not a JSON object.")
    if len(raw) > LARGEST:
        raise BadRequest(f"The body is larger than {LARGEST} bytes.")
    return content


def _send(source: str, kind: str, detail: Mapping[str, Any]) -> None:
    entry = {
        "EventBusName": os.environ["EVENT_BUS"],
        "Source": source,
        "DetailType": kind,
        "Detail": json.dumps(detail),
    }
    answer = _events().put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        _LOG.error("ERROR the bus refused an event: %s", answer["Entries"][0].get("ErrorMessage"))
        raise RuntimeError("the bus refused the event")


def _answer(status: int, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(content),
    }


@cache
def _events() -> Any:
    import boto3

    return boto3.client("events")


@cache
def _table(name: str) -> Any:
    import boto3

    return boto3.resource("dynamodb").Table(name)
