"""ResourceQuotas: what the objects of a namespace use, and whether one more fits.

Which resources count how, and the wording, are as in Kubernetes' ResourceQuota plugin and its evaluators
(pkg/quota/v1/evaluator/core, kubernetes.io/docs/concepts/policy/resource-quotas, read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes import errors
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.quantities import Quantity
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Object, Store

RESOURCE, CLAIMS = "resourcequotas", "persistentvolumeclaims"
#: What a namespace uses, or may use, by the quota's names (``requests.cpu``, ``count/jobs.batch``).
Usage = dict[str, Quantity]
#: Kinds that a quota may count by their bare name.
COUNTED = ("pods", "services", "configmaps", "secrets", CLAIMS, "resourcequotas", "replicationcontrollers")
#: Every container must name these where a quota tracks them.
_DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_NATIVE = ("cpu", "memory", "ephemeral-storage")
ONE = Quantity(1000)


def ended(pod: Object) -> bool:
    """Whether a Pod uses nothing any more."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _amounts(container: Object, part: str) -> Usage:
    return {k: Quantity.of(v) for k, v in container.get("resources", {}).get(part, {}).items()}


def _add(*usages: Usage) -> Usage:
    total: Usage = {}
    for usage in usages:
        for name, amount in usage.items():
            total[name] = total.get(name, Quantity()) + amount
    return total


def _most(a: Usage, b: Usage) -> Usage:
    return {k: max(a.get(k, Quantity()), b.get(k, Quantity()), key=lambda q: q.thousandths) for k in a | b}


def _pod_total(spec: Object, part: str) -> Usage:
    """Of all containers and sidecars together, or of the greediest step of initialization."""
    total = _add(*(_amounts(c, part) for c in spec["containers"]))
    beside: Usage = {}
    peak: Usage = {}
    for container in spec.get("initContainers", ()):
        own = _amounts(container, part)
        if container.get("restartPolicy") == "Always":
            beside = _add(beside, own)
            peak = _most(peak, beside)
        else:
            peak = _most(peak, _add(beside, own))
    total = _most(_add(total, beside), peak)
    overhead = {k: Quantity.of(v) for k, v in spec.get("overhead", {}).items()}
    return _add(total, {k: v for k, v in overhead.items() if part == "requests" or k in total})


def _compute(requests: Usage, limits: Usage) -> Usage:
    """Requests and limits by the names that quotas know them by."""
    named: Usage = {}
    for name, amount in requests.items():
        named[f"requests.{name}"] = amount
        if name in _NATIVE or name.startswith("hugepages-"):
            named[name] = amount
    return named | {f"limits.{name}": amount for name, amount in limits.items() if name in _NATIVE}


def _pod(pod: Object) -> Usage:
    if ended(pod):
        return {}
    spec = pod["spec"]
    return {"pods": ONE} | _compute(_pod_total(spec, "requests"), _pod_total(spec, "limits"))


def _service(service: Object) -> Usage:
    spec = service["spec"]
    usage = {"services": ONE}
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        ports = len(spec.get("ports", ())) if spec.get("allocateLoadBalancerNodePorts", True) else 0
        usage["services.nodeports"] = Quantity(1000 * ports)
    if spec.get("type") == "LoadBalancer":
        usage["services.loadbalancers"] = ONE
    return usage


def _claim(claim: Object) -> Usage:
    spec = claim["spec"]
    size = Quantity.of(spec.get("resources", {}).get("requests", {}).get("storage", 0))
    usage = {CLAIMS: ONE, "requests.storage": size}
    if spec.get("storageClassName"):
        prefix = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        usage |= {f"{prefix}/requests.storage": size, f"{prefix}/{CLAIMS}": ONE}
    return usage


def usage_of(resource: str, obj: Object) -> Usage:
    """What one object uses."""
    match resource:
        case "pods":
            usage = _pod(obj)
        case "services":
            usage = _service(obj)
        case "persistentvolumeclaims":
            usage = _claim(obj)
        case _:
            usage = {resource: ONE} if resource in COUNTED else {}
    return usage | {f"count/{resource}": ONE}


def resources_of(names: Iterable[str]) -> set[str]:
    """Resources whose objects a quota of these names counts."""
    found = set()
    for name in names:
        if name.startswith("count/"):
            found.add(name.removeprefix("count/"))
        elif name.startswith("services"):
            found.add("services")
        elif name.endswith(("requests.storage", CLAIMS)):
            found.add(CLAIMS)
        else:
            found.add(name if name in COUNTED else "pods")
    return found


def _best_effort(pod: Object) -> bool:
    containers = (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
    parts = [c.get("resources", {}).get(part, {}) for c in containers for part in ("requests", "limits")]
    return not any(name in ("cpu", "memory") for part in parts for name in part)


def _across_namespaces(pod: Object) -> bool:
    affinity = pod["spec"].get("affinity", {})
    terms = []
    for sort in ("podAffinity", "podAntiAffinity"):
        terms += affinity.get(sort, {}).get("requiredDuringSchedulingIgnoredDuringExecution", ())
        preferred = affinity.get(sort, {}).get("preferredDuringSchedulingIgnoredDuringExecution", ())
        terms += [p["podAffinityTerm"] for p in preferred]
    return any(t.get("namespaces") or t.get("namespaceSelector") is not None for t in terms)


def _in_scope(scope: Object, pod: Object) -> bool:
    name = scope["scopeName"]
    if name in ("Terminating", "NotTerminating"):
        return (pod["spec"].get("activeDeadlineSeconds") is not None) == (name == "Terminating")
    if name in ("BestEffort", "NotBestEffort"):
        return _best_effort(pod) == (name == "BestEffort")
    if name == "CrossNamespacePodAffinity":
        return _across_namespaces(pod)
    held = {name: pod["spec"]["priorityClassName"]} if pod["spec"].get("priorityClassName") else {}
    rule = {"key": name, "operator": scope["operator"], "values": scope.get("values", [])}
    return name == "PriorityClass" and matches_selector({"matchExpressions": [rule]}, held)


def covers(quota: Object, resource: str, obj: Object) -> bool:
    """Whether an object is among those a quota with scopes is about (scopes choose Pods only)."""
    spec = quota["spec"]
    scopes = [{"scopeName": s, "operator": "Exists"} for s in spec.get("scopes", ())]
    scopes += spec.get("scopeSelector", {}).get("matchExpressions", ())
    return not scopes or (resource == "pods" and all(_in_scope(s, obj) for s in scopes))


class Quotas:
    """The quotas of a store's namespaces."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def used(self, quota: Object) -> Usage:
        """What a quota's namespace uses of each resource that it limits."""
        hard = quota["spec"].get("hard", {})
        total: Usage = {name: Quantity() for name in hard}
        for resource in resources_of(hard):
            for obj in self._store.list(resource, quota["metadata"]["namespace"]):
                if covers(quota, resource, obj):
                    total = _add(total, usage_of(resource, obj))
        return {name: total[name] for name in hard}

    def admit(self, kind: Kind, new: Object, live: Object | None = None) -> None:
        """Check that a new object, or what a changed one uses more, fits into every quota.

        Raises:
            ApiError: 403, which names the first quota that it does not fit into.
        """
        quotas = self._store.list(RESOURCE, new["metadata"]["namespace"]) if kind.namespaced else ()
        for quota in quotas:
            if covers(quota, kind.resource, new):
                self._check(quota, kind, new, live)

    def _check(self, quota: Object, kind: Kind, new: Object, live: Object | None) -> None:
        hard = {name: Quantity.of(text) for name, text in quota["spec"].get("hard", {}).items()}
        name, quota_name = new["metadata"]["name"], quota["metadata"]["name"]
        if kind.resource == "pods" and live is None:
            lacking = _lacking(new, [n for n in _DEMANDED if n in hard])
            if lacking:
                text = f"failed quota: {quota_name}: must specify {lacking}"
                raise errors.forbidden(kind.resource, name, text)
        before = usage_of(kind.resource, live) if live is not None else {}
        more = {
            k: v - before.get(k, Quantity()) for k, v in usage_of(kind.resource, new).items() if k in hard
        }
        more = {k: v for k, v in more.items() if v.thousandths > 0}
        if not more:
            return
        used = self.used(quota)
        over = sorted(k for k, v in more.items() if (used[k] + v).thousandths > hard[k].thousandths)
        if over:
            text = ", ".join(
                f"{what}: {','.join(f'{k}={amounts[k]}' for k in over)}"
                for what, amounts in (("requested", more), ("used", used), ("limited", hard))
            )
            raise errors.forbidden(kind.resource, name, f"exceeded quota: {quota_name}, {text}")


def _lacking(pod: Object, demanded: list[str]) -> str:
    """``limits.cpu for: a,b; limits.memory for: a``: what containers leave out; empty for nothing."""
    lacking: dict[str, set[str]] = {}
    for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
        named = _compute(_amounts(container, "requests"), _amounts(container, "limits"))
        for name in demanded:
            if name not in named:
                lacking.setdefault(name, set()).add(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking))
