"""A container's log: the real process's file, or a line that says there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path


class Log:
    """The log of one Pod.

    Args:
        path: the process's log; None for a simulated Pod.
        note: what a simulated Pod says instead.
        tail: only the last so many lines.
    """

    def __init__(self, path: Path | None, note: str, tail: int | None) -> None:
        self._path, self._note, self._tail = path, note, tail

    def text(self) -> str:
        """What was written so far."""
        if self._path is None:
            return self._note
        if not self._path.exists():
            return ""
        text = self._path.read_text(errors="replace")
        if self._tail is None:
            return text
        return "".join(text.splitlines(keepends=True)[-self._tail :]) if self._tail else ""

    async def follow(self) -> AsyncIterator[bytes]:
        """What was written, then what is being written, until the reader goes."""
        yield self.text().encode()
        if self._path is None:
            return
        position = self._path.stat().st_size if self._path.exists() else 0
        while True:
            await asyncio.sleep(0.2)
            if self._path.exists() and self._path.stat().st_size > position:
                with self._path.open("rb") as file:
                    file.seek(position)
                    part = file.read()
                position += len(part)
                yield part
