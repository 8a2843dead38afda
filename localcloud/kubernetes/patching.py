"""JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' strategic merge patch."""

from __future__ import annotations

from typing import Any

import jsonpatch

from localcloud.kubernetes.errors import ApiError, bad_request
from localcloud.kubernetes.schema import Node
from localcloud.kubernetes.storage import copy

JSON, MERGE, STRATEGIC, APPLY = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def apply_patch(live: dict[str, Any], patch: Any, content_type: str, node: Node | None) -> dict[str, Any]:
    """A patched copy of ``live``.

    Raises:
        ApiError: 400 or 422 on a patch that makes no sense, 415 on an unknown media type.
    """
    if content_type == JSON:
        return _json_patch(live, patch)
    if not isinstance(patch, dict):
        raise bad_request("a JSON object is expected")
    if content_type == MERGE:
        return dict(merge(copy(live), patch))
    if content_type == STRATEGIC:
        if node is None:
            raise ApiError(
                415, "UnsupportedMediaType", "strategic merge patch is not supported for custom resources"
            )
        return dict(strategic(copy(live), patch, node))
    raise ApiError(
        415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {content_type}"
    )


def _json_patch(live: dict[str, Any], patch: Any) -> dict[str, Any]:
    if not isinstance(patch, list):
        raise bad_request("json patch: a list of operations is expected")
    try:
        patched = jsonpatch.apply_patch(copy(live), patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
        raise ApiError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from error
    return dict(patched)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = target if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def strategic(target: dict[str, Any], patch: dict[str, Any], node: Node | None) -> dict[str, Any]:
    """Merge by the definitions' patch strategies, with ``$patch`` and its companions."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != "$patch"}
    if directive == "delete":
        return {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        target = {k: v for k, v in target.items() if k in retained}
    for name, value in patch.items():
        if name.startswith("$"):
            _list_directive(target, name, value, node)
        elif value is None:
            target.pop(name, None)
        else:
            target[name] = _strategic_member(target.get(name), value, node.field(name) if node else None)
    for name, order in patch.items():
        if name.startswith("$setElementOrder/"):
            _order(target, name.partition("/")[2], order, node)
    return target


def _strategic_member(live: Any, value: Any, node: Node | None) -> Any:
    if isinstance(value, dict):
        return strategic(live if isinstance(live, dict) else {}, value, node)
    if isinstance(value, list) and node is not None and node.merges:
        current = live if isinstance(live, list) else []
        if node.merge_key:
            return _strategic_list(current, value, node)
        return current + [item for item in value if item not in current]
    return value


def _strategic_list(live: list[Any], patch: list[Any], node: Node) -> list[Any]:
    key = node.merge_key
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(live)
    for item in patch:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, have in enumerate(result) if have.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [have for have in result if have.get(key) != item[key]]
        elif index is None:
            result.append(strategic({}, item, node.items))
        else:
            result[index] = strategic(dict(result[index]), item, node.items)
    return result


def _list_directive(target: dict[str, Any], name: str, value: Any, node: Node | None) -> None:
    directive, _, member = name.partition("/")
    if directive == "$deleteFromPrimitiveList" and member in target:
        target[member] = [item for item in target[member] if item not in value]


def _order(target: dict[str, Any], member: str, order: list[Any], node: Node | None) -> None:
    """Sort a merged list as ``$setElementOrder`` says; items it does not name keep their place after."""
    child = node.field(member) if node else None
    if member not in target or child is None:
        return
    key = child.merge_key
    wanted = [item[key] if isinstance(item, dict) else item for item in order]
    rank = {value: i for i, value in enumerate(wanted)}

    def place(item: Any) -> int:
        return rank.get(item.get(key) if isinstance(item, dict) else item, len(rank))

    target[member] = sorted(target[member], key=place)
