"""Stretches of time, and how much of a whole they cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, in seconds since the epoch."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


def covered(whole: Span, parts: Iterable[Span]) -> float:
    """Seconds of `whole` in which at least one of `parts` ran; parts side by side count once."""
    total, reached = 0.0, whole.start
    for part in sorted(parts, key=lambda part: part.start):
        begin, end = max(part.start, reached), min(part.end, whole.end)
        if end > begin:
            total += end - begin
            reached = end
    return total


def uncovered(whole: Span, parts: Iterable[Span]) -> float:
    """Seconds of `whole` in which none of `parts` ran."""
    return whole.seconds - covered(whole, parts)
