"""Sessions that a step keeps for its small tasks: opening one costs several round trips and a handshake."""

from __future__ import annotations

import select
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock

from dreamnet.postgres.database import Connection, Database


@dataclass(frozen=True)
class _Session:
    session: Connection
    free: Lock = field(default_factory=Lock)

    @property
    def untouched(self) -> bool:
        """Whether it is as it was left: what the server says to an idle session is mostly that it ends."""
        if self.session.closed:
            return False
        waiting = select.poll()
        waiting.register(self.session.fileno(), select.POLLIN)
        return not waiting.poll(0)


class Kept:
    """One session a database, each lent to one borrower at a time."""

    def __init__(self) -> None:
        self._sessions: dict[Database, _Session] = {}

    @contextmanager
    def keep(self, databases: Iterable[Database], application: str) -> Iterator[None]:
        """Open a session with each; they end with the block. Raises what Database.connect raises."""
        with ExitStack() as stack:
            stack.callback(self._sessions.clear)
            for database in databases:
                self._sessions[database] = _Session(stack.enter_context(database.connect(application)))
            yield

    @contextmanager
    def lend(self, database: Database, application: str) -> Iterator[Connection]:
        """The kept session; a new one where none is kept, it is lent already, or it has broken off.

        It is in autocommit mode, and keeps no setting of a borrower's beyond his transaction.
        """
        with ExitStack() as stack:
            kept = self._sessions.get(database)
            if kept is not None and kept.free.acquire(blocking=False):
                stack.callback(kept.free.release)
                if kept.untouched:
                    yield kept.session
                    return
            yield stack.enter_context(database.connect(application))
