"""The writes move: to Cloud SQL, back to Neon, and what a client that never stops sees of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from prefect import task
from prefect.events import emit_event

from dreamnet.acknowledgements import Window, picture
from dreamnet.errors import GameplanError, VerificationError
from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Database
from dreamnet.postgres.migration import Migration
from dreamnet.report import Clock, Step
from dreamnet.serving.connection import publish_url
from dreamnet.serving.databases import application_url
from dreamnet.traffic import WriteClient, lost
from tasks.migration import migration, present_dreams
from tasks.support import CLOUD_TASK, aws_account, google_account, load_profile, progress, publish

#: Writes a second of the client that measures the freeze; seconds that it writes before and after each move.
MEASURED_RATE, MEASURED_MARGIN = 100.0, 0.5


@dataclass(frozen=True)
class Way:
    """One direction: what it is called, the database that takes the writes, and how to go it."""

    title: str
    primary: Database
    go: Callable[[], Move]


def to_cloud_sql(profile: str, moving: Migration) -> Way:
    """Forward."""
    primary = moving.targets[0]
    return _way(profile, "Neon to Cloud SQL", primary, application_url(primary), moving.cut_over)


def to_neon(profile: str, moving: Migration) -> Way:
    """Back."""
    return _way(profile, "Cloud SQL to Neon", moving.source, moving.source.url(), moving.roll_back)


def _way(profile: str, title: str, primary: Database, url: str, go: Callable[..., Move]) -> Way:
    def switch() -> None:
        publish_url(google_account(profile), aws_account(profile), url)

    return Way(title, primary, lambda: go(switch, progress()))


@task(task_run_name="cut over", **CLOUD_TASK)
def cut_over(profile: str, run: str, prove_return: bool) -> Step:
    """Freeze, drain, verify, switch the connection secret; a client that keeps writing measures the freeze.

    Args:
        prove_return: the way back is proven next. It is noted, should this run be killed before.

    Raises:
        VerificationError: a check failed (the source takes writes again), or an acknowledged write is lost.
    """
    clock = Clock("Cut-over to Cloud SQL")
    moving = migration(profile)
    status = moving.status()
    if status.phase == "cut over" and not status.unsettled:
        return clock.unchanged("Cloud SQL serves already.")
    moving.note_return(prove_return)
    return clock.done(_go(profile, "cut-over", moving, [to_cloud_sql(profile, moving)]))


@task(task_run_name="prove the way back", **CLOUD_TASK)
def prove_way_back(profile: str, run: str) -> Step:
    """Go back to Neon and forward again at once, under the client's writes; each freeze is measured.

    A run that was killed on its way only goes forward: how the way back went then, its own log says.

    Raises:
        VerificationError: as `cut_over`.
    """
    clock = Clock("Way back to Neon, proven")
    moving = migration(profile)
    status = moving.status()
    ways = [to_neon(profile, moving), to_cloud_sql(profile, moving)]
    went_back = status.phase == "following" or status.switching_to == "target"
    said = _go(profile, "way-back", moving, ways[1:] if went_back else ways)
    moving.note_return(False)
    return clock.done(said)


def no_way_back(phase: str) -> GameplanError:
    """Why rolling back is refused in a phase."""
    return GameplanError(
        f"There is no way back to Neon: the migration is {phase}.",
        "Before the cut-over, migration-abandon gives it up; once finished, only a new migration leads back.",
    )


@task(task_run_name="roll back", **CLOUD_TASK)
def roll_back(profile: str, run: str) -> Step:
    """Move the writes and the connection secret back to Neon, which has followed since the cut-over.

    Raises:
        GameplanError: Neon does not follow (any more), or the cut-over has not been.
        VerificationError: as `cut_over`.
    """
    clock = Clock("Roll back to Neon")
    moving = migration(profile)
    status = moving.status()
    if status.phase == "following" and not status.unsettled:
        return clock.unchanged("Neon serves already.")
    if status.phase not in ("cut over", "switching", "following"):
        raise no_way_back(status.phase)
    moving.note_return(False)  # whoever goes back for good wants no proof of it
    return clock.done(_go(profile, "roll-back", moving, [to_neon(profile, moving)]))


def _go(profile: str, command: str, moving: Migration, ways: Sequence[Way]) -> str:
    """Go these ways one after the other under a client's writes; publish and return what was measured."""
    moves: list[Move] = []
    with _watched(load_profile(profile).legacy_url) as watcher:
        for way in ways:
            moves.append(watcher.watch(way))
    said = [_frozen(way, move) for way, move in zip(ways, moves, strict=True)]
    moving.wait_caught_up()
    seen = watcher.seen([ways[-1].primary, *_followers(moving, moves[-1])])
    lines = [*(f"- {one}" for one in said), "", seen]
    if watcher.windows:
        drawn = base64.b64encode(picture(watcher.windows)).decode()
        lines += ["", f"![Acknowledged writes](data:image/png;base64,{drawn})"]
    publish(f"{command} {profile}", "\n".join(lines), "The freeze, and what a client saw of it")
    for way, move in zip(ways, moves, strict=True):
        emit_event(
            "dreamnet.migration.moved",
            resource={"prefect.resource.id": f"dreamnet.migration.{profile}"},
            payload={
                "move": way.title,
                "freeze_ms": round(move.freeze_seconds * 1000),
                "rows": move.proof.rows,
                "client": seen,
            },
        )
    return " ".join([*said, seen]).rstrip()


def _followers(moving: Migration, move: Move) -> list[Database]:
    """Those that must hold every write as well."""
    if move.primary == moving.source.label:
        return list(moving.targets)
    # Who follows the first target, the move has said: an old server may be unable to.
    follow = {label for label, state in move.following.items() if state == "following"}
    return [one for one in (moving.source, *moving.targets[1:]) if one.label in follow]


def _frozen(way: Way, move: Move) -> str:
    if not move.freeze_seconds:
        return f"{way.title}: an earlier run has switched; {move.proof.rows:,} rows proven equal."
    return (
        f"{way.title}: writes frozen for {move.freeze_seconds * 1000:.0f} ms"
        f" (drain {move.drain_seconds * 1000:.0f}, checks {move.check_seconds * 1000:.0f},"
        f" switch {move.switch_seconds * 1000:.0f}); {move.proof.rows:,} rows proven equal."
    )


class Watcher:
    """Watches moves through the eyes of a client that writes all the time; without a client, it just goes.

    Attributes:
        windows: of each move, what the client saw; known once the client has stopped.
    """

    def __init__(self, client: WriteClient | None) -> None:
        self._client = client
        self._spans: list[tuple[str, float, float]] = []
        self.windows: list[Window] = []

    def watch(self, way: Way) -> Move:
        """Go one way, between two spells of ordinary writing."""
        if self._client is None:
            return way.go()
        began = time.time()
        _until_acknowledged(self._client)
        move = way.go()
        _until_acknowledged(self._client)
        self._spans.append((way.title, began, time.time()))
        return move

    def stopped(self) -> None:
        """Sort the acknowledgements by move."""
        times = sorted(write.acknowledged for write in self._client.ledger.writes()) if self._client else []
        self.windows = [
            Window(title, tuple(moment for moment in times if began <= moment <= ended))
            for title, began, ended in self._spans
        ]

    def seen(self, databases: Sequence[Database]) -> str:
        """What the client saw; nothing where there was none.

        Raises:
            VerificationError: an acknowledged write is missing on one of these databases.
        """
        if self._client is None:
            return ""
        report, writes = self._client.report(), list(self._client.ledger.writes())
        for database in databases:
            missing = lost(writes, lambda ids, database=database: present_dreams(database, ids))  # type: ignore[misc]
            if missing:
                raise VerificationError(
                    f"{len(missing)} of {report.acknowledged} acknowledged writes are not on"
                    f" {database.label}.",
                    "Stop writes, and look for them on the other databases before anything else is moved.",
                )
        waited = ", ".join(f"{window.waited_s:.2f} s" for window in self.windows)
        return (
            f"A client writing {MEASURED_RATE:.0f} a second waited {waited} at most for an acknowledgement;"
            f" {report.errors} refused, {report.acknowledged} acknowledged,"
            f" 0 lost on {len(databases)} databases."
        )


@contextmanager
def _watched(url: str) -> Iterator[Watcher]:
    """Write to the live service around a block."""
    if not url:
        yield Watcher(None)
        return
    client = WriteClient(url, MEASURED_RATE, title="a dream that measured the cut-over").start()
    watcher = Watcher(client)
    try:
        yield watcher
    finally:
        client.stop()
    watcher.stopped()


def _until_acknowledged(client: WriteClient, timeout: float = 30.0) -> None:
    """Wait until the client has had MEASURED_MARGIN's worth of acknowledgements beyond those it has."""
    enough = client.report().acknowledged + MEASURED_RATE * MEASURED_MARGIN
    deadline = time.monotonic() + timeout
    while client.report().acknowledged < enough:
        if time.monotonic() > deadline:
            raise VerificationError(
                "DreamNet's present backend acknowledges no writes.",
                "Look at the service behind the profile's legacy_url; does it follow the connection secret?",
            )
        time.sleep(0.05)
