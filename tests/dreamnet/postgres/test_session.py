from __future__ import annotations

import pickle
from collections.abc import Callable

import psycopg
import pytest

from dreamnet.errors import UnreachableError
from dreamnet.postgres import session
from dreamnet.postgres.session import ConnectionLost, Silence


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock, in seconds."""
    now = [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_server_that_is_at_work_may_be_silent_for_hours(at: Callable[[float], None]) -> None:
    asked = []
    silence = Silence(30, lambda: not asked.append(1))
    for seconds in range(0, 3600, 10):
        at(seconds)
        assert not silence.dead()
    assert len(asked) == 119


def test_one_that_waits_for_us_twice_will_not_answer(at: Callable[[float], None]) -> None:
    silence = Silence(30, lambda: False)
    found = []
    for seconds in (29, 30, 34, 35):
        at(seconds)
        found.append(silence.dead())
    assert found == [False, False, False, True]


def test_an_answer_that_was_under_way_takes_the_doubt_away(at: Callable[[float], None]) -> None:
    silence = Silence(30, lambda: False)
    at(30)
    assert not silence.dead()
    silence.heard()
    at(60)
    assert not silence.dead()


def test_a_lost_connection_is_an_error_of_psycopg_and_one_for_the_operator() -> None:
    lost = pickle.loads(pickle.dumps(ConnectionLost("It broke.", "Again.")))  # as a stored result is
    assert isinstance(lost, psycopg.OperationalError)
    assert isinstance(lost, UnreachableError)
    assert str(lost) == "It broke. Remedy: Again."
