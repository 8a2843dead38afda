"""Freezing writes at a publisher: short, without superuser, and undone by itself if we die.

How, and why so. Other ways were weighed:

* `default_transaction_read_only` for the database is only a default that a client may override, reaches
  existing sessions only by ending them (errors at once, not after the switch), and stays behind if we die.
* REVOKE does not hold back an owner for good and would also stop replication back to this database.
* Locks on all tables (SHARE ROW EXCLUSIVE) meet transactions between two tables: one that has written to
  the first and waits for the second, which we have, while we wait for the first. Among writers that follow
  each other closely there is always one.

Instead every write passes a gate (see `gate`), which one transaction takes for itself: it waits for writers
at work, lets readers through, and makes new writers *wait* instead of fail. If our process or its connection
dies, the server rolls the transaction back and writing goes on. To go on, it is rolled back; to leave the
database read-only, the gate is shut before the transaction ends: at that instant the waiting writers pass
and get an error (SQLSTATE 25006) that no application takes for an acknowledgement. There is no moment in
between in which a stale writer could slip through.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from psycopg import sql

from dreamnet.postgres import gate
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database, explained


class Frozen:
    """A held freeze. Leaving the `with` block without `keep()` ends it and lets writers go on."""

    def __init__(self, database: Database, connection: Connection, since: float) -> None:
        self._database, self._connection = database, connection
        self.since = since
        """time.monotonic() at which the first write could have begun to wait."""

    def __enter__(self) -> Frozen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()  # an open transaction is rolled back by the server

    def keep(self) -> None:
        """From here on every write ends in an error until `gate.thaw`."""
        with explained(self._database, "make tables refuse writes"):
            gate.shut(self._connection)
            # Its commit also makes the sequence's value survive a crash of the server.
            self._connection.execute("COMMIT")


def freeze(database: Database, tables: Sequence[Table], application: str, hold_s: float = 30) -> Frozen:
    """Make writers wait.

    Args:
        hold_s: the server ends our transaction if we are silent for so long (a hung client freezes nobody
        for ever).

    Raises:
        GameplanError: naming who blocks us, if the locks cannot be had in short attempts.
    """
    connection = database.connect(application)
    try:
        with explained(database, "hold back writes"):
            gate.build(database, connection, [table.name for table in tables])
            limit = f"{int(hold_s * 1000)}ms"
            connection.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (limit,)
            )
            since = gate.in_short_attempts(database, connection, lambda: _hold(connection, tables))
    except BaseException:
        connection.close()
        raise
    return Frozen(database, connection, since)


def _hold(connection: Connection, tables: Sequence[Table]) -> None:
    # Locking a partitioned table locks its partitions too.
    listed = sql.SQL(", ").join(table.name.sql for table in tables if not table.partition)
    connection.execute("BEGIN")
    # Nothing that writes is held back by this lock, but whoever would change a table or truncate it is: he
    # must not sit behind the gate with a lock that readers wait for.
    connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(listed))
    gate.close_lock(connection)
