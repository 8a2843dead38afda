"""Take down what a catalogue declares."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import reverse, run_graph
from dreamnet.resources.outcome import ApplyReport, AskedAction, ResourceProgress, Revealed, report
from dreamnet.resources.plan import Drivers, Observation, observe, refuse_foreign


def destroy(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    progress: ResourceProgress,
    max_parallel: int = 8,
) -> ApplyReport:
    """Delete every resource of the catalogue, dependants first. What is absent already counts as unchanged.

    Give the whole catalogue, or a selection that nothing outside it depends on: a selection holds what it
    depends on too (such as the network), and that is deleted with it.

    Raises:
        PrecheckFailed: one of them is not ours; nothing was deleted.
    """
    observed = observe(catalogue, drivers, variables, max_parallel)
    refuse_foreign(catalogue, observed)
    remover = _Remover(catalogue, drivers, progress, observed)
    run = run_graph(reverse(catalogue.graph()), remover.step, max_parallel)
    asked: list[tuple[str, str, AskedAction]] = [(r.id, r.type, "delete") for r in reversed(list(catalogue))]
    return report("destroy", asked, run, remover)


class _Remover:
    """Deletes single resources, in the pool's threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        drivers: Drivers,
        progress: ResourceProgress,
        observed: Mapping[str, Observation],
    ) -> None:
        self._catalogue = catalogue
        self._drivers = drivers
        self._progress = progress
        self._observed = observed
        self.reveal = Revealed(lambda name: name)
        self.live = {rid: seen.live for rid, seen in observed.items() if seen.live}
        self.seconds: dict[str, float] = {}

    def step(self, resource_id: str) -> bool:
        """Delete one resource. Returns whether it was there."""
        live = self.live.get(resource_id)
        if live is None:
            return False
        began = time.monotonic()
        driver = self._drivers[self._catalogue[resource_id].cloud]
        # A new key each time: deleting twice is harmless, while an old key could be taken for an old request.
        token = str(uuid.uuid4())
        self._say(resource_id, "deleting")
        desired = self._observed[resource_id].desired
        driver.delete(desired, live, token, lambda text: self._say(resource_id, text))
        self.seconds[resource_id] = time.monotonic() - began
        del self.live[resource_id]
        self._say(resource_id, f"deleted in {self.seconds[resource_id]:.1f} s")
        return True

    def _say(self, resource_id: str, text: str) -> None:
        self._progress(resource_id, text.removeprefix(f"{resource_id}: "))
