"""What a night's run did, thing by thing, and what it saves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dreamnet.scaling.snapshot import Item

Direction = Literal["down", "up"]
Outcome = Literal["slept", "would sleep", "woken", "unchanged", "kept"]

#: USD an hour that an item costs while it runs and not while it sleeps; None: no price known.
Price = Callable[[Item], float | None]


@dataclass(frozen=True)
class Row:
    """One item: before and after in words; why it was kept; USD an hour saved, where a price is known."""

    item: str
    before: str
    after: str
    outcome: Outcome
    reason: str = ""
    saving: float | None = None


@dataclass(frozen=True)
class NightReport:
    """One run, down or up.

    Attributes:
        nothing_saved: going up, and there was no night to end.
        notes: what the operator should know.
    """

    direction: Direction
    rows: tuple[Row, ...]
    seconds: float
    dry_run: bool = False
    nothing_saved: bool = False
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether this run changed anything."""
        return any(row.outcome in ("slept", "woken") for row in self.rows)

    @property
    def saving(self) -> float:
        """USD an hour while all sleeps, of what a price is known for."""
        return sum(row.saving or 0.0 for row in self.rows)

    def count(self, outcome: Outcome) -> int:
        """How many items had this outcome."""
        return sum(row.outcome == outcome for row in self.rows)

    def markdown(self) -> str:
        """A table for people."""
        lines = ["| what | before | after | result | USD/h |", "| --- | --- | --- | --- | --- |"]
        for row in self.rows:
            result = f"{row.outcome}: {row.reason}" if row.reason else row.outcome
            price = "" if row.saving is None else f"{row.saving:.4f}"
            lines.append(f"| {row.item} | {row.before} | {row.after} | {result} | {price} |")
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)])
