from __future__ import annotations

import pytest

from dreamnet.postgres import telling
from dreamnet.postgres.telling import Telling


def test_many_short_things_are_told_of_now_and_then_and_long_ones_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: clock[0])
    told: list[str] = []
    subject = Telling(told.append)
    for number in range(1, 101):  # ten a second, but the fiftieth takes longer
        seconds = 2.5 if number == 50 else 0.1
        clock[0] += seconds
        subject.tell(str(number), seconds, last=number == 100)
    assert told == ["50", "100"]
    clock[0] += telling.EVERY_S
    assert subject.due()
    subject.tell("at last", 0.1, last=False)
    assert told == ["50", "100", "at last"]
    assert not subject.due()
