"""What the backends' ``/metrics`` say, read once a window as a Prometheus server would.

One real process serves all Pods of a Deployment, so each ready Pod counts for an equal share of it. Simulated
Pods have no metrics: there is nothing to measure.
"""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.kubernetes.controllers.runtime import is_ready
from localcloud.kubernetes.kubelet.kubelet import Kubelet
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Key, Object

logger = logging.getLogger("localcloud.kubernetes.adapters")
TIMEOUT_SECONDS = 2.0
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One reading of a process: each series' values by their labels, and each series' type."""

    at: float
    pid: int | None
    values: Mapping[str, Mapping[Labels, float]]
    types: Mapping[str, str] = field(default_factory=dict)


def parse_text(text: str, pid: int | None = None) -> Scrape:
    """A reading from Prometheus' text format.

    Raises:
        ValueError: it is none.
    """
    from prometheus_client.parser import text_string_to_metric_families

    values: dict[str, dict[Labels, float]] = {}
    types: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
            types[sample.name] = family.type
    return Scrape(time.monotonic(), pid, values, types)


class Scraper:
    """Reads every backend's ``/metrics``.

    Args:
        window: seconds between two readings; a rate is that of the latest window.
    """

    def __init__(self, kubelet: Kubelet, window: float) -> None:
        self._kubelet, self.window = kubelet, window
        self._latest: dict[Key, Scrape] = {}
        self._before: dict[Key, Scrape] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin reading."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End reading."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self.scrape()
            await asyncio.sleep(self.window)

    async def scrape(self) -> None:
        """Read every process once; what does not answer has no values."""
        found: dict[Key, Scrape] = {}
        for group, backend in list(self._kubelet.backends.items()):
            running = backend.running
            if running is None or not backend.ready:
                continue
            url = f"http://{running.host}:{running.port}/metrics"
            try:
                found[group] = parse_text(await asyncio.to_thread(_read, url), backend.pid)
            except (OSError, ValueError) as error:
                logger.info("%s: %s", url, error)
        self._before, self._latest = self._latest, found

    def series(self) -> dict[str, str]:
        """Names of all series that were read, with their types."""
        return {name: kind for scrape in self._latest.values() for name, kind in scrape.types.items()}

    def value(self, pod: Object, name: str, rate: bool, selector: Object | None = None) -> float | None:
        """A Pod's share of a series, summed over its labels; None where nothing is measured.

        Args:
            rate: per second over the latest window, of a counter.
            selector: only series with such labels.
        """
        group = self._kubelet.group_of(pod)
        if group is None or not is_ready(pod):
            return None
        total = self._total(group, name, rate, selector)
        count = sum(is_ready(p) for p in self._kubelet.members(group))
        return None if total is None or not count else total / count

    def _total(self, group: Key, name: str, rate: bool, selector: Object | None) -> float | None:
        latest, before = self._latest.get(group), self._before.get(group)
        if latest is None or name not in latest.values:
            return None
        now = _sum(latest, name, selector)
        if not rate:
            return now
        # A new process counts from zero again: its first window has no rate.
        if before is None or before.pid != latest.pid or name not in before.values:
            return None
        return max(0.0, now - _sum(before, name, selector)) / (latest.at - before.at)


def _sum(scrape: Scrape, name: str, selector: Object | None) -> float:
    values = scrape.values[name].items()
    return sum(value for labels, value in values if not selector or matches_selector(selector, dict(labels)))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        content: Any = answer.read()
    return str(content.decode())
