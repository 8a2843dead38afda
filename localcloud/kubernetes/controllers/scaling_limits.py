"""How far and how fast an autoscaler may go: stabilisation windows, policies, minReplicas and maxReplicas.

``behavior`` of kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale (read November 2026).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from localcloud.kubernetes.storage import Key, Object

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
Condition = tuple[str, str, str, str]
_READY = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
_WITHIN = (
    "ScalingLimited",
    "False",
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
)


def rule_of(scaler: Object, direction: str) -> Object:
    """``behavior.scaleUp`` or ``behavior.scaleDown``; empty where it is left to the defaults."""
    return dict((scaler["spec"].get("behavior") or {}).get(direction) or {})


@dataclass(frozen=True)
class Bounded:
    """A size that may be set now, and the conditions that say how it came about."""

    replicas: int
    conditions: tuple[Condition, Condition]


class Limits:
    """Remembers what was recommended and what was done, for each autoscaler."""

    def __init__(self) -> None:
        self._recommended: dict[Key, list[tuple[float, int]]] = {}
        self._scaled: dict[Key, list[tuple[float, int]]] = {}

    def forget(self, key: Key) -> None:
        """The autoscaler is gone."""
        self._recommended.pop(key, None)
        self._scaled.pop(key, None)

    def done(self, key: Key, change: int) -> None:
        """So many Pods were added (or, negative, taken away) now."""
        now = time.monotonic()
        recent = [entry for entry in self._scaled.get(key, ()) if now - entry[0] <= LONGEST_PERIOD]
        self._scaled[key] = [*recent, (now, change)]

    def bounded(self, key: Key, scaler: Object, current: int, wanted: int) -> Bounded:
        """Stabilised, then held to the policies and to minReplicas and maxReplicas."""
        now = time.monotonic()
        stable = self._stabilised(key, scaler, current, wanted, now)
        able = _READY
        if stable != wanted:
            up = wanted >= current
            which, edge = ("lower", "lowest") if up else ("higher", "highest")
            text = f"recent recommendations were {which} than current one, "
            text += f"applying the {edge} recent recommendation"
            able = ("AbleToScale", "True", "ScaleUpStabilized" if up else "ScaleDownStabilized", text)
        low, high = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
        if stable > current:
            most = max(current, self._furthest(key, rule_of(scaler, "scaleUp"), "scaleUp", current, now))
            if stable > min(most, high):
                return Bounded(min(most, high), (able, _limited("increasing", most < high)))
        elif stable < current:
            least = min(current, self._furthest(key, rule_of(scaler, "scaleDown"), "scaleDown", current, now))
            if stable < max(least, low):
                return Bounded(max(least, low), (able, _limited("decreasing", least > low)))
        return Bounded(stable, (able, _WITHIN))

    def _stabilised(self, key: Key, scaler: Object, current: int, wanted: int, now: float) -> int:
        windows: dict[str, float] = {
            d: rule_of(scaler, d).get("stabilizationWindowSeconds", DEFAULT_WINDOW[d]) for d in DEFAULT_WINDOW
        }
        history = self._recommended.setdefault(key, [])
        if not history:
            # The size it found counts as recommended, so that a restart does not shrink at once.
            history.append((now, current))
        history[:] = [(at, n) for at, n in history if now - at < max(windows.values())]
        recent = {d: [wanted, *(n for at, n in history if now - at < w)] for d, w in windows.items()}
        history.append((now, wanted))
        if wanted > current:
            return max(current, min(recent["scaleUp"]))
        if wanted < current:
            return min(current, max(recent["scaleDown"]))
        return wanted

    def _furthest(self, key: Key, rule: Object, direction: str, current: int, now: float) -> int:
        """The size that the policies allow to go to."""
        select = rule.get("selectPolicy", "Max")
        if select == "Disabled":
            return current
        sign, limits = 1 if direction == "scaleUp" else -1, []
        for policy in rule.get("policies") or DEFAULT_POLICIES[direction]:
            period = policy["periodSeconds"]
            start = current - sum(n for at, n in self._scaled.get(key, ()) if now - at <= period)
            if policy["type"] == "Pods":
                limits.append(start + sign * policy["value"])
            else:
                # Both in favour of the change: up is rounded up, and down is cut off.
                grown = start * (100 + sign * policy["value"]) / 100
                limits.append(math.ceil(grown) if sign > 0 else int(grown))
        return int((max if (select == "Max") == (sign > 0) else min)(limits))


def _limited(word: str, by_rate: bool) -> Condition:
    if by_rate:
        reason = "ScaleUpLimit" if word == "increasing" else "ScaleDownLimit"
        edge = "faster than the maximum scale rate"
        return ("ScalingLimited", "True", reason, f"the desired replica count is {word} {edge}")
    many = word == "increasing"
    reason, text = (
        ("TooManyReplicas", "more than the maximum") if many else ("TooFewReplicas", "less than the minimum")
    )
    return ("ScalingLimited", "True", reason, f"the desired replica count is {text} replica count")
