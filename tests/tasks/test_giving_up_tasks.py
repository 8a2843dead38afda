"""Giving a migration up as a task: what is said before and after, and what the connection secret decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from migration_world import CLOUD_SQL, NEON, RDS

from dreamnet.errors import GameplanError
from dreamnet.postgres.giving_up import Outlook
from dreamnet.postgres.parties import Parties
from tasks import giving_up as subject

FOLLOWING = Outlook("following", 0, ("slot",), {})
GONE = Outlook("", 23, ("slot_1", "slot_2"), {CLOUD_SQL: "Nothing usable answers at 10.0.0.3:5432/dreamnet."})


@dataclass
class World:
    """What giving up meets, both clouds' secrets, and what was done."""

    met: Outlook = FOLLOWING
    exists: bool = True
    google: str | None = None
    aws: str | None = None
    done: list[Any] = field(default_factory=list)

    def what_is_left(self, profile: str) -> tuple[Parties, Any]:
        targets = (CLOUD_SQL, RDS) if self.exists else (RDS,)
        return Parties.of("neon_acme", NEON, targets), CLOUD_SQL if self.exists else None

    def give_up(self, left: Parties, records: Any, progress: Any, **how: bool) -> Outlook:
        self.done.append((left.targets, records, how))
        return self.met

    def publish(self, google: Any, aws: Any, url: str) -> bool:
        self.done.append("published")
        self.google = self.aws = url
        return True


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    profile = SimpleNamespace(neon=SimpleNamespace(connection=lambda: NEON))
    core = SimpleNamespace(outlook=lambda left, records: made.met, give_up=made.give_up)
    for name, fake in {
        "giving_up": core,
        "what_is_left": made.what_is_left,
        "load_profile": lambda name: profile,
        "google_account": lambda name: None,
        "aws_account": lambda name: None,
        "current_url": lambda google: made.google,
        "current_url_on_aws": lambda aws: made.aws,
        "publish_url": made.publish,
    }.items():
        monkeypatch.setattr(subject, name, fake)
    return made


def described(empty: bool = False) -> str:
    said: str = subject.describe_abandon.fn("acme", "run-1", empty)
    return said


def given_up(empty: bool = False) -> str:
    return str(subject.abandon_migration.fn("acme", "run-1", empty).detail)


@pytest.mark.parametrize("empty", [True, False])
def test_what_was_asked_is_said_and_done(world: World, empty: bool) -> None:
    assert ("EMPTIED" in described(empty)) is empty
    assert "\n" not in described(empty)
    assert ("were emptied" in given_up(empty)) is empty
    assert world.done == [((CLOUD_SQL, RDS), CLOUD_SQL, {"empty": empty, "names_source": False})]


@pytest.mark.parametrize("phase", ["cut over", "switching"])
def test_writes_that_have_moved_are_not_given_up(world: World, phase: str) -> None:
    world.met = Outlook(phase, 23, (), {})
    with pytest.raises(GameplanError, match=f"cannot be given up: it is {phase}"):
        described()


def test_follower_that_does_not_answer_is_no_hurdle_and_named(world: World) -> None:
    world.met = Outlook("following", 0, (), {RDS: "Nothing usable answers at rds.example:5432/dreamnet."})
    assert "- Nothing usable answers at rds.example:5432/dreamnet. What is there stays." in described()
    assert "rds.example:5432/dreamnet did not answer: give up again if it ever does" in given_up()
    assert world.done[-1][2]["names_source"] is False, "the records answer; no secret is needed"


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("secret", [None, NEON.url(), "postgresql://app:other@neon.example/dreamnet"])
def test_without_the_records_a_secret_that_names_neon_decides(
    world: World, secret: str | None, exists: bool
) -> None:
    world.met, world.google, world.exists = GONE, secret, exists
    said = described()
    assert ("at 10.0.0.3:5432/dreamnet does not answer" in said) is exists
    assert ("does not exist any more" in said) is not exists
    assert "Neon refuses writes to 23 tables, and takes them again" in said
    assert "Slots that Neon drops: slot_1, slot_2." in said
    assert "LOST" in said
    assert "10.0.0.3:5432/dreamnet did not answer" in given_up()
    (done,) = world.done
    assert done[2]["names_source"] is True


@pytest.mark.parametrize("secret", [CLOUD_SQL.url(), "not a connection string"])
def test_without_the_records_a_secret_that_names_another_refuses(world: World, secret: str) -> None:
    world.met, world.google = GONE, secret
    for refused in (described, given_up):
        with pytest.raises(GameplanError, match="names another database than Neon") as caught:
            refused()
        assert "owner password" not in str(caught.value)
    assert world.done == []


@pytest.mark.parametrize("phase", ["lost", "finished"])
def test_secret_decides_too_where_the_records_are_no_more(world: World, phase: str) -> None:
    world.met, world.google = Outlook(phase, 23, (), {}), CLOUD_SQL.url()
    said = "The migration is finished" if phase == "finished" else "the cut-over was published"
    for refused in (described, given_up):
        with pytest.raises(GameplanError, match=said):
            refused()
    world.google = NEON.url()
    assert "Cloud SQL, which should have the records, has none." in described()
    given_up()
    assert world.done[-1][2]["names_source"] is True


@pytest.mark.parametrize("google", [None, NEON.url()])
def test_secret_that_was_switched_on_aws_alone_is_put_back_first(world: World, google: str | None) -> None:
    world.met, world.google, world.aws = GONE, google, CLOUD_SQL.url()
    given_up()
    assert world.done[0] == "published"
    assert world.aws == NEON.url()
    assert len(world.done) == 2
