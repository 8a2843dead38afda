"""Down in the evening, up in the morning: one saved state, safe to repeat, proven at the end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dreamnet.errors import GameplanError, VerificationError
from dreamnet.resources.model import Progress
from dreamnet.scaling.report import NightReport, Outcome, Price, Row
from dreamnet.scaling.snapshot import (
    Fleet,
    Item,
    Sleeper,
    Snapshot,
    Stage,
    attempt_all,
    describe,
    raise_all,
)
from dreamnet.scaling.store import Night, NightStore, Phase

_NO_SAVED = "Nothing is saved and nothing bears a night's note: there is nothing to wake."
_ONLY_NOTES = (
    "No saved state was found; workloads were restored from their own notes. Check nodes and databases."
)
_SEVEN_DAYS = "RDS starts a stopped instance by itself after seven days."


@dataclass
class _Saved:
    """The saved night with the generation that the next write has to replace."""

    store: NightStore
    run: str
    night: Night
    generation: int

    def move(self, phase: Phase) -> None:
        """Write the phase. Refused when another run has written since: this one must stop."""
        night = self.night.moved(phase, self.run)
        self.generation = self.store.save(night, self.generation)
        self.night = night


def scale_down(
    fleet: Fleet,
    store: NightStore,
    *,
    progress: Progress,
    dry_run: bool = False,
    price: Price | None = None,
    run: str | None = None,
) -> NightReport:
    """Put the fleet to sleep: workloads, then nodes, then databases.

    What runs is saved before anything is changed. Where a night has begun already (an interrupted run, or the
    same command again) the originals saved then stay; only what is new is added, and only what is awake goes
    to sleep.

    Args:
        dry_run: say what would happen, and change and save nothing.
        price: USD an hour of an item, where known.
        run: names this run in the saved state; made up by default.

    Raises:
        PrecheckFailed: another run is at work on the same state.
        GameplanError: a step failed; later stages are not begun, and running again goes on from there.
    """
    started = time.monotonic()
    before, generation = store.load()
    snapshot = fleet.snapshot()
    originals = _originals(before, snapshot)
    rows = _rows_down(originals, snapshot, price, dry_run)
    notes = (
        (_SEVEN_DAYS,) if any(row.item.startswith("rds/") and row.outcome != "kept" for row in rows) else ()
    )
    ids = {row.item for row in rows if row.outcome in ("slept", "would sleep")}
    if dry_run or (before and before.phase == "down" and not ids):
        return NightReport("down", tuple(rows), time.monotonic() - started, dry_run, notes=notes)
    run = run or uuid.uuid4().hex[:12]
    night = Night("going-down", run, originals)
    if before and before.phase != "up":
        night = replace(night, saved_at=before.saved_at)
    saved = _Saved(store, run, night, generation)
    for stage in Stage:
        saved.move("going-down")
        tasks = _by_sleeper(fleet.of_stage(stage), snapshot, [item for item in originals if item.id in ids])
        raise_all(_run(tasks, lambda sleeper, items: sleeper.sleep(items, progress)))
        progress(f"{stage.name.lower()} asleep")
    saved.move("down")
    return NightReport("down", tuple(rows), time.monotonic() - started, notes=notes)


def scale_up(
    fleet: Fleet,
    store: NightStore,
    *,
    progress: Progress,
    forget: Collection[str] = (),
    run: str | None = None,
) -> NightReport:
    """Wake the fleet: databases, then nodes, then workloads; then prove that all is as it was saved.

    A failure on one cloud, or a cluster that cannot be read, does not keep the rest asleep: all is tried, and
    the failures are raised at the end. The state counts as restored only when the proof holds.

    Args:
        forget: ids of items that were deleted during the night on purpose.
        run: names this run in the saved state; made up by default.

    Raises:
        VerificationError: something is not as it was; every difference is listed.
        PrecheckFailed: another run is at work on the same state.
        GameplanError: a step failed; running again goes on from there.
    """
    started = time.monotonic()
    night, generation = store.load()
    snapshot, failures = fleet.look()
    notes: tuple[str, ...] = ()
    if night is None or night.phase == "up":
        noted = tuple(item.as_saved() for item in snapshot.items.values() if item.remembered is not None)
        if not noted:
            raise_all(failures)
            elapsed = time.monotonic() - started
            return NightReport("up", (), elapsed, nothing_saved=True, notes=(_NO_SAVED,))
        night, notes = Night("going-up", "", noted), (_ONLY_NOTES,)
    run = run or uuid.uuid4().hex[:12]
    saved = _Saved(store, run, night, generation)
    originals = [item for item in night.originals if item.id not in forget]
    asleep = [item for item in originals if not item.kept and item.id in snapshot.items]
    for stage in reversed(Stage):
        saved.move("going-up")
        tasks = _by_sleeper(fleet.of_stage(stage), snapshot, asleep)
        failures += _run(tasks, lambda sleeper, items: sleeper.wake(items, progress))
        progress(f"{stage.name.lower()} awake")
    raise_all(failures)
    after = fleet.snapshot()
    prove(originals, after)
    saved.move("up")
    return NightReport("up", _rows_up(originals, snapshot, after), time.monotonic() - started, notes=notes)


def prove(originals: Sequence[Item], after: Snapshot) -> None:
    """Compare a new snapshot with what was saved.

    Raises:
        VerificationError: lists every difference.
    """
    differences = []
    for original in originals:
        live, sleeper = after.items.get(original.id), after.sleeper_of(original.id)
        if original.kept:
            continue
        if live is None or sleeper is None:
            differences.append(f"{original.id} is gone")
        else:
            differences += [f"{original.id}: {text}" for text in sleeper.differences(original, live)]
    if differences:
        raise VerificationError(
            "After waking not all is as it was: " + "; ".join(differences) + ".",
            "Correct what is named and run the morning again; `forget` what was deleted on purpose.",
        )


def _originals(before: Night | None, snapshot: Snapshot) -> tuple[Item, ...]:
    """What is to be restored: an unfinished night's originals stay; things that are new since are added.

    What sleeps has to be woken, whatever its mark says by now.
    """
    live = snapshot.items
    if before is None or before.phase == "up":
        return tuple(item.as_saved() for item in live.values())
    known = {item.id for item in before.originals}
    old = [_now_free(item, live.get(item.id)) for item in before.originals]
    return (*old, *(item.as_saved() for item in live.values() if item.id not in known))


def _now_free(saved: Item, live: Item | None) -> Item:
    """A thing that was kept and whose mark is gone may sleep; it ran all along: its state is today's."""
    return live.as_saved() if saved.kept and live is not None and not live.kept else saved


def _rows_down(
    originals: Sequence[Item], snapshot: Snapshot, price: Price | None, dry_run: bool
) -> list[Row]:
    rows = []
    for original in originals:
        live, sleeper = snapshot.items.get(original.id), snapshot.sleeper_of(original.id)
        if live is None or sleeper is None:
            rows.append(Row(original.id, describe(original.state), "gone", "unchanged", "it is gone"))
            continue
        now = describe(live.state)
        kept = live.kept or original.kept
        if kept:
            rows.append(Row(original.id, now, now, "kept", kept))
            continue
        target = sleeper.night(original)
        outcome: Outcome = "would sleep" if dry_run else "slept"
        if live.state == target:
            outcome = "unchanged"
        saving = price(original) if price else None
        rows.append(Row(original.id, describe(original.state), describe(target), outcome, saving=saving))
    return rows


def _rows_up(originals: Sequence[Item], before: Snapshot, after: Snapshot) -> tuple[Row, ...]:
    rows = []
    for original in originals:
        was, now = before.items.get(original.id), after.items.get(original.id)
        if was is None or now is None:
            continue
        if original.kept:
            rows.append(Row(original.id, describe(was.state), describe(now.state), "kept", original.kept))
            continue
        outcome: Outcome = "unchanged" if was.state == now.state else "woken"
        rows.append(Row(original.id, describe(was.state), describe(now.state), outcome))
    return tuple(rows)


def _by_sleeper(
    sleepers: Sequence[Sleeper], snapshot: Snapshot, items: Sequence[Item]
) -> list[tuple[Sleeper, list[Item]]]:
    """Which of these items belong to which source; sources without any are left out."""
    grouped = [
        (sleeper, [item for item in items if snapshot.sleeper_of(item.id) is sleeper]) for sleeper in sleepers
    ]
    return [(sleeper, mine) for sleeper, mine in grouped if mine]


def _run(
    tasks: Sequence[tuple[Sleeper, list[Item]]], action: Callable[[Sleeper, list[Item]], None]
) -> list[GameplanError]:
    outcomes: Sequence[Any] = attempt_all(tasks, lambda task: action(*task))
    return [outcome for outcome in outcomes if isinstance(outcome, GameplanError)]
