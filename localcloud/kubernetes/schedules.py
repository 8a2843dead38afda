"""Checks of cron schedules and time zones."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from cronsim import CronSim, CronSimError


def check_schedule(spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong with a CronJob's schedule and time zone."""
    causes = []
    schedule = spec["schedule"]
    if said := _wrong(schedule):
        text = f'Invalid value: "{schedule}": {said}'
        causes.append(("spec.schedule", "FieldValueInvalid", text))
    try:
        zoneinfo.ZoneInfo(spec.get("timeZone") or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        text = f'Invalid value: "{spec["timeZone"]}": unknown time zone {spec["timeZone"]}'
        causes.append(("spec.timeZone", "FieldValueInvalid", text))
    return causes


def _wrong(schedule: str) -> str:
    """What is wrong with a schedule; empty for nothing. Kubernetes takes no seconds, unlike CronSim."""
    fields = schedule.split()
    if len(fields) != 5 and not schedule.startswith("@"):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    try:
        CronSim(schedule, datetime.datetime.now(datetime.UTC))
    except CronSimError as error:
        return str(error)
    return ""
