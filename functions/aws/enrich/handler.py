"""Lambda: reads uploads and the mood of dreams with AWS's AI services, and puts what they say on the bus.

A picture goes to Rekognition, a document to Textract, a dream's text to Comprehend. Whatever a service
refuses is the invocation's failure: EventBridge tries again and keeps the event as a dead letter in the end.

Environment:
    EVENT_BUS: the EventBridge bus that gets `dream.enriched`.
    ROOT: the prefix of uploads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_plus

#: What Rekognition reads, and what Textract's synchronous call does (developer guides, "Quotas").
PICTURES, DOCUMENTS = frozenset({".jpg", ".jpeg", ".png"}), frozenset({".pdf", ".tif", ".tiff"})

#: Comprehend's DetectSentiment takes at most 5,000 bytes of text.
LONGEST = 5_000


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Enrich one upload (`Object Created`) or one dream (`dream.created`).

    Returns:
        The detail that went onto the bus, or `{"skipped": why}`.
    """
    detail = event["detail"]
    found = _of_upload(detail) if event["source"] == "aws.s3" else _of_dream(detail)
    if "skipped" not in found:
        entry = {
            "EventBusName": os.environ["EVENT_BUS"],
            "Source": "dreamnet.enrich",
            "DetailType": "dream.enriched",
            "Detail": json.dumps(found),
        }
        if _client("events").put_events(Entries=[entry])["FailedEntryCount"]:
            raise RuntimeError("the bus refused the event")
    return found


def _of_upload(detail: Mapping[str, Any]) -> dict[str, Any]:
    bucket, key = detail["bucket"]["name"], unquote_plus(detail["object"]["key"])
    kind = PurePosixPath(key).suffix.lower()
    if not key.startswith(os.environ["ROOT"]) or kind not in PICTURES | DOCUMENTS:
        return {"skipped": f"{key} is neither picture nor document"}
    place = {"S3Object": {"Bucket": bucket, "Name": key}}
    if kind in PICTURES:
        labels = _client("rekognition").detect_labels(Image=place, MaxLabels=10, MinConfidence=80)["Labels"]
        return {"upload": key, "labels": [one["Name"] for one in labels]}
    blocks = _client("textract").detect_document_text(Document=place)["Blocks"]
    return {"upload": key, "lines": [one["Text"] for one in blocks if one["BlockType"] == "LINE"]}


def _of_dream(detail: Mapping[str, Any]) -> dict[str, Any]:
    dream = detail["dream"]
    text = shortened(" ".join(str(dream.get(part) or "") for part in ("title", "text")).strip())
    if not text:
        return {"skipped": f"dream {dream['id']} has no text"}
    language = _client("comprehend").detect_dominant_language(Text=text)["Languages"][0]["LanguageCode"]
    mood = _client("comprehend").detect_sentiment(Text=text, LanguageCode=language)["Sentiment"]
    return {"dream": str(dream["id"]), "language": language, "mood": mood}


def shortened(text: str) -> str:
    """The text, cut to what Comprehend takes, at a whole character."""
    return text.encode()[:LONGEST].decode(errors="ignore")


@cache
def _client(name: str) -> Any:
    import boto3

    return boto3.client(name)
