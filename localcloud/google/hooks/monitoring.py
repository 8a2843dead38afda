"""Cloud Monitoring's time series: points that were written can be read back."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, invalid, not_in_the_rehearsal, verb

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: Points kept, of all series together.
KEPT = 100_000

_CONDITION = re.compile(r'\s*(?:AND\s+)?([\w.]+)\s*=\s*"([^"]*)"')


class TimeSeries(Hook):
    """Points in memory: they are gone after a restart."""

    collection: ClassVar[str] = "monitoring/projects.timeSeries"

    def __init__(self) -> None:
        self._points: deque[dict[str, Any]] = deque(maxlen=KEPT)

    @verb("create")
    def create(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Write one point of each of up to 200 series."""
        series = call.body.get("timeSeries") or []
        if not 0 < len(series) <= 200:
            raise invalid("Between 1 and 200 time series can be written in one request.")
        for one in series:
            if len(one.get("points") or []) != 1 or not (one.get("metric") or {}).get("type"):
                raise invalid("Each time series needs a metric type and exactly one point.")
        self._points.extend(series)
        return {}

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """The series that fit the filter, newest point first, without aggregation."""
        if any(key.startswith(("aggregation.", "secondaryAggregation.")) for key in call.query):
            raise not_in_the_rehearsal(f"{call.method.id} with aggregation")
        conditions = _conditions(call.query.get("filter", ""))
        start, end = call.query.get("interval.startTime", ""), call.query.get("interval.endTime", "")
        if not end or not any(name == "metric.type" for name, _ in conditions):
            raise invalid("interval.end_time and a filter with metric.type are required.")
        found: dict[str, dict[str, Any]] = {}
        for one in reversed(self._points):
            point = one["points"][0]
            time = str((point.get("interval") or {}).get("endTime", ""))
            if _fits(one, conditions) and start <= time <= end:
                key = repr((one.get("metric"), one.get("resource")))
                series = found.setdefault(key, {**one, "points": []})
                series["points"].append(point)
        return {"timeSeries": list(found.values())} if found else {}


def _conditions(text: str) -> list[tuple[str, str]]:
    conditions, position = [], 0
    while text[position:].strip():
        found = _CONDITION.match(text, position)
        if not found:
            raise not_in_the_rehearsal(f"The filter {text[position:].strip()[:60]!r}")
        conditions.append((found[1], found[2]))
        position = found.end()
    return conditions


def _fits(series: dict[str, Any], conditions: list[tuple[str, str]]) -> bool:
    for name, wanted in conditions:
        value: Any = series
        for part in name.replace(".label.", ".labels.").split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value != wanted:
            return False
    return True
