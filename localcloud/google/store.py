"""What exists in the local project: resources and operations, in memory and on disk."""

from __future__ import annotations

import copy
import json
import os
import sqlite3
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Stored:
    """One resource or operation.

    Attributes:
        key: `<api>/<path without version>`, such as `redis/projects/p/locations/l/instances/i`.
        type: `<api>/<collection>`, such as `redis/projects.locations.instances`.
        body: what Google's API shows.
        private: what it doesn't (passwords, payloads, names of engines).
        backing: what stands behind it, `simulated` or an engine.
        busy: an operation is changing it.
    """

    key: str
    type: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict, repr=False)
    backing: str = "simulated"
    busy: bool = False

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def path(self) -> str:
        """Its path without the API."""
        return self.key.split("/", 1)[1]


class Store:
    """All resources by key. Thread-safe; what `get` and `list` return are copies, `put` writes them back."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT, 0o600))
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A killed process loses nothing; only a crash of the whole machine could.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS stored (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
        )
        rows = self._database.execute("SELECT value FROM stored ORDER BY rowid")
        self._all = {one.key: one for one in (Stored(**json.loads(value)) for (value,) in rows)}

    def get(self, key: str) -> Stored | None:
        """The resource of that key."""
        with self._lock:
            return copy.deepcopy(self._all.get(key))

    def put(self, stored: Stored) -> None:
        """Store, in place of what had the key."""
        with self._lock:
            self._all[stored.key] = copy.deepcopy(stored)
            self._write(stored)

    def add(self, stored: Stored) -> bool:
        """Store, unless the key is taken (then False)."""
        with self._lock:
            if stored.key in self._all:
                return False
            self.put(stored)
            return True

    def claim(self, key: str) -> Stored | None:
        """Mark as busy and return it; None where it is gone or already busy."""
        with self._lock:
            found = self._all.get(key)
            if found is None or found.busy:
                return None
            found.busy = True
            return copy.deepcopy(found)

    def remove(self, key: str) -> list[Stored]:
        """Remove it and everything under it but operations, which can still be asked for; returns what was
        removed."""
        with self._lock:
            below = [one for one in self._all if one.startswith(f"{key}/")]
            keys = [one for one in [key, *below] if one in self._all and "/operations/" not in one]
            for one in keys:
                self._database.execute("DELETE FROM stored WHERE key = ?", (one,))
            return [self._all.pop(one) for one in keys]

    def of_type(self, type_name: str, parent: str = "", parts: int = 1) -> list[Stored]:
        """Resources of a type under a parent path (`-` stands for any segment), in the order of creation.

        Args:
            parts: of how many segments their names are.
        """
        with self._lock:
            return [
                copy.deepcopy(one)
                for one in self._all.values()
                if one.type == type_name and _under(one.path, parent, parts)
            ]

    def children(self, key: str) -> list[Stored]:
        """Everything under a resource."""
        with self._lock:
            return [copy.deepcopy(one) for one in self._all.values() if one.key.startswith(f"{key}/")]

    def everything(self) -> list[Stored]:
        """All resources and operations."""
        with self._lock:
            return [copy.deepcopy(one) for one in self._all.values()]

    def _write(self, stored: Stored) -> None:
        self._database.execute(
            "INSERT INTO stored VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            (stored.key, json.dumps(asdict(stored))),
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def _under(path: str, parent: str, parts: int) -> bool:
    if not parent:
        return True
    wanted, given = parent.split("/"), path.split("/")
    return len(given) == len(wanted) + 1 + parts and all(
        a in ("-", b) for a, b in zip(wanted, given, strict=False)
    )
