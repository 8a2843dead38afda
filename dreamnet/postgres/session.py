"""Sessions that end by themselves once nobody answers any more.

Keepalives notice a machine or a network that is gone, after LOST_S seconds. They don't notice a proxy or a
server that keeps our TCP connection and passes nothing on. So whoever has waited QUIET_S seconds without a
byte asks the server over another connection whether it is at work for this session: an index may take hours,
but the server then waits for disks or locks, not for its client.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import ConnStatus

from dreamnet.errors import UnreachableError

KEEPALIVE = {"idle": 20, "interval": 5, "count": 3}
"""Seconds of idleness before the first probe, seconds between probes, probes without an answer."""
LOST_S = KEEPALIVE["idle"] + KEEPALIVE["interval"] * KEEPALIVE["count"]
QUIET_S = 30.0
DOUBT_S = 5.0
"""Between two looks that find the server waiting for us: an answer may have been under way at the first."""

CLIENT_SETTINGS: dict[str, str | int] = {
    **{f"keepalives_{name}": value for name, value in KEEPALIVE.items()},
    "tcp_user_timeout": LOST_S * 1000,
}
"""libpq's, for our end of a connection."""
SERVER_SETTINGS = " ".join(
    [
        *(f"-c tcp_keepalives_{name}={value}" for name, value in KEEPALIVE.items()),
        f"-c tcp_user_timeout={LOST_S * 1000}",
    ]
)
"""The same at the server's end (otherwise two hours): with our machine gone, locks and snapshots go too."""
STALLING = {"tcp_user_timeout": 0}
"""For the end that sends rows to a receiver that may rightly take none, as it waits for a disk or a lock: the
user timeout counts that as well (tcp(7)), and would break the connection.
"""

AT_WORK = "SELECT wait_event_type IS DISTINCT FROM 'Client' FROM pg_stat_activity WHERE pid = %s"
"""No row: the session is gone."""


class ConnectionLost(UnreachableError, psycopg.OperationalError):
    """A session broke off, or nobody answered it any more."""


class Silence:
    """How long nothing has been heard, and whether that means anything.

    Args:
        quiet: seconds of silence after which `at_work` is asked whether the server is at work for us.
    """

    def __init__(self, quiet: float, at_work: Callable[[], bool]) -> None:
        self._quiet, self._at_work = quiet, at_work
        self._doubtful = False
        self._look = time.monotonic() + quiet

    def heard(self) -> None:
        """Something was sent or received."""
        self._doubtful = False
        self._look = time.monotonic() + self._quiet

    def dead(self) -> bool:
        """Whether nobody will answer any more. Asks the server where it is time to, which takes a moment."""
        if time.monotonic() < self._look:
            return False
        if self._at_work():
            self.heard()
            return False
        if self._doubtful:
            return True
        self._doubtful = True
        self._look = time.monotonic() + DOUBT_S
        return False


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection that raises ConnectionLost where psycopg would wait for ever.

    Attributes:
        label: of the database, for the message.
        patience: see Silence. at_work: whether the server is at work for this session; until it is told how
            to find out, it takes silence for death.
    """

    label = "the database"
    patience = 10.0
    at_work: Callable[[], bool] = staticmethod(lambda: False)

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's: all that a connection does goes through here.

        Raises:
            ConnectionLost: it broke, or nobody answers.
        """
        try:
            return super().wait(self._listened(gen), interval, timeout)
        except psycopg.OperationalError:
            if self.pgconn.status == ConnStatus.OK:
                raise
            raise self._lost() from None

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(
            f"The connection to {self.label} broke.",
            "Run the same step again: it continues where it stopped.",
        )

    def _listened(self, gen: PQGen[RV]) -> PQGen[RV]:
        silence = Silence(self.patience, self.at_work)
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    silence.heard()
                elif silence.dead():
                    self.pgconn.finish()  # a rollback would wait for an answer too
                    raise self._lost()
                wanted = gen.send(ready)
        except StopIteration as end:
            value: RV = end.value
            return value
