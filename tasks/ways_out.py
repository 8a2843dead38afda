"""What a person reads before a migration moves or goes back."""

from __future__ import annotations

import time

from prefect import task

from dreamnet.postgres.forecast import forecast
from dreamnet.postgres.replication import Lag
from dreamnet.serving.connection import current_url
from tasks.cutover import no_way_back
from tasks.migration import migration
from tasks.support import CLOUD_TASK, google_account

#: What switching the connection secret takes: reading and writing it in each cloud, about as long each.
SECRET_CALLS = 4


@task(task_run_name="outlook on the cut-over", **CLOUD_TASK)
def describe_cut_over(profile: str, run: str, copied: str, verified: str) -> str:
    """What whoever approves the cut-over should know, measured now; changes nothing.

    Args:
        copied, verified: what copy and verification said.
    """
    return "\n".join(
        [
            "DreamNet's writes move from Neon to Cloud SQL.",
            "",
            f"- Copy: {copied}",
            f"- Proof: {verified}",
            *_freeze(profile),
            "- If a check fails, or draining takes longer than 10 s: nothing is switched, Neon takes writes"
            " again, and the run says why. If the run is killed during the switch, its retry completes it.",
            "- The connection secret of both clouds names Cloud SQL, and the clusters are restarted on it.",
            *_going_back(migration(profile).no_way_back()),
        ]
    )


def _going_back(impossible: str) -> list[str]:
    """What can be promised about it, tried just now."""
    if impossible:
        return [f"- **There is no going back once Cloud SQL has taken a write.** {impossible}"]
    return [
        "- Going back: Neon follows Cloud SQL from its first write on. `migration-roll-back` moves back"
        " without losing one, until `migration-finish` or week 4 ends that.",
        "- Proving the way back (`prove_return`) goes to Neon and forward again right away: two more"
        " freezes of about the same length.",
    ]


@task(task_run_name="outlook on the way back", **CLOUD_TASK)
def describe_way_back(profile: str, run: str) -> str:
    """What rolling back will do, measured now; empty where Neon serves already. Changes nothing.

    Raises:
        GameplanError: there is no way back.
    """
    status = migration(profile).status()
    if status.phase == "following":
        return "Neon serves already; what is left is to prove all rows equal." if status.unsettled else ""
    if status.phase == "switching":
        return (
            "A switch was interrupted. If it was the way back to Neon, it is completed; else nothing is done."
        )
    if status.phase != "cut over":
        raise no_way_back(status.phase)
    return "\n".join(
        [
            "DreamNet's writes move back from Cloud SQL to Neon, which has followed since the cut-over.",
            "",
            *_freeze(profile),
            "- All rows are compared first. If a check fails, Cloud SQL goes on taking writes.",
            "- The connection secret of both clouds names Neon again, and the clusters are restarted on it.",
            "- Cloud SQL and RDS follow Neon again; `neon-migration` cuts over anew.",
        ]
    )


def behind(lag: Lag) -> str:
    """How far a follower is behind, in words."""
    size = "an unknown number of" if lag.bytes is None else f"{lag.bytes:,}"
    late = (
        "has not shown the latest write yet"
        if lag.seconds is None
        else f"shows a write after {lag.seconds:.2f} s"
    )
    return f"{lag.subscriber} is {size} bytes behind and {late}"


def _freeze(profile: str) -> list[str]:
    """How far the followers are behind, and how long writes will wait: its parts are tried now."""
    moving = migration(profile)
    lags = moving.lag()
    publisher = moving.source if moving.status().phase == "following" else moving.targets[0]
    labels = {lag.subscriber for lag in lags}
    followers = [one for one in (moving.source, *moving.targets) if one.label in labels]
    parts = forecast(publisher, followers, lags)
    asked = time.monotonic()
    current_url(google_account(profile))
    switch = SECRET_CALLS * (time.monotonic() - asked)
    return [
        *(f"- Replication: {behind(lag)}." for lag in lags),
        f"- Expected freeze: about {parts.seconds + switch:.1f} s, in which writes wait or are refused and"
        f" readers go on: drain {parts.drain_seconds:.2f}, compare {parts.small_tables} small tables"
        f" ({parts.small_bytes / 1e6:.1f} MB) once more {parts.check_seconds:.2f}, let {parts.tables} tables"
        f" refuse writes {parts.refuse_seconds:.2f}, switch the connection secret {switch:.2f}.",
    ]
