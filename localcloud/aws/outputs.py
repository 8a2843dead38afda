"""Outputs that a simulated type has to have, and properties that must not be shown."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dreamnet.resources.aws.schemas import ResourceSchema

#: The usual prefixes of EC2's identifiers (EC2 user guide, "Resource IDs").
_PREFIXES = {
    "NatGateway": "nat",
    "EIP": "eipalloc",
    "NetworkAcl": "acl",
    "VPCEndpoint": "vpce",
    "FlowLog": "fl",
}


def without(properties: Mapping[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """The properties without these paths (`A/B`, `A/*/B`)."""
    result: Any = dict(properties)
    for path in paths:
        result = _without(result, path.split("/"))
    return dict(result)


def _without(value: Any, parts: list[str]) -> Any:
    if isinstance(value, list) and parts[0] == "*":
        return [_without(element, parts[1:]) for element in value] if len(parts) > 1 else []
    if not isinstance(value, Mapping) or parts[0] not in value:
        return value
    rest = {key: child for key, child in value.items() if key != parts[0]}
    if len(parts) > 1:
        inner = _without(value[parts[0]], parts[1:])
        if inner or not value[parts[0]]:
            rest[parts[0]] = inner
    return rest


def named(schema: ResourceSchema, desired: dict[str, Any]) -> None:
    """Give the identifier's parts that the caller may choose, but left out, a name, as AWS does."""
    kind = schema.type_name.rsplit("::", 1)[-1].lower()
    for part in schema.identifier:
        if part not in schema.read_only and "/" not in part and part not in desired:
            desired[part] = f"{kind}-{secrets.token_hex(6)}"


def invented_outputs(
    schema: ResourceSchema, properties: dict[str, Any], region: str, account_id: str
) -> dict[str, Any]:
    """Fill in identifiers and ARNs, which others may refer to, where nothing behind the type gave them."""
    result = dict(properties)
    service, kind = schema.type_name.split("::")[1:3]
    fallback = f"{_PREFIXES.get(kind, kind.lower())}-{secrets.token_hex(9)[:17]}"
    for path in schema.read_only:
        if "/" in path or path in result or not _is_string(schema, path):
            continue
        if path.endswith("Arn"):
            name = next((str(result[part]) for part in schema.identifier if part in result), fallback)
            result[path] = f"arn:aws:{service.lower()}:{region}:{account_id}:{kind.lower()}/{name}"
        elif path in schema.identifier or path in ("Id", f"{kind}Id"):
            result[path] = fallback
    return result


def _is_string(schema: ResourceSchema, path: str) -> bool:
    kind = schema.resolve(schema.properties.get(path, {})).get("type", "string")
    return kind == "string" or (isinstance(kind, list) and "string" in kind)
