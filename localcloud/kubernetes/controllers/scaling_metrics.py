"""How many replicas a metric asks for: the autoscaler's arithmetic, for each type of metric.

The algorithm of kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale#algorithm-details and the
messages of kube-controller-manager (pkg/controller/podautoscaler; both read November 2026).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kubernetes.adapters.api import MetricsApis, milli
from localcloud.kubernetes.adapters.base import Unavailable
from localcloud.kubernetes.controllers.runtime import is_ready
from localcloud.kubernetes.controllers.scaling_limits import rule_of
from localcloud.kubernetes.metrics import Metrics
from localcloud.kubernetes.quantities import cores, kibibytes, parse
from localcloud.kubernetes.storage import Object

TOLERANCE = 0.1


class Unmeasured(Exception):
    """A metric that cannot be read now; ``reason`` is the condition's."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Proposal:
    """What one metric asks for.

    Attributes:
        name: how the event calls the metric.
        status: its entry of ``status.currentMetrics``.
    """

    replicas: int
    name: str
    status: Object


@dataclass(frozen=True)
class Situation:
    """What is scaled, as it is now.

    Attributes:
        pods: those that the target's selector selects.
        wanted, counted: replicas in the scale's spec and in its status.
    """

    scaler: Object
    pods: list[Object]
    wanted: int
    counted: int

    @property
    def ready(self) -> int:
        """Pods that run and are ready."""
        return sum(p["status"].get("phase") == "Running" and is_ready(p) for p in self.pods)

    def tolerates(self, ratio: float) -> bool:
        """Whether use is near enough to its target to be left alone."""
        direction = "scaleUp" if ratio > 1 else "scaleDown"
        tolerance = rule_of(self.scaler, direction).get("tolerance")
        return abs(ratio - 1) <= (TOLERANCE if tolerance is None else parse(tolerance)) + 1e-9

    def by_ratio(self, ratio: float) -> int:
        """Replicas for a metric of the whole, by its share of the target."""
        return self.wanted if self.tolerates(ratio) else math.ceil(ratio * self.ready)

    def by_average(self, used: float, each: float) -> int:
        """Replicas for a metric of the whole that each replica should have so much of."""
        if self.counted and self.tolerates(used / (each * self.counted)):
            return self.counted
        return math.ceil(used / each)


def _settled(
    situation: Situation, values: Mapping[str, float], fallback: Mapping[str, float], target: float
) -> int:
    """Replicas for a metric of each Pod; Pods without a value count so that they hold the change back.

    Args:
        values: by Pod, in the target's unit.
        fallback: what a Pod without a value counts as where the others ask for fewer.

    Raises:
        Unavailable: no living Pod has a value.
    """
    alive = [
        p
        for p in situation.pods
        if not p["metadata"].get("deletionTimestamp") and p["status"].get("phase") != "Failed"
    ]
    pending = {p["metadata"]["name"] for p in alive if not is_ready(p)}
    known = {
        p["metadata"]["name"]: values[p["metadata"]["name"]] for p in alive if p["metadata"]["name"] in values
    }
    missing = [n for p in alive if (n := p["metadata"]["name"]) not in known and n not in pending]
    if not known:
        raise Unavailable("did not receive metrics for targeted pods (pods might be unready)")
    ratio = sum(known.values()) / len(known) / target
    if not missing and not (pending and ratio > 1):
        return situation.wanted if situation.tolerates(ratio) else math.ceil(ratio * len(known))
    for name in missing:
        known[name] = fallback[name] if ratio < 1 else 0.0
    if ratio > 1:
        known |= dict.fromkeys(pending, 0.0)
    new = sum(known.values()) / len(known) / target
    turned = (ratio < 1 < new) or (ratio > 1 > new)
    replicas = math.ceil(new * len(known))
    if situation.tolerates(new) or turned or (new < 1 and replicas > situation.wanted):
        return situation.wanted
    return situation.wanted if new > 1 and replicas < situation.wanted else replicas


class Replicas:
    """Reads metrics and says how many replicas each asks for."""

    def __init__(self, metrics: Metrics, adapted: MetricsApis) -> None:
        self._metrics, self._adapted = metrics, adapted

    def propose(self, metric: Object, situation: Situation, external: list[float] | Unavailable) -> Proposal:
        """What one entry of ``spec.metrics`` asks for.

        Args:
            external: the values of an external metric, or why there are none.

        Raises:
            Unmeasured: it cannot be read now.
        """
        match metric["type"]:
            case "Resource":
                return self._resource(metric["resource"], situation, "")
            case "ContainerResource":
                resource = metric["containerResource"]
                return self._resource(resource, situation, resource["container"])
            case "Pods":
                return self._pods(metric["pods"], situation)
            case "Object":
                return self._object(metric["object"], situation)
            case "External":
                return self._external(metric["external"], situation, external)
        text = f'unknown metric source type "{metric["type"]}"'
        raise Unmeasured("InvalidMetricSourceType", text)

    # Of each Pod

    def _resource(self, metric: Object, situation: Situation, container: str) -> Proposal:
        name, target = metric["name"], metric["target"]
        reason = "FailedGetContainerResourceMetric" if container else "FailedGetResourceMetric"
        try:
            used = self._used(name, situation, container)
            if "averageUtilization" not in target:
                wanted = parse(target["averageValue"])
                replicas = _settled(situation, used, dict.fromkeys(_names(situation), wanted), wanted)
                shares: Mapping[str, float] = {}
            else:
                requests = {n: _request(p, name, container) for n, p in _named(situation).items()}
                shares = {n: value / requests[n] for n, value in used.items()}
                whole = max(1.0, target["averageUtilization"] / 100)
                # Weighed by requests, which one template makes equal.
                replicas = _settled(
                    situation,
                    shares,
                    dict.fromkeys(_names(situation), whole),
                    target["averageUtilization"] / 100,
                )
        except Unavailable as error:
            word = "utilization" if "averageUtilization" in target else "usage"
            raise Unmeasured(reason, f"failed to get {name} {word}: {error}") from error
        average = sum(used.values()) / len(used)
        shown: Object = {"averageValue": cores(average) if name == "cpu" else kibibytes(average)}
        label = f"{name} container resource" if container else f"{name} resource"
        if shares:
            shown["averageUtilization"] = int(sum(shares.values()) / len(shares) * 100)
            label += " utilization (percentage of request)"
        kind, part = ("ContainerResource", "containerResource") if container else ("Resource", "resource")
        status: Object = {"name": name, "current": shown}
        if container:
            status["container"] = container
        return Proposal(replicas, label, {"type": kind, part: status})

    def _used(self, name: str, situation: Situation, container: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for pod_name, pod in _named(situation).items():
            measured = self._metrics.cpu_and_memory(pod)
            if measured is None:
                continue
            # The one real process is the first container's; the others are simulated.
            if container and pod["spec"]["containers"][0]["name"] != container:
                where = f"{pod['metadata']['namespace']}/{pod_name}"
                raise Unavailable(f"container {container} not present in metrics for pod {where}")
            found[pod_name] = measured[0] if name == "cpu" else measured[1]
        if not found:
            text = "no metrics returned from resource metrics API"
            raise Unavailable(f"unable to get metrics for resource {name}: {text}")
        return found

    def _pods(self, metric: Object, situation: Situation) -> Proposal:
        name, target = metric["metric"]["name"], parse(metric["target"]["averageValue"])
        try:
            values = self._adapted.of_pods(name, situation.pods, metric["metric"].get("selector"))
            if not values:
                raise Unavailable("no metrics returned from custom metrics API")
            replicas = _settled(situation, values, dict.fromkeys(_names(situation), target), target)
        except Unavailable as error:
            text = f"failed to get pods metric value: unable to get metric {name}: {error}"
            raise Unmeasured("FailedGetPodsMetric", text) from error
        current = {"averageValue": milli(sum(values.values()) / len(values))}
        return Proposal(
            replicas,
            f"pods metric {name}",
            {"type": "Pods", "pods": {"metric": metric["metric"], "current": current}},
        )

    # Of the whole

    def _object(self, metric: Object, situation: Situation) -> Proposal:
        name, described, target = metric["metric"]["name"], metric["describedObject"], metric["target"]
        resource = f"{described['kind'].lower()}s"
        namespace = situation.scaler["metadata"]["namespace"]
        try:
            used = self._adapted.of_object(
                name, namespace, resource, described["name"], metric["metric"].get("selector")
            )
        except Unavailable as error:
            where = f"{described['kind']} on {namespace} {described['name']}"
            text = f"failed to get object metric value: unable to get metric {name}: {where}: {error}"
            raise Unmeasured("FailedGetObjectMetric", text) from error
        replicas, current = self._whole(situation, used, target)
        status = {"metric": metric["metric"], "describedObject": described, "current": current}
        return Proposal(replicas, f"{described['kind']} metric {name}", {"type": "Object", "object": status})

    def _external(self, metric: Object, situation: Situation, values: list[float] | Unavailable) -> Proposal:
        name, selector = metric["metric"]["name"], metric["metric"].get("selector")
        if not isinstance(values, list) or not values:
            why = "no metrics returned from external metrics API" if values == [] else values
            where = f"{situation.scaler['metadata']['namespace']}/{name}/{_printed(selector)}"
            text = f"failed to get {name} external metric value: unable to get external metric {where}: {why}"
            raise Unmeasured("FailedGetExternalMetric", text)
        replicas, current = self._whole(situation, sum(values), metric["target"])
        status = {"metric": metric["metric"], "current": current}
        label = f"external metric {name}({_printed(selector)})"
        return Proposal(replicas, label, {"type": "External", "external": status})

    @staticmethod
    def _whole(situation: Situation, used: float, target: Object) -> tuple[int, Object]:
        if "value" in target:
            return situation.by_ratio(used / parse(target["value"])), {"value": milli(used)}
        each = used / max(situation.counted, 1)
        return situation.by_average(used, parse(target["averageValue"])), {"averageValue": milli(each)}


def _named(situation: Situation) -> dict[str, Object]:
    return {p["metadata"]["name"]: p for p in situation.pods}


def _names(situation: Situation) -> list[str]:
    return [p["metadata"]["name"] for p in situation.pods]


def _request(pod: Object, name: str, only: str) -> float:
    total = 0.0
    for container in pod["spec"]["containers"]:
        if only and container["name"] != only:
            continue
        requested = container.get("resources", {}).get("requests", {}).get(name)
        if requested is None:
            where = f"container {container['name']} of Pod {pod['metadata']['name']}"
            raise Unavailable(f"missing request for {name} in {where}")
        total += parse(requested)
    return total


def _printed(selector: Any) -> str:
    """A selector as kube-controller-manager prints it."""
    if not selector:
        return "nil"
    labels = "".join(f"{k}: {v}," for k, v in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "MatchExpressions:[]LabelSelectorRequirement{}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},{expressions},}}"
