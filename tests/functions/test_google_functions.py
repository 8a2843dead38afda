"""Google's functions without Google: what they accept, and what they make of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2] / "functions" / "google"


def load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"google_{name}", ROOT / name / "main.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def envelope(content: Any, **more: Any) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(content).encode()).decode()
    return {"message": {"data": data, "messageId": "42", **more}}


def test_a_webhook_is_accepted_from_who_knows_the_secret() -> None:
    webhooks = load("webhooks")
    body = b'{"a": 1}'
    signature = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert webhooks.signed(body, signature, "secret")
    assert not webhooks.signed(body + b" ", signature, "secret")
    assert not webhooks.signed(body, signature, "other")
    assert not webhooks.signed(body, "sha256=" + hmac.new(b"", body, hashlib.sha256).hexdigest(), "")


def test_a_webhooks_headers_go_along_shortened() -> None:
    headers = {"X-Event-Type": "push", "X-Delivery-Id": "x" * 1000, "Cookie": "mine"}
    assert load("webhooks").attributes(headers) == {"type": "push", "delivery": "x" * 256}


def test_a_message_to_an_agent_is_noted_under_its_id() -> None:
    agents = load("agent_messages")
    message = agents.decode(envelope({"type": "wake-up"}))
    assert message["id"] == "42"
    noted = agents.record({**message, "from": "a", "to": "b", "body": "long"}, "2026-11-28T00:00:00")
    assert noted == {"id": "42", "type": "wake-up", "from": "a", "to": "b", "seen_at": "2026-11-28T00:00:00"}


@pytest.mark.parametrize(
    "wrong", [{}, {"message": {}}, {"message": {"data": "?"}}, envelope([1]), envelope({"id": "../x"})]
)
def test_what_is_no_message_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="it "):
        load("agent_messages").decode(wrong)


def test_a_digest_counts_the_days_own_dreams() -> None:
    digest = load("nightly_digest").digest
    records = [
        {"processed_at": "2026-11-28T01:00:00+00:00", "words": 3},
        {"processed_at": "2026-11-28T23:00:00+00:00", "words": 5},
        {"processed_at": "2026-11-27T23:00:00+00:00", "words": 100},
    ]
    assert digest(records, "2026-11-28") == {"day": "2026-11-28", "dreams": 2, "words": 8, "mean_words": 4.0}
    assert digest([], "2026-11-28")["mean_words"] == 0.0
