"""Waiting for a cloud to have done what it was asked to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dreamnet.errors import ResourceError
from dreamnet.resources.model import Progress

#: Seconds between the first two looks.
FIRST_PAUSE = 0.1


@dataclass(frozen=True)
class Patience:
    """How long a wait may take, and how often to look (seconds).

    The first looks come quickly, then ever slower, up to `poll` seconds apart. The default leaves
    room for the slowest: an RDS instance may take half an hour to start.
    """

    timeout: float = 2700
    poll: float = 5

    def until(self, what: str, look: Callable[[], str], progress: Progress, remedy: str) -> None:
        """Look until there is nothing left to wait for.

        Args:
            what: for messages, such as `RDS dreamnet stopped`.
            look: returns what is still missing; empty when done.

        Raises:
            ResourceError: not in time; the message holds what was missing.
        """
        started, said, pause = time.monotonic(), "", min(FIRST_PAUSE, self.poll)
        while missing := look():
            if time.monotonic() - started > self.timeout:
                raise ResourceError(f"{what}: not after {self.timeout:.0f} s: {missing}.", remedy)
            if missing != said:
                progress(f"{what}: {missing}")
                said = missing
            time.sleep(pause)
            pause = min(self.poll, pause * 1.5)


USUAL = Patience()

#: For what is no machine: pods start and end within minutes.
QUICK = Patience(timeout=900, poll=1)
