"""Checks a body against the definitions in one walk: unknown fields, wrong types, what is required.

The walk also drops unknown fields and nulls, as the API server's decoding does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localcloud.kubernetes.errors import bad_request, invalid
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.quantities import canonical
from localcloud.kubernetes.schema import Node

_GO_TYPES = {
    "string": "string",
    "integer": "int32",
    "number": "float64",
    "boolean": "bool",
    "array": "[]",
    "object": "map",
}
_PYTHON = {"string": str, "boolean": bool, "array": list, "object": dict}


@dataclass
class Findings:
    """What a walk met; each is a path such as ``spec.template.spec.containers[0].image``."""

    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    invalid: list[tuple[str, str, str]] = field(default_factory=list)


def _go_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array", dict: "object"}[type(value)]


def _fits(value: Any, kind: str) -> bool:
    if kind in ("scalar", "quantity"):
        return isinstance(value, str | int | float) and not isinstance(value, bool)
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (
            isinstance(value, float) and (kind == "number" or value.is_integer())
        )
        return whole and not isinstance(value, bool)
    return isinstance(value, _PYTHON[kind])


def walk(value: Any, node: Node | None, path: str, found: Findings) -> Any:
    """``value`` without unknown fields and nulls; what is wrong goes into ``found``."""
    if node is None or node.kind == "any":
        return value
    if not _fits(value, node.kind):
        wanted = (
            node.format if node.kind == "integer" and node.format else _GO_TYPES.get(node.kind, node.kind)
        )
        found.wrong.append(
            f"json: cannot unmarshal {_go_name(value)} into Go struct field {path} of type {wanted}"
        )
        return value
    if node.kind == "object":
        return _walk_object(value, node, path, found)
    if node.kind == "array":
        return [walk(item, node.items, f"{path}[{i}]", found) for i, item in enumerate(value)]
    if node.kind == "quantity":
        try:
            return canonical(str(value))
        except ValueError as error:
            found.wrong.append(str(error))
            return value
    found.invalid += [(path, reason, text) for reason, text in _out_of_range(value, node, path)]
    return value


def _out_of_range(value: Any, node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Reasons and messages of what a CustomResourceDefinition's limits forbid."""
    shown, limits = json.dumps(value), node.limits
    if node.enum and value not in node.enum and None not in node.enum:
        allowed = ", ".join(json.dumps(v) for v in node.enum)
        yield "FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {allowed}"
    if "minimum" in limits and value < limits["minimum"]:
        text = f"{path} in body should be greater than or equal to {limits['minimum']}"
        yield "FieldValueInvalid", f"Invalid value: {shown}: {text}"
    if "maximum" in limits and value > limits["maximum"]:
        text = f"{path} in body should be less than or equal to {limits['maximum']}"
        yield "FieldValueInvalid", f"Invalid value: {shown}: {text}"
    if "pattern" in limits and not re.search(limits["pattern"], value):
        yield (
            "FieldValueInvalid",
            f"Invalid value: {shown}: {path} in body should match '{limits['pattern']}'",
        )
    if "maxLength" in limits and len(value) > limits["maxLength"]:
        yield "FieldValueTooLong", f"Too long: may not be more than {limits['maxLength']} bytes"
    if "minLength" in limits and len(value) < limits["minLength"]:
        text = f"{path} in body should be at least {limits['minLength']} chars long"
        yield "FieldValueInvalid", f"Invalid value: {shown}: {text}"


def _walk_object(value: dict[str, Any], node: Node, path: str, found: Findings) -> dict[str, Any]:
    clean = {}
    for name, member in value.items():
        child = node.field(name)
        where = f"{path}.{name}" if path else name
        if child is None and node.closed:
            found.unknown.append(where)
        elif member is not None:
            clean[name] = walk(member, child, where, found)
    for name in node.required:
        if name not in clean or (clean[name] == "" and name in ("name", "image")):
            found.missing.append(f"{path}.{name}" if path else name)
    return clean


def decode(obj: Any, node: Node | None, kind: Kind, strictness: str) -> tuple[dict[str, Any], list[str]]:
    """The cleaned object and warnings.

    Args:
        strictness: ``Strict`` (unknown fields are refused), ``Warn`` or ``Ignore``.

    Raises:
        ApiError: 400 on unknown fields (Strict) or wrong types, 422 on missing ones and values out of range.
    """
    if not isinstance(obj, dict):
        raise bad_request("the object provided is unrecognized: a JSON object is expected")
    found = Findings()
    clean = walk(obj, node, "", found)
    refused = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
    if found.wrong:
        raise bad_request(refused + found.wrong[0])
    warnings = [f'unknown field "{path}"' for path in found.unknown]
    if warnings and strictness == "Strict":
        raise bad_request(refused + "strict decoding error: " + ", ".join(warnings))
    causes = [(p, "FieldValueRequired", "Required value") for p in found.missing] + found.invalid
    if causes:
        raise invalid(kind.kind, kind.group, str(clean.get("metadata", {}).get("name", "")), causes)
    return clean, [] if strictness == "Ignore" else warnings
