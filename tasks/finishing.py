"""The end of a migration, also where a follower is gone for good: what a person reads before, and the act."""

from __future__ import annotations

from dataclasses import dataclass

from prefect import task

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.postgres import finishing
from dreamnet.postgres.finishing import Outlook
from dreamnet.postgres.parties import Parties
from dreamnet.report import Clock, Step
from dreamnet.serving.connection import current_url
from tasks.migration import moved, names, what_is_left
from tasks.support import CLOUD_TASK, google_account, progress
from tasks.ways_out import behind


@dataclass(frozen=True)
class Closing:
    """What whoever closes the migration reads and types.

    Args:
        text: what closing does; empty where nothing of a migration is left.
        words: what to type.
        without: who is ended without, by the names `Neon` and `RDS`.
    """

    text: str
    words: str
    without: tuple[str, ...]


@task(task_run_name="outlook on the end", **CLOUD_TASK)
def describe_finish(profile: str, run: str) -> Closing:
    """What finishing ends, and without whom. Changes nothing.

    Raises:
        GameplanError: as `close_migration`.
    """
    left, met, silent = _closable(profile)
    without = tuple(silent)
    words = f"close without {' and '.join(without)}".lower() if without else "close the migration"
    return Closing(_described(left, met, silent) if met.remains else "", words, without)


@task(task_run_name="close the migration", **CLOUD_TASK)
def close_migration(profile: str, run: str, without: tuple[str, ...]) -> Step:
    """End the way back to Neon and the copy to RDS: slots, publications, subscriptions are removed.

    A failover replaces the primary, and logical slots do not move with it. RDS keeps what it has until then.

    Args:
        without: who need not answer, as approved: `Neon`, `RDS`.

    Raises:
        GameplanError: DreamNet reads Neon; Cloud SQL does not answer; Neon or RDS has not caught up with it,
            or does not answer and nobody has approved ending without it.
    """
    clock = Clock("Migration closed")
    left, met, silent = _closable(profile)
    if not met.remains:
        return clock.unchanged("Closed before: Neon and RDS follow Cloud SQL no longer.")
    if unasked := [name for name in silent if name not in without]:
        raise GameplanError(
            f"{' '.join(silent[name] for name in unasked)} Nobody has approved closing the migration without"
            f" {' and '.join(unasked)}.",
            "Make it answer and retry this run; if it is gone for good, start migration-finish, which asks.",
        )
    finishing.finish(left, progress(), tuple(met.silent))
    kept = "".join(
        f" {one.label} did not answer: what it has of the migration stays, until migration-finish runs again"
        " and it answers."
        for one in met.silent
    )
    return clock.done(f"Neon and RDS follow Cloud SQL no longer; slots and publications are removed.{kept}")


def _closable(profile: str) -> tuple[Parties, Outlook, dict[str, str]]:
    """The databases, what closing meets there, and who is to be ended without, with the reason, by name.

    Raises:
        GameplanError: something would be cut off by closing that can still catch up.
    """
    left, cloud_sql = what_is_left(profile)
    if cloud_sql is None:
        raise ResourceError(
            "Cloud SQL, which has the migration's records, does not exist or has no address.",
            "Make it available (flow morning-scale-up) and run this again.",
        )
    met = finishing.outlook(left)
    if not met.remains:
        return left, met, {}
    url = current_url(google_account(profile))
    if met.phase == "lost" and url is not None and names(url, cloud_sql):
        return left, met, {}  # what an earlier end could not reach: nobody follows any more
    if met.phase != "cut over" or not moved(profile):
        raise GameplanError(
            f"DreamNet reads Neon, or may: the migration is {met.phase}.",
            "Cut over (neon-migration) before finishing it, or give it up with migration-abandon.",
        )
    open_ends = [lag for lag in met.lags if not lag.active or lag.seconds is None]
    if open_ends:
        raise GameplanError(
            f"Not everybody has what Cloud SQL has: {'; '.join(map(behind, open_ends))}.",
            "Wait until they have caught up; if the lag does not shrink, read the follower's log.",
        )
    silent = {"Neon" if one == left.source else "RDS": problem for one, problem in met.silent.items()}
    if len(left.targets) == 1:
        silent["RDS"] = "RDS does not exist any more, or has no address."
    return left, met, silent


def _described(left: Parties, met: Outlook, silent: dict[str, str]) -> str:
    if met.phase == "lost":
        where = " and ".join(one.label for one in met.remains)
        return f"What an earlier end of the migration could not reach is removed now, at {where}."
    keep = {
        "Neon": "Neon keeps what it has and goes on refusing writes",
        "RDS": "RDS keeps what it has",
    }
    kept = "; ".join(said for name, said in keep.items() if name not in silent)
    return "\n".join(
        [
            "Going back to Neon ends here: slots, publications and subscriptions are removed on all sides.",
            "",
            *(f"- {behind(lag)}" for lag in met.lags),
            *(_without(name, problem) for name, problem in silent.items()),
            *([f"- {kept}."] if kept else []),
        ]
    )


def _without(name: str, problem: str) -> str:
    """What ending without a follower means."""
    way_back = " There is NO WAY BACK to it then, not even once it answers." if name == "Neon" else ""
    return (
        f"- **The migration ends without {name}.** {problem} Whether it has every row of Cloud SQL cannot be"
        f" told: what it lacks, it never gets.{way_back} What it has of the migration stays there until"
        " migration-finish runs again and it answers."
    )
