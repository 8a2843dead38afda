"""Schedules that fire: EventBridge Scheduler's, and rules with a schedule."""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from localcloud.aws.services.delivery import Delivery
from localcloud.aws.wire import AwsError

_LOG = logging.getLogger(__name__)
_EVERY = 0.25  # seconds

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Clock:
    """Looks at every schedule a few times a second and delivers what is due.

    A flexible window counts from its start on. What was due while the local cloud was down is left out.

    Attributes:
        born: when a rule's schedule was first seen: moto does not keep when it was made.
    """

    account_id: str
    delivery: Delivery
    born: dict[str, datetime] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self.stopped.set()
        self.delivery.stopped.set()

    def _run(self) -> None:
        last = datetime.now(UTC)
        while not self.stopped.wait(_EVERY):
            now = datetime.now(UTC)
            for fire in (*self._schedules(last, now), *self._rules(last, now)):
                fire()
            last = now

    def _schedules(self, last: datetime, now: datetime) -> Iterator[Any]:
        from moto.scheduler.models import scheduler_backends as backends

        for region, backend in list(backends[self.account_id].items()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    born = datetime.fromtimestamp(schedule.creation_date, UTC)
                    zone = ZoneInfo(schedule.schedule_expression_timezone)
                    if schedule.state == "ENABLED" and self._due(
                        schedule.schedule_expression, zone, born, last, now
                    ):
                        yield lambda r=region, s=schedule, g=group: self._fire(r, s, g)

    def _rules(self, last: datetime, now: datetime) -> Iterator[Any]:
        from moto.events.models import events_backends

        for region, backend in list(events_backends[self.account_id].items()):
            for rule in list(backend.event_buses["default"].rules.values()):
                if rule.scheduled_expression and rule.state == "ENABLED":
                    born = self.born.setdefault(rule.arn + rule.scheduled_expression, now)
                    if self._due(rule.scheduled_expression, UTC, born, last, now):
                        yield lambda r=region, one=rule: self._fire_rule(r, one)

    def _due(self, expression: str, zone: tzinfo, born: datetime, last: datetime, now: datetime) -> bool:
        try:
            return due(expression, zone, born, last, now)
        except AwsError as problem:
            _LOG.warning("schedule %s: %s", expression, problem)
            return False

    def _fire(self, region: str, schedule: Any, group: Any) -> None:
        target = dict(schedule.target)
        text = target.get("Input") or json.dumps({})
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        self.delivery.later(region, target, content, schedule.arn)
        if schedule.action_after_completion == "DELETE" and schedule.schedule_expression.startswith("at("):
            group.schedules.pop(schedule.name, None)

    def _fire_rule(self, region: str, rule: Any) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.account_id,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": [rule.arn],
            "detail": {},
        }
        for target in list(rule.targets):
            content = json.loads(target["Input"]) if "Input" in target else event
            self.delivery.later(region, target, content, rule.arn)


def due(expression: str, zone: tzinfo, born: datetime, last: datetime, now: datetime) -> bool:
    """Whether a schedule falls due after `last` and not after `now` (Scheduler user guide, "Schedule types").

    Args:
        expression: `at(...)`, `rate(...)` or `cron(...)`.
        zone: what `at` and `cron` mean.
        born: when the schedule was made: rates count from there.
        last, now: with a time zone.

    Raises:
        AwsError: the expression is none of the three.
    """
    kind, _, rest = expression.strip().removesuffix(")").partition("(")
    if kind == "at":
        when = datetime.fromisoformat(rest.strip()).replace(tzinfo=zone)
        return last < when <= now
    if kind == "rate":
        return last < _last_multiple(rest, born, now) <= now
    if kind == "cron":
        minute = now.replace(second=0, microsecond=0)
        return last < minute <= now and _matches(rest.split(), minute.astimezone(zone))
    raise AwsError("ValidationException", f"Invalid Schedule Expression {expression}.")


def _last_multiple(rate: str, born: datetime, now: datetime) -> datetime:
    match = re.fullmatch(r"\s*(\d+)\s+(minute|hour|day)s?\s*", rate)
    if match is None or int(match[1]) == 0:
        raise AwsError("ValidationException", f"Invalid Schedule Expression rate({rate}).")
    seconds = int(match[1]) * _UNITS[match[2]]
    passed = int((now - born).total_seconds() // seconds)
    return born + timedelta(seconds=passed * seconds) if passed else born - timedelta(days=1)


def _matches(fields: list[str], when: datetime) -> bool:
    """Whether a minute is one of AWS's six fields: minute, hour, day, month, weekday, year."""
    if len(fields) != 6:
        raise AwsError("ValidationException", f"Invalid Schedule Expression cron({' '.join(fields)}).")
    minute, hour, day, month, weekday, year = fields
    return (
        _in(minute, when.minute, 0, 59)
        and _in(hour, when.hour, 0, 23)
        and _in(month, when.month, 1, 12, _MONTHS)
        and _in(year, when.year, 1970, 2199)
        and (day == "?" or _in(day, when.day, 1, 31))
        and (weekday == "?" or _in(weekday, when.isoweekday() % 7 + 1, 1, 7, _DAYS))
    )


def _in(text: str, value: int, lowest: int, highest: int, names: list[str] | None = None) -> bool:
    """Whether a value is in a field such as `*`, `1,5-9`, `*/15` or `MON-FRI`."""
    for number, name in enumerate(names or (), start=1):
        text = text.upper().replace(name, str(number))
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if not re.fullmatch(r"\*|\d+", first) or (last and not last.isdigit()):
            raise AwsError.not_in_rehearsal("scheduler", f"a schedule with the field {text}")
        low = lowest if first == "*" else int(first)
        high = int(last) if last else highest if first == "*" or step else low
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
