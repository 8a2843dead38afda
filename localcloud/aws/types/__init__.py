"""What stands behind a resource type: calls to the service's own API, so that its clients see the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Properties = dict[str, Any]
#: Gives a boto3 client by its service and, where it is not the request's, its region.
Clients = Callable[..., Any]


class HandlerError(Exception):
    """A handler's failure, with one of Cloud Control's handler error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TypeHandler(Protocol):
    """One resource type. `aws` gives boto3 clients of the request's region for this endpoint.

    `create` returns the outputs (identifier included), `read` the live values that the service may have
    changed since (None for a property that it has no more), or None where the thing is gone; `update` gets
    the properties before and after.
    """

    @property
    def backing(self) -> str:
        """What is behind it: `kubernetes`, `postgresql`, `valkey`, `process`, `moto`, or `simulated`."""
        ...

    def create(self, aws: Clients, properties: Properties) -> Properties: ...

    def read(self, aws: Clients, properties: Properties) -> Properties | None: ...

    def update(self, aws: Clients, before: Properties, after: Properties) -> Properties: ...

    def delete(self, aws: Clients, properties: Properties) -> None: ...


def _same(aws: Clients, properties: Properties) -> Properties:
    return {}


@dataclass(frozen=True)
class ServiceType:
    """A handler made of functions; without `on_update` a change is refused, not pretended."""

    backing: str
    on_create: Callable[[Clients, Properties], Properties]
    on_delete: Callable[[Clients, Properties], None]
    on_update: Callable[[Clients, Properties, Properties], Properties | None] | None = None
    on_read: Callable[[Clients, Properties], Properties | None] = _same

    def create(self, aws: Clients, properties: Properties) -> Properties:
        """Make it."""
        return self.on_create(aws, properties)

    def read(self, aws: Clients, properties: Properties) -> Properties | None:
        """What the service says now."""
        return self.on_read(aws, properties)

    def update(self, aws: Clients, before: Properties, after: Properties) -> Properties:
        """Change it in place."""
        if self.on_update is None:
            raise HandlerError("InvalidRequest", "changing this type in place is not in the rehearsal")
        return self.on_update(aws, before, after) or {}

    def delete(self, aws: Clients, properties: Properties) -> None:
        """Remove it."""
        self.on_delete(aws, properties)


def pick(properties: Mapping[str, Any], names: str) -> dict[str, Any]:
    """Those of the properties (`A B C`, or `A:b` to rename) that are given."""
    pairs = [name.partition(":") for name in names.split()]
    return {new or old: properties[old] for old, _, new in pairs if old in properties}


def tags_map(properties: Mapping[str, Any], name: str = "Tags") -> dict[str, str]:
    """Tags as a mapping."""
    tags = properties.get(name) or {}
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most types have them: `{Key, Value}`, by key."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[list[str], list[dict[str, str]]]:
    """The keys to remove and the tags to set, as most services want them."""
    old, new = tags_map(before), tags_map(after)
    return sorted(old.keys() - new.keys()), tag_list({k: v for k, v in new.items() if old.get(k) != v})


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The names of the properties that differ."""
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def document(value: Any) -> str:
    """A policy document as the services want it: JSON text."""
    import json

    return value if isinstance(value, str) else json.dumps(value)
