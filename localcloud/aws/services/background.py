"""Work that goes on after a service has answered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dreamnet.errors import GameplanError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Background:
    """Work that goes on after the answer, as a cloud's does.

    Attributes:
        pool: where it runs.
        changed: called when it has ended.
    """

    pool: ThreadPoolExecutor
    changed: Callable[[], None]

    def run(self, work: Callable[[], None], failed: Callable[[], None]) -> None:
        """Start the work; `failed` marks the thing when an engine can't be brought there."""

        def guarded() -> None:
            try:
                work()
            except (GameplanError, OSError) as error:
                _LOG.error("engine: %s", error)
                failed()
            self.changed()

        self.pool.submit(guarded)
