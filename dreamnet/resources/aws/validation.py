"""Checks a declaration against its type's published schema, without any call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from dreamnet.resources.aws.schemas import ResourceSchema, resource_schema

#: Keywords below which one schema, a list of schemas or a map of schemas stands.
_VALUES, _VALUE_MAPS = ("items", "additionalProperties"), ("properties", "patternProperties")
_BRANCHES, _BRANCH_MAPS = ("anyOf", "oneOf", "allOf"), ("definitions",)

#: What a string with a reference looks like before its references are resolved.
_REFERENCE = {"type": "string", "pattern": r"\$\{[^}]+\}"}


def schema_problems(
    schema: ResourceSchema, region: str, properties: Mapping[str, Any], *, references: bool
) -> Iterator[tuple[str, str]]:
    """What the schema says against these properties.

    Args:
        schema: the type's schema.
        region: where its enumerations are taken from.
        properties: the CloudFormation properties.
        references: strings with `${...}` stand for any value.

    Yields:
        JSON pointer and message, as precise as the schema allows.
    """
    validator = _validator(schema.type_name, region, references)
    for error in validator.iter_errors(dict(properties)):
        path = "".join(f"/{part}" for part in error.instance_path)
        if not (references and _several_branches(error)):
            yield path, error.message
    for path in given(properties, schema.read_only):
        yield f"/{path}", "is an output of AWS and cannot be declared"


def given(properties: Mapping[str, Any], paths: tuple[str, ...]) -> Iterator[str]:
    """Those of the schema's paths (`A/B`, `A/*/B`) that have a value in the properties."""
    for path in paths:
        if any(True for _ in _walk(properties, path.split("/"))):
            yield path


def _walk(value: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield value
    elif parts[0] == "*" and isinstance(value, list):
        for element in value:
            yield from _walk(element, parts[1:])
    elif isinstance(value, Mapping) and parts[0] in value:
        yield from _walk(value[parts[0]], parts[1:])


def _several_branches(error: Any) -> bool:
    """A `oneOf` of which a reference satisfies several branches at once: unknowable before it is resolved."""
    return "${" in str(error.instance) and "more than one" in error.message


@cache
def _validator(type_name: str, region: str, references: bool) -> Any:
    import jsonschema_rs

    document = dict(resource_schema(type_name, region).document)
    if references:
        document = _tolerant(document)
    try:
        return jsonschema_rs.Draft7Validator(document)
    except jsonschema_rs.ValidationError:  # 61 of 1,500 types have patterns in other dialects (November 2026)
        return jsonschema_rs.Draft7Validator(_portable_patterns(document))


def _portable_patterns(schema: Any) -> Any:
    """The schema with its patterns as ECMAScript has them, and without those that it cannot have."""
    if isinstance(schema, list):
        return [_portable_patterns(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    result = {key: _portable_patterns(value) for key, value in schema.items()}
    if isinstance(schema.get("pattern"), str):
        pattern = _ecma(schema["pattern"])
        result.pop("pattern")
        if pattern is not None:
            result["pattern"] = pattern
    if isinstance(schema.get("patternProperties"), Mapping):
        names = {_ecma(name): value for name, value in result.pop("patternProperties").items()}
        result["patternProperties"] = {name or "": value for name, value in names.items()}
    return result


def _ecma(pattern: str) -> str | None:
    import jsonschema_rs

    translated = pattern.replace(r"\A", "^").replace(r"\Z", "$").removeprefix("^(?s)").removeprefix("(?s)")
    try:
        jsonschema_rs.Draft7Validator({"pattern": translated})
    except jsonschema_rs.ValidationError:
        return None
    return translated


def _tolerant(schema: Any) -> Any:
    """The schema in which every value may instead be a string with a reference."""
    if not isinstance(schema, Mapping):
        return schema
    result = dict(schema)
    for key in _VALUES:
        if isinstance(schema.get(key), Mapping):
            result[key] = _or_reference(schema[key])
    for key in _VALUE_MAPS:
        if key in schema:
            result[key] = {name: _or_reference(value) for name, value in schema[key].items()}
    for key in _BRANCHES:
        if key in schema:
            result[key] = [_tolerant(branch) for branch in schema[key]]
    for key in _BRANCH_MAPS:
        if key in schema:
            result[key] = {name: _tolerant(value) for name, value in schema[key].items()}
    return result


def _or_reference(schema: Any) -> Any:
    # if/else rather than anyOf: the messages stay those of the original schema.
    return {"if": _REFERENCE, "then": True, "else": _tolerant(schema)}
