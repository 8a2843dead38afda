"""Terraform's language: values, attributes and blocks, written as `terraform fmt` would leave them.

What `terraform fmt` does (checked against version 1.11.4): two spaces a level; the `=` of attributes that
stand on consecutive lines, each on one line, are aligned; an attribute that spans lines, a block, a comment
or an empty line ends such a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Lists and objects longer than this are written over several lines.
_WIDTH = 100
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True)
class Expression:
    """Code, such as `google_compute_network.network.id`."""

    code: str


@dataclass(frozen=True)
class Template:
    """A string with expressions in it: literal text and expressions, in order."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True)
class Json:
    """A value that the provider takes as JSON text: written as `jsonencode(...)`."""

    value: Any


@dataclass(frozen=True)
class Attribute:
    """`name = value`."""

    name: str
    value: Any


@dataclass(frozen=True)
class Comment:
    """A line of text behind `#`."""

    text: str


@dataclass
class Block:
    """`type "label" "label" { ... }`."""

    type: str
    labels: tuple[str, ...] = ()
    body: list[Attribute | Block | Comment] = field(default_factory=list)
    #: Lines above the block.
    comments: tuple[str, ...] = ()

    def attribute(self, name: str) -> Any:
        """The value of an attribute, or None."""
        return next((one.value for one in self.body if isinstance(one, Attribute) and one.name == name), None)


def identifier(text: str) -> str:
    """A name as Terraform wants it: letters, digits and underscores."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return f"_{name}" if name[:1].isdigit() else name


def document(blocks: Iterable[Block], heading: Sequence[str] = ()) -> str:
    """A file: a heading of comment lines, then blocks with an empty line between."""
    parts = ["\n".join(f"# {line}".rstrip() for line in heading)] if heading else []
    parts += ["\n".join(_block(block, 0)) for block in blocks]
    return "\n\n".join(parts) + "\n"


def assignments(attributes: Sequence[Attribute], heading: Sequence[str]) -> str:
    """A file of nothing but attributes, such as `terraform.tfvars`."""
    return document((), heading) + "\n" + "\n".join(_attributes(attributes, 0)) + "\n"


def value(given: Any, depth: int = 0) -> str:
    """One value as code; lines after the first are indented for an attribute at that depth."""
    if isinstance(given, Expression):
        return given.code
    if isinstance(given, Template):
        return (
            '"'
            + "".join(
                f"${{{part.code}}}" if isinstance(part, Expression) else _escaped(part)
                for part in given.parts
            )
            + '"'
        )
    if isinstance(given, Json):
        return f"jsonencode({value(given.value, depth)})"
    if isinstance(given, Mapping):
        return _object(given, depth)
    if isinstance(given, list | tuple):
        return _list(given, depth)
    return _scalar(given)


def _scalar(given: Any) -> str:
    if given is None:
        return "null"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return json.dumps(given)
    return f'"{_escaped(str(given))}"'


def _escaped(text: str) -> str:
    """Quoted text: JSON's escapes, and `${` and `%{` doubled."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    return quoted.replace("${", "$${").replace("%{", "%%{")


def _list(items: Sequence[Any], depth: int) -> str:
    simple = all(not isinstance(item, Mapping | list | tuple | Json) for item in items)
    line = f"[{', '.join(value(item) for item in items)}]"
    if not items or (simple and len(line) <= _WIDTH):
        return line
    inner = "  " * (depth + 1)
    lines = [f"{inner}{_short_object(item) or value(item, depth + 1)}," for item in items]
    return "\n".join(["[", *lines, f"{'  ' * depth}]"])


def _short_object(given: Any) -> str:
    """An object of scalars on one line, where it is short; else empty."""
    if not isinstance(given, Mapping) or not given:
        return ""
    if any(isinstance(item, Mapping | list | tuple | Json) for item in given.values()):
        return ""
    inner = ", ".join(f"{_key(key)} = {value(item)}" for key, item in given.items())
    return f"{{ {inner} }}" if len(inner) <= _WIDTH - 20 else ""


def _object(items: Mapping[str, Any], depth: int) -> str:
    if not items:
        return "{}"
    lines = _attributes([Attribute(_key(key), item) for key, item in items.items()], depth + 1)
    return "\n".join(["{", *lines, f"{'  ' * depth}}}"])


def _key(key: str) -> str:
    """An object's key: bare where it is a name, else quoted; a reference in it is a template already."""
    return key if _IDENTIFIER.match(key) or key.startswith('"') else f'"{_escaped(key)}"'


def _attributes(run: Sequence[Attribute], depth: int) -> list[str]:
    """Attributes as lines, `=` aligned in each run of one-line attributes."""
    lines: list[str] = []
    waiting: list[tuple[str, str]] = []
    indent = "  " * depth

    def flush() -> None:
        width = max((len(name) for name, _ in waiting), default=0)
        lines.extend(f"{indent}{name.ljust(width)} = {code}" for name, code in waiting)
        waiting.clear()

    for attribute in run:
        code = value(attribute.value, depth)
        if "\n" in code:
            flush()
            lines.append(f"{indent}{attribute.name} = {code}")
        else:
            waiting.append((attribute.name, code))
    flush()
    return lines


def _block(block: Block, depth: int) -> list[str]:
    indent = "  " * depth
    head = " ".join([block.type, *(f'"{label}"' for label in block.labels)])
    above = [f"{indent}# {line}".rstrip() for line in block.comments]
    if not block.body:
        return [*above, f"{indent}{head} {{}}"]
    return [*above, f"{indent}{head} {{", *_body(block.body, depth + 1), f"{indent}}}"]


def _body(body: Sequence[Attribute | Block | Comment], depth: int) -> list[str]:
    """Groups with an empty line between: one-line attributes, each longer attribute, each block."""
    groups: list[list[str]] = []
    short: list[Attribute] = []

    def flush() -> None:
        if short:
            groups.append(_attributes(short, depth))
            short.clear()

    for item in body:
        if isinstance(item, Attribute) and "\n" not in value(item.value):
            short.append(item)
            continue
        flush()
        if isinstance(item, Attribute):
            groups.append(_attributes([item], depth))
        elif isinstance(item, Comment):
            groups.append([f"{'  ' * depth}# {item.text}"])
        else:
            groups.append(_block(item, depth))
    flush()
    lines: list[str] = []
    for index, group in enumerate(groups):
        lines += [*([""] if index else []), *group]
    return lines


def codes(given: Any) -> Iterator[str]:
    """The code of every expression in a value, attribute or block."""
    if isinstance(given, Expression):
        yield given.code
    elif isinstance(given, Template):
        yield from (code for part in given.parts for code in codes(part))
    elif isinstance(given, Json | Attribute):
        yield from codes(given.value)
    elif isinstance(given, Block):
        yield from (code for item in given.body for code in codes(item))
    elif isinstance(given, Mapping):
        yield from (code for item in given.values() for code in codes(item))
    elif isinstance(given, list | tuple):
        yield from (code for item in given for code in codes(item))


def with_code(given: Any, change: Callable[[str], str]) -> Any:
    """The same value with the code of each of its expressions changed."""
    if isinstance(given, Expression):
        return Expression(change(given.code))
    if isinstance(given, Template):
        return Template(tuple(with_code(part, change) for part in given.parts))
    if isinstance(given, Json):
        return Json(with_code(given.value, change))
    if isinstance(given, Attribute):
        return Attribute(given.name, with_code(given.value, change))
    if isinstance(given, Block):
        return Block(
            given.type, given.labels, [with_code(item, change) for item in given.body], given.comments
        )
    if isinstance(given, Mapping):
        return {key: with_code(item, change) for key, item in given.items()}
    if isinstance(given, list | tuple):
        return [with_code(item, change) for item in given]
    return given
