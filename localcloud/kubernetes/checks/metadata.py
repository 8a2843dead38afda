"""Names, labels and annotations of objects; label selectors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import Cause, Object, Rule, broken, forbidden, invalid, required
from localcloud.kubernetes.kinds import Kind

#: Bytes of all annotations together.
MOST_ANNOTATIONS = 256 * 1024
#: A CronJob's Jobs append eleven characters to its name.
LONGEST_CRON_JOB = 52


def check_metadata(kind: Kind, obj: Object) -> Iterator[Cause]:
    """What is wrong with an object's name, labels and annotations."""
    metadata = obj["metadata"]
    name = metadata["name"]
    yield from broken("metadata.name", name, _rule_of(kind))
    if kind.resource == "cronjobs.batch" and len(name) > LONGEST_CRON_JOB:
        yield invalid("metadata.name", name, f"must be no more than {LONGEST_CRON_JOB} characters")
    yield from check_labels(metadata.get("labels") or {}, "metadata.labels")
    yield from check_annotations(metadata.get("annotations") or {}, "metadata.annotations")


def _rule_of(kind: Kind) -> Rule:
    if kind.group in ("rbac.authorization.k8s.io", "certificates.k8s.io"):
        return formats.path_segment
    match kind.resource:
        case "namespaces":
            return formats.label
        case "services":
            return formats.dns1035
    return formats.subdomain


def check_labels(labels: dict[str, str], path: str) -> Iterator[Cause]:
    """Keys and values of labels."""
    for key, value in labels.items():
        for text in formats.qualified(key):
            yield invalid(path, key, text)
        for text in formats.label_value(value):
            yield invalid(path, value, text)


def check_annotations(annotations: dict[str, str], path: str) -> Iterator[Cause]:
    """Keys and size of annotations."""
    for key in annotations:
        for text in formats.annotation(key):
            yield invalid(path, key, text)
    if sum(map(len, chain(annotations, annotations.values()))) > MOST_ANNOTATIONS:
        yield path, "FieldValueTooLong", f"Too long: may not be more than {MOST_ANNOTATIONS} bytes"


def check_selector(selector: Object | None, path: str) -> Iterator[Cause]:
    """A LabelSelector's keys, operators and values."""
    if not selector:
        return
    yield from check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for i, rule in enumerate(selector.get("matchExpressions") or ()):
        where, values = f"{path}.matchExpressions[{i}]", rule.get("values") or ()
        match rule["operator"]:
            case "In" | "NotIn":
                if not values:
                    text = "must be specified when `operator` is 'In' or 'NotIn'"
                    yield required(f"{where}.values", text)
            case "Exists" | "DoesNotExist":
                if values:
                    text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    yield forbidden(f"{where}.values", text)
            case operator:
                yield invalid(f"{where}.operator", operator, "not a valid selector operator")
        for text in formats.qualified(rule["key"]):
            yield invalid(f"{where}.key", rule["key"], text)
        for n, value in enumerate(values):
            for text in formats.label_value(value):
                yield invalid(f"{where}.values[{n}]", value, text)
