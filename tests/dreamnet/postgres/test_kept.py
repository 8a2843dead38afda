"""Which session a borrower gets: real sockets, and a database that counts how often it is connected to."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

import pytest

from dreamnet.postgres.kept import Kept


class Session:
    """Our end of a connection; `server` is the other."""

    def __init__(self) -> None:
        self._wire, self.server = socket.socketpair()
        self.closed = False

    def fileno(self) -> int:
        return self._wire.fileno()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()
        self.server.close()
        self.closed = True


class Database:
    def __init__(self) -> None:
        self.opened: list[Session] = []

    def connect(self, application: str) -> Session:
        assert application == "dreamnet:here"
        self.opened.append(Session())
        return self.opened[-1]


@pytest.fixture
def database() -> Any:
    return Database()


def lend(kept: Kept, database: Any) -> Any:
    return kept.lend(database, "dreamnet:here")


def test_small_tasks_share_the_kept_session(database: Any) -> None:
    kept = Kept()
    with kept.keep([database], "dreamnet:here"):
        for _ in range(3):
            with lend(kept, database) as session:
                assert session is database.opened[0]
        assert not session.closed
    assert len(database.opened) == 1
    assert session.closed


def test_who_comes_while_it_is_lent_gets_a_session_of_his_own(database: Any) -> None:
    kept = Kept()
    with kept.keep([database], "dreamnet:here"):
        with lend(kept, database) as first, lend(kept, database) as second:
            assert second is not first
        assert second.closed
        with lend(kept, database) as again:
            assert again is first


def test_it_is_free_again_after_an_error(database: Any) -> None:
    kept = Kept()
    with kept.keep([database], "dreamnet:here"):
        with pytest.raises(ZeroDivisionError), lend(kept, database):
            raise ZeroDivisionError
        with lend(kept, database) as session:
            assert session is database.opened[0]


@pytest.mark.parametrize("ended", ["closed here", "closed there", "told of its end"])
def test_one_that_has_ended_is_not_lent(database: Any, ended: str) -> None:
    kept = Kept()
    with kept.keep([database], "dreamnet:here"):
        session = database.opened[0]
        {
            "closed here": lambda: session.__exit__(),
            "closed there": session.server.close,
            "told of its end": lambda: session.server.send(b"E"),
        }[ended]()
        for expected in (1, 2):
            with lend(kept, database) as own:
                assert own is database.opened[expected]
            assert own.closed


def test_where_nothing_is_kept_it_is_a_session_for_this_task(database: Any) -> None:
    kept, other = Kept(), Database()
    with kept.keep([other], "dreamnet:here"), lend(kept, database) as session:
        assert session is database.opened[0]
    assert session.closed
    with lend(kept, other) as later:
        assert later is other.opened[1]


def test_where_one_cannot_be_opened_the_others_end(database: Any) -> None:
    class Gone:
        def connect(self, application: str) -> Session:
            raise ConnectionError

    kept = Kept()
    with ExitStack() as stack, pytest.raises(ConnectionError):
        stack.enter_context(kept.keep([database, Gone()], "dreamnet:here"))  # type: ignore[list-item]
    assert database.opened[0].closed
