"""The failover drill: lose the primary's region under load, measure what clients saw, and fail back.

Every region's backend uses its own region's database. A backend is healthy only if its database takes
writes, so
the load balancer sends everybody to the primary's region, and promoting the other region's replica is all
it takes
to move them. The danger is the way back: a restored region still believes that its old database is the
primary.
Its endpoints therefore leave the load balancer *before* the region is restored, and return only when its
database
has been rebuilt as a replica. No undo ever breaks this rule.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import httpx

from dreamnet.errors import GameplanError, UnreachableError, VerificationError
from dreamnet.traffic import TrafficReport, Write, WriteClient, lost

POLL_S = 0.1
Progress = Callable[[str], None]


class Outage(Protocol):
    """What takes a region down and brings it back; both safe to repeat."""

    def fail(self, region: str) -> None:
        """Take the region down."""

    def restore(self, region: str) -> None:
        """Bring it back."""


class Databases(Protocol):
    """The database of each region."""

    def promote(self, region: str) -> None:
        """Make the region's replica take writes."""

    def rebuild(self, region: str, primary: str) -> None:
        """Replace the region's database by a replica of the primary region's, and point its backend to it."""

    def caught_up(self, region: str, primary: str) -> bool:
        """Whether the region's replica has replayed all that the primary has written until now."""


class Traffic(Protocol):
    """The load balancer."""

    def attach(self, region: str) -> None:
        """Let requests reach the region, if it is healthy."""

    def detach(self, region: str) -> None:
        """Let no request reach the region."""


class WebhookOutage:
    """Asks a fault injector: POST {url}/regions/{region}/fail and .../restore."""

    def __init__(self, url: str, timeout: float = 60) -> None:
        self._url, self._timeout = url.rstrip("/"), timeout

    def fail(self, region: str) -> None:
        """Take the region down."""
        self._post(region, "fail")

    def restore(self, region: str) -> None:
        """Bring it back."""
        self._post(region, "restore")

    def _post(self, region: str, action: str) -> None:
        try:
            httpx.post(
                f"{self._url}/regions/{region}/{action}", timeout=self._timeout, trust_env=False
            ).raise_for_status()
        except httpx.HTTPStatusError as error:
            raise GameplanError(
                f"The fault injector refuses to {action} {region} ({error.response.status_code}).",
                "Read its log; check the region's name.",
            ) from None
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"The fault injector does not answer ({type(error).__name__}).",
                "Check its address in the block.",
            ) from None


@dataclass(frozen=True)
class SteadyState:
    """Whether the service is well: a write is acknowledged and read back. `region`: who answered."""

    healthy: bool
    region: str
    problem: str


@dataclass(frozen=True)
class Step:
    """One step: when it began (seconds since the drill's start) and how long it took."""

    name: str
    at: float
    seconds: float


@dataclass(frozen=True)
class DrillResult:
    """What the drill measured.

    Args:
        rto_s: longest time without an acknowledged write around the outage, as the client saw it.
        rpo_s: age of the oldest lost acknowledged write at the moment of the outage; 0 if none was lost.
        lost: acknowledged writes that cannot be read back at the end. failback_gap_s: like rto_s, planned.
    """

    primary: str
    standby: str
    rto_s: float
    rpo_s: float
    lost: int
    failback_gap_s: float
    traffic: TrafficReport
    before: SteadyState
    after: SteadyState
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True)
class Drill:
    """What to drill, and with whom.

    Args:
        url: of the service, through the load balancer. primary, standby: regions.
        read_back: given ids, those that the present primary holds.
        rate: writes a second. settle_s: traffic before the outage and after each move, for a baseline.
        timeout_s: longest wait for any one condition.
    """

    url: str
    primary: str
    standby: str
    outage: Outage
    databases: Databases
    traffic: Traffic
    read_back: Callable[[list[str]], Collection[str]]
    rate: float = 20
    settle_s: float = 2
    timeout_s: float = 600


def steady_state(url: str, timeout: float = 5) -> SteadyState:
    """Write one dream and read it back, through the front door."""
    try:
        with httpx.Client(base_url=url, timeout=timeout, trust_env=False) as client:
            written = client.post("/dreams", json={"title": "steady state", "content": "probe"})
            written.raise_for_status()
            read = client.get(f"/dreams/{written.json()['id']}")
            read.raise_for_status()
    except httpx.HTTPStatusError as error:
        return SteadyState(False, "", f"{error.request.method} answered {error.response.status_code}")
    except httpx.HTTPError as error:
        return SteadyState(False, "", type(error).__name__)
    return SteadyState(True, written.headers.get("X-Region", ""), "")


def longest_gap(writes: Iterable[Write], start: float, end: float) -> float:
    """Longest time without an acknowledgement within [start, end] (seconds since the epoch)."""
    times = sorted(write.acknowledged for write in writes if start <= write.acknowledged <= end)
    marks = [start, *times, end]
    return round(max(after - before for before, after in itertools.pairwise(marks)), 3)


def run_drill(
    drill: Drill, progress: Progress = lambda _: None, stop: threading.Event | None = None
) -> DrillResult:
    """Run the drill; whatever happens, the region is restored afterwards.

    Args:
        stop: set it to end the drill at the next step; everything is undone as after an error.
    Raises GameplanError if the service is not well before, or any step fails (after undoing).
    """
    before = steady_state(drill.url)
    if not before.healthy or before.region not in ("", drill.primary):
        raise GameplanError(
            f"The service is not in its steady state ({before.problem or 'served by ' + before.region}).",
            "Make it serve from the primary's region first; nothing was changed.",
        )
    run = _Run(drill, progress, stop)
    with WriteClient(drill.url, drill.rate) as client:
        try:
            run.fail_over(client)
            run.rebuild(drill.primary, drill.standby)
            run.fail_back(client)
            run.settle()
        finally:
            run.undo()
        report = client.stop()
    writes = list(client.ledger.writes())
    gone = lost(writes, drill.read_back)
    after = steady_state(drill.url)
    if not after.healthy or after.region not in ("", drill.primary):
        raise VerificationError(
            f"The service is not as before ({after.problem or 'served by ' + after.region}).",
            "Check health at the load balancer and the database's role in each region.",
        )
    oldest = min((write.acknowledged for write in gone), default=run.failed_at)
    return DrillResult(
        primary=drill.primary,
        standby=drill.standby,
        rto_s=longest_gap(writes, run.failed_at, run.recovered_at),
        rpo_s=round(max(0.0, run.failed_at - oldest), 3),
        lost=len(gone),
        failback_gap_s=longest_gap(writes, run.planned_at, run.returned_at),
        traffic=report,
        before=before,
        after=after,
        steps=tuple(run.steps),
    )


@dataclass
class _Run:
    """The drill under way: what has been done, so that it can be undone."""

    drill: Drill
    progress: Progress
    stop: threading.Event | None
    steps: list[Step] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    failed_at: float = 0
    recovered_at: float = 0
    planned_at: float = 0
    returned_at: float = 0
    down: bool = False
    # Regions whose database is (or may be) a stale primary: they must not be attached.
    stale: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)

    def fail_over(self, client: WriteClient) -> None:
        """Lose the region, promote the other one, wait for the first acknowledged write there."""
        drill = self.drill
        self.settle()
        with self._step(f"fail {drill.primary}"):
            self.down = True  # before the call: an answer that got lost has failed the region too
            self.failed_at = time.time()
            drill.outage.fail(drill.primary)
        with self._step("detect"):
            errors = client.report().errors
            self._wait("a client's error", lambda: client.report().errors > errors)
        with self._step(f"promote {drill.standby}"):
            self.stale.add(drill.primary)
            drill.databases.promote(drill.standby)
        with self._step("first acknowledged write"):
            self._wait_served(client, drill.standby)
            self.recovered_at = time.time()
        self.settle()

    def rebuild(self, region: str, primary: str) -> None:
        """Fence the lost region, restore it, make its database a replica, and let it back."""
        drill = self.drill
        with self._step(f"detach {region}"):
            self._detach(region)
        with self._step(f"restore {region}"):
            self._restore()
        with self._step(f"rebuild {region} as replica"):
            drill.databases.rebuild(region, primary)
            self._wait("replication", lambda: drill.databases.caught_up(region, primary))
            self.stale.discard(region)
        with self._step(f"attach {region}"):
            self._attach(region)

    def fail_back(self, client: WriteClient) -> None:
        """Return to the first region without losing a write: stop traffic, drain, promote, rebuild the
        other.
        """
        drill = self.drill
        with self._step(f"drain {drill.standby}"):
            self.planned_at = time.time()
            self._detach(drill.standby)
            # Requests under way may still commit: caught up counts only after a pause without any.
            self._wait_quiet(client)
            self._wait("the last write", lambda: drill.databases.caught_up(drill.primary, drill.standby))
        with self._step(f"promote {drill.primary}"):
            self.stale.add(drill.standby)
            drill.databases.promote(drill.primary)
        with self._step("first acknowledged write after failing back"):
            self._wait_served(client, drill.primary)
            self.returned_at = time.time()
        with self._step(f"rebuild {drill.standby} as replica"):
            drill.databases.rebuild(drill.standby, drill.primary)
            self._wait("replication", lambda: drill.databases.caught_up(drill.standby, drill.primary))
            self.stale.discard(drill.standby)
        with self._step(f"attach {drill.standby}"):
            self._attach(drill.standby)

    def settle(self) -> None:
        """Some traffic for a baseline."""
        self._sleep(self.drill.settle_s)

    def undo(self) -> None:
        """Restore the region and attach whoever may be attached. After success there is nothing to do."""
        if self.down:
            if self.drill.primary in self.stale:
                self._detach(self.drill.primary)
            self._restore()
        for region in sorted(self.detached - self.stale):
            self._attach(region)
        for region in sorted(self.stale):
            self.progress(
                f"{region} stays detached: its database is no replica of the new primary; rebuild it"
            )

    # ---- small parts

    def _restore(self) -> None:
        self.drill.outage.restore(self.drill.primary)
        self.down = False

    def _detach(self, region: str) -> None:
        self.detached.add(region)
        self.drill.traffic.detach(region)

    def _attach(self, region: str) -> None:
        self.drill.traffic.attach(region)
        self.detached.discard(region)

    def _wait_served(self, client: WriteClient, region: str) -> None:
        already = client.report().regions.get(region, 0)
        self._wait(f"a write in {region}", lambda: client.report().regions.get(region, 0) > already)

    def _wait_quiet(self, client: WriteClient) -> None:
        seen = [client.report().acknowledged, time.monotonic()]

        def quiet() -> bool:
            count = client.report().acknowledged
            if count != seen[0]:
                seen[:] = [count, time.monotonic()]
            return time.monotonic() - seen[1] > 5 * POLL_S

        self._wait("the last request", quiet)

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.drill.timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise GameplanError(
                    f"{what} did not come within {self.drill.timeout_s:.0f} s.",
                    "See the drill's steps and logs.",
                )
            self._sleep(POLL_S)

    def _sleep(self, seconds: float) -> None:
        if self.stop is None:
            time.sleep(seconds)
        elif self.stop.wait(seconds):
            raise GameplanError("The drill was stopped.", "Everything was undone; run it again at any time.")

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.progress(name)
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            self.steps.append(Step(name, round(began - self.started, 3), round(took, 3)))
