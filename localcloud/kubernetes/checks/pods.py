"""Specs of Pods and of the templates of what makes Pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import (
    Cause,
    Object,
    broken,
    duplicate,
    forbidden,
    invalid,
    not_negative,
    one_of,
    required,
    unsupported,
)
from localcloud.kubernetes.checks.containers import check_container
from localcloud.kubernetes.checks.metadata import check_annotations, check_labels

_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_MUST_RESTART = ("Always", "Never", "OnFailure")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")


def check_template(template: Object, path: str, claims: Iterable[str] = ()) -> Iterator[Cause]:
    """A template's labels and spec; ``claims`` are the volumes that a StatefulSet adds."""
    metadata = template.get("metadata") or {}
    yield from check_labels(metadata.get("labels") or {}, f"{path}.labels")
    yield from check_annotations(metadata.get("annotations") or {}, f"{path}.annotations")
    yield from check_pod(template.get("spec") or {}, f"{path}.spec", claims)


def check_pod(spec: Object, path: str, claims: Iterable[str] = ()) -> Iterator[Cause]:
    """What is wrong with a Pod's spec."""
    volumes: dict[str, Object] = {name: {} for name in claims}
    yield from _volumes(spec.get("volumes") or (), f"{path}.volumes", volumes)
    yield from _containers(spec, path, volumes)
    yield from one_of(spec, "restartPolicy", path, _MUST_RESTART)
    yield from one_of(spec, "dnsPolicy", path, _DNS)
    yield from not_negative(spec, path, "terminationGracePeriodSeconds")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        text = "must be between 1 and 2147483647, inclusive"
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, text)
    if spec.get("nodeSelector"):
        yield from check_labels(spec["nodeSelector"], f"{path}.nodeSelector")
    if account := spec.get("serviceAccountName"):
        yield from broken(f"{path}.serviceAccountName", account, formats.subdomain)
    if name := spec.get("hostname"):
        yield from broken(f"{path}.hostname", name, formats.label)
    yield from _tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    yield from _spread(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")


def _containers(spec: Object, path: str, volumes: dict[str, Object]) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    names = set()
    for part in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(part) or ()):
            where = f"{path}.{part}[{i}]"
            yield from check_container(container, where, volumes, part == "initContainers")
            if container["name"] in names:
                yield duplicate(f"{where}.name", container["name"])
            names.add(container["name"])


def _volumes(volumes: Iterable[Object], path: str, known: dict[str, Object]) -> Iterator[Cause]:
    seen = set()
    for i, volume in enumerate(volumes):
        where, name = f"{path}[{i}]", volume["name"]
        wrong = list(broken(f"{where}.name", name, formats.label))
        yield from wrong
        if not wrong and name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)
        known[name] = volume
        for source in [key for key in volume if key != "name"][1:]:
            yield forbidden(f"{where}.{source}", "may not specify more than 1 volume type")
        if "persistentVolumeClaim" in volume and not volume["persistentVolumeClaim"].get("claimName"):
            yield required(f"{where}.persistentVolumeClaim.claimName")
        if "secret" in volume and not volume["secret"].get("secretName"):
            yield required(f"{where}.secret.secretName")
        if "configMap" in volume and not volume["configMap"].get("name"):
            yield required(f"{where}.configMap.name")


def _tolerations(tolerations: Iterable[Object], path: str) -> Iterator[Cause]:
    for i, toleration in enumerate(tolerations):
        where, operator = f"{path}[{i}]", toleration.get("operator", "Equal")
        if key := toleration.get("key"):
            for text in formats.qualified(key):
                yield invalid(f"{where}.key", key, text)
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            yield invalid(f"{where}.operator", operator, text)
        if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield invalid(f"{where}.effect", toleration.get("effect", ""), text)
        if operator == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            yield invalid(f"{where}.operator", toleration, text)
        elif operator not in ("Exists", "Equal"):
            yield unsupported(f"{where}.operator", operator, ("Equal", "Exists"))
        if toleration.get("effect"):
            yield from one_of(toleration, "effect", where, _EFFECTS)


def _spread(constraints: Iterable[Object], path: str) -> Iterator[Cause]:
    for i, constraint in enumerate(constraints):
        where = f"{path}[{i}]"
        if constraint["maxSkew"] <= 0:
            yield invalid(f"{where}.maxSkew", constraint["maxSkew"], "must be greater than zero")
        if not constraint["topologyKey"]:
            yield required(f"{where}.topologyKey", "can not be empty")
        yield from one_of(constraint, "whenUnsatisfiable", where, _UNSATISFIABLE)
