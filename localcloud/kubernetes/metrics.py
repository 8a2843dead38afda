"""metrics.k8s.io: the real process's CPU and memory, spread over the Pods it serves.

Simulated Pods have no metrics: there is nothing to measure, and an autoscaler says so.
"""

from __future__ import annotations

import asyncio

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.runtime import is_ready
from localcloud.kubernetes.kubelet.kubelet import Kubelet
from localcloud.kubernetes.quantities import cores, kibibytes
from localcloud.kubernetes.storage import Key, Object, Store

API = "metrics.k8s.io/v1beta1"
SPREAD = "dreamnet.rehearsal/measured"


class Metrics:
    """Samples every process's CPU over a fixed window.

    Args:
        window: seconds between samples, as metrics-server's resolution (15 s there).
    """

    def __init__(self, store: Store, kubelet: Kubelet, window: float) -> None:
        self._store, self._kubelet, self._window = store, kubelet, window
        self._before: dict[Key, tuple[float, float, float]] = {}
        self._rates: dict[Key, tuple[float, float]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin sampling."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End sampling."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(self._window)

    def sample(self) -> None:
        """Take one sample of every process."""
        now = {}
        for group in self._kubelet.backends:
            used = self._kubelet.usage(group)
            if used is not None:
                now[group] = used
        rates = {}
        for group, (at, cpu, memory) in now.items():
            before = self._before.get(group)
            # A restarted process counts from zero again: its first window has no rate.
            if before is not None and cpu >= before[1] and at > before[0]:
                rates[group] = ((cpu - before[1]) / (at - before[0]), memory)
        self._before, self._rates = now, rates

    def pods(self, namespace: str = "") -> list[Object]:
        """PodMetrics of every measured Pod."""
        return [metrics for metrics, _, _, _ in self._measured(namespace)]

    def cpu_and_memory(self, pod: Object) -> tuple[float, float] | None:
        """Cores and bytes that count for a Pod; None where nothing is measured."""
        group = self._kubelet.group_of(pod)
        if group is None or group not in self._rates or not is_ready(pod):
            return None
        count = sum(is_ready(p) for p in self._kubelet.members(group))
        cpu, memory = self._rates[group]
        return (cpu / count, memory / count) if count else None

    def _measured(self, namespace: str = "") -> list[tuple[Object, Object, float, float]]:
        found = []
        for pod in self._store.list("pods", namespace):
            used = self.cpu_and_memory(pod)
            if used is None:
                continue
            metadata = pod["metadata"]
            usage = {"cpu": cores(used[0]), "memory": kibibytes(used[1])}
            note = "an equal share of the one real process that serves this Deployment"
            metrics: Object = {
                "kind": "PodMetrics",
                "apiVersion": API,
                "metadata": {
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "labels": metadata.get("labels", {}),
                    "annotations": {SPREAD: note},
                    "creationTimestamp": server_side.timestamp(),
                },
                "timestamp": server_side.timestamp(),
                "window": f"{self._window:g}s",
                "containers": [{"name": pod["spec"]["containers"][0]["name"], "usage": usage}],
            }
            found.append((metrics, pod, *used))
        return found

    def nodes(self) -> list[Object]:
        """NodeMetrics: what the measured Pods of each node use."""
        sums: dict[str, list[float]] = {}
        for _, pod, cpu, memory in self._measured():
            total = sums.setdefault(pod["spec"]["nodeName"], [0.0, 0.0])
            total[0] += cpu
            total[1] += memory
        listed = []
        for node in self._store.list("nodes"):
            cpu, memory = sums.get(node["metadata"]["name"], (0.0, 0.0))
            metadata = {"name": node["metadata"]["name"], "labels": node["metadata"].get("labels", {})}
            metadata |= {"creationTimestamp": server_side.timestamp()}
            usage = {"cpu": cores(cpu), "memory": kibibytes(memory)}
            entry = {
                "kind": "NodeMetrics",
                "apiVersion": API,
                "metadata": metadata,
                "timestamp": server_side.timestamp(),
            }
            listed.append(entry | {"window": f"{self._window:g}s", "usage": usage})
        return listed
