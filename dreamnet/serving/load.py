"""Readers, as many as it takes, to make the backend work: what an autoscaler is proven with.

Reads, because proving must leave nothing behind in the database of a live application.
"""

from __future__ import annotations

import threading
from types import TracebackType

import httpx


class ReadLoad:
    """Reads the newest dreams over and over while the context is open.

    Args:
        url: of the service.
        connections: readers side by side; each sends its next request when the last is answered.
    """

    def __init__(self, url: str, connections: int = 4) -> None:
        self._url = f"{url.rstrip('/')}/dreams?limit=100"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(connections)]
        self._lock = threading.Lock()
        self.answered = 0
        self.failed = 0

    def __enter__(self) -> ReadLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    well = client.get(self._url).is_success
                except httpx.HTTPError:
                    well = False
                    self._stop.wait(0.1)  # a service that is not there must not be hammered
                with self._lock:
                    self.answered += well
                    self.failed += not well
