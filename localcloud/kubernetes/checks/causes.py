"""Causes of a refusal: the field, a reason for programs, and the sentence for people.

Values are shown as JSON, as Kubernetes does since 1.34 (apimachinery, pkg/util/validation/field).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Object = dict[str, Any]
#: Field, reason such as ``FieldValueInvalid``, message.
Cause = tuple[str, str, str]
#: What is wrong with a text; nothing where it is sound.
Rule = Callable[[str], Iterable[str]]

NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(field: str, value: Any, text: str) -> Cause:
    """A value that breaks a rule."""
    return field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {text}"


def required(field: str, text: str = "") -> Cause:
    """What must be there."""
    return field, "FieldValueRequired", f"Required value: {text}" if text else "Required value"


def unsupported(field: str, value: Any, allowed: Iterable[str]) -> Cause:
    """None of an enumeration."""
    listed = ", ".join(_shown(a) for a in allowed)
    return field, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}"


def duplicate(field: str, value: Any) -> Cause:
    """A value that must be unique and is not."""
    return field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}"


def not_found(field: str, value: Any) -> Cause:
    """A name that nothing has."""
    return field, "FieldValueNotFound", f"Not found: {_shown(value)}"


def forbidden(field: str, text: str) -> Cause:
    """What is not allowed beside something else."""
    return field, "FieldValueForbidden", f"Forbidden: {text}"


def broken(field: str, value: str, rule: Rule) -> Iterator[Cause]:
    """What a rule has against a text."""
    for text in rule(value):
        yield invalid(field, value, text)


def one_of(obj: Object, name: str, path: str, allowed: tuple[str, ...]) -> Iterator[Cause]:
    """A member that is given and none of an enumeration."""
    value = obj.get(name)
    if value is not None and value not in allowed:
        yield unsupported(f"{path}.{name}", value, allowed)


def not_negative(obj: Object, path: str, *names: str) -> Iterator[Cause]:
    """Members below 0."""
    for name in names:
        value = obj.get(name)
        if value is not None and value < 0:
            yield invalid(f"{path}.{name}", value, NOT_NEGATIVE)
