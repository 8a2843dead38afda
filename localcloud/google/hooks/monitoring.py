"""Cloud Monitoring's time series: points that were written, and Pub/Sub's backlog as it is now."""

from __future__ import annotations

import re
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.data import topics
from localcloud.google.hooks import Hook, invalid, not_in_the_rehearsal, verb
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: Points kept, of all series together.
KEPT = 100_000

#: Messages not acknowledged (cloud.google.com/monitoring/api/metrics_gcp_p_z, November 2026).
UNDELIVERED = "pubsub.googleapis.com/subscription/num_undelivered_messages"

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
        for one in chain(_backlogs(call, conditions), reversed(self._points)):
            point = one["points"][0]
            time = str((point.get("interval") or {}).get("endTime", ""))
            if _fits(one, conditions) and start <= time <= end:
                key = repr((one.get("metric"), one.get("resource")))
                series = found.setdefault(key, {**one, "points": []})
                series["points"].append(point)
        return {"timeSeries": list(found.values())} if found else {}


def _backlogs(call: Call, conditions: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Messages that wait in each subscription now; Google measures once a minute."""
    if ("metric.type", UNDELIVERED) not in conditions:
        return []
    broker, interval = topics.broker(call.context), {"startTime": now(), "endTime": now()}
    return [
        {
            "metric": {"type": UNDELIVERED, "labels": {}},
            "resource": {
                "type": "pubsub_subscription",
                "labels": {"project_id": call.context.project, "subscription_id": one.name},
            },
            "metricKind": "GAUGE",
            "valueType": "INT64",
            "points": [{"interval": interval, "value": {"int64Value": str(broker.backlog(one.path))}}],
        }
        for one in call.context.store.everything()
        if one.type == topics.SUBSCRIPTIONS
    ]


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
