"""CloudFormation's properties in the shapes that the services' APIs want, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.types import Properties, tag_list, tags_map


def lower(value: Any) -> Any:
    """`{"SubnetIds": ...}` as `{"subnetIds": ...}`, all the way down."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower(child) for key, child in value.items()}
    return [lower(child) for child in value] if isinstance(value, list) else value


def upper(value: Any) -> Any:
    """`{"subnetIds": ...}` as `{"SubnetIds": ...}`, all the way down."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: upper(child) for key, child in value.items()}
    return [upper(child) for child in value] if isinstance(value, list) else value


def declared_tags(properties: Properties, name: str = "Tags") -> list[dict[str, str]]:
    """The declared tags as `[{Key, Value}]`, whichever form they have."""
    return tag_list(tags_map(properties, name))


def shown_tags(tags: Mapping[str, str] | list[dict[str, str]] | None, name: str = "Tags") -> Properties:
    """A service's tags as CloudFormation's property, in the list form; nothing where there are none."""
    if isinstance(tags, Mapping):
        return {name: tag_list(tags)}
    return {name: [{"Key": one["Key"], "Value": one.get("Value", "")} for one in tags or ()]}


def retag(
    before: Properties,
    after: Properties,
    tag: Callable[[dict[str, str]], Any],
    untag: Callable[[list[str]], Any],
    name: str = "Tags",
) -> None:
    """Bring a thing's tags from before to after: `untag` gets the keys that go, `tag` what is new."""
    old, new = tags_map(before, name), tags_map(after, name)
    gone = [key for key in old if key not in new]
    if gone:
        untag(gone)
    added = {key: value for key, value in new.items() if old.get(key) != value}
    if added:
        tag(added)


def again(put: Any) -> Any:
    """An update that is the creation again."""

    def update(aws: Any, before: Properties, after: Properties) -> Properties:
        return dict(put(aws, after) or {})

    return update
