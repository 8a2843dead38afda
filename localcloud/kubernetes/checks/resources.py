"""Names and amounts of resources: of containers, of claims and of quotas."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import NOT_NEGATIVE, Cause, Object, forbidden, invalid, required
from localcloud.kubernetes.quantities import Quantity

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_OF_QUOTAS = frozenset(
    (
        *_STANDARD,
        *(f"requests.{name}" for name in (*_STANDARD, "storage")),
        *(f"limits.{name}" for name in _STANDARD),
        "pods",
        "resourcequotas",
        "services",
        "services.nodeports",
        "services.loadbalancers",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
    )
)
#: Counted in whole pieces.
_WHOLE = frozenset(n for n in _OF_QUOTAS if n.rpartition(".")[2] not in (*_STANDARD, "storage"))
_EVERYWHERE = _OF_QUOTAS | {"storage"}
_HUGE = "hugepages-"
_SCOPES = {
    "BestEffort": "NotBestEffort",
    "NotBestEffort": "BestEffort",
    "Terminating": "NotTerminating",
    "NotTerminating": "Terminating",
}
_KNOWN_SCOPES = (*_SCOPES, "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass")


@lru_cache(maxsize=1024)
def amount(text: object) -> int:
    """Thousandths of the unit."""
    return Quantity.of(text).thousandths


def _native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _name(name: str, field: str, known: frozenset[str] | tuple[str, ...], what: str) -> Iterator[Cause]:
    if texts := formats.qualified(name):
        for text in texts:
            yield invalid(field, name, text)
    elif "/" not in name:
        huge = name.removeprefix("requests.").startswith(_HUGE)
        if name not in _EVERYWHERE and not huge:
            yield invalid(field, name, "must be a standard resource type or fully qualified")
        if name not in known and not huge:
            yield invalid(field, name, f"must be a standard resource for {what}")


def check_resources(resources: Object, path: str) -> Iterator[Cause]:
    """A container's requests and limits."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, text in amounts.items():
            field = f"{path}.{part}[{name}]"
            if name not in _STANDARD:
                yield from _name(name, field, _STANDARD, "containers")
            if amount(text) < 0:
                yield invalid(field, text, NOT_NEGATIVE)
            elif not _native(name) and amount(text) % 1000:
                yield invalid(field, text, "must be an integer")
            if part == "requests":
                yield from _within(name, text, limits.get(name), path)


def _within(name: str, text: str, limit: str | None, path: str) -> Iterator[Cause]:
    """A request beside its limit; what cannot be overcommitted needs the same one."""
    fixed = not _native(name) or name.startswith(_HUGE)
    if limit is None:
        if fixed:
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    elif fixed and amount(text) != amount(limit):
        yield invalid(f"{path}.requests", text, f"must be equal to {name} limit of {limit}")
    elif not fixed and amount(text) > amount(limit):
        yield invalid(f"{path}.requests", text, f"must be less than or equal to {name} limit of {limit}")


def check_quota(obj: Object) -> Iterator[Cause]:
    """A ResourceQuota's names, amounts and scopes."""
    spec = obj.get("spec") or {}
    for name, text in (spec.get("hard") or {}).items():
        field = f"spec.hard[{name}]"
        yield from _name(name, field, _OF_QUOTAS, "quota")
        if amount(text) < 0:
            yield invalid(field, text, NOT_NEGATIVE)
        elif (name in _WHOLE or name.startswith("count/")) and amount(text) % 1000:
            yield invalid(field, text, "must be an integer")
    scopes = spec.get("scopes") or []
    for scope in dict.fromkeys(scopes):
        if scope not in _KNOWN_SCOPES:
            yield invalid("spec.scopes", scopes, "unsupported scope")
    if any(_SCOPES.get(scope) in scopes for scope in scopes):
        yield invalid("spec.scopes", scopes, "conflicting scopes")
    yield from _scope_selector(spec)


def _scope_selector(spec: Object) -> Iterator[Cause]:
    rules = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    path = "spec.scopeSelector.matchExpressions"
    names = [rule["scopeName"] for rule in rules]
    for rule in rules:
        name, operator, values = rule["scopeName"], rule["operator"], rule.get("values") or []
        if name not in _KNOWN_SCOPES:
            yield invalid(f"{path}.scopeName", name, "unsupported scope")
        if operator in ("In", "NotIn") and not values:
            text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield required(f"{path}.values", text)
        elif operator in ("Exists", "DoesNotExist") and values:
            text = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"
            yield invalid(f"{path}.values", values, text)
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield invalid(f"{path}.operator", operator, "not a valid selector operator")
        if name in _SCOPES and operator != "Exists":
            text = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
            text += "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
            text += "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
            yield invalid(f"{path}.operator", operator, text)
    if any(_SCOPES.get(name) in names for name in names):
        yield invalid(path, rules, "conflicting scopes")


def check_claim(obj: Object) -> Iterator[Cause]:
    """A claim's access modes and size."""
    yield from check_claim_spec(obj["spec"], "spec")


def check_claim_spec(spec: Object, path: str) -> Iterator[Cause]:
    """Access modes and size of a claim, or of a template of claims."""
    modes = spec.get("accessModes") or []
    allowed = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
    if not modes:
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    for mode in modes:
        if mode not in allowed:
            listed = ", ".join(f'"{a}"' for a in allowed)
            text = f'Unsupported value: "{mode}": supported values: {listed}'
            yield f"{path}.accessModes", "FieldValueNotSupported", text
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        yield forbidden(f"{path}.accessModes", text)
    size = (spec.get("resources") or {}).get("requests", {}).get("storage")
    if size is None:
        yield required(f"{path}.resources[storage]")
    elif amount(size) <= 0:
        yield invalid(f"{path}.resources[storage]", size, "must be greater than zero")
