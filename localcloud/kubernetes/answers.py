"""What a request is answered with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """A response: a JSON body, text, bytes, or a stream of lines.

    Attributes:
        cut_after: the connection breaks within it: a stream's after so many seconds.
    """

    body: Any = None
    code: int = 200
    text: str | None = None
    data: bytes | None = None
    stream: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"
    warnings: list[str] = field(default_factory=list)
    cut_after: float | None = None


class Dropped(Exception):
    """The connection is to be closed without an answer: such a fault was asked for."""
