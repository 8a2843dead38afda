"""What a migration keeps in a database, found there by its names: the records may be lost or out of reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet.errors import GameplanError
from dreamnet.postgres import replication, state
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.replication import Link

# Keys as Parties gives them: numbers, `back` and `source`. Without them the names of a migration `a` would
# be found among those of a migration `a_b`.
_PUBLICATION = "([0-9]+|back)"
_SLOT = _PUBLICATION + "_([0-9]+|source)"


@dataclass(frozen=True)
class Traces:
    """Names of a migration's subscriptions, slots and publications in one database."""

    subscriptions: tuple[str, ...]
    slots: tuple[str, ...]
    publications: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.subscriptions or self.slots or self.publications)


def find(connection: Connection, migration: str) -> Traces:
    """What there is of a migration."""
    stem = Link(migration, "").publication

    def names(query: str, key: str) -> tuple[str, ...]:
        return tuple(row[0] for row in connection.execute(query.encode(), (f"^{stem}{key}$",)).fetchall())

    return Traces(
        names(
            "SELECT subname FROM pg_subscription WHERE subname ~ %s"
            " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1",
            _SLOT,
        ),
        names(
            "SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ %s"
            " AND database = current_database() ORDER BY 1",
            _SLOT,
        ),
        names("SELECT pubname FROM pg_publication WHERE pubname ~ %s ORDER BY 1", _PUBLICATION),
    )


def remove_subscriptions(connection: Connection, migration: str) -> None:
    """Drop a migration's subscriptions; what they were subscribed to need not answer."""
    for name in find(connection, migration).subscriptions:
        replication.unsubscribe(connection, name)


def remove_publications(connection: Connection, migration: str) -> None:
    """Drop a migration's slots, whoever reads them, and publications with their heartbeats."""
    found, stem = find(connection, migration), Link(migration, "").publication
    for name in found.slots:
        replication.drop_slot(connection, name)
    for name in found.publications:
        replication.unpublish(connection, Link(migration, name.removeprefix(stem)))


def unfinished(migration: str, source: Database, targets: Sequence[Database]) -> str:
    """Why a migration is not known to be finished, as half a sentence; empty where it is, or never began.

    Targets that have records of it are asked as well as the source, which publishes until the end: either
    may be out of reach. Where none of them answers, an unfinished migration cannot be ruled out.
    """
    silent: list[str] = []
    for database in (source, *targets):
        try:
            with database.connect() as connection, explained(database, "read its catalogue"):
                if find(connection, migration) or migration in state.migrations(connection):
                    return f"the migration {migration} is not finished"
        except GameplanError:  # whatever the reason: it does not tell
            silent.append(database.label)
    if len(silent) <= len(targets):
        return ""
    return f"whether the migration {migration} is finished cannot be told: no answer from {', '.join(silent)}"
