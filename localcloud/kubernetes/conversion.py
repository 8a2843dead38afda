"""Objects in another version than the one they are kept in: ``autoscaling/v1``, ``events.k8s.io/v1``, CRDs'.

What ``autoscaling/v1`` has no field for travels in annotations, in the forms that Kubernetes gives them
(pkg/apis/autoscaling/v1, read November 2026): metrics and conditions in v1's shape, behavior with Go's names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.storage import Object

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _CURRENT, _CONDITIONS, _BEHAVIOR = (
    _PREFIX + name for name in ("metrics", "current-metrics", "conditions", "behavior")
)
#: Fields of an Event in the core group and in events.k8s.io.
_EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_BACK = {new: old for old, new in _EVENT.items()}


def shown(obj: Object, kind: Kind) -> Object:
    """A kept object in the version that was asked for."""
    return _SHOWN.get((kind.group, kind.kind), dict)(obj) | {"apiVersion": kind.api_version}


def kept(obj: Object, kind: Kind, storage: Kind) -> Object:
    """An object of ``kind``'s version (or a part of one, as applies send) in the version that is kept."""
    return _KEPT.get((kind.group, kind.kind), dict)(obj) | {"apiVersion": storage.api_version}


def _renamed(obj: Object, names: dict[str, str]) -> Object:
    return {names.get(key, key): value for key, value in obj.items()}


# HorizontalPodAutoscaler, v2 to v1


def _autoscaler_v1(obj: Object) -> Object:
    spec, status = dict(obj.get("spec", {})), dict(obj.get("status", {}))
    metrics, extra = spec.pop("metrics", []), Object()
    cpu = next((m for m in metrics if _is_cpu(m)), None)
    if cpu is not None:
        spec["targetCPUUtilizationPercentage"] = cpu["resource"]["target"]["averageUtilization"]
    others = [_metric_v1(m) for m in metrics if m is not cpu]
    if others:
        extra[_METRICS] = _text(others)
    if "behavior" in spec:
        extra[_BEHAVIOR] = _text(_recased(spec.pop("behavior"), str.upper))
    current = status.pop("currentMetrics", [])
    if current:
        extra[_CURRENT] = _text([_metric_v1(m, "current") for m in current])
    conditions = status.pop("conditions", [])
    if conditions:
        extra[_CONDITIONS] = _text(conditions)
    used = (m["resource"]["current"].get("averageUtilization") for m in current if _names_cpu(m))
    for share in used:
        if share is not None:
            status["currentCPUUtilizationPercentage"] = share
    made = obj | {"spec": spec} | ({"status": status} if "status" in obj else {})
    return _annotated(made, extra)


def _annotated(obj: Object, extra: Object) -> Object:
    if not extra:
        return obj
    metadata = obj["metadata"]
    return obj | {"metadata": metadata | {"annotations": metadata.get("annotations", {}) | extra}}


def _names_cpu(metric: Object) -> bool:
    return metric["type"] == "Resource" and metric["resource"]["name"] == "cpu"


def _is_cpu(metric: Object) -> bool:
    """Whether v1 has a field for it."""
    return _names_cpu(metric) and "averageUtilization" in metric["resource"]["target"]


def _source(metric: Object) -> str:
    """The field that holds a metric's own part: ``containerResource`` of a ContainerResource."""
    name = str(metric["type"])
    return name[0].lower() + name[1:]


def _metric_v1(metric: Object, sort: str = "target") -> Object:
    """A metric's target, or its ``current`` value, as v1 and v2beta1 wrote it."""
    source = _source(metric)
    part = metric[source]
    amount, about = part[sort], part.get("metric", {})
    flat: Object = {k: part[k] for k in ("name", "container") if k in part}
    if about:
        flat["metricName"] = about["name"]
        if "selector" in about:
            flat["metricSelector" if source == "external" else "selector"] = about["selector"]
    if "describedObject" in part:
        flat["target"] = part["describedObject"]
    if "averageUtilization" in amount:
        flat[f"{sort}AverageUtilization"] = amount["averageUtilization"]
    if "averageValue" in amount:
        flat["averageValue" if source == "object" else f"{sort}AverageValue"] = amount["averageValue"]
    if "value" in amount:
        flat[f"{sort}Value"] = amount["value"]
    return {"type": metric["type"], source: flat}


# HorizontalPodAutoscaler, v1 to v2


def _autoscaler_v2(obj: Object) -> Object:
    annotations = dict(obj.get("metadata", {}).get("annotations") or {})
    said = {k: orjson.loads(annotations.pop(k)) for k in _SAID if k in annotations}
    made = dict(obj)
    if said:
        made["metadata"] = {k: v for k, v in obj["metadata"].items() if k != "annotations"}
        if annotations:
            made["metadata"]["annotations"] = annotations
    spec = dict(obj.get("spec", {}))
    metrics = [_metric_v2(m) for m in said.get(_METRICS, ())]
    share = spec.pop("targetCPUUtilizationPercentage", None)
    if share is not None:
        target = {"type": "Utilization", "averageUtilization": share}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    if _BEHAVIOR in said:
        spec["behavior"] = _recased(said[_BEHAVIOR], str.lower)
    status = {k: v for k, v in obj.get("status", {}).items() if k != "currentCPUUtilizationPercentage"}
    if _CURRENT in said:
        status["currentMetrics"] = [_metric_v2(m, "current") for m in said[_CURRENT]]
    if _CONDITIONS in said:
        status["conditions"] = said[_CONDITIONS]
    return made | {"spec": spec} | ({"status": status} if "status" in obj else {})


_SAID = (_METRICS, _CURRENT, _CONDITIONS, _BEHAVIOR)


def _metric_v2(metric: Object, sort: str = "target") -> Object:
    source = _source(metric)
    flat = metric[source]
    part: Object = {k: flat[k] for k in ("name", "container") if k in flat}
    if "metricName" in flat:
        selector = flat.get("metricSelector" if source == "external" else "selector")
        part["metric"] = {"name": flat["metricName"]} | ({"selector": selector} if selector else {})
    if source == "object":
        part["describedObject"] = flat["target"]
    amount: Object = {}
    average = flat.get("averageValue") if source == "object" else flat.get(f"{sort}AverageValue")
    for name, kind, value in (
        ("value", "Value", flat.get(f"{sort}Value")),
        ("averageValue", "AverageValue", average),
        ("averageUtilization", "Utilization", flat.get(f"{sort}AverageUtilization")),
    ):
        if value is not None:
            amount |= {name: value} | ({"type": kind} if sort == "target" else {})
    return {"type": metric["type"], source: part | {sort: amount}}


def _recased(value: Any, case: Callable[[str], str]) -> Any:
    """Keys with their first letter in another case: Go's names of fields, and JSON's."""
    if isinstance(value, list):
        return [_recased(item, case) for item in value]
    if not isinstance(value, dict):
        return value
    return {case(k[0]) + k[1:]: _recased(v, case) for k, v in value.items() if v is not None}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


_SHOWN: dict[tuple[str, str], Callable[[Object], Object]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler_v1,
    ("events.k8s.io", "Event"): lambda obj: _renamed(obj, _EVENT),
}
_KEPT: dict[tuple[str, str], Callable[[Object], Object]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler_v2,
    ("events.k8s.io", "Event"): lambda obj: _renamed(obj, _EVENT_BACK),
}
