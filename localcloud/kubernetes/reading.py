"""Lists (selectors, pages, tables) and watches."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from localcloud.kubernetes import tables
from localcloud.kubernetes.errors import ApiError, bad_request
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.routing import Request, Target
from localcloud.kubernetes.selectors import parse_fields, parse_labels
from localcloud.kubernetes.storage import Change, Object, Store, Watcher

#: Lists whose next pages are remembered.
MAX_CONTINUES = 256
#: Bookmarks come about once a minute, and this long before a watch's time-out
#: (kubernetes.io/docs/reference/using-api/api-concepts and the API server's cacher, read November 2026).
BOOKMARK_SECONDS, BEFORE_END = 60.0, 2.0
Filter = Callable[[Object], bool]


def selection(request: Request, target: Target) -> Filter:
    """Whether an object is among those the request asks for."""
    labels = parse_labels(request.query.get("labelSelector", ""))
    fields = parse_fields(request.query.get("fieldSelector", ""), target.kind.resource)

    def selected(obj: Object) -> bool:
        metadata = obj["metadata"]
        if target.namespace and metadata.get("namespace") != target.namespace:
            return False
        if target.name and metadata["name"] != target.name:
            return False
        return labels(metadata.get("labels") or {}) and fields(obj)

    return selected


def wants_table(request: Request) -> bool:
    """Whether the client prefers a Table (kubectl get)."""
    return "as=Table" in request.headers.get("accept", "").partition(",")[0]


def wants_objects(request: Request) -> bool:
    """Whether a Table's rows are to hold their objects (kubectl get --sort-by)."""
    return request.query.get("includeObject") == "Object"


class Lists:
    """Consistent pages: what a limited list leaves out is kept for its continue token."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rest: dict[str, tuple[str, list[Object]]] = {}

    def page(self, request: Request, target: Target) -> Object:
        """A list, or a page of it."""
        token, limit = request.query.get("continue", ""), request.number("limit") or 0
        if token:
            if token not in self._rest:
                message = "The provided continue parameter is too old to display a consistent list result."
                raise ApiError(410, "Expired", message)
            revision, objects = self._rest[token]
        else:
            selected = selection(request, target)
            revision = str(self._store.revision)
            objects = [o for o in self._store.list(target.kind.resource, target.namespace) if selected(o)]
        metadata: Object = {"resourceVersion": revision}
        if limit and len(objects) > limit:
            objects, rest = objects[:limit], objects[limit:]
            token = secrets.token_urlsafe(16)
            while len(self._rest) >= MAX_CONTINUES:
                del self._rest[next(iter(self._rest))]
            self._rest[token] = (revision, rest)
            metadata |= {"continue": token, "remainingItemCount": len(rest)}
        return self.render(request, target.kind, objects, metadata)

    @staticmethod
    def render(request: Request, kind: Kind, objects: list[Object], metadata: Object) -> Object:
        """As the client wants it: a list or a Table."""
        if wants_table(request):
            return tables.table(kind.resource, objects, metadata, kind.columns, wants_objects(request))
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": objects,
        }


def _line(event: str, obj: Any) -> bytes:
    return orjson.dumps({"type": event, "object": obj}) + b"\n"


def _transition(change: Change, selected: Filter) -> str:
    """What a change means for a client that sees only selected objects; empty for nothing."""
    now = not change.deleted and selected(change.new)
    before = change.old is not None and selected(change.old)
    if now:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else ""


def _bookmark_pause(request: Request) -> float | None:
    """Seconds between bookmarks; None where the client wants none."""
    if not request.flag("allowWatchBookmarks"):
        return None
    ends = request.number("timeoutSeconds") or 0
    return min(BOOKMARK_SECONDS, ends - BEFORE_END) if ends > BEFORE_END else BOOKMARK_SECONDS


def _since(request: Request) -> int | None:
    """The revision after which to begin; None for the present state first."""
    text = request.query.get("resourceVersion", "")
    if text and not text.isdigit():
        raise bad_request(f"invalid resource version {text!r}")
    return int(text) if text not in ("", "0") else None


async def _changes(watcher: Watcher, pause: float | None) -> AsyncIterator[Change | None]:
    """Changes until the server stops, and None every ``pause`` seconds, however many changes come."""
    loop = asyncio.get_running_loop()
    due = loop.time() + pause if pause is not None else None
    while True:
        try:
            async with asyncio.timeout_at(due):
                change = await watcher.queue.get()
        except TimeoutError:
            # Nothing waits in the queue: the client has seen all up to the present revision.
            yield None
            due = loop.time() + pause if pause is not None else None
            continue
        if change is None:
            return
        yield change


class Watches:
    """Watch streams of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def stream(self, request: Request, target: Target) -> AsyncIterator[bytes]:
        """Events as JSON lines, until the server stops (the caller ends it on time-out or disconnect)."""
        selected = selection(request, target)
        kind, initial = target.kind, request.flag("sendInitialEvents")
        since = None if initial else _since(request)
        watcher = self._store.watch(kind.resource, since)
        if watcher is None:
            message = f"too old resource version: {since} ({self._store.oldest})"
            yield _line("ERROR", ApiError(410, "Expired", message).status())
            return
        table = wants_table(request)

        def shown(obj: Object) -> Object:
            if not table:
                return obj
            revision = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return tables.table(kind.resource, [obj], revision, kind.columns, wants_objects(request))

        pause = _bookmark_pause(request)
        try:
            if since is None:
                for obj in [o for o in self._store.list(kind.resource, target.namespace) if selected(o)]:
                    yield _line("ADDED", shown(obj))
                if initial and request.flag("allowWatchBookmarks"):
                    yield _line("BOOKMARK", self._bookmark(kind, {"k8s.io/initial-events-end": "true"}))
            async for change in _changes(watcher, pause):
                if change is None:
                    yield _line("BOOKMARK", self._bookmark(kind))
                elif event := _transition(change, selected):
                    yield _line(event, shown(change.new))
        finally:
            self._store.unwatch(watcher)

    def _bookmark(self, kind: Kind, annotations: Object | None = None) -> Object:
        metadata: Object = {"resourceVersion": str(self._store.revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
