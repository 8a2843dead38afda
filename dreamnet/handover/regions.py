"""What both regions have alike, as one Terraform module that is called twice.

Twins are two resources of one type and one shape, of which the second's name says so (`gke_cluster` and
`gke_cluster_second`). They become one resource of the module; where they differ stands a variable: `suffix`
in names, others for places, address ranges and whatever the rest of the configuration gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.handover.export import Export, Exported
from dreamnet.handover.hcl import (
    Attribute,
    Block,
    Comment,
    Expression,
    Json,
    Template,
    codes,
    value,
    with_code,
)

#: The module's two calls.
FIRST, SECOND = "first", "second"
_MARK = "-second"
#: Names that no variable of a module may have.
_RESERVED = ("source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals")
#: A reference into a resource or a variable, with the attribute that follows.
REFERENCE = re.compile(r"\b(google_\w+|awscc_\w+|aws_\w+|var)\.(\w+)((?:\.\w+|\[\d+\])*)")


class _Differs(Exception):
    """Two resources have no common form."""


@dataclass
class Input:
    """A variable of the module, and what its two calls give."""

    name: str
    first: Any
    second: Any


@dataclass
class Regions:
    """The module.

    Attributes:
        twins: the first region's resource and the second's.
        blocks: the module's resources, in the twins' order.
        inputs: its variables.
        outputs: its outputs: name to code. They come to be as `outside` is asked for them.
        moved: address in the configuration -> the call, and the address in the module.
    """

    twins: list[tuple[Exported, Exported]]
    blocks: list[Block] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    moved: dict[str, tuple[str, str]] = field(default_factory=dict)

    def address(self, one: Exported) -> str:
        """Where a resource is, seen from the configuration that calls the module."""
        call = self.moved.get(one.address)
        return f"module.{call[0]}.{call[1]}" if call else one.address

    def outside(self, given: Any) -> Any:
        """A value of the calling configuration with its references into twins led through outputs."""
        return with_code(given, self._outside)

    def _outside(self, code: str) -> str:
        return REFERENCE.sub(self._output, code)

    def _output(self, found: re.Match[str]) -> str:
        call = self.moved.get(f"{found[1]}.{found[2]}")
        if call is None:
            return found[0]
        inner = f"{call[1]}{found[3]}" if found[3] else f"{call[1]}.id"
        name = re.sub(r"\W+", "_", inner.split(".", 1)[1]).strip("_")
        self.outputs[name] = inner
        return f"module.{call[0]}.{name}"


def regions(exported: Export) -> Regions:
    """Find the twins, and write the module; without any it is empty."""
    pairs = [*_pairs(exported)]
    while True:
        result = Regions(pairs)
        for first, second in pairs:
            result.moved[first.address] = (FIRST, first.address)
            result.moved[second.address] = (SECOND, first.address)
        failed = _fill(result, exported)
        if not failed:
            return result
        pairs = [pair for pair in pairs if pair[0].address not in failed]


def _pairs(exported: Export) -> Iterator[tuple[Exported, Exported]]:
    by_name = {one.name: one for one in exported.exported}
    places = {one.region for one in exported.exported}
    for second in exported.exported:
        if "_second" not in second.name:
            continue
        bases = (second.name.replace("_second", change, 1) for change in ("", "_first"))
        first = next((by_name[base] for base in bases if base in by_name), None)
        alike = first and first.type == second.type and not first.type.beta
        placed = first and (len(places) == 1 or (first.region, second.region) == _places(exported))
        if first and alike and placed:
            yield first, second


def _places(exported: Export) -> tuple[str, str]:
    cloud = exported.cloud
    return f"${{{cloud}.region}}", f"${{{cloud}.second_region}}"


def _fill(result: Regions, exported: Export) -> set[str]:
    """Write the module's resources; the first's addresses of those that have no common form."""
    merge = _Merge(result, {one.id: one for one in exported.exported if not one.part})
    failed = set()
    for first, second in result.twins:
        try:
            result.blocks.append(merge.resource(first, second))
        except _Differs:
            failed.add(first.address)
    result.inputs = [*merge.inputs.values()]
    return failed


def _marked(first: str, second: str) -> bool:
    """Whether the second text is the first, or the first with the mark."""
    return first in (second, second.replace(_MARK, "", 1))


class _Merge:
    """Puts two twins into one, collecting what the calls have to give."""

    def __init__(self, result: Regions, by_id: Mapping[str, Exported]) -> None:
        self.moved = result.moved
        self.by_id = by_id
        self.inputs: dict[str, Input] = {}
        self.resource_name = ""

    def resource(self, first: Exported, second: Exported) -> Block:
        self.resource_name = re.sub(r"_first\b", "", first.name)
        body = self._items(first.block.body, second.block.body)
        needs = self._needs(first, second)
        if needs:
            body.append(Attribute("depends_on", needs))
        heads = (f"{first.id}, {second.id}", *first.notes[1:])
        return Block("resource", first.block.labels, body, heads)

    def _needs(self, first: Exported, second: Exported) -> list[Expression]:
        """What must exist before: twins by their address, others through a variable."""
        inner: list[list[str]] = []
        outer: list[list[Expression]] = []
        for call, one in ((FIRST, first), (SECOND, second)):
            addresses = [self.by_id[need].address for need in one.needs]
            within = [each for each in addresses if self.moved.get(each, ("", ""))[0] == call]
            inner.append([self.moved[each][1] for each in within])
            outer.append([Expression(f"{each}.id") for each in addresses if each not in within])
        needs = [Expression(each) for each in dict.fromkeys([*inner[0], *inner[1]])]
        if any(outer):
            needs.append(self._input(f"{self.resource_name}_after", *outer))
        return needs

    def _items(self, first: list[Any], second: list[Any]) -> list[Attribute | Block | Comment]:
        if len(first) != len(second):
            raise _Differs
        merged: list[Attribute | Block | Comment] = []
        for one, other in zip(first, second, strict=True):
            if isinstance(one, Attribute) and isinstance(other, Attribute) and one.name == other.name:
                merged.append(Attribute(one.name, self._value(one.name, one.value, other.value)))
            elif isinstance(one, Block) and isinstance(other, Block) and one.type == other.type:
                merged.append(Block(one.type, one.labels, self._items(one.body, other.body)))
            else:
                raise _Differs
        return merged

    def _value(self, name: str, first: Any, second: Any) -> Any:
        if isinstance(first, Json) and isinstance(second, Json):
            return Json(self._value(name, first.value, second.value))
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            if [*first] != [*second]:
                raise _Differs
            return {key: self._value(key, first[key], second[key]) for key in first}
        if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
            return [self._value(name, one, other) for one, other in zip(first, second, strict=True)]
        if isinstance(first, Template) and isinstance(second, Template):
            return self._template(name, first, second)
        if isinstance(first, str) and isinstance(second, str):
            return self._text(name, first, second)
        if isinstance(first, Expression) and isinstance(second, Expression):
            return Expression(self._code(name, first.code, second.code))
        if first == second and not isinstance(first, Template):
            return first
        return self._input(name, first, second)

    def _template(self, name: str, first: Template, second: Template) -> Any:
        if [type(part) for part in first.parts] != [type(part) for part in second.parts]:
            return self._input(name, first, second)
        parts: list[str | Expression] = []
        for one, other in zip(first.parts, second.parts, strict=True):
            if isinstance(one, str) and isinstance(other, str) and not _marked(one, other):
                return self._input(name, first, second)
            merged = self._value(name, one, other)
            parts += merged.parts if isinstance(merged, Template) else [merged]
        return Template(tuple(parts))

    def _text(self, name: str, first: str, second: str) -> Any:
        """Equal texts stay; a name that the second has with its mark takes the suffix; others a variable."""
        if first == second:
            return first
        if _marked(first, second):
            before, _, after = second.partition(_MARK)
            self.inputs["suffix"] = Input("suffix", "", _MARK)
            return Template(tuple(part for part in (before, Expression("var.suffix"), after) if part))
        return self._input(name, first, second)

    def _code(self, name: str, first: str, second: str) -> str:
        """References to twins stay; all others come from outside."""
        if first == second and not REFERENCE.search(first):
            return first  # a word of Terraform's own
        one, other = self._within(first, FIRST), self._within(second, SECOND)
        if one is not None or other is not None:
            if one != other or one is None:
                raise _Differs
            return one
        words = [part for part in first.split(".") if not part.endswith("]")]
        if words[0] == "var":
            name = words[1] if first == second else re.sub(r"^(google|aws)_", "", words[1])
        elif first == second:
            name = "_".join(words[1:])
        return self._input(name, Expression(first), Expression(second)).code

    def _within(self, code: str, call: str) -> str | None:
        """The code with its twin's address in the module, or None where it refers to something else."""
        found = REFERENCE.match(code)
        moved = self.moved.get(f"{found[1]}.{found[2]}") if found else None
        if found is None or moved is None or moved[0] != call:
            return None
        return f"{moved[1]}{found[3]}"

    def _input(self, name: str, first: Any, second: Any) -> Expression:
        """A variable for these two values: one that has the same two, or a new one."""
        if any(self._twin(code) for given in (first, second) for code in codes(given)):
            raise _Differs
        for known in self.inputs.values():
            if (value(known.first), value(known.second)) == (value(first), value(second)):
                return Expression(f"var.{known.name}")
        name = re.sub(r"\W", "_", name)
        if name in self.inputs or name in _RESERVED:
            name = f"{self.resource_name}_{name}"
        base, number = name, 2
        while name in self.inputs:
            name, number = f"{base}_{number}", number + 1
        self.inputs[name] = Input(name, first, second)
        return Expression(f"var.{name}")

    def _twin(self, code: str) -> bool:
        return any(f"{found[1]}.{found[2]}" in self.moved for found in REFERENCE.finditer(code))
