"""What came of one migration under faults: how it went, and what the databases hold in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from benchmarks.fault_plan import Fault
from benchmarks.migration_trial import Writer, titles
from dreamnet.postgres import Database, catalog, checksums


@dataclass
class Outcome:
    """One round.

    Attributes:
        faults: by kind, how many struck. story: what happened, in order.
        resumed: how often a step was run again. lost, doubled: acknowledged writes that are missing, and
            writes that are there twice or although they were refused, on whichever database has most.
        wrong: everything that is not as it must be; empty: the round is right.
    """

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    resumed: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        """Seconds since it began."""
        return round(time.monotonic() - self._began, 1)

    def tell(self, what: str) -> None:
        """Add a line to the story."""
        self.story.append(f"{self.elapsed():5.1f} s  {what}")

    def struck(self, step: str, fault: Fault) -> None:
        """A fault strikes now, begun with a step."""
        self.faults[fault.kind] += 1
        self.tell(f"{step}: {fault}")

    def failed(self, step: str, said: dict[str, str]) -> None:
        """An attempt at a step has ended before it was done."""
        self.resumed += 1
        self.tell(f"{step} ended: {said['kind']} {said['problem']}".rstrip())
        if said["kind"] == "VerificationError" and not self.wrong:
            self.wrong.append(f"{step} found a difference: {said['problem']}")
        elif said["kind"] != "killed" and not said["remedy"]:
            self.wrong.append(f"{step} failed without a remedy: {said['problem']}")


def compare(databases: Sequence[Database], client: Writer, outcome: Outcome) -> None:
    """Hold every database against what the client was told, and against the others, row by row."""
    outcome.acknowledged = len(client.acknowledged)
    wanted, possible = set(client.acknowledged), {*client.acknowledged, *client.unsure}
    sums = []
    for database in databases:
        found = Counter(titles(database))
        lost = wanted - found.keys()
        doubled = [title for title, times in found.items() if times > 1 or title not in possible]
        with database.connect() as connection:
            row = connection.execute(
                "SELECT count(*) FROM events e JOIN dreams d ON d.id = e.dream WHERE d.title LIKE 'written%'"
            ).fetchone()
            sums.append(
                {
                    name: (one.rows, one.total)
                    for name, one in checksums.checksums(connection, catalog.tables(connection)).items()
                }
            )
        outcome.lost, outcome.doubled = max(outcome.lost, len(lost)), max(outcome.doubled, len(doubled))
        if lost or doubled or row != (found.total(),):
            outcome.wrong.append(
                f"{database.label}: lost {sorted(lost)[:3]}, doubled {sorted(doubled)[:3]},"
                f" {found.total()} dreams with {row} events"
            )
    outcome.wrong += [
        f"{database.label}: {name} is {its.get(name)} and {of} on {databases[0].label}"
        for database, its in zip(databases, sums, strict=True)
        for name, of in sums[0].items()
        if its.get(name) != of
    ]


#: What must be gone once the migration is finished.
_LEFT = {
    "slots": "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()",
    "publications": "SELECT pubname FROM pg_publication",
    "subscriptions": "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
    " WHERE d.datname = current_database()",
    "sessions": "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'dreamnet:%' AND state <> 'idle'",
}


def nothing_left(databases: Sequence[Database], outcome: Outcome) -> None:
    """See that nothing of the migration stays, that the primary takes writes, and the old one does not."""
    for database in databases:
        with database.connect() as connection:
            for what, query in _LEFT.items():
                if found := connection.execute(query.encode()).fetchall():
                    outcome.wrong.append(f"{database.label} still has {what}: {found}")
    source, primary, _ = databases
    with primary.connect() as connection:
        connection.execute("SET lock_timeout = '5s'")
        for table in catalog.tables(connection):
            if said := _refusal(connection, table.name):
                outcome.wrong.append(f"{primary.label} refuses writes to {table.name}: {said}")
    with source.connect() as connection:
        for table in catalog.tables(connection):
            if not _refusal(connection, table.name):
                outcome.wrong.append(f"{source.label} still takes writes to {table.name}")


def _refusal(connection: psycopg.Connection[tuple[object, ...]], table: catalog.Name) -> str:
    """Why a write that changes nothing is refused; empty where it is taken."""
    try:
        connection.execute(sql.SQL("DELETE FROM {} WHERE false").format(table.sql))
    except psycopg.Error as error:
        return str(error.diag.message_primary)
    return ""
