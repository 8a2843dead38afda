"""The rate of calls: free until throttled, then found."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from dreamnet.clouds import google_rest
from dreamnet.clouds.pace import Pace
from dreamnet.errors import CredentialsError, ResourceError, UnreachableError


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def calls_in(pace: Pace, time: Time, seconds: float) -> int:
    end, count = time.now + seconds, 0
    while True:
        pace.wait()
        if time.now >= end:
            return count
        count += 1
        time.now += 0.01  # what a call takes


def test_a_service_that_never_throttles_is_never_waited_for() -> None:
    time = Time()
    pace = Pace(time.clock, time.sleep)
    assert calls_in(pace, time, 1.0) == 100
    assert pace.rate is None


def test_half_the_rate_after_a_throttled_answer_and_more_again_later() -> None:
    time = Time()
    pace = Pace(time.clock, time.sleep)
    calls_in(pace, time, 1.0)
    pace.throttled()
    pace.throttled()  # of the same moment: no second cut
    assert pace.rate == pytest.approx(50.0, abs=2)
    assert calls_in(pace, time, 1.0) == pytest.approx(50, abs=3)
    calls_in(pace, time, 9.0)
    assert pace.rate == pytest.approx(60.0, abs=3)
    for _ in range(20):
        pace.throttled()
        time.now += 1.5
    assert 1.0 <= (pace.rate or 0) < 5.0


def test_threads_take_turns() -> None:
    slept: list[float] = []
    pace = Pace(lambda: 0.0, slept.append)
    for _ in range(20):
        pace.wait()
    pace.throttled()  # ten a second from here on
    threads = [threading.Thread(target=pace.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([0.1, 0.2, 0.3, 0.4])


# ---- Google's answers


class Account:
    """Answers in turn, with a pace of its own."""

    def __init__(self, time: Time, *answers: Any) -> None:
        self.answers, self.sent = list(answers), 0
        self._pace = Pace(time.clock, time.sleep)

    def pace(self, url: str) -> Pace:
        return self._pace

    def session(self) -> Any:
        return SimpleNamespace(request=self._request)

    def _request(self, *_: Any, **__: Any) -> Any:
        self.sent += 1
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        status, body = given
        return SimpleNamespace(status_code=status, ok=status < 400, content=b"x", json=lambda: body)


OK = (200, {"name": "x"})
SLOW_403 = (403, {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}], "message": "Slow."}})
NOT_ALLOWED = (403, {"error": {"code": 403, "errors": [{"reason": "forbidden"}], "message": "No."}})
SLOW_429 = (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow."}})
BUSY = (503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "Later."}})
WRONG = (400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Wrong."}})


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(google_rest, "time", SimpleNamespace(monotonic=made.clock, sleep=made.sleep))
    return made


def call(account: Account) -> dict[str, Any]:
    return google_rest.call(account, "GET", "http://h/api/x", what="google/it")  # type: ignore[arg-type]


@pytest.mark.parametrize("slow", [SLOW_403, SLOW_429])
def test_a_throttled_call_is_repeated_until_the_minute_is_over(time: Time, slow: Any) -> None:
    account = Account(time, slow, slow, slow, slow, slow, slow, OK)
    assert call(account) == {"name": "x"}
    assert account.sent == 7
    assert account.pace("").rate is not None
    endless = Account(time, slow)
    began = time.now
    with pytest.raises((ResourceError, CredentialsError), match="Slow"):
        call(endless)
    assert 90 <= time.now - began < 130


def test_only_what_may_succeed_is_repeated(time: Time) -> None:
    account = Account(time, BUSY, BUSY, OK)
    call(account)
    assert account.sent == 3
    for answer in (NOT_ALLOWED, WRONG, (404, {}), (500, {})):
        account = Account(time, answer)
        with pytest.raises((ResourceError, CredentialsError)):
            call(account)
        assert account.sent == 1
    account = Account(time, BUSY)
    with pytest.raises(ResourceError, match="Later"):
        call(account)
    assert account.sent == google_rest.ATTEMPTS


def test_a_lost_connection_is_tried_again_and_then_said(time: Time) -> None:
    import requests

    account = Account(time, OK)

    def lost(*_: Any, **__: Any) -> Any:
        account.sent += 1
        raise requests.ConnectionError("Connection reset by peer")

    account._request = lost  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match="nothing answers at http://h"):
        call(account)
    assert account.sent == google_rest.ATTEMPTS
