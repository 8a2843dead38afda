"""Checks of cron schedules and time zones."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from cronsim import CronSim, CronSimError


def check_schedule(spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong with a CronJob's schedule and time zone."""
    causes = []
    try:
        CronSim(spec["schedule"], datetime.datetime.now(datetime.UTC))
    except CronSimError as error:
        text = f'Invalid value: "{spec["schedule"]}": {error}'
        causes.append(("spec.schedule", "FieldValueInvalid", text))
    try:
        zoneinfo.ZoneInfo(spec.get("timeZone") or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        text = f'Invalid value: "{spec["timeZone"]}": unknown time zone {spec["timeZone"]}'
        causes.append(("spec.timeZone", "FieldValueInvalid", text))
    return causes
