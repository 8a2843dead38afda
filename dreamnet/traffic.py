"""A client that keeps writing, and remembers what was acknowledged.

What a cut-over or a failover costs is what its clients saw: how long no write was acknowledged, and
whether any acknowledged write is gone afterwards. So the client keeps a ledger, and the ledger is compared
with the database.

The rate is *open loop*: writes start when they are due, whether or not earlier ones have been answered, as
independent users do. A client that waits for each answer would stop sending during an outage, and hide it.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from dreamnet.errors import ConfigurationError

#: Latencies kept for the percentiles: the latest.
_LATENCIES = 100_000
#: Ids that `lost` hands to the reader at once.
_CHUNK = 1000


@dataclass(frozen=True)
class Write:
    """One acknowledged write.

    Attributes:
        id: the dream's.
        sent, acknowledged: wall-clock times, seconds since the epoch.
    """

    id: str
    sent: float
    acknowledged: float


@dataclass(frozen=True)
class TrafficReport:
    """What the client saw.

    Attributes:
        attempts: writes sent; a write that was due while all of the client's connections waited is counted
            when it is sent.
        acknowledged, errors: answered with 201, and all others.
        error_kinds: errors by status (`503`) or kind (`ConnectError`).
        seconds: from start to the report, or to stop.
        longest_gap_s: the longest time between two acknowledgements (or from the last one to the end).
        gap_started: when that gap began (seconds since the epoch); None without an acknowledgement.
        p50_ms, p99_ms: latency of acknowledged writes, milliseconds; None without one.
        regions: acknowledged writes by the `X-Region` that answered.
    """

    attempts: int
    acknowledged: int
    errors: int
    error_kinds: dict[str, int]
    seconds: float
    longest_gap_s: float
    gap_started: float | None
    p50_ms: float | None
    p99_ms: float | None
    regions: dict[str, int]


class WriteClient:
    """Posts dreams at a steady rate until stopped.

    Args:
        url: of the service; writes go to `url/dreams`.
        rate_per_second: writes due a second.
        ledger: a file that acknowledged writes are appended to, one JSON object a line; None keeps them in
            memory (about 200 bytes each: for minutes, not for days).
        connections: writes under way at most. While all wait, what is due waits too, and is sent late.
        timeout_seconds: of one write.
        title: of the dreams written.
    """

    def __init__(
        self,
        url: str,
        rate_per_second: float,
        *,
        ledger: Path | None = None,
        connections: int = 16,
        timeout_seconds: float = 5.0,
        title: str = "a dream of traffic",
    ) -> None:
        if rate_per_second <= 0 or connections < 1:
            raise ConfigurationError("A write client needs a rate and connections above zero.", "Raise them.")
        self._url = f"{url.rstrip('/')}/dreams"
        self._rate = rate_per_second
        self._connections = connections
        self._timeout = timeout_seconds
        self._title = title
        self._ledger = Ledger(ledger)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._slots = threading.Semaphore(connections)
        self._attempts = 0
        self._errors: Counter[str] = Counter()
        self._regions: Counter[str] = Counter()
        self._acknowledged = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._gaps = _Gaps()
        self._started = self._ended = 0.0

    def start(self) -> WriteClient:
        """Begin to write, in the background."""
        # Made before the clock starts: it loads the certificates, which takes a tenth of a second.
        limits = httpx.Limits(max_connections=self._connections, max_keepalive_connections=self._connections)
        client = httpx.Client(timeout=self._timeout, limits=limits, trust_env=False)
        self._started = time.monotonic()
        self._gaps.begin(self._started, time.time())
        self._thread = threading.Thread(target=self._run, args=(client,), name="write-client", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> TrafficReport:
        """Send no more, wait for the answers under way, and report."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._ended = self._ended or time.monotonic()
        self._ledger.close()
        return self.report()

    def __enter__(self) -> WriteClient:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def ledger(self) -> Ledger:
        """The acknowledged writes."""
        return self._ledger

    def report(self) -> TrafficReport:
        """What was seen so far."""
        now = self._ended or time.monotonic()
        with self._lock:
            latencies = sorted(self._latencies)
            gap, gap_started = self._gaps.longest(now)
            return TrafficReport(
                attempts=self._attempts,
                acknowledged=self._acknowledged,
                errors=sum(self._errors.values()),
                error_kinds=dict(self._errors),
                seconds=now - self._started,
                longest_gap_s=gap,
                gap_started=gap_started if self._acknowledged else None,
                p50_ms=_percentile(latencies, 0.50),
                p99_ms=_percentile(latencies, 0.99),
                regions=dict(self._regions),
            )

    def _run(self, client: httpx.Client) -> None:
        with client, ThreadPoolExecutor(self._connections, thread_name_prefix="write") as pool:
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                # Without this, an outage would queue writes without bound and send them in one burst.
                if self._slots.acquire(timeout=0.05):
                    pool.submit(self._write, client)
                    due = max(due + 1 / self._rate, time.monotonic() - 1.0)

    def _write(self, client: httpx.Client) -> None:
        identifier = str(uuid.uuid4())
        body = {"id": identifier, "title": self._title, "content": f"Sent at {time.time():.6f}."}
        sent, began = time.time(), time.monotonic()
        try:
            with self._lock:
                self._attempts += 1
            response = client.post(self._url, json=body)
            problem = None if response.status_code == 201 else str(response.status_code)
            region = response.headers.get("X-Region", "")
        except httpx.HTTPError as error:
            problem, region = type(error).__name__, ""
        finally:
            self._slots.release()
        ended = time.monotonic()
        with self._lock:
            if problem is not None:
                self._errors[problem] += 1
                return
            self._acknowledged += 1
            self._latencies.append(ended - began)
            if region:
                self._regions[region] += 1
            self._gaps.acknowledged(ended, time.time())
            self._ledger.append(Write(identifier, sent, time.time()))


class Ledger:
    """Acknowledged writes, in memory or in a file that grows by one line each.

    Args:
        path: the file; what it holds already stays. None: memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._memory: list[Write] = []
        # Line-buffered: whoever is killed has lost at most the line being written.
        self._stream = path.open("a", buffering=1) if path else None

    def append(self, write: Write) -> None:
        """Add one write."""
        if self._stream is None:
            self._memory.append(write)
        else:
            self._stream.write(json.dumps([write.id, write.sent, write.acknowledged]) + "\n")

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._stream.close()

    def writes(self) -> Iterable[Write]:
        """Every write, oldest first."""
        if self._path is None:
            return list(self._memory)
        return read_ledger(self._path)


def read_ledger(path: Path) -> Iterable[Write]:
    """The writes in a ledger's file, oldest first; a last line that was cut off is left out."""
    with path.open() as stream:
        for line in stream:
            if line.endswith("\n"):
                identifier, sent, acknowledged = json.loads(line)
                yield Write(identifier, sent, acknowledged)


def lost(writes: Iterable[Write], reader: Callable[[list[str]], Collection[str]]) -> list[Write]:
    """The acknowledged writes that cannot be read back.

    Args:
        writes: a ledger's.
        reader: given up to 1000 ids, returns those that exist (such as
            `SELECT id::text FROM dreams WHERE id = ANY(%s::uuid[])`).
    """
    missing: list[Write] = []
    chunk: list[Write] = []

    def check() -> None:
        found = set(reader([write.id for write in chunk]))
        missing.extend(write for write in chunk if write.id not in found)
        chunk.clear()

    for write in writes:
        chunk.append(write)
        if len(chunk) == _CHUNK:
            check()
    if chunk:
        check()
    return missing


class _Gaps:
    """The longest time without an acknowledgement."""

    def __init__(self) -> None:
        self._last = self._last_wall = 0.0
        self._longest = 0.0
        self._since = 0.0

    def begin(self, now: float, wall: float) -> None:
        self._last, self._last_wall = now, wall

    def acknowledged(self, now: float, wall: float) -> None:
        if now - self._last > self._longest:
            self._longest, self._since = now - self._last, self._last_wall
        self._last, self._last_wall = max(now, self._last), wall

    def longest(self, now: float) -> tuple[float, float]:
        """Seconds, and when it began on the wall clock; the time since the last one counts."""
        if now - self._last > self._longest:
            return now - self._last, self._last_wall
        return self._longest, self._since


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)
