"""Moving the writers from one database to another: used for cut-over and, the other way round, for rolling
back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg
from psycopg import sql

from dreamnet.errors import GameplanError, VerificationError
from dreamnet.postgres import catalog, freeze, gate, verify
from dreamnet.postgres.catalog import Table
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.streams import Point, Stream, common_point
from dreamnet.postgres.verify import Difference, Verification

SMALL_BYTES = 4 * 1024 * 1024
"""Tables up to this size are compared once more inside the freeze: some ten milliseconds for all of them."""

Checks = Callable[[Connection, Sequence[tuple[Database, Connection]]], None]
"""Further checks of a frozen state; they raise."""


@dataclass(frozen=True)
class Move:
    """What a cut-over or a way back did.

    Args:
        freeze_seconds: from the first write that may have waited until the switch was done.
        drain_seconds, check_seconds, switch_seconds: its parts. proof: full comparison of the frozen state,
        computed
            from snapshots of it after writers went on.
        following: per database, "following" or why it does not follow the new primary.
    """

    primary: str
    freeze_seconds: float
    drain_seconds: float
    check_seconds: float
    switch_seconds: float
    sequences: int
    proof: Verification
    following: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "proof": self.proof.as_dict()}


class SwitchUnfinished(GameplanError):
    """The switch is published, but the new primary does not take writes yet, or that it does is not recorded:
    running the move again completes it. Until then the old primary refuses writes, so nothing can be lost.
    """


class Unproven(GameplanError):
    """The switch is done and recorded; only the comparison of the frozen state could not be completed."""


def raise_on(differences: Sequence[Difference], consequence: str) -> None:
    """Raise VerificationError naming the first differences."""
    if differences:
        shown = "; ".join(map(str, differences[:3]))
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise VerificationError(f"{shown}{more}.", consequence)


_NOTHING_SWITCHED = (
    "Nothing was switched and the source takes writes; copy the table again (abandon, empty target, new run)."
)


def verify_stream(stream: Stream, tables: Sequence[Table], timeout: float) -> Verification:
    """Compare all rows, the schema and (not while following: they are set at cut-over) no sequences."""
    started = time.monotonic()
    with ExitStack() as stack:
        with common_point(stream, tables, timeout, stack) as point:
            since = point.frozen.since
        paused = time.monotonic() - since
        verification = compare(stream, point, tables, started)
    return replace(verification, point=f"one common state; writers waited {paused:.3f} s")


def compare(stream: Stream, point: Point, tables: Sequence[Table], started: float) -> Verification:
    """Rows and schema at the point's snapshots."""
    followers = _followers(stream, point)
    publisher = (stream.publisher, point.publisher)
    checked, differences = verify.compare_all_rows(publisher, followers, tables, stream.application)
    for database, connection in followers:
        differences += verify.compare_schema(point.publisher, connection, database.label)
    rows = sum(one.rows for one in checked if one.target == followers[0][0].label)
    seconds = round(time.monotonic() - started, 3)
    return Verification(len(tables), rows, tuple(differences), seconds, "the frozen state", tuple(checked))


def move(
    stream: Stream,
    primary: Database,
    tables: Sequence[Table],
    switch: Callable[[], None],
    *,
    checks: Checks,
    before_switch: Callable[[], None],
    after_switch: Callable[[], None],
    timeout: float,
) -> Move:
    """Freeze the stream's publisher, drain, check, make it refuse writes, and call `switch`.

    Any failure before the refusal is committed rolls the freeze back by itself. If `switch` raises, the
    publisher takes writes again and the error goes on. `checks` gets the frozen state's sessions (publisher,
    followers) and raises to give up. `before_switch` is called after the last check; it records the intent,
    so that a run killed during the switch is continued by the next one rather than guessed about.
    `after_switch` records that it is done, before anything else can fail. The new primary should refuse
    applications' writes beforehand (see `close`).

    Raises:
        SwitchUnfinished, Unproven: writes have moved, or will by the next run. Others: they have not.
    """
    with ExitStack() as stack:
        setter = {db: stack.enter_context(db.connect(stream.application)) for _, db in stream.subscribers}
        with common_point(stream, tables, timeout, stack) as point:
            drained = time.monotonic()
            checks(point.publisher, _followers(stream, point))
            sequences = catalog.sequence_values(point.publisher)
            wrong = _set_sequences(point.publisher, setter, sequences)
            wrong += _small_tables(stream, point, tables)
            checked = time.monotonic()
            if not wrong:
                before_switch()
                point.frozen.keep()
                switch_over(stream.publisher, primary, setter[primary], switch, stream.application)
            done = time.monotonic()
            since = point.frozen.since
            if not wrong:
                _note(stream.publisher, primary, after_switch)
        # Rows that differ are looked for once writers go on.
        sides = ((stream.publisher, point.publisher), _followers(stream, point))
        raise_on(verify.name_rows(*sides, tables, wrong), _NOTHING_SWITCHED)
        try:
            proof = compare(stream, point, tables, done)
        except GameplanError as error:
            raise Unproven(
                f"{primary.label} takes the writes, but the proof of it is missing: {error.problem}",
                "Run the same step again: it compares all rows anew.",
            ) from error
    return Move(
        primary=primary.label,
        freeze_seconds=round(done - since, 4),
        drain_seconds=round(drained - since, 4),
        check_seconds=round(checked - drained, 4),
        switch_seconds=round(done - checked, 4),
        sequences=len(sequences),
        proof=proof,
        following={},
    )


def _note(old: Database, primary: Database, switched: Callable[[], None]) -> None:
    try:
        switched()
    except GameplanError as error:
        raise SwitchUnfinished(
            f"{primary.label} takes the writes, but that could not be recorded: {error.problem}",
            f"Run the same step again: it completes the switch. {old.label} refuses writes.",
        ) from error


def close(database: Database, tables: Sequence[Table], application: str) -> None:
    """Let the database refuse applications' writes until `switch_over` opens it; replication goes on.

    The connection string lies in two secrets, which no transaction covers. An application that already reads
    the new one must not get a write acknowledged that a failed switch would leave behind.
    """
    with database.connect(application) as connection, explained(database, "read its triggers"):
        if {table.name for table in tables} <= set(gate.frozen_tables(connection)):
            return
    with freeze.freeze(database, tables, application) as frozen:
        frozen.keep()


def switch_over(
    old: Database, primary: Database, connection: Connection, switch: Callable[[], None], application: str
) -> None:
    """Call `switch`, then let the new primary take writes; where it fails, the old one.

    Args:
        connection: to the new primary; a dead one is noticed before anything is switched.

    Raises:
        SwitchUnfinished: the new primary died between the two.
    """
    try:
        with explained(primary, "answer before the switch"):
            connection.execute("SELECT 1")
        switch()
    except BaseException:
        with old.connect(application) as thawing:
            gate.thaw(thawing)
        raise
    try:
        gate.thaw(connection)
    except psycopg.Error as error:
        raise SwitchUnfinished(
            f"The connection string names {primary.label} already, but it went away before it could be opened"
            f" for writes; {old.label} refuses writes too.",
            f"Bring {primary.label} back and run the same step again: it completes the switch.",
        ) from error


def _set_sequences(
    source: Connection, targets: Mapping[Database, Connection], values: verify.Positions
) -> list[Difference]:
    """Set and read back: replication carries none, and a number given out twice refuses a write."""
    if not values:
        return []
    names = {str(name): name for name in catalog.sequences(source)}
    one = sql.SQL("setval({name}::regclass, {last}, {called})")
    calls = [
        one.format(name=sql.Literal(names[key].sql.as_string(source)), last=last, called=called)
        for key, (last, called) in values.items()
    ]
    wrong: list[Difference] = []
    for database, connection in targets.items():
        with explained(database, "set sequences"):
            connection.execute(sql.SQL("SELECT ") + sql.SQL(", ").join(calls))
            wrong += verify.compare_sequences(values, connection, database.label)
    return wrong


def _small_tables(stream: Stream, point: Point, tables: Sequence[Table]) -> list[Difference]:
    small = [table for table in tables if table.bytes <= SMALL_BYTES]
    publisher = (stream.publisher, point.publisher)
    return verify.compare_rows(publisher, _followers(stream, point), small)[1]


def _followers(stream: Stream, point: Point) -> list[verify.Side]:
    return [(db, c) for (_, db), c in zip(stream.subscribers, point.subscribers, strict=True)]
