"""Giving a migration up: the source is as if it had never begun, also where a target is gone for good.

Whether writes have moved, the first target's records say. Where they are out of reach, the source can't tell
an interrupted switch, after which it may take writes again, from a completed one, after which it lacks what
the new primary has taken. But every switch goes through the connection string that applications read, and a
new primary takes no write before that is published: so as long as it names the source, nothing was written
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from dreamnet.errors import GameplanError
from dreamnet.postgres import emptying, gate, traces
from dreamnet.postgres.database import Database, explained
from dreamnet.postgres.parties import Parties

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outlook:
    """What giving up meets.

    Args:
        phase: see Status; empty where the records are out of reach.
        frozen: tables of the source that refuse writes for the migration.
        kept: names of slots that the source keeps WAL for.
        silent: targets that do not answer, and why.
    """

    phase: str
    frozen: int
    kept: tuple[str, ...]
    silent: dict[Database, str]

    @property
    def told(self) -> bool:
        """Whether there are records that say where the writes are."""
        return self.phase not in ("", "lost", "finished")


def outlook(parties: Parties, records: Database | None) -> Outlook:
    """Look at source and targets; changes nothing.

    Args:
        records: the first target; None: it no longer exists, and `parties` is without it.

    Raises:
        GameplanError: the source does not answer.
    """
    silent = parties.out_of_reach(parties.targets)
    known = records is not None and records not in silent
    return Outlook(
        phase=parties.phase(parties.steps(records)) if known and records else "",
        frozen=len(parties.read(parties.source, gate.frozen_tables)),
        kept=parties.read(parties.source, lambda connection: traces.find(connection, parties.name)).slots,
        silent=silent,
    )


def give_up(
    parties: Parties,
    records: Database | None,
    progress: Progress,
    *,
    empty: bool = False,
    names_source: bool = False,
) -> Outlook:
    """Remove slots, publications, subscriptions and records; let whoever refuses writes for us take them.

    Args:
        records: as `outlook`.
        empty: drop what was copied from the targets too, so that a new attempt may begin.
        names_source: the connection string that applications read names the source. It decides where the
            records are out of reach.

    Returns:
        What was met. Targets that did not answer keep what they have; give up again once they do.

    Raises:
        GameplanError: writes have moved, or may have.
    """
    met = outlook(parties, records)
    if met.phase in ("cut over", "switching"):
        raise GameplanError(
            f"{parties.targets[0].label} is the primary already, or an interrupted switch to it may be.",
            "Complete the cut-over if it was interrupted; then roll back first, or finish the migration.",
        )
    if not met.told and not names_source:
        raise GameplanError(
            f"There are no records of {parties.name} that say where the writes are: they may have moved.",
            "Make the first target answer; if it is gone for good, see what the connection string names.",
        )
    left = replace(parties, targets=tuple(one for one in parties.targets if one not in met.silent))
    with ExitStack() as stack:
        if met.phase:
            stack.enter_context(left.alone())
        else:  # the lock is where the records are
            for database in left.everywhere:
                left.end_sessions(database)
        filled = [target for target in left.targets if left.steps(target, "generation:")]
        for database in left.everywhere:
            with left.session(database) as connection, explained(database, "thaw"):
                gate.thaw(connection)
        left.remove_streams(progress)
        for target in filled if empty else ():
            emptying.drop_everything(target, left.application)
            progress(f"emptied {target.label}")
        left.drop_records()
    progress("abandoned")
    return met
