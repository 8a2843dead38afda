"""Label and field selectors, of URLs and of objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.kubernetes.errors import bad_request

Object = dict[str, Any]
Matcher = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"^([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)$")
_EQUAL = re.compile(r"^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)$")
_BARE = re.compile(r"^(!?)\s*([^\s!=,()]+)$")


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _requirement(text: str) -> Matcher:
    if match := _SET.match(text):
        key, values = match[1], {v.strip() for v in match[3].split(",")}
        if match[2] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(text):
        key, value = match[1], match[3]
        if match[2] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _BARE.match(text):
        key, wanted = match[2], not match[1]
        return lambda labels: (key in labels) == wanted
    raise bad_request(f"unable to parse requirement: {text!r}")


def parse_labels(text: str) -> Matcher:
    """A matcher of ``app=a,tier in (x,y),!canary``."""
    requirements = [_requirement(part) for part in _split(text)]
    return lambda labels: all(matches(labels) for matches in requirements)


_STEP = re.compile(r"\.?([^.\[\]]+)|\[\?\(@\.(\w+)\s*==\s*[\x22']([^\x22']*)[\x22']\)\]|\[(\d+)\]")


def follow(obj: Any, path: str) -> Any:
    """The value at a JSON path such as ``.status.conditions[?(@.type=="Ready")].status``; None for none."""
    for name, key, wanted, index in _STEP.findall(path):
        if name:
            obj = obj.get(name) if isinstance(obj, dict) else None
        elif not isinstance(obj, list):
            return None
        elif key:
            obj = next((i for i in obj if isinstance(i, dict) and i.get(key) == wanted), None)
        else:
            obj = obj[int(index)] if int(index) < len(obj) else None
    return obj


def _dig(obj: Object, path: str) -> str:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "false" if path in _FLAGS else ""
    return str(value)


#: Booleans that are false where they are left out.
_FLAGS = ("spec.unschedulable", "spec.hostNetwork")
#: Fields that each resource can be selected by, beside its name and namespace (the API reference of 1.35).
_SELECTABLE = {
    "pods": (
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
        "status.phase status.podIP status.podIPs status.nominatedNodeName"
    ),
    "nodes": "spec.unschedulable",
    "namespaces": "status.phase",
    "secrets": "type",
    "services": "spec.clusterIP spec.type",
    "replicasets.apps": "status.replicas",
    "jobs.batch": "status.successful",
    "events": (
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
        "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason "
        "reportingComponent source type"
    ),
}


def parse_fields(text: str, resource: str) -> Callable[[Object], bool]:
    """A matcher of ``metadata.name=a,status.phase!=Running``.

    Raises:
        ApiError: 400 for a field that the resource cannot be selected by.
    """
    known = ("metadata.name", "metadata.namespace", *_SELECTABLE.get(resource, "").split())
    requirements = []
    for part in _split(text):
        match = re.match(r"^([A-Za-z0-9_.\-/]+)\s*(==|=|!=)\s*(.*)$", part)
        if match is None:
            raise bad_request(f"invalid selector: {part!r}; can't understand {part!r}")
        if match[1] not in known:
            raise bad_request(f"field label not supported: {match[1]}")
        requirements.append((match[1], match[2] != "!=", match[3]))

    def matches(obj: Object) -> bool:
        return all((_dig(obj, path) == value) == equal for path, equal, value in requirements)

    return matches


def matches_selector(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) selects; an absent one selects nothing."""
    if selector is None:
        return False
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    return all(matches_expression(e, labels) for e in selector.get("matchExpressions") or ())


def matches_expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One of matchExpressions, or of a node selector term."""
    key, values = expression["key"], expression.get("values") or []
    present = key in labels
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case "Gt":
            return present and int(labels[key]) > int(values[0])
        case "Lt":
            return present and int(labels[key]) < int(values[0])
        case operator:
            raise bad_request(f"{operator!r} is not a valid label selector operator")
