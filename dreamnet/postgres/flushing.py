"""Making servers flush their WAL often, so that nobody who copies into them waits for it.

COPY loads through a ring of 16 MB of the server's buffers; before it uses one again, the WAL of what is in it
must be on disk (PostgreSQL, src/backend/storage/buffer/README, "Buffer Ring Replacement Strategy"). The WAL
writer flushes every 200 ms, in which COPY may load more than that: sessions then flush themselves and wait
for each other's flush, with processors idle. A transaction that commits without waiting for its own flush
wakes the WAL writer sooner (PostgreSQL's documentation of wal_writer_delay).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from dreamnet.errors import GameplanError
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.kept import PATIENCE_S

EVERY_S = 0.015
"""In which a session that loads 300 MB a second fills less than a third of its ring."""


@contextmanager
def often(databases: Sequence[Database], application: str, progress: Callable[[str], None]) -> Iterator[None]:
    """Until the block ends, have each database flush every EVERY_S seconds, with a session of its own.

    Where that cannot be, `progress` is told, and the block only takes longer.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(len(databases), thread_name_prefix="flush") as pool:
        flushing = [pool.submit(_flush, database, application, progress, stop) for database in databases]
        try:
            yield
        finally:
            stop.set()
        for one in flushing:
            one.result()


def _flush(
    database: Database, application: str, progress: Callable[[str], None], stop: threading.Event
) -> None:
    try:
        with (
            explained(database, "flush its WAL often"),
            database.connect(application, patience=PATIENCE_S) as session,
        ):
            session.execute("SET synchronous_commit = off")
            while not stop.wait(EVERY_S):
                # A transaction without an id of its own has nothing to commit.
                session.execute("SELECT pg_current_xact_id()")
    except GameplanError as error:
        progress(f"the copy goes on, only slower: {error.problem}")
