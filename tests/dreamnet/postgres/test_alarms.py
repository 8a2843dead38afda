"""From when on a look at a migration is an alarm, and in which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dreamnet.errors import GameplanError, UnreachableError
from dreamnet.postgres import alarms, waiting
from dreamnet.postgres.alarms import HOUR, Alarm, Limits
from dreamnet.postgres.ddl import Change
from dreamnet.postgres.followers import Follower
from dreamnet.postgres.watch import Look

GOOD = Follower(
    subscriber="rds:5432/dreamnet",
    slot="dreamnet_neon_1_2",
    present=True,
    active=True,
    bytes=120,
    retained_bytes=4096,
    wal_status="reserved",
    spare_bytes=None,
    seconds=0.01,
    arrived=True,
    silent_seconds=0.0,
    subscription="enabled",
    errors=0,
    said="",
)
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
LOOK = Look("neon", "following", "neon:5432/dreamnet", AT, {}, (GOOD,), (), None)


def seen(look: Look = LOOK, limits: Limits | None = None, **changed: object) -> list[Alarm]:
    return alarms.find(replace(look, followers=(replace(GOOD, **changed),)), limits)


def test_nothing_is_wrong_with_a_follower_that_follows() -> None:
    assert seen() == []
    assert seen(errors=3, said="insert_exists 1") == []  # it has got over it


@pytest.mark.parametrize(
    ("hours", "level"),
    [(0, None), (11.9, None), (12, "warning"), (29.9, "warning"), (30, "critical"), (41, "critical")],
)
def test_idle_slot_is_told_well_before_neon_drops_it(hours: float, level: str | None) -> None:
    found = seen(active=False, silent_seconds=hours * HOUR)
    assert [alarm.level for alarm in found] == ([level] if level else [])
    if hours == 30:
        assert "rds:5432/dreamnet has read nothing from slot dreamnet_neon_1_2 for 30 hours" in found[0].what
        assert found[0].since == "2026-11-27T06:00:00+00:00"
        assert "about 40 hours" in found[0].then
        assert not found[0].stops


@pytest.mark.parametrize(
    ("kept", "own", "given", "level"),
    [
        (0.49, None, 1.0, None),
        (0.5, None, 1.0, "warning"),
        (0.79, None, 1.0, "warning"),
        (0.8, None, 1.0, "critical"),
        (3.0, None, 10.0, None),
        (3.0, 4.0, 10.0, "warning"),  # the server's own limit is lower
        (3.9, 4.0, 10.0, "critical"),
        (4.0, 64.0, 10.0, None),  # and here it is higher
    ],
)
def test_wal_is_held_against_the_lower_limit(
    kept: float, own: float | None, given: float, level: str | None
) -> None:
    look = replace(LOOK, wal_limit=None if own is None else int(own * alarms.GB))
    found = seen(look, Limits(wal_bytes=int(given * alarms.GB)), retained_bytes=int(kept * alarms.GB))
    assert [alarm.level for alarm in found] == ([level] if level else [])
    if level:
        assert ("slot is lost" in found[0].then) is (own is not None)


def test_server_counts_exactly_what_is_left() -> None:
    look = replace(LOOK, wal_limit=4 * alarms.GB)
    (found,) = seen(look, retained_bytes=alarms.GB, spare_bytes=alarms.GB // 2)
    assert (found.level, found.subject) == ("critical", "WAL")
    assert "3.50 GB" in found.what


@pytest.mark.parametrize(
    ("changed", "subject", "stops", "said"),
    [
        ({"present": False}, "slot", True, "has no slot dreamnet_neon_1_2 any more"),
        ({"wal_status": "lost"}, "slot", True, "has removed WAL that slot dreamnet_neon_1_2"),
        ({"wal_status": "unreserved"}, "slot", False, "beyond its limit"),
        ({"subscription": "disabled"}, "subscription", True, "is disabled"),
        ({"subscription": "none"}, "subscription", True, "is gone"),
        (
            {"subscription": "unreachable", "said": "Nothing answers."},
            "follower",
            False,
            "Nothing answers: rds",
        ),
        (
            {"errors": 4, "arrived": False, "said": "insert_exists 4"},
            "apply",
            False,
            "failed 4 times to apply",
        ),
    ],
)
def test_what_ends_following_is_critical(
    changed: dict[str, object], subject: str, stops: bool, said: str
) -> None:
    (found,) = seen(**changed)
    assert (found.level, found.subject, found.stops) == ("critical", subject, stops)
    assert said in found.what
    assert found.remedy


@pytest.mark.parametrize(
    "changed", [{"present": False}, {"subscription": "none"}, {"subscription": "disabled"}]
)
def test_copy_has_slots_before_it_has_subscriptions(changed: dict[str, object]) -> None:
    assert seen(replace(LOOK, phase="copying"), **changed) == []


def test_worst_comes_first_and_stops_the_wait() -> None:
    notice = Change("view public.v is new", "2026-11-28T10:00:00+00:00", False, "Run it everywhere.")
    column = Change(
        "table public.t has a new column c (text)", "2026-11-28T10:00:00+00:00", True, "Run it there."
    )
    look = replace(LOOK, changes=(notice, column))
    assert [alarm.level for alarm in alarms.find(look)] == ["critical", "notice"]
    with pytest.raises(GameplanError) as caught:
        alarms.raise_if_stopped(look)
    assert caught.value.problem.startswith("On neon:5432/dreamnet, table public.t has a new column c (text).")
    assert caught.value.remedy == "Run it there."
    alarms.raise_if_stopped(replace(LOOK, changes=(notice,)))


def test_pace_is_that_of_the_last_minute() -> None:
    pace = waiting.Pace()
    pace.note(0.0, 1000)
    assert pace.seconds_left() is None
    pace.note(5.0, 800)
    assert pace.seconds_left() == pytest.approx(20.0)
    for number in range(2, 14):
        pace.note(number * 5.0, 800)
    assert pace.seconds_left() is None  # it has gained nothing since


@pytest.mark.parametrize("refusing", [0, 23])
def test_records_out_of_reach_are_an_alarm(refusing: int) -> None:
    why = "10.0.0.3:5432/dreamnet, which has the migration's records, does not answer"
    look = replace(LOOK, phase="unknown", followers=(), records=why, frozen={LOOK.primary: refusing})
    (alarm,) = alarms.find(look)
    assert (alarm.level, alarm.subject, alarm.stops) == ("critical", "records", False)
    assert alarm.what.startswith(why)
    assert ("neon:5432/dreamnet refuses writes" in alarm.what) is bool(refusing)
    (lost,) = alarms.find(replace(look, phase="lost"))
    assert "give the migration up" in lost.remedy
    assert look.taker == ("nobody who answers" if refusing else LOOK.primary)


def test_look_that_failed_is_an_alarm() -> None:
    alarm = alarms.unseen(UnreachableError("Nothing answers at neon.", "Start it."), AT)
    assert (alarm.level, alarm.what, alarm.remedy) == ("critical", "Nothing answers at neon", "Start it.")
    assert alarm.since == "seen 2026-11-28T12:00:00+00:00"
