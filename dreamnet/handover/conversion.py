"""A vendor's document as the attributes and blocks of a Terraform resource, along the provider's schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.handover.hcl import Attribute, Block, Comment, Expression, Json, Template
from dreamnet.handover.providers import Attributes, computed, find, inside, kind
from dreamnet.handover.terms import Terms

Items = list[Attribute | Block | Comment]


@dataclass
class Conversion:
    """Turns bodies into attributes and blocks.

    Attributes:
        terms: translates references.
        left_over: paths of fields that the provider has no attribute for.
    """

    terms: Terms
    left_over: list[str] = field(default_factory=list)

    def items(self, body: Mapping[str, Any], attributes: Attributes, where: str = "") -> Items:
        """The body's fields as attributes, then as blocks, in the body's order.

        Args:
            body: what the vendor's API calls the fields.
            attributes: what the provider offers at this place.
            where: the path of the body, for `left_over`.
        """
        plain_items: Items = []
        blocks: Items = []
        for key, given in body.items():
            if key == "lifecycle":  # Terraform's own, in no schema of a provider
                blocks.append(Block(key, (), [Attribute(name, value) for name, value in given.items()]))
                continue
            name = find(key, attributes)
            if name is None or computed(attributes[name]):
                self.left_over.append(f"{where}/{key}")
            elif kind(attributes[name]) in ("block", "block1"):
                blocks += self._blocks(name, given, attributes[name], f"{where}/{key}")
            else:
                plain_items.append(Attribute(name, self._value(given, attributes[name], f"{where}/{key}")))
        return [*plain_items, *blocks]

    def _blocks(self, name: str, given: Any, spec: Any, where: str) -> Iterable[Block]:
        for item in given if isinstance(given, list) else [given]:
            if not isinstance(item, Mapping):
                self.left_over.append(where)
                continue
            yield Block(name, (), self.items(item, inside(spec), where))

    def _value(self, given: Any, spec: Any, where: str) -> Any:
        form = kind(spec)
        if form in ("object", "objects", "map"):
            return self._nested(given, form, inside(spec), where)
        if form == "string" and isinstance(given, Mapping | list):
            return Json(self.terms.deep(given))
        if form in ("strings", "numbers") and not isinstance(given, list | Mapping):
            return [self.terms.deep(given)]
        return _typed(self.terms.deep(given), form)

    def _nested(self, given: Any, form: str, attributes: Attributes, where: str) -> Any:
        if isinstance(given, str):
            return self.terms.text(given)
        if form == "map":
            return {key: self._object(item, attributes, f"{where}/{key}") for key, item in given.items()}
        if form == "object":
            return self._object(given, attributes, where)
        return [
            self._object(item, attributes, where) for item in (given if isinstance(given, list) else [given])
        ]

    def _object(self, given: Any, attributes: Attributes, where: str) -> Any:
        if not isinstance(given, Mapping):
            return self.terms.deep(given)
        return {
            item.name: item.value
            for item in self.items(given, attributes, where)
            if isinstance(item, Attribute)
        }


def _typed(given: Any, form: str) -> Any:
    """A scalar in the type that the provider wants: the vendors' JSON writes large numbers as text."""
    if isinstance(given, Expression | Template | list | Mapping) or given is None:
        return given
    if form == "number" and isinstance(given, str):
        return float(given) if "." in given else int(given)
    if form == "string" and isinstance(given, bool):
        return "true" if given else "false"
    if form == "string":
        return str(given)
    if form == "bool" and isinstance(given, str):
        return given == "true"
    return given


def moved(body: Mapping[str, Any], moves: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the body with fields renamed, moved or (to the empty path) left out.

    Args:
        body: nested mappings and lists.
        moves: path to path, such as `settings/dataDiskSizeGb` to `settings/disk_size`. Lists on the way stand
            for each of their elements, as long as both paths share the way to them.
    """
    copy: dict[str, Any] = _copied(body)
    for source, target in moves.items():
        _move(copy, source.split("/"), target.split("/") if target else [])
    return copy


def _copied(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {key: _copied(item) for key, item in given.items()}
    return [_copied(item) for item in given] if isinstance(given, list) else given


def _move(node: Any, source: list[str], target: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _move(item, source, target)
    elif not isinstance(node, dict):
        return
    elif len(source) > 1 and (not target or (len(target) > 1 and source[0] == target[0])):
        if source[0] == "*":
            for item in node.values():
                _move(item, source[1:], target[1:])
        else:
            _move(node.get(source[0]), source[1:], target[1:])
        _without_empty(node, source[0])
    else:
        _replace(node, source, target)


def _without_empty(node: dict[str, Any], key: str) -> None:
    """A mapping that a move has emptied goes too."""
    if node.get(key) == {}:
        del node[key]


def _replace(node: dict[str, Any], source: list[str], target: list[str]) -> None:
    above: list[dict[str, Any]] = [node]
    for part in source[:-1]:
        inner = above[-1].get(part)
        if not isinstance(inner, dict):
            return
        above.append(inner)
    if source[-1] not in above[-1]:
        return
    given = above[-1].pop(source[-1])
    for part, parent in zip(reversed(source[:-1]), reversed(above[:-1]), strict=True):
        if not parent[part]:
            del parent[part]
    for part in target[:-1]:
        node = node.setdefault(part, {})
    if target:
        node[target[-1]] = given
