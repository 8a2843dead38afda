"""`python -m benchmarks.resources`: what plans and applies of the catalogue take.

In a state directory of its own: the local clouds come up, a selection is applied from nothing and planned
again without changes, beside the floor of just making the same reads as many at a time; everything is
destroyed; 500 and 1,000 small resources are planned, to see whether the time is linear in their number. The
local clouds share the machine with what is measured: a plan's time beside its floor says more than its time.
"""

from __future__ import annotations

import argparse
import json
import resource as process_limits
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clouds import Clouds, connect, secret
from benchmarks.reads import floor_seconds, recorded
from benchmarks.rehearsal import command
from dreamnet.errors import GameplanError
from dreamnet.resources import (
    ApplyReport,
    Catalogue,
    apply_plan,
    destroy,
    load_catalogue,
    make_plan,
    plan_destroy,
)
from dreamnet.resources.data import lift_protection
from dreamnet.resources.graph import Graph, in_order
from dreamnet.resources.selections import load_selection
from localcloud.state import State

INFRASTRUCTURE = Path(__file__).resolve().parent.parent / "infrastructure"
#: Reads or resources at once, as the engine does by itself; passes of which the median counts.
AT_ONCE, PASSES = 8, 3
#: Sizes of the synthetic catalogues.
SMALL, LARGE = 500, 1000

_SYNTHETIC = {
    "google": (
        "id: google/topic-{n}\ntype: pubsub.v1/projects.topics\nname: bench-{n}\n"
        "parent: projects/${{google.project}}\nbody: {{messageRetentionDuration: 86400s}}\n"
    ),
    "aws": (
        "id: aws/gateway-{n}\ntype: AWS::EC2::InternetGateway\nname: bench-{n}\n"
        "parent: ${{aws.region}}\nbody: {{}}\n"
    ),
}


@dataclass(frozen=True)
class Figures:
    """What was measured, in seconds unless the name says otherwise."""

    resources: int
    types: int
    reads: int
    seconds: float
    floor_seconds: float
    vs_floor: float
    apply_seconds: float
    chain_seconds: float
    vs_chain: float
    destroy_seconds: float
    small_seconds: float
    small_vs_floor: float
    large_seconds: float
    large_vs_floor: float
    linearity: float
    per_second: float
    peak_mb: float


def main() -> int:
    """Returns the exit code: 1 where something could not be made or was not as declared afterwards."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.resources",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--selection", default="full", help="name in infrastructure/selections.yaml")
    selection = parser.parse_args().selection
    state = State(tempfile.mkdtemp(prefix="dreamnet-resources-"))
    try:
        command("localcloud", "up", "--only", "google,aws", "--state", str(state.dir))
        wanted = load_selection(INFRASTRUCTURE / "selections.yaml", selection)
        catalogue = wanted.of(load_catalogue(INFRASTRUCTURE))
        figures = measure(connect(state, {one.type for one in catalogue}), catalogue, state.dir / "synthetic")
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        command("localcloud", "down", "--wipe", "--state", str(state.dir))
    print("\n".join(table(figures)))
    print(json.dumps({name: round(value, 3) for name, value in vars(figures).items()}))
    return 0


def measure(
    clouds: Clouds, catalogue: Catalogue, folder: Path, sizes: tuple[int, int] = (SMALL, LARGE)
) -> Figures:
    """Run all passes.

    Args:
        clouds: two that are empty.
        catalogue: what is applied and planned.
        folder: where the synthetic catalogues are written.
        sizes: of the two.

    Raises:
        GameplanError: something could not be made, or a plan after the apply was not empty.
    """
    apply_seconds, report = timed(lambda: applied(clouds, catalogue))
    chain = longest_chain(catalogue.graph(), {one.id: one.seconds for one in report.outcomes})
    plan, floor, reads = planned(clouds, catalogue)
    destroy_seconds, _ = timed(lambda: destroyed(clouds, catalogue))
    small, small_floor, _ = planned(clouds, synthetic(clouds, folder, sizes[0]))
    large, large_floor, _ = planned(clouds, synthetic(clouds, folder, sizes[1]))
    return Figures(
        resources=len(catalogue),
        types=len({one.type for one in catalogue}),
        reads=reads,
        seconds=plan,
        floor_seconds=floor,
        vs_floor=plan / floor,
        apply_seconds=apply_seconds,
        chain_seconds=chain,
        vs_chain=apply_seconds / chain,
        destroy_seconds=destroy_seconds,
        small_seconds=small,
        small_vs_floor=small / small_floor,
        large_seconds=large,
        large_vs_floor=large / large_floor,
        linearity=(large / sizes[1]) / (small / sizes[0]),
        per_second=sizes[1] / large,
        peak_mb=process_limits.getrusage(process_limits.RUSAGE_SELF).ru_maxrss / 1024,
    )


def planned(clouds: Clouds, catalogue: Catalogue) -> tuple[float, float, int]:
    """Seconds of a plan without changes, seconds of its reads alone, and how many those are."""
    plans, floors = [], []
    with recorded(clouds, (clouds.aws.region, clouds.aws.second_region)) as reads:
        unchanged(clouds, catalogue)
    for _ in range(PASSES):  # in turns: what else the machine does meets both
        plans.append(timed(lambda: unchanged(clouds, catalogue))[0])
        floors.append(floor_seconds(reads, AT_ONCE))
    return statistics.median(plans), statistics.median(floors), len(reads)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def applied(clouds: Clouds, catalogue: Catalogue) -> ApplyReport:
    """Plan and apply; raises what failed."""
    drivers, variables = clouds.drivers, clouds.variables
    plan = make_plan(catalogue, drivers, variables, AT_ONCE)
    report = apply_plan(
        plan,
        catalogue,
        drivers,
        variables,
        secret,
        lambda resource_id, said: None,
        AT_ONCE,
        deliver=clouds.delivery,
    )
    report.raise_for_failures()
    return report


def unchanged(clouds: Clouds, catalogue: Catalogue) -> None:
    """Plan what is there already.

    Raises:
        GameplanError: the plan would change something.
    """
    plan = make_plan(catalogue, clouds.drivers, clouds.variables, AT_ONCE)
    if plan.changes:
        named = ", ".join(step.id for step in plan.changes)
        raise GameplanError(f"A plan after the apply changes {named}.", "Correct what reads them back.")


def destroyed(clouds: Clouds, catalogue: Catalogue) -> None:
    """Take all of it down; raises what failed."""
    plan = plan_destroy(catalogue, clouds.drivers, clouds.variables, AT_ONCE)
    report = destroy(
        plan,
        plan.id,
        catalogue,
        clouds.drivers,
        clouds.variables,
        lambda resource_id, said: None,
        [lift_protection(one.id) for one in plan.protected],
        AT_ONCE,
    )
    report.raise_for_failures()


def synthetic(clouds: Clouds, folder: Path, size: int) -> Catalogue:
    """So many resources, applied: half of them of names that AWS has chosen. A smaller catalogue made before
    is a part of it."""
    for cloud, text in _SYNTHETIC.items():
        (folder / cloud).mkdir(parents=True, exist_ok=True)
        documents = (text.format(n=n) for n in range(size // 2))
        (folder / cloud / "all.yaml").write_text("---\n".join(documents), encoding="utf-8")
    catalogue = load_catalogue(folder)
    applied(clouds, catalogue)
    return catalogue


def longest_chain(graph: Graph, seconds: Mapping[str, float]) -> float:
    """The largest sum of seconds along dependencies: no apply can be faster, however many at once."""
    ended: dict[str, float] = {}
    for node in in_order(graph):
        ended[node] = seconds[node] + max((ended[need] for need in graph[node]), default=0.0)
    return max(ended.values(), default=0.0)


def table(figures: Figures) -> list[str]:
    """For people."""
    rows = [
        (f"plan of {figures.resources} resources of {figures.types} types, no changes", figures.seconds),
        (f"its floor: the same {figures.reads} reads, {AT_ONCE} at once", figures.floor_seconds),
        ("plan over floor", figures.vs_floor),
        ("apply from nothing", figures.apply_seconds),
        ("its longest chain of dependencies", figures.chain_seconds),
        ("apply over chain", figures.vs_chain),
        ("destroy", figures.destroy_seconds),
        (f"plan of {SMALL} small resources", figures.small_seconds),
        ("over its floor", figures.small_vs_floor),
        (f"plan of {LARGE}", figures.large_seconds),
        ("over its floor", figures.large_vs_floor),
        ("time a resource, large over small (1: linear)", figures.linearity),
        ("peak memory of the planning process, MB", figures.peak_mb),
    ]
    return [f"{name:<66}{value:9.2f}" for name, value in rows]


if __name__ == "__main__":
    sys.exit(main())
