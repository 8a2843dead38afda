"""How long a move will freeze writes, measured by doing its parts on the live databases, without a freeze."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dreamnet.postgres import catalog, verify
from dreamnet.postgres.cutover import SMALL_BYTES
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.replication import Lag


@dataclass(frozen=True)
class Forecast:
    """Parts of a freeze that has not been, in seconds.

    Args:
        drain_seconds: as long as a write made now took to arrive at the slowest follower.
        check_seconds: comparing the small tables once more, tried.
        refuse_seconds: letting all tables refuse writes, two round trips.
        tables: all of them. small_tables, small_bytes: those compared within the freeze.
    """

    drain_seconds: float
    check_seconds: float
    refuse_seconds: float
    tables: int
    small_tables: int
    small_bytes: int

    @property
    def seconds(self) -> float:
        """All of it; switching the connection string comes on top."""
        return self.drain_seconds + self.check_seconds + self.refuse_seconds


def forecast(publisher: Database, followers: Sequence[Database], lags: Sequence[Lag]) -> Forecast:
    """Try the parts of a freeze at `publisher`; nobody waits for it, and nothing is changed.

    Args:
        lags: as just measured; a follower without `seconds` has not caught up and counts as no time at all.
    """
    with ExitStack() as stack:
        source = stack.enter_context(publisher.connect("dreamnet-forecast"))
        others = [(one, stack.enter_context(one.connect("dreamnet-forecast"))) for one in followers]
        with explained(publisher, "read its catalogue"):
            asked = time.monotonic()
            source.execute("SELECT 1")
            round_trip = time.monotonic() - asked
            tables = catalog.tables(source)
        small = [table for table in tables if table.bytes <= SMALL_BYTES]
        began = time.monotonic()
        catalog.tables(source)  # the freeze looks for tables made since the copy
        verify.compare_rows(
            (publisher, source), others, small
        )  # rows still under way differ: only time counts
        checked = time.monotonic() - began
    return Forecast(
        drain_seconds=max((lag.seconds or 0.0 for lag in lags), default=0.0),
        check_seconds=checked,
        refuse_seconds=2 * round_trip,
        tables=len(tables),
        small_tables=len(small),
        small_bytes=sum(table.bytes for table in small),
    )
