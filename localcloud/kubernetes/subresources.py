"""The scale subresource: a workload's number of replicas, as an object of its own."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes import errors, patching
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.selectors import follow
from localcloud.kubernetes.storage import Object, copy
from localcloud.kubernetes.validation import decode
from localcloud.kubernetes.verbs import Verbs, WriteOptions

#: Shape of what is written to a scale subresource.
SCALE = Kind("autoscaling", "v1", "Scale", "scales", verbs=())


def scale_of(kind: Kind, obj: Object) -> Object:
    """The Scale of a workload, or of a custom object by the paths that its definition names."""
    metadata = obj["metadata"]
    wanted, counted, selector = kind.replicas
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: metadata[k] for k in names if k in metadata},
        "spec": {"replicas": follow(obj, wanted) or 0},
        "status": {
            "replicas": follow(obj, counted) or 0,
            "selector": follow(obj, selector) if selector else _text_of(obj),
        },
    }


def _text_of(obj: Object) -> str:
    """A selector as a query parameter has it."""
    selector = obj["spec"].get("selector")
    if not isinstance(selector, dict):
        return ""
    if obj["kind"] == "ReplicationController":
        selector = {"matchLabels": selector}
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        match expression["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case "DoesNotExist":
                parts.append(f"!{key}")
    return ",".join(parts)


def write_scale(
    verbs: Verbs, kind: Kind, namespace: str, name: str, body: Any, media: str | None, options: WriteOptions
) -> Object:
    """Set ``spec.replicas`` by a Scale (update) or a patch of one (``media``)."""
    live = verbs.get(kind, namespace, name)
    node = verbs.schemas.node("autoscaling/v1", "Scale")
    if media == patching.APPLY:
        raise errors.not_rehearsed("server-side apply of a scale subresource")
    given = body if media is None else patching.apply_patch(scale_of(kind, live), body, media, node)
    scale, _ = decode(given, node, SCALE, options.strictness)
    replicas = scale.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise errors.invalid("Scale", "autoscaling", name, [("spec.replicas", "FieldValueInvalid", text)])
    new = copy(live)
    *parents, last = kind.replicas[0].strip(".").split(".")
    inner = new
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = replicas
    version = scale.get("metadata", {}).get("resourceVersion")
    if version:
        new["metadata"]["resourceVersion"] = version
    stored, _ = verbs.update(kind, namespace, name, new, options, "scale")
    return scale_of(kind, stored)
