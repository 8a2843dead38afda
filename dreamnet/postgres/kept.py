"""Sessions that a step keeps for its small tasks: opening one costs several round trips and a handshake."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from dreamnet.postgres.database import Connection, Database

FRESH_S = 1.0
"""A session that has been idle for longer is not trusted: whatever lies between may have dropped it without a
word, which shows only when an answer does not come."""
PATIENCE_S = 3.0
"""Small tasks are answered at once, so that it may be asked early whether the server is at work for one."""


@dataclass
class _Place:
    session: Connection | None = None
    used: float = 0.0
    free: Lock = field(default_factory=Lock)

    def take(self, database: Database, application: str) -> Connection:
        """The session that is here, if it is fresh; else a new one in its place."""
        if self.session is None or not self._fresh(self.session):
            self.close()
            self.session = database.connect(application, patience=PATIENCE_S)
        return self.session

    def _fresh(self, session: Connection) -> bool:
        if session.closed or time.monotonic() - self.used > FRESH_S:
            return False
        # What the server says to an idle session is mostly that it ends.
        said = select.poll()
        said.register(session.fileno(), select.POLLIN)
        return not said.poll(0)

    def close(self) -> None:
        if self.session is not None:
            self.session.close()
        self.session = None


class Kept:
    """One session a database, each lent to one borrower at a time."""

    def __init__(self) -> None:
        self._places: dict[Database, _Place] = {}

    @contextmanager
    def keep(self, databases: Iterable[Database]) -> Iterator[None]:
        """From their first loan to the end of the block, keep sessions with these."""
        self._places = {database: _Place() for database in databases}
        try:
            yield
        finally:
            places, self._places = self._places, {}
            for place in places.values():
                place.close()

    @contextmanager
    def lend(self, database: Database, application: str) -> Iterator[Connection]:
        """The kept session; one for this loan alone where none is kept, or it is lent already.

        It is in autocommit mode, and keeps no setting of a borrower's beyond his transaction. Raises what
        Database.connect raises.
        """
        place = self._places.get(database)
        if place is None or not place.free.acquire(blocking=False):
            with database.connect(application) as own:
                yield own
            return
        try:
            yield place.take(database, application)
        finally:
            place.used = time.monotonic()
            place.free.release()
