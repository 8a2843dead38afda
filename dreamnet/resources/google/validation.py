"""A body against the schema that Google publishes for it, offline."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dreamnet.resources.google.discovery import Api

#: A string that still holds a reference; it counts as valid wherever a scalar is wanted.
REFERENCE = re.compile(r"\$\{[^}]+\}")

#: JSON types that a schema type admits, beside strings that spell it (proto3's JSON mapping,
#: protobuf.dev/programming-guides/json, November 2026).
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_INTEGER = re.compile(r"-?\d+")


def problems(
    api: Api, schema: Mapping[str, Any], body: Any, *, path: str = "", outputs: bool = False
) -> Iterator[tuple[str, str]]:
    """What Google would refuse in this body.

    Args:
        api: whose schemas `$ref` points into.
        schema: a schema or a property of one.
        body: the JSON value.
        path: JSON pointer of `body`, for the answers.
        outputs: report fields too that only Google sets.

    Yields:
        JSON pointer, and what is wrong with that field.
    """
    if _is_reference(body):
        return
    schema = _resolve(api, schema)
    kind = schema.get("type", "any")
    if kind == "object":
        yield from _object(api, schema, body, path, outputs)
    elif kind == "array":
        yield from _array(api, schema, body, path, outputs)
    elif kind != "any":
        message = scalar_problem(schema, body)
        if message:
            yield path, message


def is_output(schema: Mapping[str, Any]) -> bool:
    """Whether only Google sets this field."""
    description = schema.get("description", "")
    return bool(schema.get("readOnly")) or description.lower().startswith(("output only", "[output only"))


def _resolve(api: Api, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return api.schema(schema["$ref"]) if "$ref" in schema else schema


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and bool(REFERENCE.search(value))


def _object(
    api: Api, schema: Mapping[str, Any], body: Any, path: str, outputs: bool
) -> Iterator[tuple[str, str]]:
    if not isinstance(body, Mapping):
        yield path, f"must be an object, not {_json_type(body)}"
        return
    properties = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    for name, value in body.items():
        at = f"{path}/{name}"
        known = properties.get(name, additional)
        if known is None:
            yield at, f"is no field of {schema.get('id', 'this object')}{_suggestion(name, properties)}"
        elif outputs and name in properties and is_output(known):
            yield at, "is set by Google and can't be declared"
        elif value is not None:
            yield from problems(api, known, value, path=at, outputs=outputs)


def _array(
    api: Api, schema: Mapping[str, Any], body: Any, path: str, outputs: bool
) -> Iterator[tuple[str, str]]:
    if not isinstance(body, list):
        yield path, f"must be a list, not {_json_type(body)}"
        return
    for index, item in enumerate(body):
        yield from problems(api, schema.get("items", {}), item, path=f"{path}/{index}", outputs=outputs)


def _suggestion(name: str, properties: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, properties, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def scalar_problem(schema: Mapping[str, Any], value: Any) -> str | None:
    """What is wrong with a scalar, or None."""
    kind, enum = schema.get("type"), schema.get("enum")
    wanted = {"string": "a string", "boolean": "true or false", "integer": "an integer", "number": "a number"}
    if not _fits(kind, schema.get("format"), value):
        return f"must be {wanted.get(str(kind), kind)}, not {_json_type(value)}"
    if enum and value not in enum:
        return f"is {value!r}; it must be one of {', '.join(enum)}"
    return None


def _fits(kind: Any, form: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return bool(kind == "boolean")
    if kind == "string":
        return isinstance(value, str) or (form in ("int64", "uint64") and isinstance(value, int))
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, str) and bool(_INTEGER.fullmatch(value)))
    if kind == "number":
        return isinstance(value, int | float) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value)))
    return bool(kind != "boolean")


def _json_type(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "null" if value is None else "a string"


def missing(
    api: Api, schema: Mapping[str, Any], body: Any, method_id: str, known: frozenset[str], path: str = ""
) -> Iterator[tuple[str, str]]:
    """Fields that creation needs and the body lacks.

    Args:
        schema: the resource's schema or a property of it.
        method_id: the method that the schema's `annotations.required` lists, such as
        `compute.networks.insert`.
        known: fields of the outermost object that come from elsewhere (the name).
        path: JSON pointer of `body`.

    Yields:
        JSON pointer, and the message.
    """
    schema = _resolve(api, schema)
    if isinstance(body, list):
        for index, item in enumerate(body):
            yield from missing(api, schema.get("items", {}), item, method_id, frozenset(), f"{path}/{index}")
    if not isinstance(body, Mapping):
        return
    properties = schema.get("properties", {})
    for name, field in properties.items():
        if name not in body and name not in known and _is_required(field, method_id):
            yield f"{path}/{name}", "is required"
    for name, value in body.items():
        field = properties.get(name) or schema.get("additionalProperties") or {}
        yield from missing(api, field, value, method_id, frozenset(), f"{path}/{name}")


def _is_required(field: Mapping[str, Any], method_id: str) -> bool:
    if is_output(field):
        return False
    marked = method_id in field.get("annotations", {}).get("required", ())
    return marked or str(field.get("description", "")).startswith("Required.")
