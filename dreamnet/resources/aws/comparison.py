"""Compares declared properties with live ones, by the rules of the type's schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamnet.resources.aws.schemas import ResourceSchema
from dreamnet.resources.model import Change

#: A declared count from which an autoscaler moves on, with the bounds that it keeps to: by the type and the
#: property that holds them. EKS shows a node group's present size as its DesiredSize (EKS API reference,
#: NodegroupScalingConfig, November 2026).
AUTOSCALED: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("AWS::EKS::Nodegroup", "ScalingConfig"): ("DesiredSize", "MinSize", "MaxSize")
}


def changes(schema: ResourceSchema, declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[Change]:
    """The declared properties that differ.

    Properties that the declaration doesn't name are AWS's business, write-only ones can't be compared, arrays
    whose order means nothing by the schema are compared as sets, only the declared tags count, and a count
    that an autoscaler moves counts where it is outside of the declared bounds.
    """
    found: list[Change] = []
    for name, given in declared.items():
        value = _without_moved_count(schema, name, given, live.get(name))
        if name == schema.tag_property:
            found.extend(_tag_changes(schema, name, value, live.get(name)))
        else:
            found.extend(
                _Comparison(schema).differences((name,), schema.properties.get(name, {}), value, live)
            )
    return found


def _without_moved_count(schema: ResourceSchema, name: str, declared: Any, live: Any) -> Any:
    """The declared value without the count of `AUTOSCALED` where the live one is within its bounds."""
    names = AUTOSCALED.get((schema.type_name, name))
    if names is None or not isinstance(live, Mapping) or names[0] not in live:
        return declared
    count, low, high = names
    moved = low in declared and high in declared and declared[low] <= live[count] <= declared[high]
    return {key: value for key, value in declared.items() if key != count} if moved else declared


def tags_of(properties: Mapping[str, Any], name: str | None) -> dict[str, str]:
    """Tags as a mapping, whichever of AWS's two forms they have."""
    tags = properties.get(name) if name else None
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}


def tags_as_declared(schema: ResourceSchema, tags: Mapping[str, str]) -> Any:
    """Tags in the form that the type wants: an object, or an array of `{Key, Value}`."""
    if schema.tags_are_a_map:
        return dict(tags)
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _tag_changes(schema: ResourceSchema, name: str, declared: Any, live: Any) -> Iterator[Change]:
    wanted, present = tags_of({name: declared}, name), tags_of({name: live}, name)
    if any(present.get(key) != value for key, value in wanted.items()):
        yield Change(f"/{name}", live, tags_as_declared(schema, {**present, **wanted}))


class _Comparison:
    """One walk through declared and live values, schema beside them."""

    def __init__(self, schema: ResourceSchema) -> None:
        self.schema = schema

    def differences(
        self, path: tuple[str, ...], schema: Mapping[str, Any], declared: Any, parent: Any
    ) -> Iterator[Change]:
        """The differences at one path, whose live value, if any, `parent` has under the path's last part."""
        if _matches(path, self.schema.write_only):
            return
        if path[-1] not in parent:
            visible = self._visible(path, declared)
            if not _empty(visible):
                yield self._change(path, None, visible)
            return
        live = parent[path[-1]]
        if isinstance(declared, Mapping) and isinstance(live, Mapping):
            for key, value in declared.items():
                yield from self.differences((*path, key), self.schema.child(schema, key), value, live)
        elif not self._equal(path, schema, declared, live):
            yield self._change(path, live, declared)

    def _equal(self, path: tuple[str, ...], schema: Mapping[str, Any], declared: Any, live: Any) -> bool:
        if isinstance(declared, list) and isinstance(live, list):
            return len(declared) == len(live) and self._same_elements(path, schema, declared, live)
        return _scalar_equal(declared, live)

    def _same_elements(
        self, path: tuple[str, ...], schema: Mapping[str, Any], declared: Sequence[Any], live: Sequence[Any]
    ) -> bool:
        element = self.schema.element(schema)
        if not self.schema.unordered(schema):
            return all(
                self._covers(path, element, one, other) for one, other in zip(declared, live, strict=True)
            )
        left = list(live)
        for one in declared:
            match = next((other for other in left if self._covers(path, element, one, other)), None)
            if match is None:
                return False
            left.remove(match)
        return True

    def _covers(self, path: tuple[str, ...], element: Mapping[str, Any], declared: Any, live: Any) -> bool:
        """The live element has everything that the declared one says."""
        return not any(True for _ in self.differences((*path, "*"), element, declared, {"*": live}))

    def _visible(self, path: tuple[str, ...], declared: Any) -> Any:
        """The declared value without what is write-only below it."""
        if not isinstance(declared, Mapping):
            return declared
        return {
            key: self._visible((*path, key), value)
            for key, value in declared.items()
            if not _matches((*path, key), self.schema.write_only)
        }

    def _change(self, path: tuple[str, ...], before: Any, after: Any) -> Change:
        return Change(
            "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path),
            before,
            after,
            replacement=_matches(path, self.schema.create_only),
        )


def _matches(path: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """The path, or something above it, is one of the schema's paths."""
    return any(path[: len(parts)] == parts for parts in (tuple(p.split("/")) for p in patterns))


def _empty(value: Any) -> bool:
    """AWS leaves out what is empty or off; a declaration may spell it."""
    return value is False or value in ("", [], {})


def _scalar_equal(declared: Any, live: Any) -> bool:
    if declared == live:
        return True
    if isinstance(declared, str | Mapping | list) and isinstance(live, str | Mapping | list):
        one, other = _parsed(declared), _parsed(live)
        return isinstance(one, Mapping | list) and one == other  # JSON as text: policies, dashboards
    if isinstance(declared, bool) or isinstance(live, bool):
        return str(declared).lower() == str(live).lower()
    # Numbers that a type shows as text (AllocatedStorage) or the other way round.
    return not isinstance(declared, Mapping | list) and str(declared) == str(live)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
