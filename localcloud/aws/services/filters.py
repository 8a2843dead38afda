"""Metric filters that count: log events that match become datapoints ("Filter pattern", Logs guide)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.services.metrics import put
from localcloud.aws.wire import Answer, AwsError, Call

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


@dataclass(frozen=True)
class MetricFilters:
    """Puts the datapoints, and refuses patterns that it can't evaluate."""

    account_id: str
    operations: frozenset[str] = frozenset({"logs:PutMetricFilter"})

    def answer(self, call: Call, moto: Next) -> Answer:
        """Keep a filter whose pattern and value are understood."""
        given = call.json()
        terms(str(given.get("filterPattern", "")))
        for one in given.get("metricTransformations", ()):
            if str(one.get("metricValue", "")).startswith("$") or one.get("dimensions"):
                raise AwsError.not_in_rehearsal("logs", "PutMetricFilter with a value taken from the log")
        return moto(call)

    def install(self) -> None:
        """Look at every log event that moto is given."""
        from moto.logs.models import LogStream

        put_events = LogStream.put_log_events

        def put_log_events(stream: Any, log_events: list[dict[str, Any]]) -> Any:
            answer = put_events(stream, log_events)
            self._count(stream, [str(event["message"]) for event in log_events])
            return answer

        LogStream.put_log_events = put_log_events

    def _count(self, stream: Any, messages: list[str]) -> None:
        from moto.logs.models import logs_backends

        filters = logs_backends[self.account_id][stream.region].filters.metric_filters
        for one in list(filters):
            if one["logGroupName"] != stream.log_group.name:
                continue
            found = sum(matches(one["filterPattern"], message) for message in messages)
            for transformation in one["metricTransformations"]:
                self._put(stream.region, transformation, found)

    def _put(self, region: str, transformation: dict[str, Any], found: int) -> None:
        namespace, name = transformation["metricNamespace"], transformation["metricName"]
        for _ in range(found):
            put(self.account_id, region, namespace, {}, **{name: float(transformation["metricValue"])})
        if not found and "defaultValue" in transformation:
            put(self.account_id, region, namespace, {}, **{name: float(transformation["defaultValue"])})


def terms(pattern: str) -> list[tuple[str, str]]:
    """A pattern's terms with their signs: `?` for one of several, `-` for none of these.

    Raises:
        AwsError: it looks into JSON, columns or regular expressions.
    """
    if pattern.strip().startswith(("{", "[", "%")):
        raise AwsError.not_in_rehearsal("logs", f"the filter pattern {pattern}")
    return [(sign, quoted or plain) for sign, quoted, plain in _TERM.findall(pattern)]


def matches(pattern: str, message: str) -> bool:
    """Whether a log event matches: every plain term, one of the `?` terms, none of the `-` terms."""
    found = terms(pattern)
    optional = [text for sign, text in found if sign == "?"]
    return (
        all(text in message for sign, text in found if not sign)
        and not any(text in message for sign, text in found if sign == "-")
        and (not optional or any(text in message for text in optional))
    )
