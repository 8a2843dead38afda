"""Questions that several threads ask at the same moment, asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TypeVar, cast

T = TypeVar("T")


class Once:
    """Remembers answers, refusals too: whoever asks first fetches, the others wait for that answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Future[object]] = {}

    def get(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question, fetched by `ask` where nobody has asked it yet."""
        with self._lock:
            answer = self._answers.get(question)
            first = answer is None
            if answer is None:
                answer = self._answers[question] = Future()
        if first:
            try:
                answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - raised again below, for all who ask
                answer.set_exception(error)
        return cast(T, answer.result())
