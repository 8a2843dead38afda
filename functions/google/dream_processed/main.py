"""Cloud Function: records each processed dream in the lake, once, however often its event arrives.

Trigger: Pub/Sub topic `dream-events`. Environment: `LAKE_BUCKET`.
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

#: An event id becomes an object's name.
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def decode(envelope: dict[str, Any]) -> dict[str, Any]:
    """The dream event in a Pub/Sub message: a JSON object with `id`, `type` and `dream`.

    Raises:
        ValueError: it is none.
    """
    try:
        event = json.loads(base64.b64decode(envelope["message"]["data"], validate=True))
    except (KeyError, TypeError, binascii.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"the message holds no JSON event ({type(error).__name__})") from error
    if not isinstance(event, dict) or not isinstance(event.get("dream"), dict):
        raise ValueError("the event names no dream")
    if not isinstance(event.get("id"), str) or not _ID.fullmatch(event["id"]):
        raise ValueError("the event has no usable id")
    return event


def process(event: dict[str, Any], processed_at: str) -> dict[str, Any]:
    """What is recorded of an event: the dream, and figures of its text."""
    content = str(event["dream"].get("content", ""))
    return {
        "event_id": event["id"],
        "type": event.get("type", "dream.created"),
        "dream": event["dream"],
        "words": len(content.split()),
        "characters": len(content),
        "processed_at": processed_at,
        "processor": "google/dream_processed",
    }


def object_name(event_id: str) -> str:
    """Where the record lies in the lake."""
    return f"processed/dreams/{event_id}.json"


@functions_framework.cloud_event
def dream_processed(cloud_event: Any) -> None:
    """Entry point. An event that can never be processed is logged and dropped: a retry would not help it."""
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud import storage

    try:
        event = decode(cloud_event.data)
    except ValueError as error:
        print(json.dumps({"severity": "ERROR", "message": f"dropped {cloud_event['id']}: {error}"}))
        return
    record = process(event, datetime.now(UTC).isoformat())
    blob = storage.Client().bucket(os.environ["LAKE_BUCKET"]).blob(object_name(event["id"]))
    try:
        # Generation 0: only if no such object exists.
        blob.upload_from_string(json.dumps(record), content_type="application/json", if_generation_match=0)
    except PreconditionFailed:
        print(json.dumps({"severity": "INFO", "message": f"event {event['id']} was processed before"}))
