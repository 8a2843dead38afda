"""Whether servers reach each other: who follows makes its connection itself, from its own machine."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from dreamnet.postgres import subscriptions
from dreamnet.postgres.database import CONNECT_TIMEOUT_S, Connection, Database
from dreamnet.postgres.findings import Report
from dreamnet.postgres.precheck_source import setting, shortage, standby
from dreamnet.postgres.precheck_target import crowded
from dreamnet.postgres.replication import ORIGIN_SINCE, Link

_PASSWORD_WANTED = "2F003"
"""SQLSTATE of CREATE SUBSCRIPTION where no password is given, or the publisher asks for none."""

# What to do, by a word of the refusal: libpq's, or the publisher's.
_REMEDIES = (
    ("channel binding", "Set role {user}'s password there anew, with password_encryption scram-sha-256."),
    ("ssl", "Turn on TLS at {host}, and follow it from a server whose libpq was built with TLS."),
    ("password authentication", "Correct user and password in the database's block."),
    ("wal sender", "Give role {user} REPLICATION there."),
    ("walsender", "Give role {user} REPLICATION there."),
)
_NETWORK = (
    "Let in at {host}:{port} the address from which {follower} goes out (IP allow list, authorised networks,"
    " security groups); see that a route leads there (NAT, peering) and that the name is known there."
)


@dataclass(frozen=True)
class Side:
    """One database with an open connection to it, and its major version."""

    database: Database
    connection: Connection
    version: int


def check(report: Report, target: Side, source: Database, migration: str) -> None:
    """Add why the target could not subscribe to the source, if so."""
    refused = _refusal(target, source, migration)
    if refused is None:
        return
    label, said = target.database.label, _said(refused)
    if isinstance(refused, psycopg.errors.InsufficientPrivilege):
        report.block(
            "subscription",
            f"Role {target.database.user} on {label} may not create subscriptions: {said}.",
            "GRANT pg_create_subscription (version 15: the provider's administrator role), and CREATE and"
            " TEMPORARY on the database, to it.",
        )
    elif refused.sqlstate == _PASSWORD_WANTED:
        report.block(
            "password",
            f"{label} follows with a password only, and {source.label} must ask for it: {said}.",
            "Enter the source's password in the database's block.",
        )
    else:
        report.block(
            "reach", f"{label} does not reach {source.label}: {said}.", _remedy(target.database, source, said)
        )


def check_way_back(report: Report, follower: Side, primary: Side, migration: str, *, needed: bool) -> None:
    """Add why the source could not follow its successor after the cut-over, if so; it blocks if `needed`."""
    label = primary.database.label
    if primary.version < ORIGIN_SINCE:
        said = f"PostgreSQL {ORIGIN_SINCE} is needed on both sides"
        _no_way_back(report, follower, label, said, "Upgrade both.", needed=needed)
    elif follower.version < ORIGIN_SINCE:
        check_version(report, follower, label, needed=needed)
    elif unable := _unable(primary, migration, followers=1) or _crowded(follower, migration):
        _no_way_back(report, follower, label, *unable, needed=needed)
    elif (refused := _refusal(follower, primary.database, migration)) is not None:
        said = _said(refused)
        remedy = _remedy(follower.database, primary.database, said)
        _no_way_back(report, follower, label, said, remedy, needed=needed)


def check_version(report: Report, follower: Side, primary: str = "its successor", *, needed: bool) -> None:
    """Add that the source is too old to follow whichever successor after the cut-over, if so."""
    if follower.version < ORIGIN_SINCE:
        said = f"it is PostgreSQL {follower.version}, and {ORIGIN_SINCE} is needed"
        _no_way_back(report, follower, primary, said, "Upgrade it.", needed=needed)


def _no_way_back(
    report: Report, follower: Side, primary: str, said: str, remedy: str, *, needed: bool
) -> None:
    problem = (
        f"{follower.database.label} could not follow {primary}, so changes made after cut-over will not flow"
        f" back: {said}."
    )
    if needed:
        report.block("rolling back", problem, f"{remedy} Or do without the proof (prove_return=false).")
    else:
        report.handled("rolling back", problem, f"{remedy} The migration goes on without.")


def check_further(report: Report, follower: Side, primary: Side, migration: str, *, followers: int) -> None:
    """Add why a further target could not follow the first one after the cut-over, as one of `followers`."""
    unable = _unable(primary, migration, followers)
    if unable is None and (refused := _refusal(follower, primary.database, migration)) is not None:
        said = _said(refused)
        unable = said, _remedy(follower.database, primary.database, said)
    if unable is not None:
        said, remedy = unable
        report.handled(
            "further targets",
            f"{follower.database.label} could not follow {primary.database.label} after cut-over: {said}.",
            f"{remedy} Else it keeps what it had then.",
        )


def _unable(primary: Side, migration: str, followers: int) -> tuple[str, str] | None:
    """Why so many could not follow it, and the remedy: what a trial subscription, without a slot, misses."""
    if (level := setting(primary.connection, "wal_level")) != "logical":
        return f"its wal_level is {level}", "Turn on logical decoding there at the provider."
    short = shortage(primary.connection, migration, followers, followers)
    return (f"it {short[0][1]}", f"Raise {short[0][0]} there.") if short else None


def _crowded(follower: Side, migration: str) -> tuple[str, str] | None:
    short = crowded(follower.connection, migration)
    label = follower.database.label
    return (f"{label} {short[0][1]}", f"Raise {short[0][0]} on {label}.") if short else None


def _refusal(follower: Side, publisher: Database, migration: str) -> psycopg.Error | None:
    if standby(follower.connection):
        return None  # which is a finding of its own
    return subscriptions.refusal(follower.connection, publisher, Link(migration, "reach").publication)


def _said(refused: psycopg.Error) -> str:
    if isinstance(refused, psycopg.errors.QueryCanceled):
        return f"no answer within {CONNECT_TIMEOUT_S} s"
    return subscriptions.reason(refused)


def _remedy(follower: Database, publisher: Database, said: str) -> str:
    remedy = next((remedy for word, remedy in _REMEDIES if word in said.lower()), _NETWORK)
    return remedy.format(
        user=publisher.user, host=publisher.host, port=publisher.port, follower=follower.label
    )
