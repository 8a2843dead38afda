"""A container's environment, resolved as a kubelet does: values, references, the Pod's own fields."""

from __future__ import annotations

import base64
import re
from typing import Any

from localcloud.kubernetes.storage import Object, Store


class ConfigError(Exception):
    """A reference that does not resolve: the container waits with CreateContainerConfigError."""


_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")
_EXPANSION = re.compile(r"\$(\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")


def _data(store: Store, resource: str, namespace: str, name: str) -> dict[str, str] | None:
    obj = store.get(resource, namespace, name)
    if obj is None:
        return None
    data = obj.get("data") or {}
    if resource == "secrets":
        return {k: base64.b64decode(v).decode() for k, v in data.items()}
    return dict(data)


def _reference(store: Store, resource: str, namespace: str, reference: Object) -> str | None:
    """A key of a Secret or ConfigMap; None for an optional one that is missing."""
    word = "secret" if resource == "secrets" else "configmap"
    data = _data(store, resource, namespace, reference["name"])
    if data is not None and reference["key"] in data:
        return data[reference["key"]]
    if reference.get("optional"):
        return None
    if data is None:
        raise ConfigError(f'{word} "{reference["name"]}" not found')
    raise ConfigError(f"couldn't find key {reference['key']} in {word} {namespace}/{reference['name']}")


def pod_field(pod: Object, path: str) -> str:
    """A ``fieldRef``."""
    if match := _SUBSCRIPT.match(path):
        return str(pod["metadata"].get(match[1], {}).get(match[2], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None and not path.startswith(("metadata.", "spec.", "status.")):
        raise ConfigError(f"field label not supported: {path}")
    return "" if value is None else str(value)


def _resource_field(pod: Object, container: Object, reference: Object) -> str:
    from localcloud.kubernetes.quantities import parse

    group, _, name = reference["resource"].partition(".")
    value = container.get("resources", {}).get(group, {}).get(name, "0")
    return str(-(-parse(value) // parse(reference.get("divisor") or "1")).__int__())


def _from_sources(store: Store, namespace: str, container: Object) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        for field, resource, word in (
            ("secretRef", "secrets", "secret"),
            ("configMapRef", "configmaps", "configmap"),
        ):
            reference = source.get(field)
            if reference is None:
                continue
            data = _data(store, resource, namespace, reference["name"])
            if data is None and not reference.get("optional"):
                raise ConfigError(f'{word} "{reference["name"]}" not found')
            found |= {source.get("prefix", "") + k: v for k, v in (data or {}).items()}
    return found


def resolve(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """Environment variables of a container.

    Raises:
        ConfigError: a Secret, ConfigMap or key is missing.
    """
    namespace = pod["metadata"]["namespace"]
    found = _from_sources(store, namespace, container)
    for variable in container.get("env", ()):
        source = variable.get("valueFrom")
        value: str | None
        if source is None:
            value = _expand(variable.get("value", ""), found)
        elif "secretKeyRef" in source:
            value = _reference(store, "secrets", namespace, source["secretKeyRef"])
        elif "configMapKeyRef" in source:
            value = _reference(store, "configmaps", namespace, source["configMapKeyRef"])
        elif "fieldRef" in source:
            value = pod_field(pod, source["fieldRef"]["fieldPath"])
        else:
            value = _resource_field(pod, container, source["resourceFieldRef"])
        if value is not None:
            found[variable["name"]] = value
    return found


def _expand(text: str, known: dict[str, str]) -> str:
    """``$(NAME)`` of variables above; ``$$`` escapes."""
    return _EXPANSION.sub(lambda m: "$" if m[1] == "$" else known.get(m[2], m[0]), text)
