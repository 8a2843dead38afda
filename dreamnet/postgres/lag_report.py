"""A look at a migration for people: tables, and a picture of how far followers were behind over time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dreamnet.postgres.alarms import Alarm
from dreamnet.postgres.followers import Follower
from dreamnet.postgres.watch import Look

Sample = Mapping[str, Any]
"""One follower at one time: at (ISO 8601), follower, bytes, seconds, wal (bytes kept); figures or None."""

MEGABYTE = 1e6


def samples(look: Look) -> list[dict[str, Any]]:
    """A look's followers as rows to keep."""
    return [
        {
            "at": look.at.isoformat(timespec="seconds"),
            "follower": one.subscriber,
            "bytes": one.bytes,
            "seconds": one.seconds,
            "wal": one.retained_bytes,
        }
        for one in look.followers
    ]


def sentence(look: Look, alarms: Sequence[Alarm]) -> str:
    """Where it stands, in one sentence."""
    said = f"{look.phase}; {look.taker} takes the writes"
    behind = [f"{one.subscriber} {one.bytes or 0:,} bytes behind" for one in look.followers if one.present]
    worst = f"{len(alarms)} alarms, the first: {alarms[0].what}" if alarms else "no alarm"
    return "; ".join([said, *behind, worst]) + "."


def markdown(look: Look, alarms: Sequence[Alarm]) -> str:
    """Phase, alarms, followers, frozen tables."""
    lines = [
        f"**{look.phase}** at {look.at:%Y-%m-%d %H:%M:%S} UTC; {look.taker} takes the writes.",
        "",
        "## Alarms",
        "",
        alarm_table(alarms) or "None.",
        "",
        "## Followers",
        "",
    ]
    lines += _table(
        ("follower", "slot", "behind", "at most", "WAL kept", "WAL status", "subscription", "apply errors"),
        [_row(one) for one in look.followers],
    ) or ["None yet."]
    limit = "without limit" if look.wal_limit is None else f"at most {_megabytes(look.wal_limit)}"
    lines += ["", f"{look.primary} keeps WAL for a slot {limit} (max_slot_wal_keep_size)."]
    frozen = [f"{count} tables of {label}" for label, count in look.frozen.items() if count]
    lines += ["", f"Refusing writes: {' and '.join(frozen) or 'no table'}."]
    return "\n".join(lines)


def alarm_table(alarms: Sequence[Alarm]) -> str:
    """Alarms as a Markdown table; empty where there is none."""
    head = ("", "what", "since", "what happens next", "remedy")
    return "\n".join(_table(head, [(one.level, one.what, one.since, one.then, one.remedy) for one in alarms]))


def chart(kept: Iterable[Sample]) -> bytes:
    """Bytes behind by follower over time, as a PNG."""
    # The figure's own canvas, not pyplot: pyplot's state is global, and flows run in threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    lines: dict[str, list[tuple[datetime, float]]] = {}
    for one in kept:
        if one["bytes"] is not None:
            at = datetime.fromisoformat(one["at"])
            lines.setdefault(one["follower"], []).append((at, one["bytes"] / MEGABYTE))
    figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for follower, points in sorted(lines.items()):
        days = date2num([at for at, _ in points])  # type: ignore[no-untyped-call]
        axes.plot(days, [behind for _, behind in points], ".-", label=follower)
    axes.set_ylabel("MB behind")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e0e0e0", linewidth=0.8)
    if lines:
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.legend(frameon=False, loc="upper left")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _row(one: Follower) -> tuple[str, ...]:
    return (
        one.subscriber,
        one.slot if one.present else f"{one.slot} (gone)",
        "unknown" if one.bytes is None else f"{one.bytes:,} bytes",
        "unknown" if one.seconds is None else f"{one.seconds:,.1f} s",
        "unknown" if one.retained_bytes is None else _megabytes(one.retained_bytes),
        one.wal_status or "unknown",
        one.subscription,
        str(one.errors),
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]
