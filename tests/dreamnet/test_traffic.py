"""The write client: what it reports is what happened."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.traffic import Write, WriteClient, lost, read_ledger


class Service(BaseHTTPRequestHandler):
    """Accepts dreams, unless told to refuse."""

    protocol_version = "HTTP/1.1"
    accepted: ClassVar[list[str]] = []
    refusing: ClassVar[threading.Event] = threading.Event()
    slow: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.slow.is_set():
            time.sleep(0.5)
        status = 503 if self.refusing.is_set() else 201
        if status == 201:
            self.accepted.append(body["id"])
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("X-Region", "here")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Service.accepted = []
    Service.refusing.clear()
    Service.slow.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_acknowledged_write_is_in_the_ledger_and_no_other(service: str) -> None:
    client = WriteClient(service, 200).start()
    time.sleep(0.5)
    report = client.stop()
    assert report.acknowledged == report.attempts == len(Service.accepted) > 20
    assert {write.id for write in client.ledger.writes()} == set(Service.accepted)
    assert all(write.sent <= write.acknowledged for write in client.ledger.writes())
    assert report.regions == {"here": report.acknowledged}
    assert report.p50_ms is not None
    assert report.p99_ms is not None
    assert report.p50_ms <= report.p99_ms


def test_the_rate_is_the_one_asked_for(service: str) -> None:
    client = WriteClient(service, 50).start()
    time.sleep(1.0)
    assert 40 <= client.stop().attempts <= 55


def test_an_outage_is_the_longest_gap(service: str) -> None:
    client = WriteClient(service, 100).start()
    time.sleep(0.3)
    began = time.time()
    Service.refusing.set()
    time.sleep(0.6)
    Service.refusing.clear()
    time.sleep(0.3)
    report = client.stop()
    assert report.error_kinds.keys() == {"503"}
    assert report.acknowledged + report.errors == report.attempts
    assert 0.55 <= report.longest_gap_s < 1.0
    assert report.gap_started == pytest.approx(began, abs=0.2)


def test_an_outage_that_has_not_ended_counts(service: str) -> None:
    client = WriteClient(service, 100).start()
    time.sleep(0.2)
    Service.refusing.set()
    time.sleep(0.5)
    assert client.stop().longest_gap_s >= 0.45


def test_nobody_there_is_an_error_of_its_own_kind() -> None:
    client = WriteClient("http://127.0.0.1:9", 50).start()
    time.sleep(0.3)
    report = client.stop()
    assert report.acknowledged == 0
    assert report.error_kinds.keys() == {"ConnectError"}
    assert report.gap_started is None


def test_slow_answers_do_not_hold_back_later_writes(service: str) -> None:
    Service.slow.set()
    client = WriteClient(service, 20, connections=16).start()
    time.sleep(1.0)
    # One at a time could have sent two.
    assert client.stop().attempts >= 14


def test_a_ledger_on_disk_survives_and_grows(service: str, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    for _ in range(2):
        client = WriteClient(service, 100, ledger=file).start()
        time.sleep(0.2)
        client.stop()
    assert {write.id for write in read_ledger(file)} == set(Service.accepted)


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text('["a", 1.0, 2.0]\n["b", 3.0')
    assert list(read_ledger(file)) == [Write("a", 1.0, 2.0)]


def test_lost_are_those_that_cannot_be_read_back() -> None:
    writes = [Write(str(number), 0.0, 1.0) for number in range(2500)]
    asked: list[int] = []

    def reader(ids: list[str]) -> set[str]:
        asked.append(len(ids))
        return set(ids) - {"7", "2400"}

    assert [write.id for write in lost(writes, reader)] == ["7", "2400"]
    assert asked == [1000, 1000, 500]


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        WriteClient("http://127.0.0.1:9", 0)
