"""A migration that answers what a test wants, and what surrounds it: the secret, the accounts, the client."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Database
from dreamnet.postgres.findings import Report
from dreamnet.postgres.migration import CopyReport
from dreamnet.postgres.precheck_target import Disk
from dreamnet.postgres.replication import Lag
from dreamnet.postgres.verify import Verification

NEON = Database("neon.example", "dreamnet", "owner", "neon password")
CLOUD_SQL = Database("10.0.0.3", "dreamnet", "dreamnet", "owner password")
RDS = Database("rds.example", "dreamnet", "dreamnet", "owner password")
DISKS = (Disk(10, 20), Disk(30, 30))
PROOF = Verification(23, 400_000, (), 1.0, "one point")


class Moving:
    """A migration without servers; notes what was done."""

    def __init__(self) -> None:
        self.source, self.targets = NEON, (CLOUD_SQL, RDS)
        self.phase, self.switching_to = "new", ""
        self.return_due = self.unsettled = False
        self.impossible = ""  # why there is no way back
        self.done: list[str] = []
        self.rows = 400_000
        self.proof = PROOF
        self.report = Report("neon", ["cloud sql"], tables=23, rows=400_000, bytes=98_000_000)
        self.while_frozen: Callable[[], None] = lambda: None
        self.lags = [Lag(name, "slot", 0, 0, 0.1, True, 0) for name in ("cloud sql", "rds")]

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(
            phase=self.phase,
            switching_to=self.switching_to,
            return_due=self.return_due,
            unsettled=self.unsettled,
        )

    def no_way_back(self) -> str:
        return self.impossible

    def note_return(self, due: bool) -> None:
        self.return_due = due

    def precheck(self, disks: tuple[Disk, ...], *, way_back: bool) -> Report:
        assert disks == DISKS
        self.done.append("precheck for a way back" if way_back else "precheck")
        return self.report

    def prepare_and_copy(self, progress: Callable[[str], None]) -> CopyReport:
        self.done.append("copy")
        progress("copying 23 tables")
        return CopyReport(23, self.rows, 98_000_000 if self.rows else 0, 4.25, 9.0, 1)

    def follow(self, progress: Callable[[str], None]) -> list[Lag]:
        return self.lags

    def lag(self) -> list[Lag]:
        return self.lags

    def wait_caught_up(self) -> None:
        self.done.append("caught up")

    def verify(self) -> Verification:
        return self.proof

    def cut_over(self, switch: Callable[[], None], progress: Callable[[str], None]) -> Move:
        return self._move("cut over", "cut over", CLOUD_SQL, switch)

    def roll_back(self, switch: Callable[[], None], progress: Callable[[str], None]) -> Move:
        return self._move("roll back", "following", NEON, switch)

    def _move(self, name: str, phase: str, primary: Database, switch: Callable[[], None]) -> Move:
        self.done.append(name)
        following = {one.label: "following" for one in (NEON, CLOUD_SQL, RDS) if one is not primary}
        if self.phase == phase:
            self.unsettled = False
            return Move(primary.label, 0.0, 0.0, 0.0, 0.0, 0, PROOF, following)
        self.while_frozen()
        switch()
        self.phase, self.switching_to = phase, ""
        return Move(primary.label, 0.25, 0.05, 0.1, 0.1, 4, PROOF, following)


class World:
    """What surrounds a migration: the connection secret, the backend that a client writes to, the events."""

    def __init__(self) -> None:
        self.moving = Moving()
        self.secret: str | None = None
        self.legacy_url = ""
        self.events: list[dict[str, Any]] = []


def world_at(monkeypatch: pytest.MonkeyPatch) -> World:
    """Let the migration's tasks meet such a world until the end of the test."""
    import tasks.cutover
    import tasks.migration
    import tasks.ways_out

    world = World()

    def publish_url(google: Any, aws: Any, url: str) -> bool:
        world.secret = url
        return True

    def profile(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            neon=SimpleNamespace(connection=lambda: NEON),
            legacy_url=world.legacy_url,
            database_password=SecretStr("owner password"),
            rds_certificates="",
        )

    def nothing(name: str) -> None:
        """No account: what would call a cloud with it is replaced too."""

    for module in (tasks.migration, tasks.cutover, tasks.ways_out):
        for name, fake in {
            "load_profile": profile,
            "google_account": nothing,
            "aws_account": nothing,
            "disks": lambda name: DISKS,
            "current_url": lambda google: world.secret,
            "publish_url": publish_url,
            "migration": lambda profile: world.moving,
            "emit_event": lambda event, resource, payload: world.events.append({"event": event, **payload}),
        }.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, fake)
    return world
