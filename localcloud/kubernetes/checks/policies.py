"""Autoscalers, disruption budgets, roles and bindings, ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import (
    Cause,
    Object,
    broken,
    forbidden,
    invalid,
    required,
    unsupported,
)
from localcloud.kubernetes.checks.metadata import check_selector
from localcloud.kubernetes.checks.resources import amount
from localcloud.kubernetes.checks.workloads import check_share

_GROUP = "rbac.authorization.k8s.io"
#: The field that each type of metric is described in.
_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
#: Keys that a Secret of a type must have.
_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def check_autoscaler(obj: Object) -> Iterator[Cause]:
    """An HPA's bounds, target and metrics."""
    spec = obj["spec"]
    least, most = spec["minReplicas"], spec["maxReplicas"]
    if least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for name in ("kind", "name"):
        yield from broken(f"spec.scaleTargetRef.{name}", spec["scaleTargetRef"][name], formats.path_segment)
    for i, metric in enumerate(spec.get("metrics") or ()):
        yield from _metric(metric, f"spec.metrics[{i}]")
    for way in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(way) or {}
        window, field = (
            rules.get("stabilizationWindowSeconds"),
            f"spec.behavior.{way}.stabilizationWindowSeconds",
        )
        if window is not None and window < 0:
            yield invalid(field, window, "must be greater than or equal to zero")
        elif window is not None and window > 3600:
            yield invalid(field, window, "must be less than or equal to 3600")


def _metric(metric: Object, where: str) -> Iterator[Cause]:
    sort = metric["type"]
    if sort not in _METRICS:
        yield unsupported(f"{where}.type", sort, sorted(_METRICS))
        return
    given = [name for name in _METRICS.values() if metric.get(name) is not None]
    name = _METRICS[sort]
    if name not in given:
        text = "must populate information for the given metric source"
        yield required(f"{where}.{name}", text)
    else:
        yield from _target(name, metric[name]["target"], f"{where}.{name}.target")
    for other in given:
        if other != name:
            yield forbidden(f"{where}.{other}", "must populate the given metric source only")


def _target(source: str, target: Object, where: str) -> Iterator[Cause]:
    if target["type"] not in ("Utilization", "Value", "AverageValue"):
        yield invalid(f"{where}.type", target["type"], "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if target.get(name) is not None and amount(target[name]) <= 0:
            yield invalid(f"{where}.{name}", target[name], "must be positive")
    if target.get("averageUtilization", 1) < 1:
        share = target["averageUtilization"]
        yield invalid(f"{where}.averageUtilization", share, "must be greater than 0")
    yield from _given(source, target, where)


def _given(source: str, target: Object, where: str) -> Iterator[Cause]:
    """Which of the amounts a source of metrics needs."""
    share, average, value = (target.get(n) for n in ("averageUtilization", "averageValue", "value"))
    if source in ("resource", "containerResource"):
        yield from _exactly_one(
            where,
            {"averageUtilization": share, "averageValue": average},
            "a target raw value",
            "a target utilization",
        )
    elif source == "external":
        yield from _exactly_one(
            where,
            {"averageValue": average, "value": value},
            "a target value for metric",
            "a per-pod target",
        )
    elif source == "pods" and average is None:
        yield required(f"{where}.averageValue", "must specify a positive target averageValue")
    elif source == "object" and value is None and average is None:
        yield required(f"{where}.averageValue", "must set either a target value or averageValue")


def _exactly_one(where: str, amounts: Object, one: str, other: str) -> Iterator[Cause]:
    """The first amount is the one to set where there is none, the second the one too many."""
    first, second = amounts
    given = [name for name, value in amounts.items() if value is not None]
    if not given:
        yield required(f"{where}.{first}", f"must set either {one} or {other}")
    elif len(given) > 1:
        yield forbidden(f"{where}.{second}", f"may not set both {one} and {other}")


def check_budget(obj: Object) -> Iterator[Cause]:
    """A PodDisruptionBudget: one of both bounds."""
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        value = spec.get(name)
        yield from check_share(value, f"spec.{name}")
        if isinstance(value, str) and formats.percent(value) and int(value[:-1]) > 100:
            yield invalid(f"spec.{name}", value, "must not be greater than 100%")
    yield from check_selector(spec.get("selector"), "spec.selector")


def check_role(obj: Object) -> Iterator[Cause]:
    """The rules of a Role or ClusterRole."""
    for i, rule in enumerate(obj.get("rules") or ()):
        where = f"rules[{i}]"
        if not rule.get("verbs"):
            yield required(f"{where}.verbs", "verbs must contain at least one value")
        if paths := rule.get("nonResourceURLs"):
            field = f"{where}.nonResourceURLs"
            if obj["kind"] == "Role":
                yield invalid(field, paths, "namespaced rules cannot apply to non-resource URLs")
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                yield invalid(field, paths, text)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{where}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{where}.resources", "resource rules must supply at least one resource")


def check_binding(obj: Object) -> Iterator[Cause]:
    """Whom a RoleBinding or ClusterRoleBinding binds to what."""
    role = obj["roleRef"]
    if role.get("apiGroup") not in (_GROUP, "", None):
        yield unsupported("roleRef.apiGroup", role["apiGroup"], (_GROUP,))
    kinds = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if role["kind"] not in kinds:
        yield unsupported("roleRef.kind", role["kind"], kinds)
    yield from broken("roleRef.name", role["name"], formats.path_segment)
    for i, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{i}]", obj["kind"])


def _subject(subject: Object, where: str, kind: str) -> Iterator[Cause]:
    group = subject.get("apiGroup") or ""
    match subject["kind"]:
        case "ServiceAccount":
            yield from broken(f"{where}.name", subject["name"], formats.subdomain)
            if group:
                yield unsupported(f"{where}.apiGroup", group, ("",))
            if not subject.get("namespace") and kind == "ClusterRoleBinding":
                yield required(f"{where}.namespace")
        case "User" | "Group":
            # Left out, it is defaulted to the group of RBAC.
            if group not in ("", _GROUP):
                yield unsupported(f"{where}.apiGroup", group, (_GROUP,))
        case other:
            yield unsupported(f"{where}.kind", other, ("ServiceAccount", "User", "Group"))


def check_config(obj: Object) -> Iterator[Cause]:
    """A ConfigMap's or Secret's keys."""
    for part in ("data", "binaryData"):
        for key in obj.get(part) or {}:
            yield from broken(f"{part}[{key}]", key, formats.config_key)
            if part == "binaryData" and key in (obj.get("data") or {}):
                yield invalid(f"{part}[{key}]", key, "duplicate of key present in data")
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in (obj.get("data") or {}):
            yield required(f"data[{key}]")
