"""What a client saw of moves between databases, drawn: acknowledged writes, a bar for 50 milliseconds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BIN_S = 0.05
"""Width of a bar, in seconds."""
AROUND_S = 1.0
"""How much is shown before and after the gap, in seconds."""


@dataclass(frozen=True)
class Window:
    """One move as a client saw it.

    Args:
        title: of the move.
        acknowledged: wall-clock times of the acknowledgements around it, ascending, seconds since the epoch.
    """

    title: str
    acknowledged: tuple[float, ...]

    @property
    def gap(self) -> tuple[float, float]:
        """Begin and end of the longest time between two acknowledgements; (0, 0) with fewer than two."""
        pairs = pairwise(self.acknowledged)
        return max(pairs, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))

    @property
    def waited_s(self) -> float:
        """Length of the gap."""
        begin, end = self.gap
        return end - begin

    def bars(self) -> tuple[list[float], list[int]]:
        """Begins of the bars in seconds from the gap's begin, and acknowledgements in each."""
        begin, end = self.gap
        before, count = round(AROUND_S / BIN_S), round((2 * AROUND_S + end - begin) / BIN_S)
        heights = [0] * (count + 1)
        for moment in self.acknowledged:
            # Rounded: an acknowledgement right at a bar's edge must not fall on either side by chance.
            index = int(round((moment - begin) / BIN_S, 6) + before)
            if 0 <= index <= count and moment >= begin - AROUND_S:
                heights[index] += 1
        return [(index - before) * BIN_S for index in range(count + 1)], heights


def picture(windows: Sequence[Window]) -> bytes:
    """A PNG with one panel a move, each from a second before its gap to a second after."""
    # The figure's own canvas, not pyplot: pyplot's state is global, and flows run in threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2 * len(windows)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, window in zip(figure.subplots(len(windows), squeeze=False)[:, 0], windows, strict=True):
        begins, heights = window.bars()
        axes.bar(begins, heights, width=BIN_S * 0.9, align="edge", color="#1a73e8")
        axes.axvspan(0, window.waited_s, color="#c5221f", alpha=0.12)
        axes.set_title(
            f"{window.title}: {window.waited_s * 1000:.0f} ms without an acknowledgement", loc="left"
        )
        axes.set_ylabel(f"writes per {BIN_S * 1000:.0f} ms")
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("seconds from the last acknowledgement before the freeze")
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
