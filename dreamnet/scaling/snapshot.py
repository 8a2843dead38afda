"""What runs now, as one list over both clouds: the thing that is saved, restored and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Protocol, TypeVar

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.resources.model import Progress

State = Mapping[str, Any]
Thing = TypeVar("Thing")
Answer = TypeVar("Answer")

#: The label, annotation or tag that says what the night may do: `keep` leaves a thing running, `sleep`
#: overrides its namespace's `keep`. Google's labels allow no slash, so there it is `dreamnet-night`.
NIGHT = "dreamnet/night"
NIGHT_GOOGLE = "dreamnet-night"
KEEP, SLEEP = "keep", "sleep"


class Stage(IntEnum):
    """In this order things go to sleep; in reverse they wake."""

    WORKLOADS = 0
    NODES = 1
    DATABASES = 2


@dataclass(frozen=True)
class Item:
    """One thing that can sleep.

    Attributes:
        id: unique and stable, such as `gke/dreamnet/deployment/dreamnet/dreamnet-api`.
        state: what has to be restored (replicas; nodes and their autoscaling; running or not).
        kept: why it is left running; empty where it may sleep.
        remembered: the state before the night, where the thing sleeps and itself bears a note of it.
        details: what a price needs: machine type, class, region. Not compared.
    """

    id: str
    state: State
    kept: str = ""
    remembered: State | None = None
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def as_saved(self) -> Item:
        """As it is to be restored: its own note goes before a state that is the night's."""
        return replace(
            self, state=self.remembered if self.remembered is not None else self.state, remembered=None
        )

    def to_json(self) -> dict[str, Any]:
        """For the saved state."""
        return {"id": self.id, "state": dict(self.state), "kept": self.kept, "details": dict(self.details)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Item:
        """From the saved state."""
        return cls(data["id"], data["state"], data.get("kept", ""), None, data.get("details", {}))


class Sleeper(Protocol):
    """One source of items: a cluster's workloads, a cluster's nodes, an account's databases.

    `sleep` and `wake` wait until what they asked for has happened and are safe to repeat. All raise
    GameplanError.
    """

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def stage(self) -> Stage:
        """When it goes to sleep."""
        ...

    def items(self) -> list[Item]:
        """What is there now."""
        ...

    def night(self, original: Item) -> State:
        """The state at night of an item that may sleep."""
        ...

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """Put these to sleep."""
        ...

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """Restore these."""
        ...

    def differences(self, original: Item, live: Item) -> list[str]:
        """What is not as it was; empty when it is."""
        ...


@dataclass(frozen=True)
class Fleet:
    """Everything that one night concerns.

    Attributes:
        in_use: by id, why an item is left running, beyond what its source knows.
    """

    sleepers: tuple[Sleeper, ...]
    in_use: Mapping[str, str] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """Ask every source at once.

        Raises:
            GameplanError: a source could not be read. Nothing is guessed.
        """
        snapshot, failures = self.look()
        raise_all(failures)
        return snapshot

    def look(self) -> tuple[Snapshot, list[GameplanError]]:
        """As `snapshot`, but sources that could not be read are left out and their failures returned."""
        listed = attempt_all(self.sleepers, lambda sleeper: sleeper.items())
        read = [
            (sleeper, tuple(replace(item, kept=item.kept or self.in_use.get(item.id, "")) for item in items))
            for sleeper, items in zip(self.sleepers, listed, strict=True)
            if not isinstance(items, GameplanError)
        ]
        return Snapshot(tuple(read)), [items for items in listed if isinstance(items, GameplanError)]

    def of_stage(self, stage: Stage) -> list[Sleeper]:
        """The sources that belong to a stage."""
        return [sleeper for sleeper in self.sleepers if sleeper.stage == stage]


@dataclass(frozen=True)
class Snapshot:
    """Every item by the source that reported it, at one moment."""

    by_sleeper: tuple[tuple[Sleeper, tuple[Item, ...]], ...]

    @property
    def items(self) -> dict[str, Item]:
        """All items by id."""
        return {item.id: item for _, items in self.by_sleeper for item in items}

    def sleeper_of(self, item_id: str) -> Sleeper | None:
        """Who reported an item."""
        for sleeper, items in self.by_sleeper:
            if any(item.id == item_id for item in items):
                return sleeper
        return None


def attempt_all(things: Sequence[Thing], action: Callable[[Thing], Answer]) -> list[Answer | GameplanError]:
    """Do one action on several things at once, at most eight; a failure is returned in its place."""

    def attempt(thing: Thing) -> Answer | GameplanError:
        try:
            return action(thing)
        except GameplanError as error:
            return error

    if not things:
        return []
    with ThreadPoolExecutor(max_workers=min(8, len(things))) as pool:
        return list(pool.map(attempt, things))


def raise_all(failures: Sequence[GameplanError]) -> None:
    """Raise one failure as it is, several as one that names each; none: return."""
    different = list({failure.problem: failure for failure in failures}.values())
    if len(different) == 1:
        raise different[0]
    if different:
        raise ResourceError(
            " ".join(failure.problem for failure in different),
            " ".join(dict.fromkeys(failure.remedy for failure in different)),
        )


def describe(state: State) -> str:
    """A state in a few words: `replicas 3, hpa 2-6`."""
    words = []
    for key, value in state.items():
        if isinstance(value, Mapping):
            inner = " ".join(f"{name}={text}" for name, text in value.items())
            words.append(f"{key} ({inner})")
        elif value is not None:
            words.append(f"{key} {value}")
    return ", ".join(words)
