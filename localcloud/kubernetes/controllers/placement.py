"""Which nodes a Pod may run on, why not on the others, and which of the good ones is best.

Filters and scores of kube-scheduler's default profile (kubernetes.io/docs/concepts/scheduling-eviction, read
November 2026): NodeUnschedulable, NodeReady, TaintToleration, NodeAffinity, NodeResourcesFit,
PodTopologySpread and InterPodAffinity, whose sentences are theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from localcloud.kubernetes.quantities import parse
from localcloud.kubernetes.selectors import matches_expression, matches_selector
from localcloud.kubernetes.storage import Object

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def requests_of(pod: Object) -> Counter[str]:
    """What a Pod takes, in cores, bytes and pieces; and the Pod itself.

    Init containers run before the others: the larger of both counts, and sidecars add up.
    """
    total: Counter[str] = Counter({"pods": 1})  # floats for cores: Counter only adds
    for container in pod["spec"]["containers"]:
        _add(total, container)
    sidecars: Counter[str] = Counter()
    largest: dict[str, float] = {}
    for container in pod["spec"].get("initContainers", ()):
        if container.get("restartPolicy") == "Always":
            _add(sidecars, container)
            continue
        for name, value in container.get("resources", {}).get("requests", {}).items():
            largest[name] = max(largest.get(name, 0.0), sidecars[name] + parse(value))
    total.update(sidecars)
    for name, most in largest.items():
        total[name] = max(total[name], most)  # type: ignore[assignment]
    return total


def _add(total: Counter[str], container: Object) -> None:
    for name, value in container.get("resources", {}).get("requests", {}).items():
        total[name] += parse(value)  # type: ignore[assignment]


def covers(toleration: Object, taint: Object) -> bool:
    """Whether a toleration is one of a taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def untolerated(
    taints: Iterable[Object], tolerations: Iterable[Object], effects: tuple[str, ...]
) -> list[Object]:
    """Taints of these effects that nothing tolerates."""
    known = list(tolerations)
    return [t for t in taints if t["effect"] in effects and not any(covers(one, t) for one in known)]


def tolerated(taints: Iterable[Object], tolerations: Iterable[Object]) -> bool:
    """Whether every taint that forbids scheduling is tolerated."""
    return not untolerated(taints, tolerations, ("NoSchedule", "NoExecute"))


def _term(term: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels", {})
    fields = {"metadata.name": node["metadata"]["name"]}
    return all(matches_expression(e, labels) for e in term.get("matchExpressions", ())) and all(
        matches_expression(e, fields) for e in term.get("matchFields", ())
    )


def matches_node(spec: Object, node: Object) -> bool:
    """nodeSelector and required node affinity."""
    labels = node["metadata"].get("labels", {})
    if any(labels.get(k) != v for k, v in spec.get("nodeSelector", {}).items()):
        return False
    required = spec.get("affinity", {}).get("nodeAffinity", {}).get(_REQUIRED)
    return not required or any(_term(term, node) for term in required["nodeSelectorTerms"])


def node_ready(node: Object) -> bool:
    """Whether a node's Ready condition is true."""
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", ())
    )


def shy_of(pod: Object) -> list[Object]:
    """Terms of the Pod's required anti-affinity."""
    terms: list[Object] = pod["spec"].get("affinity", {}).get("podAntiAffinity", {}).get(_REQUIRED, [])
    return terms


def _owner(pod: Object) -> str | None:
    references = pod["metadata"].get("ownerReferences", ())
    return next((str(o["uid"]) for o in references if o.get("controller")), None)


class Placement:
    """One look at the cluster, to place one Pod.

    Args:
        nodes: all of them.
        placed: living Pods that have a node.
        shy: those of them with required anti-affinity.
        used: what the Pods on each node take.
    """

    def __init__(
        self,
        pod: Object,
        nodes: list[Object],
        placed: Collection[Object],
        shy: Collection[Object],
        used: Mapping[str, Counter[str]],
    ) -> None:
        self._pod, self._nodes, self._used = pod, {n["metadata"]["name"]: n for n in nodes}, used
        self._namespace = pod["metadata"]["namespace"]
        self._labels: Object = pod["metadata"].get("labels") or {}
        self._placed = placed
        self._requests = requests_of(pod)
        affinity = pod["spec"].get("affinity", {})
        self._near: Object = affinity.get("podAffinity", {})
        self._far: Object = affinity.get("podAntiAffinity", {})
        self._spread = [(c, self._domains(c)) for c in pod["spec"].get("topologySpreadConstraints", ())]
        self._terms: list[tuple[Object, bool, Counter[str]]] = [
            (t, near, self._count(t)) for t, near in self._required()
        ]
        self._shunned = self._shunning(shy)
        self._siblings = self._sibling_counts()

    # Filters

    def refusals(self, node: Object) -> list[str]:
        """Why the Pod cannot run there: what the first filter that says no says; empty where it can."""
        barred = self._barred(node)
        if barred:
            return [barred]
        lacking = self._lacking(node)
        if lacking:
            return lacking
        other = self._spread_refusal(node) or self._affinity_refusal(node)
        return [other] if other else []

    def _barred(self, node: Object) -> str:
        spec, tolerations = self._pod["spec"], self._pod["spec"].get("tolerations", ())
        cordoned = {"key": UNSCHEDULABLE, "effect": "NoSchedule"}
        if node["spec"].get("unschedulable") and not any(covers(t, cordoned) for t in tolerations):
            return "node(s) were unschedulable"
        hard = untolerated(node["spec"].get("taints", ()), tolerations, ("NoSchedule", "NoExecute"))
        if hard:
            return f"node(s) had untolerated taint {{{hard[0]['key']}: {hard[0].get('value', '')}}}"
        if not node_ready(node) or node["metadata"].get("deletionTimestamp"):
            return "node(s) were not ready"
        if not matches_node(spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        return ""

    def _lacking(self, node: Object) -> list[str]:
        allocatable, used = node["status"]["allocatable"], self._used.get(node["metadata"]["name"], Counter())
        return [
            "Too many pods" if name == "pods" else f"Insufficient {name}"
            for name, amount in self._requests.items()
            if used[name] + amount > parse(allocatable.get(name, 0)) + 1e-9
        ]

    # Topology spread

    def _domains(self, constraint: Object) -> Counter[str]:
        """Matching Pods in each domain that the Pod could go to."""
        key, found = constraint["topologyKey"], Counter[str]()
        selector = constraint.get("labelSelector")
        for name in constraint.get("matchLabelKeys", ()):
            if name in self._labels:
                selector = {
                    **(selector or {}),
                    "matchLabels": {**(selector or {}).get("matchLabels", {}), name: self._labels[name]},
                }
        for node in self._nodes.values():
            if key in node["metadata"].get("labels", {}) and self._eligible(constraint, node):
                found[node["metadata"]["labels"][key]] += 0
        for other in self._placed:
            domain = self._domain(other["spec"]["nodeName"], key)
            if domain is not None and domain in found and other["metadata"]["namespace"] == self._namespace:
                found[domain] += matches_selector(selector, other["metadata"].get("labels") or {})
        return found

    def _eligible(self, constraint: Object, node: Object) -> bool:
        if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not matches_node(
            self._pod["spec"], node
        ):
            return False
        if constraint.get("nodeTaintsPolicy", "Ignore") == "Honor":
            return tolerated(node["spec"].get("taints", ()), self._pod["spec"].get("tolerations", ()))
        return True

    def _skew(self, constraint: Object, domains: Counter[str], node: Object) -> int | None:
        """By how many Pods the node's domain would be ahead of the emptiest; None without the label."""
        domain = node["metadata"].get("labels", {}).get(constraint["topologyKey"])
        if domain is None:
            return None
        own = matches_selector(constraint.get("labelSelector"), self._labels)
        least = min(domains.values(), default=0)
        if len(domains) < constraint.get("minDomains", 1):
            least = 0
        return int(domains[domain] + own - least)

    def _spread_refusal(self, node: Object) -> str:
        for constraint, domains in self._spread:
            if constraint["whenUnsatisfiable"] != "DoNotSchedule":
                continue
            skew = self._skew(constraint, domains, node)
            if skew is None:
                return "node(s) didn't match pod topology spread constraints (missing required label)"
            if skew > constraint["maxSkew"]:
                return "node(s) didn't match pod topology spread constraints"
        return ""

    # Affinity between Pods

    def _required(self) -> list[tuple[Object, bool]]:
        near = [(t, True) for t in self._near.get(_REQUIRED, ())]
        return near + [(t, False) for t in self._far.get(_REQUIRED, ())]

    def _selects(self, term: Object, pod: Object, namespace: str) -> bool:
        """Whether a term of a Pod in ``namespace`` means another Pod."""
        spaces = term.get("namespaces") or [namespace]
        if "namespaceSelector" in term and not term.get("namespaces"):
            spaces = [pod["metadata"]["namespace"]] if not term["namespaceSelector"] else spaces
        return pod["metadata"]["namespace"] in spaces and matches_selector(
            term.get("labelSelector"), pod["metadata"].get("labels") or {}
        )

    def _domain(self, node: str, key: str) -> str | None:
        found = self._nodes.get(node)
        domain: str | None = found["metadata"].get("labels", {}).get(key) if found else None
        return domain

    def _count(self, term: Object) -> Counter[str]:
        """How many Pods a term means, by domain."""
        found = Counter[str]()
        for other in self._placed:
            domain = self._domain(other["spec"]["nodeName"], term["topologyKey"])
            if domain is not None and self._selects(term, other, self._namespace):
                found[domain] += 1
        return found

    def _shunning(self, shy: Collection[Object]) -> set[tuple[str, str]]:
        """Domains (key and value) whose Pods' own anti-affinity keeps this Pod away."""
        found = set()
        for other in shy:
            for term in shy_of(other):
                domain = self._domain(other["spec"]["nodeName"], term["topologyKey"])
                if domain and self._selects(term, self._pod, other["metadata"]["namespace"]):
                    found.add((term["topologyKey"], domain))
        return found

    def _affinity_refusal(self, node: Object) -> str:
        labels = node["metadata"].get("labels", {})
        for term, near, counts in self._terms:
            domain = labels.get(term["topologyKey"])
            there = domain is not None and counts[domain] > 0
            # The first of a group that wants to be together may go anywhere.
            first = not counts.total() and self._selects(term, self._pod, self._namespace)
            if near and not there and not (first and domain is not None):
                return "node(s) didn't match pod affinity rules"
            if not near and there:
                return "node(s) didn't match pod anti-affinity rules"
        if any(labels.get(key) == domain for key, domain in self._shunned):
            return "node(s) didn't satisfy existing pods anti-affinity rules"
        return ""

    # Scores

    def _sibling_counts(self) -> Counter[str]:
        """Pods of the same owner on each node: a workload without constraints of its own spreads."""
        owner = _owner(self._pod)
        if owner is None or self._spread:
            return Counter()
        return Counter(p["spec"]["nodeName"] for p in self._placed if _owner(p) == owner)

    def score(self, node: Object) -> tuple[float, float, float]:
        """The larger the better: preferences, then evenness of spread, then room."""
        spec, labels = self._pod["spec"], node["metadata"].get("labels", {})
        liked = 0.0
        for preferred in spec.get("affinity", {}).get("nodeAffinity", {}).get(_PREFERRED, ()):
            liked += preferred["weight"] * _term(preferred["preference"], node)
        for sign, terms in ((1, self._near), (-1, self._far)):
            for preferred in terms.get(_PREFERRED, ()):
                term = preferred["podAffinityTerm"]
                liked += sign * preferred["weight"] * self._count(term)[labels.get(term["topologyKey"], "")]
        soft = untolerated(node["spec"].get("taints", ()), spec.get("tolerations", ()), ("PreferNoSchedule",))
        liked -= 100 * len(soft)
        uneven = sum(self._skew(c, d, node) or 0 for c, d in self._spread)
        uneven += self._siblings[node["metadata"]["name"]]
        return liked, -float(uneven), -self._fullness(node)

    def _fullness(self, node: Object) -> float:
        """Share of the node that would be requested, CPU, memory and number of Pods alike."""
        used, allocatable = self._used.get(node["metadata"]["name"], Counter()), node["status"]["allocatable"]
        return sum(
            (used[name] + self._requests[name]) / max(parse(allocatable.get(name, 0)), 1e-9)
            for name in ("cpu", "memory", "pods")
        )
