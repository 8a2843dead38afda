"""Preemption: which Pods of lower priority have to go for one that finds no room.

As kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption describes it, with the sentences of
kube-scheduler's DefaultPreemption plugin (both read November 2026).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from localcloud.kubernetes.controllers.placement import Placement, requests_of, shy_of
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Object, Store

BUDGETS = "poddisruptionbudgets.policy"
#: Refusals that no Pod's leaving would lift.
_HELPLESS = (
    "node(s) were unschedulable",
    "node(s) had untolerated taint",
    "node(s) were not ready",
    "node(s) didn't match Pod's node affinity/selector",
    "node(s) didn't match pod topology spread constraints (missing required label)",
    "node(s) didn't find available persistent volumes to bind",
    "node(s) didn't match PersistentVolume's node affinity",
)


def priority_of(pod: Object) -> int:
    """A Pod's priority; the higher goes first."""
    return int(pod["spec"].get("priority") or 0)


@dataclass(frozen=True)
class Choice:
    """A node, and who has to leave it; ``violations`` counts Pods whose budget forbids it."""

    node: str
    victims: tuple[Object, ...]
    violations: int

    @property
    def cost(self) -> tuple[int, int, int, int, str]:
        """The smaller the better: budgets, the highest priority, all priorities, number, and the age."""
        highest = max(priority_of(v) for v in self.victims)
        oldest = min(v["metadata"]["creationTimestamp"] for v in self.victims if priority_of(v) == highest)
        newest_first = "".join(chr(0x10000 - ord(c)) for c in oldest)
        total = sum(priority_of(v) for v in self.victims)
        return self.violations, highest, total, len(self.victims), newest_first


class Preemption:
    """One search for room among Pods of lower priority.

    Args:
        nodes, placed, used: as `Placement` takes them.
    """

    def __init__(
        self,
        store: Store,
        pod: Object,
        nodes: list[Object],
        placed: Collection[Object],
        used: Mapping[str, Counter[str]],
    ) -> None:
        self._store, self._pod, self._nodes = store, pod, nodes
        self._placed, self._used = placed, used
        own = priority_of(pod)
        self._lower: dict[str, list[Object]] = {}
        for other in placed:
            if priority_of(other) < own and not other["metadata"].get("deletionTimestamp"):
                self._lower.setdefault(other["spec"]["nodeName"], []).append(other)

    def search(self, refused: Mapping[str, list[str]]) -> tuple[Choice | None, str]:
        """The node that is cheapest to make room on, or the sentence that says why there is none.

        Args:
            refused: each node's refusals of the Pod.
        """
        if self._pod["spec"].get("preemptionPolicy") == "Never":
            return None, "preemption: not eligible due to preemptionPolicy=Never."
        choices: list[Choice] = []
        reasons: Counter[str] = Counter()
        for node in self._nodes:
            name = node["metadata"]["name"]
            if any(text.startswith(_HELPLESS) for text in refused[name]):
                reasons["Preemption is not helpful for scheduling"] += 1
                continue
            choice = self._on(node)
            if choice is None:
                reasons["No preemption victims found for incoming pod"] += 1
            else:
                choices.append(choice)
        if choices:
            return min(choices, key=lambda c: c.cost), ""
        listed = ", ".join(sorted(f"{n} {reason}" for reason, n in reasons.items()))
        return None, f"preemption: 0/{len(self._nodes)} nodes are available: {listed}."

    def _on(self, node: Object) -> Choice | None:
        """Whom the Pod would have to push off this node: as few as will do, and none that a budget keeps."""
        name = node["metadata"]["name"]
        lower = self._lower.get(name, [])
        if not lower or not self._fits(node, lower):
            return None
        kept = self._kept_by_budgets(lower)
        lower.sort(key=lambda p: (-priority_of(p), p["metadata"]["creationTimestamp"]))
        victims = list(lower)
        for pod in sorted(lower, key=lambda p: p["metadata"]["uid"] not in kept):
            spared = [v for v in victims if v is not pod]
            if self._fits(node, spared):
                victims = spared
        if not victims:
            return None
        return Choice(name, tuple(victims), sum(v["metadata"]["uid"] in kept for v in victims))

    def _fits(self, node: Object, without: list[Object]) -> bool:
        gone = {p["metadata"]["uid"] for p in without}
        name = node["metadata"]["name"]
        used = Counter(self._used.get(name, Counter()))
        for pod in without:
            used.subtract(requests_of(pod))
        placed = [p for p in self._placed if p["metadata"]["uid"] not in gone]
        shy = [p for p in placed if shy_of(p)]
        look = Placement(self._pod, self._nodes, placed, shy, {**self._used, name: used})
        return not look.refusals(node)

    def _kept_by_budgets(self, pods: list[Object]) -> set[str]:
        """Pods whose disruption budget would be exceeded if all went, the most important last."""
        left = {
            (b["metadata"]["namespace"], b["metadata"]["name"]): b.get("status", {}).get(
                "disruptionsAllowed", 0
            )
            for b in self._store.list(BUDGETS)
        }
        kept = set()
        for pod in sorted(pods, key=lambda p: -priority_of(p)):
            for budget in self._store.list(BUDGETS, pod["metadata"]["namespace"]):
                if not matches_selector(budget["spec"].get("selector"), pod["metadata"].get("labels") or {}):
                    continue
                key = (budget["metadata"]["namespace"], budget["metadata"]["name"])
                left[key] -= 1
                if left[key] < 0:
                    kept.add(pod["metadata"]["uid"])
        return kept
