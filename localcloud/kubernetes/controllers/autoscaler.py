"""HorizontalPodAutoscaler (autoscaling/v2): replicas that follow metrics of every type.

As kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale describes it (read November 2026): of all
metrics the one that asks for most replicas counts; while one cannot be read, nothing is scaled down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.adapters.api import MetricsApis, labels_of
from localcloud.kubernetes.adapters.base import Unavailable
from localcloud.kubernetes.controllers.runtime import MANAGER, Recorder, set_condition
from localcloud.kubernetes.controllers.scaling_limits import Condition, Limits
from localcloud.kubernetes.controllers.scaling_metrics import Proposal, Replicas, Situation, Unmeasured
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.metrics import Metrics
from localcloud.kubernetes.selectors import parse_labels
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.subresources import scale_of, write_scale
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "horizontalpodautoscalers.autoscaling"
COMPONENT = "horizontal-pod-autoscaler"
_GOT = (
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
)
#: An external metric's values, or why there are none, by its place in ``spec.metrics``.
Readings = dict[int, list[float] | Unavailable]


class _Failed(Exception):
    """No number of replicas can be computed; ``condition`` and ``measured`` are for the status."""

    def __init__(self, text: str, condition: Condition, measured: list[Object]) -> None:
        super().__init__(text)
        self.condition, self.measured = condition, measured


class Autoscaler:
    """The horizontal autoscaler.

    Args:
        period: seconds between looks at one autoscaler.
        enqueue: asks for a look at a key soon.
    """

    def __init__(
        self,
        verbs: Verbs,
        recorder: Recorder,
        metrics: Metrics,
        adapted: MetricsApis,
        period: float,
        enqueue: Callable[[Autoscaler, Key], None],
    ) -> None:
        self._verbs, self._recorder, self._period, self._enqueue = verbs, recorder, period, enqueue
        self._adapted, self._replicas, self._limits = adapted, Replicas(metrics, adapted), Limits()
        self._readings: dict[Key, Readings] = {}
        self._reading: dict[Key, asyncio.Task[None]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        """Autoscalers that were made or changed by someone else."""
        if change.resource == RESOURCE and (change.old is None or change.old["spec"] != change.new["spec"]):
            yield change.key

    def reconcile(self, key: Key) -> float | None:
        """Look at the metrics once and scale if they ask for it; external ones are read first."""
        scaler = self._verbs.store.get(RESOURCE, *key)
        if scaler is None:
            self._limits.forget(key)
            self._readings.pop(key, None)
            return None
        asked = {i: m["external"] for i, m in enumerate(scaler["spec"]["metrics"]) if m["type"] == "External"}
        readings = self._readings.pop(key, None)
        if asked and (readings is None or readings.keys() != asked.keys()):
            if key not in self._reading:
                task = asyncio.get_running_loop().create_task(self._read(key, asked))
                self._reading[key] = task
            # Another look comes as soon as they are read.
            return None
        self._look(key, scaler, readings or {})
        return self._period

    async def _read(self, key: Key, asked: dict[int, Object]) -> None:
        found: Readings = {}
        for place, metric in asked.items():
            try:
                labels = labels_of(metric["metric"].get("selector"))
                samples = await self._adapted.external(metric["metric"]["name"], labels)
                found[place] = [sample.value for sample in samples]
            except Unavailable as error:
                found[place] = error
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                # One answer that makes no sense must not end the looks at this autoscaler.
                found[place] = Unavailable(repr(error))
        self._readings[key] = found
        del self._reading[key]
        self._enqueue(self, key)

    def _look(self, key: Key, scaler: Object, readings: Readings) -> None:
        reference = scaler["spec"]["scaleTargetRef"]
        kind = self._verbs.kinds.by_kind(reference.get("apiVersion", "apps/v1"), reference["kind"])
        target = self._verbs.store.get(kind.resource, key[0], reference["name"]) if kind else None
        if kind is None or target is None or "scale" not in kind.subresources:
            resource = kind.resource if kind else reference["kind"]
            why = f'{resource} "{reference["name"]}" not found'
            self._warn(scaler, "FailedGetScale", why)
            text = f"the HPA controller was unable to get the target's current scale: {why}"
            self._report(scaler, 0, 0, [], [("AbleToScale", "False", "FailedGetScale", text)])
            return
        scale = scale_of(kind, target)
        if not scale["status"]["selector"]:
            text = "the HPA target's scale is missing a selector"
            self._warn(scaler, "SelectorRequired", "selector is required")
            self._report(scaler, 0, 0, [], [_GOT, ("ScalingActive", "False", "InvalidSelector", text)])
            return
        situation = self._situation(scale, scaler)
        current = situation.wanted
        if current == 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._report(scaler, 0, 0, [], [_GOT, ("ScalingActive", "False", "ScalingDisabled", text)])
            return
        try:
            wanted, why, measured, conditions = self._decide(key, situation, readings)
        except _Failed as failure:
            self._warn(scaler, "FailedComputeMetricsReplicas", str(failure))
            # What was wanted before is still wanted.
            before = scaler.get("status", {}).get("desiredReplicas", 0)
            self._report(scaler, situation.counted, before, failure.measured, [_GOT, failure.condition])
            return
        if wanted != current:
            conditions.append(self._rescale(key, kind, scaler, current, wanted, why))
        self._report(scaler, situation.counted, wanted, measured, conditions, rescaled=wanted != current)

    def _situation(self, scale: Object, scaler: Object) -> Situation:
        selected = parse_labels(scale["status"]["selector"])
        pods = [
            p
            for p in self._verbs.store.list("pods", scaler["metadata"]["namespace"])
            if selected(p["metadata"].get("labels") or {})
        ]
        return Situation(scaler, pods, scale["spec"]["replicas"], scale["status"]["replicas"])

    def _decide(
        self, key: Key, situation: Situation, readings: Readings
    ) -> tuple[int, str, list[Object], list[Condition]]:
        """The size to set, why, what was measured, and conditions."""
        spec, current = situation.scaler["spec"], situation.wanted
        if current > spec["maxReplicas"]:
            return spec["maxReplicas"], "Current number of replicas above Spec.MaxReplicas", [], [_GOT]
        if current < spec["minReplicas"]:
            return spec["minReplicas"], "Current number of replicas below Spec.MinReplicas", [], [_GOT]
        best, measured = self._proposal(situation, readings)
        bounded = self._limits.bounded(key, situation.scaler, current, best.replicas)
        text = f"the HPA was able to successfully calculate a replica count from {best.name}"
        valid = ("ScalingActive", "True", "ValidMetricFound", text)
        why = f"{best.name} above target" if bounded.replicas > current else "All metrics below target"
        return bounded.replicas, why, measured, [valid, *bounded.conditions]

    def _proposal(self, situation: Situation, readings: Readings) -> tuple[Proposal, list[Object]]:
        """The largest proposal of all metrics; none where one is missing and the others ask for fewer."""
        best: Proposal | None = None
        failures: list[Unmeasured] = []
        measured: list[Object] = []
        metrics = situation.scaler["spec"]["metrics"]
        for place, metric in enumerate(metrics):
            try:
                proposal = self._replicas.propose(metric, situation, readings.get(place, []))
            except Unmeasured as error:
                failures.append(error)
                self._warn(situation.scaler, error.reason, str(error))
                # Its place stays, so that those who print the list find the others at theirs.
                measured.append({"type": ""})
                continue
            measured.append(proposal.status)
            if best is None or proposal.replicas > best.replicas:
                best = proposal
        if best is None or (failures and best.replicas < situation.wanted):
            counts = f"{len(failures)} invalid out of {len(metrics)}"
            text = f"invalid metrics ({counts}), first error is: {failures[0]}"
            why = f"the HPA was unable to compute the replica count: {failures[0]}"
            raise _Failed(text, ("ScalingActive", "False", failures[0].reason, why), measured)
        return best, measured

    def _rescale(
        self, key: Key, kind: Kind, scaler: Object, current: int, wanted: int, why: str
    ) -> Condition:
        name, body = scaler["spec"]["scaleTargetRef"]["name"], {"spec": {"replicas": wanted}}
        try:
            write_scale(self._verbs, kind, key[0], name, body, None, MANAGER)
        except ApiError as error:
            self._warn(scaler, "FailedRescale", f"New size: {wanted}; reason: {why}; error: {error.message}")
            raise
        self._limits.done(key, wanted - current)
        self._recorder.record(scaler, "SuccessfulRescale", f"New size: {wanted}; reason: {why}", COMPONENT)
        text = f"the HPA controller was able to update the target scale to {wanted}"
        return ("AbleToScale", "True", "SucceededRescale", text)

    def _warn(self, scaler: Object, reason: str, text: str) -> None:
        self._recorder.record(scaler, reason, text, COMPONENT, warning=True)

    def _report(
        self,
        scaler: Object,
        current: int,
        wanted: int,
        measured: list[Object],
        conditions: list[Condition],
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
