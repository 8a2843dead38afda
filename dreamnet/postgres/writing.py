"""Writing COPY streams in large blocks.

psycopg's own writer copies a large block to cut it, and waits for the connection with each of the parts: a
tenth more of our processor's time in a copy. This one hands on views, and waits once a block.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import psycopg
from psycopg import sql
from psycopg.abc import Buffer, PQGen
from psycopg.copy import LibpqWriter
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from dreamnet.postgres.database import Connection

PART_BYTES = 128 * 1024
"""What libpq gets at once. It moves about in its buffer what the server does not take at once, so that larger
parts take longer (psycopg's MAX_BUFFER_SIZE).
"""


def load(connection: Connection, statement: sql.Composed) -> AbstractContextManager[psycopg.Copy]:
    """Begin COPY ... FROM STDIN: `write` of what is entered sends a block, and returns once it has left."""
    cursor = connection.cursor()
    return cursor.copy(statement, writer=_BlockWriter(cursor))


class _BlockWriter(LibpqWriter):
    def write(self, data: Buffer) -> None:
        self.connection.wait(_send(self._pgconn, memoryview(data)))


def _send(pgconn: PGconn, block: memoryview) -> PQGen[None]:
    """Until libpq has nothing left to send: the server sets the pace, and nothing piles up here."""
    for start in range(0, len(block), PART_BYTES):
        while not pgconn.put_copy_data(block[start : start + PART_BYTES]):
            yield Wait.W
    while pgconn.flush():
        yield Wait.W
