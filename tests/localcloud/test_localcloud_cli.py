"""The command line: bad input ends in one sentence, before anything was started."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud import supervisor
from localcloud.__main__ import main
from localcloud.engines import Engines
from localcloud.state import State


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert "Remedy:" in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    return captured.err


def test_an_unknown_part_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _fails(capsys, "up", "--state", str(tmp_path), "--only", "postgres,oracle")
    assert "no part named oracle" in said
    assert Engines(State(tmp_path)).list() == []


def test_a_taken_port_stops_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        said = _fails(capsys, "up", "--state", str(tmp_path), "--only", "faults", "--port", f"faults={port}")
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert Engines(State(tmp_path)).list() == []


def test_too_little_disk_is_said_with_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**8, 10**8))
    assert "0.1 GB free, and the rehearsal needs 2 GB" in _fails(capsys, "up", "--state", str(tmp_path))


def test_a_missing_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "find_spec", lambda name: None if name == "bqemulator" else object())
    assert "not installed: bqemulator" in _fails(capsys, "up", "--state", str(tmp_path))


def test_a_state_directory_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert "cannot be made" in _fails(capsys, "up", "--state", str(tmp_path / "file" / "state"))


def test_status_and_down_where_nothing_is_make_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    assert main(("status", "--state", str(missing))) == 0
    assert main(("down", "--state", str(missing))) == 0
    assert "Nothing runs" in capsys.readouterr().out
    assert not missing.exists()


@pytest.mark.rehearsal
def test_up_finds_what_runs_and_down_leaves_no_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import psutil

    state = State(tmp_path / "state")
    up = ("up", "--state", str(state.dir), "--only", "faults")
    try:
        assert main(up) == 0
        first = Engines(state).get("faults")
        assert first is not None
        assert "1 parts started" in capsys.readouterr().out
        assert main(up) == 0
        said = capsys.readouterr().out
        assert "runs already" in said
        assert "nothing was started" in said
        assert Engines(state).get("faults") == first
        assert main(("status", "--state", str(state.dir))) == 0
        assert first.address in capsys.readouterr().out
    finally:
        assert main(("down", "--state", str(state.dir))) == 0
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(state.dir) in (p.info["cmdline"] or [])]
    assert main(up) == 0
    again = Engines(state).get("faults")
    assert again is not None
    assert again.port == first.port
    assert main(("down", "--wipe", "--state", str(state.dir))) == 0
    assert not state.dir.exists()


def test_who_uses_is_stopped_before_what_is_used() -> None:
    ranks = [
        supervisor._stop_rank(SimpleNamespace(kind=kind))
        for kind in ("user", "backend", "google", "postgresql")
    ]
    assert ranks == sorted(set(ranks))
    worker, server = (
        supervisor._stop_rank(SimpleNamespace(kind=f"prefect-{kind}")) for kind in ("worker", "server")
    )
    assert worker < server, "a worker without its server asks for it for a quarter of a minute"
