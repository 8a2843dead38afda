"""Cloud Function: an agent that wakes for each message to it, and notes once in the lake that it has seen it.

Trigger: Pub/Sub topic `agent-messages`. Environment: `LAKE_BUCKET`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from datetime import UTC, datetime
from typing import Any

import functions_framework

#: A message's id becomes an object's name.
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def decode(envelope: dict[str, Any]) -> dict[str, Any]:
    """The agent's message in a Pub/Sub message: a JSON object, whose id may be the message's own.

    Raises:
        ValueError: it is none.
    """
    try:
        message = json.loads(base64.b64decode(envelope["message"]["data"], validate=True))
    except (KeyError, TypeError, binascii.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"it holds no JSON message ({type(error).__name__})") from error
    if not isinstance(message, dict):
        raise ValueError("it is no JSON object")
    message.setdefault("id", envelope["message"].get("messageId"))
    if not isinstance(message["id"], str) or not _ID.fullmatch(message["id"]):
        raise ValueError("it has no usable id")
    return message


def record(message: dict[str, Any], seen_at: str) -> dict[str, Any]:
    """What is noted of a message."""
    return {
        "id": message["id"],
        "type": message.get("type", "message"),
        "from": message.get("from"),
        "to": message.get("to"),
        "seen_at": seen_at,
    }


@functions_framework.cloud_event
def agent_message(cloud_event: Any) -> None:
    """Entry point. A message that can never be read is logged and dropped."""
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud import storage

    try:
        message = decode(cloud_event.data)
    except ValueError as error:
        print(json.dumps({"severity": "ERROR", "message": f"dropped {cloud_event['id']}: {error}"}))
        return
    blob = storage.Client().bucket(os.environ["LAKE_BUCKET"]).blob(f"processed/agents/{message['id']}.json")
    text = json.dumps(record(message, datetime.now(UTC).isoformat()))
    try:
        # Generation 0: only if no such object exists.
        blob.upload_from_string(text, content_type="application/json", if_generation_match=0)
    except PreconditionFailed:
        print(json.dumps({"severity": "INFO", "message": f"message {message['id']} was seen before"}))
