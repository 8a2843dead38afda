"""Finishing a migration: nothing follows the new primary any more, also where a follower is gone for good.

The primary keeps WAL for the slot of a follower that never comes back. What such a follower lacks nobody can
tell, so whoever finishes decides to end without it. What it has of the migration stays there; finishing again
clears it, should it come back, though by then the records are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from dreamnet.postgres import state, traces
from dreamnet.postgres.database import Connection, Database
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.replication import Lag

_BEGUN = "finishing"


@dataclass(frozen=True)
class Outlook:
    """What finishing meets.

    Args:
        phase: as Status says; `lost` where the first target has no record, and something is left elsewhere.
        lags: how far those who follow and answer are behind; empty once finishing has begun.
        silent: source or followers that do not answer, and why.
        remains: who answers and has something of the migration.
    """

    phase: str
    lags: tuple[Lag, ...]
    silent: dict[Database, str]
    remains: tuple[Database, ...]


def outlook(parties: Parties) -> Outlook:
    """Look at the primary, which is the first target, and at who follows it; removes nothing.

    Raises:
        GameplanError: the primary does not answer.
    """
    primary = parties.targets[0]
    steps = parties.steps(primary)
    silent = parties.out_of_reach((parties.source, *parties.targets[1:]))
    reached = replace(parties, silent=tuple(silent))

    def has_something(connection: Connection) -> bool:
        found = traces.find(connection, parties.name)
        return bool(found) or parties.name in state.migrations(connection)

    remains = tuple(one for one in reached.everywhere if parties.read(one, has_something))
    if not steps:
        return Outlook("lost" if remains else "finished", (), silent, remains)
    phase = parties.phase(steps)
    measured = phase == "cut over" and _BEGUN not in steps
    return Outlook(phase, tuple(reached.back().lag()) if measured else (), silent, remains)


def finish(parties: Parties, progress: Callable[[str], None], without: Iterable[Database] = ()) -> None:
    """Remove slots, publications, subscriptions and records, in this order, wherever they are.

    Whoever is not the primary keeps refusing writes if it has been frozen.

    Args:
        without: who does not answer, and keeps what it has.

    Raises:
        GameplanError: the primary, or somebody who is not among `without`, does not answer.
    """
    left, primary = replace(parties, silent=tuple(without)), parties.targets[0]
    with left.alone():
        if left.steps(primary):  # from here on it has no followers, and says so to whoever continues
            left.record(primary, _BEGUN)
        left.remove_streams(progress)
        left.drop_records()
    progress("finished")
