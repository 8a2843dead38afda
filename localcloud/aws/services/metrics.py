"""What an alarm looks at: the datapoints of its periods, from what was put and what the queues show now."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta
from typing import Any

_SIMPLE = {"Sum": sum, "Minimum": min, "Maximum": max}


def datapoints(account_id: str, alarm: Any, now: datetime) -> list[float | None]:
    """The statistic of each of the alarm's periods, newest first; None where nothing was measured.

    Periods are counted back from now, where CloudWatch aligns them with the clock: what has just been put
    counts at once.
    """
    from moto.cloudwatch.models import cloudwatch_backends

    backend = cloudwatch_backends[account_id][alarm.region_name]
    period = timedelta(seconds=int(alarm.period))
    wanted = {(one.name, one.value) for one in alarm.dimensions}
    found = [
        datum
        for datum in list(backend.metric_data)
        if datum.namespace == alarm.namespace
        and datum.name == alarm.metric_name
        and {(one.name, one.value) for one in datum.dimensions} == wanted
    ]
    points: list[float | None] = []
    for number in range(int(alarm.evaluation_periods)):
        end = now - period * number
        values = [datum for datum in found if end - period < _when(datum) <= end]
        points.append(_statistic(alarm, values))
    live = _queue_now(account_id, alarm)
    if live is not None:
        points[0] = live
    return points


def _when(datum: Any) -> datetime:
    """moto keeps times without a zone, in UTC."""
    found: datetime = datum.timestamp
    return found.replace(tzinfo=None)


def _statistic(alarm: Any, data: list[Any]) -> float | None:
    if not data:
        return None
    plain = [float(datum.value) for datum in data if hasattr(datum, "value")]
    sets = [datum for datum in data if not hasattr(datum, "value")]
    count = len(plain) + sum(float(one.sample_count) for one in sets)
    total = sum(plain) + sum(float(one.sum) for one in sets)
    if alarm.extended_statistic:
        return _percentile(plain, float(alarm.extended_statistic.removeprefix("p"))) if plain else None
    if alarm.statistic == "SampleCount":
        return count
    if alarm.statistic == "Average":
        return total / count
    edges = [
        float(getattr(one, {"Minimum": "min", "Maximum": "max"}.get(alarm.statistic, "sum"))) for one in sets
    ]
    return float(_SIMPLE[alarm.statistic]([*plain, *edges]))


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _queue_now(account_id: str, alarm: Any) -> float | None:
    """What SQS would report of a queue at this moment; SQS itself reports once a minute."""
    if alarm.namespace != "AWS/SQS":
        return None
    from moto.sqs.models import sqs_backends

    names = [one.value for one in alarm.dimensions if one.name == "QueueName"]
    queue = sqs_backends[account_id][alarm.region_name].queues.get(names[0] if names else "")
    if queue is None:
        return None
    if alarm.metric_name == "ApproximateNumberOfMessagesVisible":
        return float(queue.approximate_number_of_messages)
    if alarm.metric_name == "ApproximateNumberOfMessagesNotVisible":
        return float(queue.approximate_number_of_messages_not_visible)
    if alarm.metric_name == "ApproximateAgeOfOldestMessage":
        sent = [float(one.sent_timestamp or 0) for one in list(queue.messages)]
        return max(0.0, time.time() - min(sent) / 1000) if sent else 0.0
    return None


def put(account_id: str, region: str, namespace: str, dimensions: dict[str, str], **values: float) -> None:
    """Put a service's own datapoints, one a metric."""
    from moto.cloudwatch.models import cloudwatch_backends

    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    data = [{"MetricName": name, "Value": value, "Dimensions": named} for name, value in values.items()]
    cloudwatch_backends[account_id][region].put_metric_data(namespace, data)
