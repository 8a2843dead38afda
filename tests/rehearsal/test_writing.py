"""Writing COPY streams in large blocks, to a real server: whole, in step with it, and when it goes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from dreamnet.postgres import Database, writing
from dreamnet.postgres.session import ConnectionLost
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

_LOAD = sql.SQL("COPY loaded FROM STDIN")
_LOCK = 7
_MB = 1024**2
#: Far more than sockets and libpq hold.
_BLOCKS = 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    engines = Engines(State(tmp_path_factory.mktemp("writing")))
    yield Database.from_dsn(engines.postgres("writing", region="here", user="owner", password="pw").dsn)
    engines.delete("writing")


@pytest.fixture
def held(server: Database) -> Iterator[psycopg.Connection]:
    """An empty table that takes no row while this session holds a lock, which it does."""
    with server.connect() as holder:
        holder.execute("DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (v text)")
        holder.execute(
            "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN NULL; END'"
        )
        holder.execute("CREATE TRIGGER hold BEFORE INSERT ON loaded EXECUTE FUNCTION hold()")
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})")
        yield holder


class Loading:
    """Writes block after block in a thread of its own; `written` of them have returned."""

    def __init__(self, database: Database) -> None:
        self.written = 0
        self._database = database
        self._begun = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._job = self._pool.submit(self._run)
        assert self._begun.wait(10)

    def _run(self) -> None:
        line = b"x" * 1023 + b"\n"
        with self._database.connect() as connection, writing.load(connection, _LOAD) as copy:
            self._begun.set()
            for _ in range(_BLOCKS):
                copy.write(line * 1024)
                self.written += 1

    def stuck(self) -> bool:
        """Whether nothing more is taken, for half a second."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not self._job.done():
            before = self.written
            time.sleep(0.5)
            if self.written == before:
                return True
        return False

    def result(self) -> None:
        with self._pool:
            self._job.result(timeout=60)


def test_blocks_of_any_size_arrive_whole(server: Database) -> None:
    draw = random.Random(20)
    stream = b"".join(b"%d %s\n" % (n, draw.randbytes(40).hex().encode()) for n in range(120_000))
    sizes = [1, writing.PART_BYTES - 1, writing.PART_BYTES, writing.PART_BYTES + 1, 3 * _MB + 7]
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (v text)")
        begin = 0
        with writing.load(connection, _LOAD) as copy:
            for size in [*sizes, len(stream)]:
                copy.write(bytearray(stream[begin : begin + size]))
                begin += size
        loaded = connection.execute("SELECT v FROM loaded").fetchall()
    assert [row[0] for row in loaded] == stream.decode().splitlines()


def test_the_server_sets_the_pace(server: Database, held: psycopg.Connection) -> None:
    loading = Loading(server)
    assert loading.stuck()
    assert loading.written < _BLOCKS / 2
    held.execute(f"SELECT pg_advisory_unlock({_LOCK})")
    loading.result()
    assert held.execute("SELECT count(*) FROM loaded").fetchone() == (_BLOCKS * 1024,)


def test_a_server_that_goes_while_it_is_waited_for_is_a_lost_connection(
    server: Database, held: psycopg.Connection
) -> None:
    loading = Loading(server)
    assert loading.stuck()
    held.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'advisory'")
    with pytest.raises(ConnectionLost):
        loading.result()
    assert held.execute("SELECT count(*) FROM loaded").fetchone() == (0,)


def test_what_libpq_has_no_room_for_is_offered_again() -> None:
    room = iter([1, 0, 0, 1])
    offered: list[bytes] = []

    class Narrow:
        def put_copy_data(self, part: memoryview) -> int:
            offered.append(bytes(part))
            return next(room)

        def flush(self) -> int:
            return 0

    block = memoryview(b"a" * writing.PART_BYTES + b"b")
    assert len(list(writing._send(Narrow(), block))) == 2  # type: ignore[arg-type]
    assert offered == [b"a" * writing.PART_BYTES, b"b", b"b", b"b"]
