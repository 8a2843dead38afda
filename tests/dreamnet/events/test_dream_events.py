"""Packages and events, without a cloud."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dreamnet.errors import ConfigurationError, ResourceError, VerificationError
from dreamnet.events import dream_event, package_function, send_dream_event_aws, wait_processed_aws


def test_a_package_depends_on_contents_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "lib").mkdir(parents=True)
        (folder / "main.py").write_text("print()")
        (folder / "lib" / "a.py").write_text("A = 1")
    (tmp_path / "two" / "__pycache__").mkdir()
    (tmp_path / "two" / "__pycache__" / "main.pyc").write_bytes(b"x")
    os.utime(tmp_path / "two" / "main.py", (0, 2**30))
    (tmp_path / "two" / "main.py").chmod(0o700)
    first, second = package_function(tmp_path / "one"), package_function(tmp_path / "two")
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["lib/a.py", "main.py"]
    (tmp_path / "two" / "main.py").write_text("print(1)")
    assert package_function(tmp_path / "two") != first


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        package_function(tmp_path / "nowhere")


def account(**clients: Any) -> Any:
    return SimpleNamespace(client=lambda name: clients[name])


def test_an_event_on_aws_is_the_detail() -> None:
    sent: list[Any] = []

    def put_events(Entries: list[Any]) -> dict[str, Any]:
        sent.extend(Entries)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    event = dream_event({"id": "d"}, "e")
    assert (
        send_dream_event_aws(account(events=SimpleNamespace(put_events=put_events)), "dreamnet", event) == "1"
    )
    assert json.loads(sent[0]["Detail"]) == event
    assert (sent[0]["Source"], sent[0]["EventBusName"]) == ("dreamnet", "dreamnet")


def test_a_refused_event_is_an_error() -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "NotFound", "ErrorMessage": "no such bus"}]}
    client = SimpleNamespace(put_events=lambda Entries: answer)
    with pytest.raises(ResourceError, match="no such bus"):
        send_dream_event_aws(account(events=client), "dreamnet", dream_event({}))


def test_waiting_ends_with_the_item_or_a_clear_error() -> None:
    answers = iter([{}, {}, {"Item": {"event_id": {"S": "e"}, "words": {"N": "3"}}}])
    client = SimpleNamespace(get_item=lambda **_: next(answers))
    assert wait_processed_aws(account(dynamodb=client), "t", "e", 5) == {"event_id": "e", "words": 3}
    never = SimpleNamespace(get_item=lambda **_: {})
    with pytest.raises(VerificationError, match=r"not processed within 0\.2 s"):
        wait_processed_aws(account(dynamodb=never), "t", "e", 0.2)
