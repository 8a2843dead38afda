"""`python -m benchmarks.kubernetes`: what applies to many clusters take, and what its API server carries.

In a state directory of its own, ten clusters come up. The same 100 objects a cluster are applied with
`dreamnet.kubernetes.fleet`, and applied again, each beside its floor: as many server-side apply PATCH
calls through the same client, as many clusters at a time, and nothing else (no validation, no order, no
report). The two take turns at going first, pass after pass, as whoever comes second meets controllers
still busy with what the first one made. Then one cluster gets 10,000 objects. The servers share the
machine with what is measured: a time beside its floor says more than the time, and calls a second are
counted per second of the server's own CPU.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psutil
from kubernetes import config

from dreamnet.errors import GameplanError, VerificationError
from dreamnet.kubernetes.apply import Outcome, Settings
from dreamnet.kubernetes.batch import prepare
from dreamnet.kubernetes.cluster import APPLY_PATCH, CONNECT_TIMEOUT, READ_TIMEOUT, Cluster, Object
from dreamnet.kubernetes.fleet import AT_ONCE, Target, apply_everywhere
from localcloud.engines import Engines
from localcloud.state import State

#: Clusters, objects on each, and passes, whose mean counts: an even number, for the two to take turns.
CLUSTERS, OBJECTS, PASSES = 10, 100, 4
#: Objects on one server while its memory is looked at.
MANY = 10_000

#: A tenth of what is applied is each of these; the rest are ConfigMaps.
_SPECS: dict[str, tuple[str, Object]] = {
    "Service": ("v1", {"spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80}]}}),
    "ServiceAccount": ("v1", {"automountServiceAccountToken": False}),
    "NetworkPolicy": ("networking.k8s.io/v1", {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    "PodDisruptionBudget": (
        "policy/v1",
        {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}},
    ),
}


@dataclass(frozen=True)
class Figures:
    """What was measured, in seconds unless the name says otherwise."""

    clusters: int
    objects: int
    seconds: float
    floor_seconds: float
    vs_floor: float
    unchanged_seconds: float
    unchanged_vs_floor: float
    per_second: float
    server_objects: int
    server_per_core_second: float
    server_mb: float


def main() -> int:
    """Returns the exit code: 1 where something was refused, or was not as applied afterwards."""
    engines = Engines(State(tempfile.mkdtemp(prefix="dreamnet-kubernetes-")))
    try:
        figures = measure(engines, CLUSTERS, OBJECTS, MANY)
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for endpoint in engines.list():
            engines.delete(endpoint.name)
    print("\n".join(table(figures)))
    print(json.dumps({name: round(value, 3) for name, value in vars(figures).items()}))
    return 0


def measure(engines: Engines, clusters: int, objects: int, many: int) -> Figures:
    """Run all passes on new clusters.

    Args:
        engines: what starts them; the caller ends them.
        clusters: how many.
        objects: on each, at least 10.
        many: objects on one server at the end.

    Raises:
        GameplanError: an object was refused, or a second apply found a difference.
    """
    started = [start(engines, f"bench-{number}") for number in range(clusters)]
    targets = [target for target, _ in started]
    passes = [one_pass(targets, objects, number) for number in range(PASSES)]
    floor, seconds, floor_again, again = (statistics.mean(column) for column in zip(*passes, strict=True))
    per_core, megabytes = loaded(*started[0], many)
    return Figures(
        clusters=clusters,
        objects=clusters * objects,
        seconds=seconds,
        floor_seconds=floor,
        vs_floor=seconds / floor,
        unchanged_seconds=again,
        unchanged_vs_floor=again / floor_again,
        per_second=clusters * objects / seconds,
        server_objects=many,
        server_per_core_second=per_core,
        server_mb=megabytes,
    )


def one_pass(targets: Sequence[Cluster], objects: int, number: int) -> tuple[float, float, float, float]:
    """Seconds in new namespaces: floor and apply from nothing, floor and apply where nothing changes."""
    ours, raw = workload(f"ours-{number}", objects), workload(f"floor-{number}", objects)
    at_once(targets, [ours[0], raw[0]])
    runs: list[Callable[[], None]] = [
        lambda: at_once(targets, raw[1:]),
        lambda: applied(targets, ours[1:], "created"),
        lambda: at_once(targets, raw[1:]),
        lambda: applied(targets, ours[1:], "unchanged"),
    ]
    order = (0, 1, 2, 3) if number % 2 == 0 else (1, 0, 3, 2)
    took = {one: timed(runs[one]) for one in order}
    return took[0], took[1], took[2], took[3]


def start(engines: Engines, name: str) -> tuple[Cluster, psutil.Process]:
    """A cluster that is up, and the process of its API server."""
    endpoint = engines.kubernetes(name, cloud="google", region="us-central1", version="1.35")
    client = config.new_client_from_config(str(endpoint.kubeconfig))
    running = engines.get(name)
    assert running is not None
    return Cluster(name, "google", "us-central1", client), psutil.Process(running.pid)


def workload(namespace: str, objects: int) -> list[Object]:
    """A namespace and so many objects in it."""
    kinds = list(_SPECS)
    made: list[Object] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}]
    for number in range(objects):
        metadata = {"name": f"bench-{number}", "namespace": namespace, "labels": {"app": f"a{number % 10}"}}
        if number % 10 < len(kinds):
            kind = kinds[number % 10]
            version, rest = _SPECS[kind]
        else:
            kind, version, rest = "ConfigMap", "v1", {"data": {"REGION": "r", "TEXT": "dream " * 20}}
        made.append({"apiVersion": version, "kind": kind, "metadata": metadata, **rest})
    return made


def patch_all(target: Cluster, manifests: Sequence[Object]) -> None:
    """The floor: one server-side apply PATCH each, through the official client.

    Raises:
        VerificationError: one was refused.
    """
    query = [("fieldManager", "floor"), ("fieldValidation", "Strict")]
    headers = {"Accept": "application/json", "Content-Type": APPLY_PATCH}
    for manifest in manifests:
        verb, url, sent, _, _ = target.client.param_serialize(
            "PATCH",
            target.path_of(manifest),
            query_params=query,
            header_params=headers,
            auth_settings=["BearerToken"],
        )
        answer = target.client.call_api(
            verb, url, sent, manifest, _request_timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
        )
        json.loads(answer.read())  # type: ignore[no-untyped-call]
        if answer.status not in (200, 201):
            raise VerificationError(f"{url} answered {answer.status}.", "Look at the cluster's log.")


def at_once(targets: Sequence[Cluster], manifests: Sequence[Object]) -> None:
    """The floor on every cluster, as many at a time as `apply_everywhere` takes."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda target: patch_all(target, manifests), targets):
            pass


def applied(targets: Sequence[Cluster], manifests: Sequence[Object], expected: Outcome) -> None:
    """Apply on every cluster.

    Raises:
        VerificationError: an object's outcome is another than expected.
    """

    batch = prepare(manifests)
    everywhere = [Target(target.key, lambda target=target: target, batch) for target in targets]  # type: ignore[misc]
    report = apply_everywhere(everywhere, Settings(), lambda text: None, lambda share: None)
    if report.failure is not None:
        raise report.failure
    for cluster in report.clusters:
        other = [str(row) for row in cluster.applied.rows if row.outcome != expected]
        if other:
            raise VerificationError(
                f"{cluster.name}: {len(other)} objects were not {expected}, such as {other[0]}.",
                "Look at what changed them.",
            )


def loaded(target: Cluster, server: psutil.Process, many: int) -> tuple[float, float]:
    """PATCH calls per second of the server's CPU, and its resident megabytes, with so many objects."""
    manifests = workload("many", many)
    patch_all(target, manifests[:1])
    before = sum(server.cpu_times()[:2])
    patch_all(target, manifests[1:])
    used = sum(server.cpu_times()[:2]) - before
    return many / used, server.memory_info().rss / 1e6


def timed(action: Callable[[], Any]) -> float:
    """Seconds that something takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


def table(figures: Figures) -> list[str]:
    """The figures as lines for a person."""
    rows: list[tuple[str, float]] = [
        (f"apply {figures.objects} objects on {figures.clusters} clusters, s", figures.seconds),
        ("floor: the same PATCH calls alone, s", figures.floor_seconds),
        ("apply over its floor", figures.vs_floor),
        ("apply again, nothing changes, s", figures.unchanged_seconds),
        ("apply again over its floor: the PATCH calls again", figures.unchanged_vs_floor),
        ("objects applied a second", figures.per_second),
        ("PATCH calls per CPU second of the server", figures.server_per_core_second),
        (f"its memory with {figures.server_objects} objects, MB", figures.server_mb),
    ]
    return [f"{text:<62}{value:12.2f}" for text, value in rows]


if __name__ == "__main__":
    sys.exit(main())
