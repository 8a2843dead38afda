"""Progress that a person reads: hundreds of small tables and indexes in a second are no hundreds of lines."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_S = 1.0
"""What took so long is told by itself."""
EVERY_S = 10.0
"""Longest silence, as long as anything happens."""


class Telling:
    """Hands on to `progress` what took long, what comes after a silence, and what is the last."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress, self._told = progress, time.monotonic()

    def due(self) -> bool:
        """Whether nothing was told for so long that something should be."""
        return time.monotonic() - self._told >= EVERY_S

    def tell(self, line: str, seconds: float, *, last: bool) -> None:
        """Args: seconds: what the line tells of has taken. last: nothing of its kind follows."""
        if last or seconds >= LONG_S or self.due():
            self._told = time.monotonic()
            self._progress(line)
