"""The pure parts of functions/google/dream_processed."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[2] / "functions" / "google" / "dream_processed" / "main.py"


@pytest.fixture(scope="module")
def main() -> Any:
    spec = importlib.util.spec_from_file_location("dream_processed_main", _PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def envelope(content: Any) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(json.dumps(content).encode()).decode()}}


def test_decodes_what_the_sender_sends(main: Any) -> None:
    from dreamnet.events import dream_event

    event = dream_event({"id": "1", "title": "Sea"}, "e-1")
    assert main.decode(envelope(event)) == event


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({}, "no JSON event"),
        ({"message": {"data": "***"}}, "no JSON event"),
        ({"message": {"data": base64.b64encode(b"\xff{").decode()}}, "no JSON event"),
        (envelope([1]), "names no dream"),
        (envelope({"id": "1", "dream": "x"}), "names no dream"),
        (envelope({"dream": {}}), "no usable id"),
        (envelope({"id": "../../etc", "dream": {}}), "no usable id"),
    ],
)
def test_refuses_what_is_no_event(main: Any, broken: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        main.decode(broken)


def test_the_record_counts_words(main: Any) -> None:
    event = {"id": "e", "dream": {"id": "d", "content": " a  dark\nsea "}}
    record = main.process(event, "2026-01-01T00:00:00+00:00")
    assert record["words"] == 3
    assert record["characters"] == 13
    assert record["event_id"] == "e"
    assert record["type"] == "dream.created"
    assert main.object_name("e") == "processed/dreams/e.json"


def test_an_unusable_event_is_dropped_not_retried(main: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from cloudevents.http import CloudEvent

    event = CloudEvent({"type": "t", "source": "s", "id": "m-1"}, {"message": {"data": ""}})
    assert main.dream_processed(event) is None
    assert json.loads(capsys.readouterr().out)["message"].startswith("dropped m-1")
