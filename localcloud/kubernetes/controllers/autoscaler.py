"""HorizontalPodAutoscaler (autoscaling/v2): replicas that follow measured CPU and memory.

The algorithm of kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale (read November 2026).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.runtime import MANAGER, Recorder, is_active, is_ready, set_condition
from localcloud.kubernetes.metrics import Metrics
from localcloud.kubernetes.quantities import cores, kibibytes, parse
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.subresources import write_scale
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "horizontalpodautoscalers.autoscaling"
TOLERANCE = 0.1
#: Longest periodSeconds that a scaling policy may have.
LONGEST_PERIOD = 1800
DEFAULT_WINDOW = {"scaleUp": 0, "scaleDown": 300}
DEFAULT_POLICIES: dict[str, list[Object]] = {
    "scaleUp": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
    "scaleDown": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


class Unmeasured(Exception):
    """A metric that cannot be read now."""


class Autoscaler:
    """The horizontal autoscaler.

    Args:
        period: seconds between looks at one autoscaler.
    """

    def __init__(self, verbs: Verbs, recorder: Recorder, metrics: Metrics, period: float) -> None:
        self._verbs, self._recorder, self._metrics, self._period = verbs, recorder, metrics, period
        self._recommended: dict[Key, list[tuple[float, int]]] = {}
        self._scaled: dict[Key, list[tuple[float, int]]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """Autoscalers that were made or changed by someone else."""
        if change.resource == RESOURCE and (change.old is None or change.old["spec"] != change.new["spec"]):
            yield change.key

    def reconcile(self, key: Key) -> float | None:
        """Look at the metrics once and scale if they ask for it."""
        scaler = self._verbs.store.get(RESOURCE, *key)
        if scaler is None:
            self._recommended.pop(key, None)
            self._scaled.pop(key, None)
            return None
        self._look(key, scaler)
        return self._period

    def _look(self, key: Key, scaler: Object) -> None:
        reference = scaler["spec"]["scaleTargetRef"]
        kind = self._verbs.kinds.by_kind(reference.get("apiVersion", "apps/v1"), reference["kind"])
        target = self._verbs.store.get(kind.resource, key[0], reference["name"]) if kind else None
        if kind is None or target is None or "scale" not in kind.subresources:
            text = f"unable to get the target's current scale: {reference['name']} not found"
            self._report(scaler, 0, 0, [], [("AbleToScale", "False", "FailedGetScale", text)])
            return
        current = target["spec"]["replicas"]
        if current == 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._report(scaler, 0, 0, [], [("ScalingActive", "False", "ScalingDisabled", text)])
            return
        low, high = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
        conditions = [("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")]
        wanted = current
        measured: list[Object] = []
        if current < low or current > high:
            wanted = min(max(current, low), high)
        else:
            try:
                wanted, measured = self._proposal(scaler, target, current)
                text = "the HPA was able to successfully calculate a replica count"
                conditions.append(("ScalingActive", "True", "ValidMetricFound", text))
            except Unmeasured as error:
                conditions.append(("ScalingActive", "False", "FailedGetResourceMetric", str(error)))
                self._report(scaler, current, current, [], conditions)
                return
            wanted = self._bounded(key, scaler, current, wanted, conditions)
        if wanted != current:
            write_scale(
                self._verbs, kind, key[0], reference["name"], {"spec": {"replicas": wanted}}, None, MANAGER
            )
            now = time.monotonic()
            recent = [entry for entry in self._scaled.get(key, ()) if now - entry[0] <= LONGEST_PERIOD]
            self._scaled[key] = [*recent, (now, wanted - current)]
            reason = "resource metrics" if measured else "current number of replicas"
            direction = "above" if wanted > current else "below"
            text = f"New size: {wanted}; reason: {reason} {direction} target"
            self._recorder.record(scaler, "SuccessfulRescale", text, "horizontal-pod-autoscaler")
            conditions[0] = (
                "AbleToScale",
                "True",
                "SucceededRescale",
                f"the HPA controller was able to update the target scale to {wanted}",
            )
        self._report(scaler, current, wanted, measured, conditions, rescaled=wanted != current)

    # Metrics

    def _proposal(self, scaler: Object, target: Object, current: int) -> tuple[int, list[Object]]:
        proposals, measured = [], []
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] != "Resource":
                raise Unmeasured(f"metrics of type {metric['type']} are not in the rehearsal")
            replicas, seen = self._resource(metric["resource"], target, current)
            proposals.append(replicas)
            measured.append({"type": "Resource", "resource": seen})
        return max(proposals), measured

    def _resource(self, metric: Object, target: Object, current: int) -> tuple[int, Object]:
        name, wanted = metric["name"], metric["target"]
        pods = [
            p
            for p in self._verbs.store.list("pods", target["metadata"]["namespace"])
            if matches_selector(target["spec"]["selector"], p["metadata"].get("labels") or {})
            and is_active(p)
            and is_ready(p)
        ]
        used = {p["metadata"]["name"]: self._metrics.cpu_and_memory(p) for p in pods}
        values = [u[0] if name == "cpu" else u[1] for u in used.values() if u is not None]
        if not values:
            raise Unmeasured(
                f"unable to get metrics for resource {name}: no metrics returned from resource metrics API"
            )
        average = sum(values) / len(values)
        shown: Object = {"averageValue": cores(average) if name == "cpu" else kibibytes(average)}
        if "averageUtilization" in wanted:
            requested = [self._request(p, name) for p in pods if used[p["metadata"]["name"]] is not None]
            utilization = sum(values) / sum(requested) * 100
            shown["averageUtilization"] = round(utilization)
            ratio = utilization / wanted["averageUtilization"]
        else:
            ratio = average / parse(wanted["averageValue"])
        replicas = current if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * len(values))
        return replicas, {"name": name, "current": shown}

    @staticmethod
    def _request(pod: Object, name: str) -> float:
        total = 0.0
        for container in pod["spec"]["containers"]:
            requested = container.get("resources", {}).get("requests", {}).get(name)
            if requested is None:
                raise Unmeasured(
                    f"missing request for {name} in container {container['name']} of Pod "
                    f"{pod['metadata']['name']}"
                )
            total += parse(requested)
        return total

    # Limits

    def _bounded(
        self, key: Key, scaler: Object, current: int, wanted: int, conditions: list[tuple[str, str, str, str]]
    ) -> int:
        """Stabilised, held to the policies of ``behavior``, and to minReplicas and maxReplicas."""
        now = time.monotonic()
        low, high = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
        behavior = scaler["spec"].get("behavior") or {}

        def rule(direction: str) -> Object:
            return dict(behavior.get(direction) or {})

        windows: dict[str, float] = {
            d: rule(d).get("stabilizationWindowSeconds", DEFAULT_WINDOW[d]) for d in DEFAULT_WINDOW
        }
        history = self._recommended.setdefault(key, [])
        if not history:
            # The size it found counts as recommended, so that a restart does not shrink at once.
            history.append((now, current))
        history.append((now, wanted))
        history[:] = [(at, n) for at, n in history if now - at <= max(*windows.values(), 0.0)]
        recent = {d: [n for at, n in history if now - at <= w] or [wanted] for d, w in windows.items()}
        stable = wanted
        if wanted > current:
            stable = max(current, min(recent["scaleUp"]))
        elif wanted < current:
            stable = min(current, max(recent["scaleDown"]))
        if stable != wanted:
            conditions[0] = (
                "AbleToScale",
                "True",
                "ScaleDownStabilized" if wanted < current else "ScaleUpStabilized",
                "recent recommendations were higher than the current one: the highest is applied",
            )
        if stable != current:
            direction = "scaleUp" if stable > current else "scaleDown"
            stable = self._by_policy(key, rule(direction), direction, current, stable, now)
        if low <= stable <= high:
            conditions.append(
                (
                    "ScalingLimited",
                    "False",
                    "DesiredWithinRange",
                    "the desired count is within the acceptable range",
                )
            )
            return stable
        reason, word = (
            ("TooManyReplicas", "more than the maximum")
            if stable > high
            else ("TooFewReplicas", "less than the minimum")
        )
        conditions.append(
            ("ScalingLimited", "True", reason, f"the desired replica count is {word} replica count")
        )
        return int(min(max(stable, low), high))

    def _by_policy(
        self, key: Key, rule: Object, direction: str, current: int, wanted: int, now: float
    ) -> int:
        select = rule.get("selectPolicy", "Max")
        if select == "Disabled":
            return current
        sign = 1 if direction == "scaleUp" else -1
        limits = []
        for policy in rule.get("policies") or DEFAULT_POLICIES[direction]:
            done = sum(
                n
                for at, n in self._scaled.get(key, ())
                if now - at <= policy["periodSeconds"] and n * sign > 0
            )
            start = current - done
            step = policy["value"] if policy["type"] == "Pods" else math.ceil(start * policy["value"] / 100)
            limits.append(start + sign * step)
        furthest = max if (select == "Max") == (sign > 0) else min
        limit = int(furthest(limits))
        return min(wanted, max(limit, current)) if sign > 0 else max(wanted, min(limit, current))

    def _report(
        self,
        scaler: Object,
        current: int,
        wanted: int,
        measured: list[Object],
        conditions: list[tuple[str, str, str, str]],
        rescaled: bool = False,
    ) -> None:
        old = scaler.get("status", {})
        kept = list(old.get("conditions") or ())
        for condition in conditions:
            kept = set_condition(kept, *condition)
        status = old | {
            "currentReplicas": current,
            "desiredReplicas": wanted,
            "currentMetrics": measured,
            "conditions": sorted(kept, key=lambda c: c["type"]),
            "observedGeneration": scaler["metadata"]["generation"],
        }
        if rescaled:
            status["lastScaleTime"] = server_side.timestamp()
        self._verbs.set_status(RESOURCE, scaler, status)
