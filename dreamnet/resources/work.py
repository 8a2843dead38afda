"""What the workers of apply, adopt and destroy share: one resource at a time, timed, told about, no secret
said."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping

from dreamnet.resources import data
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.model import Change, Live, Progress, Resource
from dreamnet.resources.plan import Drivers, Observation

#: Resources in hand at once: most of their time is waiting for a cloud, so that the longest chain of
#: dependencies bounds the whole, and not the number of resources.
AT_ONCE = 24

#: Called with a resource's id and a short sentence, from several threads.
ResourceProgress = Callable[[str, str], None]


class Revealed:
    """Hands out secrets, and remembers them so that no message repeats one."""

    def __init__(self, reader: Callable[[str], str]) -> None:
        self._reader = reader
        self._values: set[str] = set()

    def __call__(self, name: str) -> str:
        value = self._reader(name)
        self._values.add(value)
        return value

    def hide(self, text: str) -> str:
        """The text without any secret that was handed out."""
        for value in sorted(self._values, key=len, reverse=True):
            if value:
                text = text.replace(value, "(secret)")
        return text


class Worker(ABC):
    """Does one thing to each resource; shared by a pool's threads, which write only under their own
    resource's id.

    Attributes:
        live: the live resources by id, kept up to date.
        seconds: how long each took.
        reveal: the secrets handed out so far.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        drivers: Drivers,
        progress: ResourceProgress,
        observed: Mapping[str, Observation],
        reveal: Revealed | None = None,
        consents: Collection[str] = (),
    ) -> None:
        self.catalogue = catalogue
        self.drivers = drivers
        self.observed = observed
        self.live = {rid: seen.live for rid, seen in observed.items() if seen.live}
        self.seconds: dict[str, float] = {}
        self.reveal = reveal or Revealed(lambda name: name)
        self._progress = progress
        self._consents = consents

    @abstractmethod
    def act(self, resource_id: str) -> str:
        """Do it. Returns what was done in one word (`created`), or nothing where nothing had to be done."""

    def step(self, resource_id: str) -> bool:
        """Do it, note the time, say what was done. Returns whether anything had to be done."""
        began = time.monotonic()
        try:
            done = self.act(resource_id)
        finally:
            self.seconds[resource_id] = time.monotonic() - began
        if done:
            self.say(resource_id)(f"{done} in {self.seconds[resource_id]:.1f} s")
        return bool(done)

    def say(self, resource_id: str) -> Progress:
        """Tells of one resource."""

        def told(text: str) -> None:
            # Drivers begin with the id too, for callers that show their words alone.
            self._progress(resource_id, self.reveal.hide(text).removeprefix(f"{resource_id}: "))

        return told

    def delete(self, desired: Resource, live: Live, token: str) -> None:
        """Delete a resource; its deletion protection goes first where the named consent lifts it, and
        otherwise keeps it."""
        driver, say = self.drivers[desired.cloud], self.say(desired.id)
        guard = data.protection(live.body)
        if guard and data.lift_protection(desired.id) in self._consents:
            say(f"lifting its deletion protection ({guard.path})")
            # Nothing else of the declaration: its secrets are not resolved here, and need not be said.
            bare = desired.with_values(name=desired.name, parent=desired.parent, body=guard.lifted)
            change = Change(guard.path, guard.value, guard.off)
            live = driver.update(bare, live, [change], f"{token}/unprotect", say)
        driver.delete(desired, live, token, say)
