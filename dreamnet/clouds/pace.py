"""How fast one service is called: as fast as the calls come, until it says that this is too fast.

Few services publish their rates, and accounts differ. Cloud Control's is nowhere written (about 30 calls a
second were measured: github.com/ekristen/aws-nuke issue 508, January 2025); Compute Engine's are 1,500 calls
a minute a method group, after which it refuses the rest of that minute
(docs.cloud.google.com/compute/api-quota, read November 2026). So the rate is found as TCP finds it (additive
increase, multiplicative decrease); botocore's adaptive mode does the same for AWS.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

#: Calls a second that a throttled service is still sent, and that its rate grows by every second.
LEAST, GROWTH = 1.0, 1.0

#: Part of the measured rate that is left after a throttled answer; further ones within `REFLEX` seconds
#: belong to calls that were under way, and change nothing.
LEFT, REFLEX = 0.5, 1.0


class Pace:
    """The rate of calls to one service, shared by all threads.

    Args:
        clock, sleep: of `time`; tests have their own.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._recent: deque[float] = deque(maxlen=1000)
        self._rate: float | None = None
        self._changed = 0.0
        self._next = 0.0

    @property
    def rate(self) -> float | None:
        """Calls a second; None while the service has not throttled."""
        with self._lock:
            self._grow(self._clock())
            return self._rate

    def wait(self) -> None:
        """Wait for this call's turn."""
        with self._lock:
            now = self._clock()
            self._grow(now)
            turn = max(now, self._next)
            self._recent.append(turn)
            if self._rate is not None:
                self._next = turn + 1.0 / self._rate
        if turn > now:
            self._sleep(turn - now)

    def throttled(self) -> None:
        """The service refused a call because there were too many."""
        with self._lock:
            now = self._clock()
            if self._rate is not None and now - self._changed < REFLEX:
                return
            self._grow(now)
            lately = sum(1 for at in self._recent if now - at <= 1.0)
            self._rate = max(LEAST, LEFT * min(lately, self._rate or lately))
            self._changed = now

    def _grow(self, now: float) -> None:
        if self._rate is not None and now > self._changed:
            self._rate += GROWTH * (now - self._changed)
            self._changed = now
