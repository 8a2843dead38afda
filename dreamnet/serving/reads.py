"""Reads through a Gateway that tell the releases behind it apart: how many, how well, how fast."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import httpx

from dreamnet.kubernetes.routing import Front

#: The backend answers the value of its environment variable RELEASE in this header.
HEADER = "X-Release"
#: A closed connection that was idle: a GET may be sent once more (RFC 9110, 9.2.2).
_CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


@dataclass(frozen=True)
class Read:
    """One read: the release that answered (empty: it named none), whether well, in how many seconds."""

    release: str
    well: bool
    seconds: float


class Reader:
    """Reads the newest dreams, several side by side, while the context is open.

    Certificates are verified by the system's authorities, or by those that SSL_CERT_FILE names.
    """

    def __init__(self, front: Front, connections: int = 4) -> None:
        self._url = f"{front.url}/dreams?limit=20"
        self._headers = {"Host": front.host} if front.host else {}
        self._extensions = {"sni_hostname": front.host} if front.host else {}
        self._client = httpx.Client(timeout=10, trust_env=False)
        self._pool = ThreadPoolExecutor(connections)

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        self._client.close()

    def read(self, count: int) -> list[Read]:
        """So many reads."""
        return list(self._pool.map(lambda _: self._one(), range(count)))

    def _one(self) -> Read:
        started = time.monotonic()
        try:
            try:
                answer = self._get()
            except _CLOSED:
                answer = self._get()
        except httpx.HTTPError:
            return Read("", False, time.monotonic() - started)
        return Read(answer.headers.get(HEADER, ""), answer.is_success, time.monotonic() - started)

    def _get(self) -> httpx.Response:
        return self._client.get(self._url, headers=self._headers, extensions=self._extensions)


def percentile(reads: Sequence[Read], share: float) -> float:
    """Seconds within which this share of the reads was answered (nearest rank); 0 without reads."""
    ordered = sorted(read.seconds for read in reads)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
