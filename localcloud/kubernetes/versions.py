"""Requests in a version that is served but not kept: turned into the kept one's, and the answers back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import orjson

from localcloud.kubernetes import conversion, patching
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.routing import Request, Target
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.validation import decode
from localcloud.kubernetes.verbs import Verbs


class Versions:
    """The way into the kept version and out of it."""

    def __init__(self, verbs: Verbs, kinds: Kinds) -> None:
        self._verbs, self._kinds = verbs, kinds

    def kept(self, request: Request, target: Target, body: Any) -> tuple[Request, Target, list[str]]:
        """The same request in the kept version, and warnings about its body.

        A patch becomes an update: it was written against fields that the kept version may not have. It holds
        for the object as it is, so nothing that changed meanwhile gets lost.

        Raises:
            ApiError: the body is wrong in the version it is in.
        """
        kind, storage = target.kind, self._kinds.storage_of(target.kind)
        target = replace(target, kind=storage)
        if request.method not in ("POST", "PUT", "PATCH"):
            return request, target, []
        node, media = self._verbs.node(kind), request.content_type
        if request.method == "PATCH" and media != patching.APPLY:
            live = conversion.shown(self._verbs.get(storage, target.namespace, target.name), kind)
            body = patching.apply_patch(live, body, media, None if self._verbs.custom(kind) else node)
            request = replace(request, method="PUT")
        obj, warnings = decode(body, node, kind, request.write_options.strictness)
        headers = request.headers | ({} if media == patching.APPLY else {"content-type": "application/json"})
        content = orjson.dumps(conversion.kept(obj, kind, storage))
        return replace(request, body=content, headers=headers), target, warnings

    def shown(self, kind: Kind, body: Any) -> Any:
        """An answer's object or list in the version asked for; a Table or a Status as it is."""
        storage = self._kinds.storage_of(kind)
        if not isinstance(body, dict) or body.get("apiVersion") != storage.api_version:
            return body
        if body["kind"] == f"{kind.kind}List":
            items = [conversion.shown(item, kind) for item in body["items"]]
            return body | {"apiVersion": kind.api_version, "items": items}
        return conversion.shown(body, kind) if body["kind"] == kind.kind else body

    async def stream(self, kind: Kind, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A watch's events with their objects in the version asked for."""
        async with aclosing(lines) as source:  # type: ignore[type-var]
            async for line in source:
                event: Object = orjson.loads(line)
                event["object"] = self.shown(kind, event["object"])
                yield orjson.dumps(event) + b"\n"
