"""Which session a borrower gets: real sockets, and a database that counts how often it is connected to."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from dreamnet.postgres import kept
from dreamnet.postgres.kept import Kept


class Session:
    """Our end of a connection; `server` is the other."""

    def __init__(self, patience: float) -> None:
        self._wire, self.server = socket.socketpair()
        self.closed, self.patience = False, patience

    def fileno(self) -> int:
        return self._wire.fileno()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()
        self.server.close()
        self.closed = True


class Database:
    def __init__(self) -> None:
        self.opened: list[Session] = []

    def connect(self, application: str, *, patience: float = 30.0) -> Session:
        assert application == "dreamnet:here"
        self.opened.append(Session(patience))
        return self.opened[-1]


@pytest.fixture
def database() -> Any:
    return Database()


def lend(sessions: Kept, database: Any) -> Any:
    return sessions.lend(database, "dreamnet:here")


def test_small_tasks_share_a_session_that_ends_with_the_step(database: Any) -> None:
    sessions = Kept()
    with sessions.keep([database]):
        assert database.opened == []
        for _ in range(3):
            with lend(sessions, database) as session:
                assert session is database.opened[0]
        assert not session.closed
        assert session.patience == kept.PATIENCE_S
    assert len(database.opened) == 1
    assert session.closed
    with lend(sessions, database) as later:
        assert later is not session
    assert later.closed


def test_who_comes_while_it_is_lent_gets_a_session_of_his_own(database: Any) -> None:
    sessions = Kept()
    with sessions.keep([database]):
        with lend(sessions, database) as first, lend(sessions, database) as second:
            assert second is not first
        assert second.closed
        with lend(sessions, database) as again:
            assert again is first


def test_it_is_free_again_after_an_error(database: Any) -> None:
    sessions = Kept()
    with sessions.keep([database]):
        with pytest.raises(ZeroDivisionError), lend(sessions, database):
            raise ZeroDivisionError
        with lend(sessions, database) as session:
            assert session is database.opened[0]


@pytest.mark.parametrize("ended", ["closed here", "closed there", "told of its end", "idle"])
def test_another_takes_the_place_of_one_that_may_have_ended(
    database: Any, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Kept()
    with sessions.keep([database]):
        with lend(sessions, database) as session:
            pass
        {
            "closed here": session.close,
            "closed there": session.server.close,
            "told of its end": lambda: session.server.send(b"E"),
            "idle": lambda: monkeypatch.setattr(kept, "FRESH_S", -1.0),
        }[ended]()
        with lend(sessions, database) as other:
            assert other is database.opened[1]
        assert session.closed
        monkeypatch.undo()
        with lend(sessions, database) as again:
            assert again is other


def test_where_it_cannot_be_opened_the_next_tries_again(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str, *, patience: float) -> Session:
        raise ConnectionError

    sessions = Kept()
    with sessions.keep([database]):
        with monkeypatch.context() as away:
            away.setattr(database, "connect", refuse)
            with pytest.raises(ConnectionError), lend(sessions, database):
                pytest.fail("it was lent")
        with lend(sessions, database) as session:
            assert session is database.opened[0]
