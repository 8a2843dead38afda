"""PodDisruptionBudgets: how many Pods may be evicted now."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.runtime import controller_of, is_active, is_ready, set_condition
from localcloud.kubernetes.quantities import share
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "poddisruptionbudgets.policy"


class Budgets:
    """The disruption controller."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed budgets, and those of a changed Pod's namespace."""
        if change.resource == RESOURCE and not change.deleted:
            return [change.key]
        if change.resource == "pods":
            return [
                (change.key[0], b["metadata"]["name"])
                for b in self._verbs.store.list(RESOURCE, change.key[0])
            ]
        return []

    def reconcile(self, key: Key) -> float | None:
        """Count, and report."""
        budget = self._verbs.store.get(RESOURCE, *key)
        if budget is None:
            return None
        spec = budget["spec"]
        pods = [
            p
            for p in self._verbs.store.list("pods", key[0])
            if is_active(p) and matches_selector(spec.get("selector"), p["metadata"].get("labels") or {})
        ]
        healthy = sum(is_ready(p) for p in pods)
        least = spec.get("minAvailable", 1)
        expected = len(pods)
        if "maxUnavailable" in spec:
            expected = self._expected(pods)
            needed = max(0, expected - share(spec["maxUnavailable"], expected, round_up=True))
        elif isinstance(least, str):
            expected = self._expected(pods)
            needed = share(least, expected, round_up=True)
        else:
            needed = least
        allowed = max(0, healthy - needed) if expected else 0
        status: Object = {
            "observedGeneration": budget["metadata"]["generation"],
            "currentHealthy": healthy,
            "desiredHealthy": needed,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
        }
        reason = "SufficientPods" if allowed else "InsufficientPods"
        old = budget.get("status", {}).get("conditions", [])
        status["conditions"] = set_condition(
            old, "DisruptionAllowed", "True" if allowed else "False", reason, ""
        )
        self._verbs.set_status(RESOURCE, budget, status)
        return None

    def _expected(self, pods: list[Object]) -> int:
        """How many Pods their owners want; those that are missing count as unavailable."""
        wanted: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            found = self._verbs.store.by_uid(owner["uid"]) if owner else None
            if found is not None:
                above = controller_of(found[1])
                found = (self._verbs.store.by_uid(above["uid"]) if above else None) or found
            if found is None or "replicas" not in found[1]["spec"]:
                wanted[pod["metadata"]["uid"]] = 1
            else:
                wanted[found[1]["metadata"]["uid"]] = found[1]["spec"]["replicas"]
        return sum(wanted.values())
