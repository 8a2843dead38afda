"""Objects, their versions and what changed: in memory, written through to SQLite, watched by queues.

Stored objects are never changed in place: every write puts a new one, so readers may hold what they got.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Object = dict[str, Any]
Key = tuple[str, str]

#: Events kept for watches that resume; older resource versions are answered with 410.
HISTORY = 4096


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``old`` is None on create, ``deleted`` on removal (then ``new`` is the last state)."""

    revision: int
    resource: str
    new: Object
    old: Object | None
    deleted: bool

    @property
    def key(self) -> Key:
        """Namespace (empty for cluster scope) and name."""
        return key_of(self.new)


def key_of(obj: Object) -> Key:
    """Namespace and name of an object."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def copy(obj: Any) -> Any:
    """A deep copy of JSON data (faster than copy.deepcopy)."""
    return orjson.loads(orjson.dumps(obj))


class Watcher:
    """Changes of one resource, in order, for one client."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.queue: asyncio.Queue[Change | None] = asyncio.Queue()


class Store:
    """Every object of the cluster, by resource and key.

    Args:
        path: SQLite file; a write is in it before the call returns, so a killed server loses none.
    """

    def __init__(self, path: Path) -> None:
        self._objects: dict[str, dict[Key, Object]] = {}
        self._owned: dict[str, set[tuple[str, Key]]] = {}
        self._uids: dict[str, tuple[str, Key]] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._watchers: dict[str, set[Watcher]] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._database = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=OFF",
            "CREATE TABLE IF NOT EXISTS objects (resource TEXT, namespace TEXT, name TEXT, revision INTEGER, "
            "body BLOB, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER)",
        ):
            self._database.execute(statement)
        self.revision = self._load()
        #: Watches from before this revision cannot be resumed.
        self.oldest = self.revision

    def _load(self) -> int:
        newest = 0
        for resource, revision, body in self._database.execute(
            "SELECT resource, revision, body FROM objects"
        ):
            obj = orjson.loads(body)
            self._objects.setdefault(resource, {})[key_of(obj)] = obj
            self._index(resource, obj, None)
            newest = max(newest, revision)
        stored = self._database.execute("SELECT value FROM revision").fetchone()
        return max(newest, stored[0] if stored else 1)

    def close(self) -> None:
        """Remember the revision and close the file."""
        self._database.execute("INSERT OR REPLACE INTO revision VALUES (1, ?)", (self.revision,))
        self._database.close()

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object, not to be changed in place; None where there is none."""
        return self._objects.get(resource, {}).get((namespace, name))

    def resources(self) -> list[str]:
        """Resources that have had objects."""
        return list(self._objects)

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Objects of a resource, of one namespace or (empty) of all, sorted by key."""
        objects = self._objects.get(resource, {})
        if namespace:
            return [objects[key] for key in sorted(k for k in objects if k[0] == namespace)]
        return [objects[key] for key in sorted(objects)]

    def owned_by(self, uid: str, resource: str = "") -> Iterator[tuple[str, Object]]:
        """Objects whose ownerReferences name ``uid``, with their resource."""
        for found, key in sorted(self._owned.get(uid, ())):
            if not resource or found == resource:
                yield found, self._objects[found][key]

    def by_uid(self, uid: str) -> tuple[str, Object] | None:
        """The living object with this uid, with its resource."""
        found = self._uids.get(uid)
        return None if found is None else (found[0], self._objects[found[0]][found[1]])

    def put(self, resource: str, obj: Object) -> Object:
        """Store an object under the next revision; return it as stored."""
        key = key_of(obj)
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        objects = self._objects.setdefault(resource, {})
        old = objects.get(key)
        objects[key] = obj
        self._index(resource, obj, old)
        self._database.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
            (resource, *key, self.revision, orjson.dumps(obj)),
        )
        self._publish(Change(self.revision, resource, obj, old, False))
        return obj

    def remove(self, resource: str, namespace: str, name: str) -> Object | None:
        """Remove an object; the last state carries the revision of the removal."""
        old = self._objects.get(resource, {}).pop((namespace, name), None)
        if old is None:
            return None
        self.revision += 1
        self._index(resource, None, old)
        self._database.execute(
            "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?",
            (resource, namespace, name),
        )
        last = old | {"metadata": old["metadata"] | {"resourceVersion": str(self.revision)}}
        self._publish(Change(self.revision, resource, last, old, True))
        return last

    def _index(self, resource: str, new: Object | None, old: Object | None) -> None:
        if old is not None:
            entry = (resource, key_of(old))
            self._uids.pop(old["metadata"].get("uid", ""), None)
            for owner in old["metadata"].get("ownerReferences", ()):
                owned = self._owned.get(owner["uid"], set())
                owned.discard(entry)
                if not owned:
                    self._owned.pop(owner["uid"], None)
        if new is not None:
            entry = (resource, key_of(new))
            self._uids[new["metadata"].get("uid", "")] = entry
            for owner in new["metadata"].get("ownerReferences", ()):
                self._owned.setdefault(owner["uid"], set()).add(entry)

    # Changes

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` after every write, in order."""
        self._listeners.append(listener)

    def _publish(self, change: Change) -> None:
        if len(self._history) == HISTORY:
            self.oldest = self._history[0].revision
        self._history.append(change)
        for watcher in self._watchers.get(change.resource, ()):
            watcher.queue.put_nowait(change)
        for listener in self._listeners:
            listener(change)

    def watch(self, resource: str, since: int | None) -> Watcher | None:
        """A watcher of what comes (and came after revision ``since``); None when that is too long ago."""
        watcher = Watcher(resource)
        if since is not None:
            if since < self.oldest:
                return None
            newer = itertools.dropwhile(lambda c: c.revision <= since, self._history)
            for change in newer:
                if change.resource == resource:
                    watcher.queue.put_nowait(change)
        self._watchers.setdefault(resource, set()).add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self._watchers.get(watcher.resource, set()).discard(watcher)

    def end_watches(self) -> None:
        """Tell every watcher that the server stops."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.queue.put_nowait(None)
