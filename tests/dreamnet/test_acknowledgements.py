"""What is drawn of a move: the gap in the acknowledgements, and how many there were around it."""

from __future__ import annotations

from dreamnet.acknowledgements import BIN_S, Window, picture


def steady(begin: float, seconds: float) -> list[float]:
    """One acknowledgement each 10 ms."""
    return [begin + index / 100 for index in range(round(seconds * 100))]


def test_gap_is_found_and_the_bars_surround_it() -> None:
    times = steady(1000.0, 2.0) + steady(1002.49, 2.0)
    window = Window("there", tuple(times))
    assert round(window.waited_s, 3) == 0.5
    begins, heights = window.bars()
    by_begin = {round(begin, 2): height for begin, height in zip(begins, heights, strict=True)}
    assert by_begin[-0.5] == 5
    assert sum(height for begin, height in by_begin.items() if 0.05 <= begin < 0.5) == 0
    assert by_begin[0.6] == 5
    assert begins[0] == -1.0
    assert round(begins[1] - begins[0], 6) == BIN_S


def test_without_acknowledgements_there_is_an_empty_picture() -> None:
    assert Window("nobody", ()).waited_s == 0
    assert picture([Window("nobody", ()), Window("one", (5.0,))]).startswith(b"\x89PNG")
