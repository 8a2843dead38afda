"""The end of a migration as a task: who is asked about, what is refused, and what is said of the silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from migration_world import CLOUD_SQL, NEON, RDS

from dreamnet.errors import GameplanError
from dreamnet.postgres.database import Database
from dreamnet.postgres.finishing import Outlook
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.replication import Lag
from tasks import finishing as subject

LAGS = tuple(Lag(name, "slot", 0, 0, 0.1, True, 0) for name in ("neon", "rds"))
ALL = Outlook("cut over", LAGS, {}, (NEON, CLOUD_SQL, RDS))
OVER = Outlook("finished", (), {}, ())
NO_NEON = replace(ALL, lags=LAGS[1:], silent={NEON: "Nothing answers at neon.example."})


@dataclass
class World:
    """What finishing meets, the secret, and what was done."""

    met: Outlook = ALL
    targets: tuple[Database, ...] = (CLOUD_SQL, RDS)
    secret: str | None = field(default_factory=CLOUD_SQL.url)
    done: list[Any] = field(default_factory=list)

    def what_is_left(self, profile: str) -> tuple[Parties, Database | None]:
        first = CLOUD_SQL if CLOUD_SQL in self.targets else None
        return Parties.of("neon_acme", NEON, self.targets), first

    def finish(self, left: Parties, progress: Callable[[str], None], without: Iterable[Database]) -> None:
        self.done.append((left.targets, tuple(without)))
        self.met = OVER


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for name, fake in {
        "finishing": SimpleNamespace(outlook=lambda left: made.met, finish=made.finish),
        "what_is_left": made.what_is_left,
        "google_account": lambda name: None,
        "current_url": lambda google: made.secret,
        "moved": lambda name: made.secret not in (None, NEON.url()),
    }.items():
        monkeypatch.setattr(subject, name, fake)
    return made


def described() -> subject.Closing:
    found: subject.Closing = subject.describe_finish.fn("acme", "run-1")
    return found


def close(without: tuple[str, ...] = ()) -> Any:
    return subject.close_migration.fn("acme", "run-1", without)


def test_closing_is_done_once(world: World) -> None:
    closing = described()
    assert (closing.words, closing.without) == ("close the migration", ())
    assert "- neon is 0 bytes behind" in closing.text
    assert "- Neon keeps what it has and goes on refusing writes; RDS keeps what it has." in closing.text
    assert "without" not in closing.text
    assert close().outcome == "done"
    assert close().outcome == "unchanged"
    assert described().text == ""
    assert world.done == [((CLOUD_SQL, RDS), ())]


@pytest.mark.parametrize(
    ("phase", "secret"),
    [
        ("following", CLOUD_SQL.url()),
        ("switching", None),
        ("cut over", NEON.url()),
        ("lost", NEON.url()),
        ("lost", None),
        ("lost", "postgresql://app:secret@elsewhere.example/dreamnet"),
    ],
)
def test_nothing_is_closed_while_neon_is_or_may_be_read(world: World, phase: str, secret: str | None) -> None:
    for world.met in (replace(ALL, phase=phase), replace(NO_NEON, phase=phase)):
        world.secret = secret
        for refused in (described, lambda: close(("Neon", "RDS"))):
            with pytest.raises(GameplanError, match=f"DreamNet reads Neon, or may: the migration is {phase}"):
                refused()
    assert world.done == []


@pytest.mark.parametrize("behind", [{"seconds": None}, {"active": False}])
def test_nothing_is_closed_while_a_follower_that_answers_lacks_something(
    world: World, behind: dict[str, Any]
) -> None:
    late = replace(LAGS[1], bytes=812, **behind)
    for world.met in (replace(ALL, lags=(LAGS[0], late)), replace(NO_NEON, lags=(late,))):
        for refused in (described, lambda: close(("Neon", "RDS"))):
            with pytest.raises(GameplanError, match="rds is 812 bytes behind"):
                refused()
    assert world.done == []


def test_without_cloud_sql_nothing_is_closed(world: World) -> None:
    world.targets = (RDS,)
    for refused in (described, lambda: close(("Neon", "RDS"))):
        with pytest.raises(GameplanError, match=r"Cloud SQL.* does not exist"):
            refused()
    assert world.done == []


def test_neon_that_is_gone_takes_the_way_back_along_and_wants_its_word(world: World) -> None:
    world.met = NO_NEON
    closing = described()
    assert (closing.words, closing.without) == ("close without neon", ("Neon",))
    assert "ends without Neon.** Nothing answers at neon.example." in closing.text
    assert "what it lacks, it never gets. There is NO WAY BACK" in closing.text
    assert "goes on refusing writes" not in closing.text
    for approved in ((), ("RDS",)):
        with pytest.raises(GameplanError, match="Nobody has approved closing the migration without Neon"):
            close(approved)
    assert world.done == []
    assert f"{NEON.label} did not answer: what it has of the migration stays" in close(("Neon",)).detail
    assert world.done == [((CLOUD_SQL, RDS), (NEON,))]


@pytest.mark.parametrize("deleted", [True, False])
def test_rds_that_is_gone_leaves_its_rows_behind(world: World, deleted: bool) -> None:
    world.met = replace(ALL, lags=LAGS[:1], silent={} if deleted else {RDS: "Nothing answers."})
    world.targets = (CLOUD_SQL,) if deleted else (CLOUD_SQL, RDS)
    closing = described()
    assert (closing.words, closing.without) == ("close without rds", ("RDS",))
    assert ("RDS does not exist any more" in closing.text) is deleted
    assert "NO WAY BACK" not in closing.text
    with pytest.raises(GameplanError, match="without RDS"):
        close()
    assert ("did not answer" in close(("RDS",)).detail) is not deleted
    assert world.done == [(world.targets, () if deleted else (RDS,))]


def test_without_both_both_are_typed(world: World) -> None:
    world.met, world.targets = replace(NO_NEON, lags=()), (CLOUD_SQL,)
    assert described().words == "close without neon and rds"


def test_who_answers_again_is_not_ended_without(world: World) -> None:
    close(("Neon", "RDS"))
    assert world.done == [((CLOUD_SQL, RDS), ())]


def test_what_the_silent_kept_is_cleared_later_without_a_word_about_who_is_gone(world: World) -> None:
    world.met = Outlook("lost", (), {NEON: "Nothing answers at neon.example."}, (RDS,))
    closing = described()
    assert (closing.words, closing.without) == ("close the migration", ())
    assert f"is removed now, at {RDS.label}." in closing.text
    assert close().outcome == "done"
    assert world.done == [((CLOUD_SQL, RDS), (NEON,))]
