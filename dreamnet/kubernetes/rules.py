"""Validation rules of custom kinds (`x-kubernetes-validations`), in the Common Expression Language.

As kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions describes them
(read November 2026). Of Kubernetes' own functions those are here that `FUNCTIONS` names; of its types
quantities, addresses and optional values are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Schema = Mapping[str, Any]
RULES = "x-kubernetes-validations"

#: Words of the language, which a field's name is escaped for, and what other characters of one become.
_RESERVED = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return"
    "|var|void|while"
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
#: `Required value` and so on, by a rule's reason.
_SAID = {
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueDuplicate": "Duplicate value",
}


class Broken(NamedTuple):
    """A rule that does not hold: the field (`spec.listeners[0]`), Kubernetes' reason and its message."""

    path: str
    reason: str
    message: str


class NotEvaluable(Exception):
    """A rule uses what this evaluation lacks; the text names the rule."""


@dataclass(frozen=True)
class Level:
    """One field's rules and those beneath it; only fields with rules are here.

    Attributes:
        items: of a list's items, or of a map's values.
        keys: what tells a list's items apart; empty where they cannot be compared with earlier ones.
    """

    schema: Schema
    rules: tuple[Mapping[str, Any], ...] = ()
    members: Mapping[str, Level] = field(default_factory=dict)
    items: Level | None = None
    keys: tuple[str, ...] = ()


def prepare(schema: Schema) -> Level | None:
    """The rules of a structural schema; None for none."""
    members = {name: prepare(inner) for name, inner in (schema.get("properties") or {}).items()}
    found = {name: level for name, level in members.items() if level is not None}
    items = None
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            items = prepare(schema[name])
    rules = tuple(schema.get(RULES) or ())
    if not (rules or found or items):
        return None
    return Level(schema, rules, found, items, tuple(schema.get("x-kubernetes-list-map-keys") or ()))


def filled(value: Any, schema: Schema) -> Any:
    """A copy with the defaults that a structural schema declares: rules are judged after these are there."""
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [filled(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    properties, rest = schema.get("properties") or {}, schema.get("additionalProperties")
    made = {name: inner["default"] for name, inner in properties.items() if "default" in inner} | value
    values = rest if isinstance(rest, Mapping) else {}
    return {name: filled(member, properties.get(name, values)) for name, member in made.items()}


def broken(level: Level, new: Any, old: Any = None, path: str = "") -> Iterator[Broken]:
    """Rules that an object (or a part of one) does not keep.

    Args:
        old: the part before a change; rules that compare with it are left out where there is none.

    Raises:
        NotEvaluable: a rule applies that cannot be judged here.
    """
    for rule in level.rules:
        found = _judge(rule, level.schema, new, old, path)
        if found is not None:
            yield found
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for name, value in new.items():
            inner = level.members.get(name) or (level.items if name not in level.members else None)
            if inner is not None and value is not None:
                where = f"{path}.{name}" if path else name
                if name not in level.members:
                    where = f"{path}[{name}]"
                yield from broken(inner, value, before.get(name), where)
    elif isinstance(new, list) and level.items is not None:
        known = {_key(item, level.keys): item for item in old or ()} if level.keys else {}
        for i, item in enumerate(new):
            earlier = known.get(_key(item, level.keys)) if level.keys else None
            yield from broken(level.items, item, earlier, f"{path}[{i}]")


def _key(item: Any, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(repr(item.get(key)) for key in keys)


def _judge(rule: Mapping[str, Any], schema: Schema, new: Any, old: Any, path: str) -> Broken | None:
    text = str(rule["rule"])
    transition = re.search(r"\boldSelf\b", text)
    if old is not None and old == new and not transition:
        # What has not changed may break a rule that came later (ratcheting, stable since Kubernetes 1.33).
        return None
    known = {"self": _value(new, schema)}
    if transition:
        if rule.get("optionalOldSelf"):
            raise NotEvaluable(f"validation rule {text!r} with an optional oldSelf")
        if old is None:
            return None
        known["oldSelf"] = _value(old, schema)
    holds, why = _evaluate(text, known)
    if holds is True:
        return None
    said = rule.get("message") or f"failed rule: {text}"
    if rule.get("messageExpression") and not why:
        made, failed = _evaluate(rule["messageExpression"], known)
        said = str(made) if not failed else said
    where = path + str(rule.get("fieldPath", "")) or "<nil>"
    where = where.removeprefix(".")
    reason = str(rule.get("reason", "FieldValueInvalid"))
    if why:
        return Broken(where, "FieldValueInvalid", f'Invalid value: "{_sort(schema)}": rule: {text}: {why}')
    if reason in ("FieldValueRequired", "FieldValueForbidden"):
        return Broken(where, reason, f"{_SAID[reason]}: {said}")
    return Broken(where, reason, f'{_SAID.get(reason, "Invalid value")}: "{_sort(schema)}": {said}')


def _sort(schema: Schema) -> str:
    return str(schema.get("type", "object"))


def _evaluate(text: str, known: Mapping[str, Any]) -> tuple[Any, str]:
    """An expression's value, and why there is none."""
    from celpy.evaluation import CELEvalError

    try:
        return _plain(_program(text).evaluate(dict(known))), ""
    except CELEvalError as error:
        return None, f"evaluation error: {error.args[0] if error.args else error}"


def _plain(value: Any) -> Any:
    from celpy.celtypes import BoolType

    return bool(value) if isinstance(value, BoolType) else value


@cache
def _program(text: str) -> Any:
    """A compiled expression.

    Raises:
        NotEvaluable: it is in no form that is known here.
    """
    import celpy
    from celpy.celparser import CELParseError
    from celpy.evaluation import base_functions

    environment = celpy.Environment()
    try:
        tree = environment.compile(text)
    except CELParseError as error:
        raise NotEvaluable(f"validation rule {text!r}") from error
    outside = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "''", text)
    called = set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", outside))
    strange = called - set(base_functions) - set(FUNCTIONS) - _MACROS
    if strange:
        raise NotEvaluable(f"function {', '.join(sorted(strange))} of validation rule {text!r}")
    return environment.program(tree, functions=dict(FUNCTIONS))


_MACROS = {"has", "all", "exists", "exists_one", "filter", "map", "dyn", "in"}


def _value(value: Any, schema: Schema | None) -> Any:
    """JSON as the language's types, fields by the names that rules call them."""
    from celpy import celtypes
    from celpy.adapter import json_to_cel

    known = schema or {}
    if isinstance(value, dict):
        properties, rest = known.get("properties") or {}, known.get("additionalProperties")
        inner = rest if isinstance(rest, Mapping) else None
        return celtypes.MapType(
            {
                celtypes.StringType(escaped(k) if k in properties else k): _value(v, properties.get(k, inner))
                for k, v in value.items()
            }
        )
    if isinstance(value, list):
        items = known.get("items")
        return celtypes.ListType([_value(v, items if isinstance(items, Mapping) else None) for v in value])
    if known.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return celtypes.DoubleType(value)
    if known.get("format") == "date-time" and isinstance(value, str):
        return celtypes.TimestampType(value)
    if known.get("format") == "duration" and isinstance(value, str):
        return celtypes.DurationType(value)
    return json_to_cel(value)


def escaped(name: str) -> str:
    """A field's name in expressions: `namespace` is `__namespace__`, `x-y` is `x__dash__y`."""
    if _RESERVED.fullmatch(name):
        return f"__{name}__"
    made = name
    for character, text in _ESCAPES:
        made = made.replace(character, text)
    return made if _IDENTIFIER.match(made) else name


def _find(text: Any, pattern: Any) -> Any:
    from celpy.celtypes import StringType

    match = re.search(str(pattern), str(text))
    return StringType(match.group(0) if match else "")


def _split(text: Any, separator: Any) -> Any:
    from celpy.celtypes import ListType, StringType

    return ListType([StringType(part) for part in str(text).split(str(separator))])


def _is_url(text: Any) -> Any:
    from celpy.celtypes import BoolType

    try:
        parts = urlsplit(str(text))
    except ValueError:
        return BoolType(False)
    return BoolType(bool(parts.scheme and (parts.netloc or parts.path)) or str(text).startswith("/"))


def _cased(case: Callable[[str], str]) -> Callable[[Any], Any]:
    def change(text: Any) -> Any:
        from celpy.celtypes import StringType

        return StringType(case(str(text)))

    return change


def _compared(same: bool) -> Callable[[Any, Any], Any]:
    """Equality as cel-go has it: values of two types are unequal, which is no error."""

    def compare(a: Any, b: Any) -> Any:
        from celpy.celtypes import BoolType
        from celpy.evaluation import CELEvalError

        for side in (a, b):
            if isinstance(side, CELEvalError):
                return side
        try:
            equal = bool(a == b)
        except TypeError:
            equal = False
        return BoolType(equal is same)

    return compare


#: Kubernetes' and cel-go's functions on strings that rules here may call.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "_==_": _compared(True),
    "_!=_": _compared(False),
    "find": _find,
    "split": _split,
    "isURL": _is_url,
    "lowerAscii": _cased(str.lower),
    "upperAscii": _cased(str.upper),
    "trim": _cased(str.strip),
}
