"""Changes of a database's schema since its copy began: logical replication carries rows, and no DDL.

The schema is noted when the copy begins and read again at every look. What differs is named, unless every
follower has the same change: running the statement there too is a remedy, after which the subscriptions go on
by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from dreamnet.errors import VerificationError
from dreamnet.postgres import definitions, verify
from dreamnet.postgres.database import Connection, Database, explained

Key = tuple[str, str, str]
"""(kind, object, part of it or ''), e.g. ('column', 'public.dreams', 'mood')."""

LOCK_TIMEOUT_MS = 2000
"""How long reading definitions waits behind an ALTER TABLE at work."""

# What else is declared is definitions': a target may have its provider's extensions beside the source's.
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'"

_ROWS = ("table", "column", "type")


@dataclass(frozen=True)
class Schema:
    """What one database declares, and when it was read."""

    version: int
    at: str
    objects: Mapping[Key, str]

    def stored(self) -> dict[str, Any]:
        """JSON-able, for the records."""
        objects = [[*key, definition] for key, definition in self.objects.items()]
        return {"version": self.version, "at": self.at, "objects": objects}

    @classmethod
    def from_stored(cls, kept: Mapping[str, Any]) -> Schema:
        """What `stored` gave."""
        return cls(
            int(kept["version"]),
            str(kept["at"]),
            {(row[0], row[1], row[2]): row[3] for row in kept["objects"]},
        )


@dataclass(frozen=True)
class Change:
    """One object that is not as it was.

    Args:
        what: the object and the change, in words. since: when the schema was noted (ISO 8601): it is younger.
        breaks: whether rows can no longer follow; else followers merely lack it after the cut-over.
    """

    what: str
    since: str
    breaks: bool
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def read(connection: Connection) -> Schema:
    """What the database declares now.

    Raises:
        psycopg.errors.LockNotAvailable: a session has held a table or index to itself for LOCK_TIMEOUT_MS.
    """
    objects: dict[Key, str] = {}
    # Rolled back: in a caller's transaction the settings would stay. An empty search_path qualifies names.
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT set_config('search_path', '', true)")
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(LOCK_TIMEOUT_MS),))
        for (name, part), definition in verify.schema_of(connection).items():
            kind, _, rest = part.partition(" ")
            objects[kind, name, rest] = definition or ""
        objects |= {("extension", name, ""): "" for (name,) in connection.execute(_EXTENSIONS).fetchall()}
    version = connection.info.server_version // 10000
    return Schema(version, datetime.now(UTC).isoformat(timespec="seconds"), objects)


def compare(
    before: Schema, publisher: Connection, followers: Sequence[tuple[Database, Connection]]
) -> list[Change]:
    """What has changed at the publisher and is not the same on every follower, those that break it first.

    A follower whose schema cannot be read, as a table of it is locked, counts as different. Raises as `read`.
    """
    now = read(publisher)
    if now.objects == before.objects:
        return []
    published = {
        f"{row[0]}.{row[1]}"
        for row in publisher.execute(
            "SELECT schemaname, tablename FROM pg_publication_tables WHERE starts_with(pubname, 'dreamnet_')"
        ).fetchall()
    }
    theirs: dict[str, Schema] = {}
    for database, connection in followers:
        with explained(database, "read its schema"), suppress(psycopg.errors.LockNotAvailable):
            theirs[database.label] = read(connection)
    unread = [database.label for database, _ in followers if database.label not in theirs]
    theirs |= {label: Schema(now.version, now.at, {}) for label in unread}
    return sorted(_changes(before, now, theirs, published), key=lambda change: not change.breaks)


def refuse(
    before: Schema | None,
    consequence: str,
    all_changes: bool,
    publisher: Connection,
    followers: Sequence[tuple[Database, Connection]],
) -> None:
    """Raise if anything has changed, or (not `all_changes`) only if rows can no longer follow.

    Raises:
        VerificationError: names the first changes, then `consequence` and the first one's remedy.
    """
    if before is None:  # nothing has been copied yet
        return
    found = [one for one in compare(before, publisher, followers) if one.breaks or all_changes]
    if found:
        shown = "; ".join(change.what for change in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise VerificationError(
            f"The schema of {publisher.info.dbname} has changed since the copy began: {shown}{more}.",
            f"{consequence} {found[0].remedy}",
        )


def _changes(
    before: Schema, now: Schema, followers: Mapping[str, Schema], published: set[str]
) -> Iterator[Change]:
    keys = before.objects.keys() | now.objects.keys()
    # A table that came or went is one change, not one for each of its columns.
    moved = {
        name
        for kind, name, _ in keys
        if kind == "table" and _status(before, now, (kind, name, "")) != "different"
    }
    for key in sorted(keys):
        kind, name, _ = key
        if before.objects.get(key) == now.objects.get(key) or (name in moved and kind != "table"):
            continue
        others = [label for label, theirs in followers.items() if not _same(now, theirs, key)]
        status = _status(before, now, key)
        unpublished = kind == "table" and status == "new" and name not in published
        if unpublished and not now.objects[key].startswith("partitioned"):
            yield Change(f"{_words(before, now, key)} and in no publication", before.at, True, _NEW_TABLE)
        elif others:
            yield Change(
                _words(before, now, key),
                before.at,
                _breaks(key, status, before),
                f"Run the same statement on {' and '.join(others)}; following then goes on by itself. "
                "Otherwise give the migration up and begin anew.",
            )


_NEW_TABLE = (
    "Drop the table until after the cut-over; to take it along, give the migration up and begin anew."
)


def _status(before: Schema, now: Schema, key: Key) -> str:
    if (key in before.objects) == (key in now.objects):
        return "different"
    return "new" if key in now.objects else "gone"


def _same(now: Schema, theirs: Schema, key: Key) -> bool:
    mine, found = now.objects.get(key), theirs.objects.get(key)
    if mine is None or found is None:
        return mine is found
    return mine == found or (key[0] in definitions.PRINTED and now.version != theirs.version)


def _breaks(key: Key, status: str, before: Schema) -> bool:
    """Whether a row that the publisher accepts may be one that a follower cannot take, or takes wrongly."""
    if key[0] in _ROWS:
        return True
    # A follower that still demands what the publisher no longer does refuses rows.
    demanded = key[0] == "constraint" or (key[0] == "index" and "UNIQUE" in before.objects.get(key, ""))
    return demanded and status != "new"


def _words(before: Schema, now: Schema, key: Key) -> str:
    kind, name, part = key
    status = _status(before, now, key)
    was, found = before.objects.get(key, "").strip(), now.objects.get(key, "").strip()
    if kind == "column":
        return {
            "new": f"table {name} has a new column {part} ({found})",
            "gone": f"table {name} has lost its column {part}",
            "different": f"column {part} of table {name} is {found} and was {was}",
        }[status]
    subject = f"{kind} {name}"
    if kind == "function":
        subject = f"function {name}({part})"
    elif part:
        subject = f"{kind} {part} of table {name}"
    short = kind in ("type", "sequence", "table") and status == "different"
    return f"{subject} is {status}" + (f": {found} instead of {was}" if short else "")
