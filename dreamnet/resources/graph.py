"""Work along a dependency graph, as parallel as the graph allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
Graph = Mapping[str, Iterable[str]]


@dataclass
class GraphRun(Generic[T]):
    """What became of each node: exactly one of the three holds it."""

    results: dict[str, T] = field(default_factory=dict)
    failures: dict[str, BaseException] = field(default_factory=dict)
    #: nodes never begun, with the failed or unstarted node that kept them from it
    not_started: dict[str, str] = field(default_factory=dict)


def in_order(graph: Graph) -> list[str]:
    """The nodes with dependencies first, the same order at every call.

    Raises:
        graphlib.CycleError: some nodes wait for one another; its second argument lists them.
    """
    return list(TopologicalSorter({node: sorted(needs) for node, needs in graph.items()}).static_order())


def reverse(graph: Graph) -> dict[str, set[str]]:
    """The same graph with every edge turned round: who waits for whom when things are torn down."""
    turned: dict[str, set[str]] = {node: set() for node in graph}
    for node, needs in graph.items():
        for need in needs:
            turned[need].add(node)
    return turned


def run_graph(graph: Graph, work: Callable[[str], T], max_parallel: int = 8) -> GraphRun[T]:
    """Call `work(node)` for every node once all it depends on has succeeded.

    A node that raises stops those that depend on it, directly or not; all others go on. An interrupt lets
    what is running finish, begins nothing new, and is then raised.

    Args:
        graph: each node with the nodes that must succeed before it; every one of those is a key itself.
        work: called in a thread of a pool; what it returns is the node's result.
        max_parallel: size of the pool.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    run: GraphRun[T] = GraphRun()
    running: dict[Future[T], str] = {}
    ended: SimpleQueue[Future[T]] = SimpleQueue()  # waiting for all of them costs their number at every end
    with ThreadPoolExecutor(max_workers=max_parallel, thread_name_prefix="resource") as pool:
        try:
            while True:
                for node in sorter.get_ready():
                    future = pool.submit(work, node)
                    running[future] = node
                    future.add_done_callback(ended.put)
                if not running:
                    break
                future = ended.get()
                node = running.pop(future)
                error = future.exception()
                if error is None:
                    run.results[node] = future.result()
                    sorter.done(node)
                else:
                    run.failures[node] = error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for node in in_order(graph):
        if node not in run.results and node not in run.failures:
            blockers = [need for need in sorted(graph[node]) if need not in run.results]
            run.not_started[node] = blockers[0]
    return run
