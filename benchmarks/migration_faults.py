"""`python -m benchmarks.migration_faults`: migrations under faults at random moments, each verified.

Three PostgreSQL servers come up in a state directory of their own, each behind a proxy. A round migrates an
awkward database from the first to both others (copy, follow, verify, cut over, roll back, forward again,
finish) in a process of its own, while a client writes all the time and notes what was acknowledged. Faults
strike at moments drawn from the round's seed: kill -9 of the process and of servers, and a network that
resets, refuses, cuts messages in half, falls silent, or loses connections without a word. What fails is run
again, as its error says. In the end every database is compared with what the client was told, and with the
others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fault_outcome import Outcome
from benchmarks.fault_plan import KINDS
from benchmarks.fault_round import Trial
from benchmarks.migration_trial import SETTINGS, start_servers

#: Replication notices a dead connection after these instead of a minute, so that a round takes no minutes.
IMPATIENT = {
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
    "wal_retrieve_retry_interval": "500ms",
}


def main() -> int:
    """Returns the exit code: 1 where a round was not right."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.migration_faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; then the next")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="dreamnet-faults-"))
    engines, servers = start_servers(scratch / "state", SETTINGS | IMPATIENT)
    trial = Trial(engines, servers, scratch)
    started, outcomes = time.monotonic(), []
    try:
        for seed in range(arguments.seed, arguments.seed + arguments.rounds):
            outcomes.append(outcome := trial.run(seed))
            print(progress(outcome), flush=True)
    finally:
        trial.close()
        shutil.rmtree(scratch, ignore_errors=True)
    found = figures(outcomes, time.monotonic() - started)
    show(found)
    return 1 if found["failed"] else 0


def progress(outcome: Outcome) -> str:
    """A line for a round that is right, and all that happened in one that is not."""
    struck = ", ".join(f"{kind} {times}" for kind, times in sorted(outcome.faults.items())) or "no fault"
    line = (
        f"seed {outcome.seed}: {'WRONG' if outcome.wrong else 'right'} after {outcome.seconds:.0f} s:"
        f" {struck}; run again {outcome.resumed} times; {outcome.acknowledged} writes acknowledged,"
        f" {outcome.lost} lost, {outcome.doubled} doubled"
    )
    if not outcome.wrong:
        return line
    wrong = [f"  wrong: {one}" for one in outcome.wrong]
    again = f"  again: python -m benchmarks.migration_faults --rounds 1 --seed {outcome.seed}"
    return "\n".join([line, *(f"  {one}" for one in outcome.story), *wrong, again])


def figures(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """All rounds together; `resumed`: steps that were run again; `failed`: seeds of rounds that are wrong."""
    struck: Counter[str] = sum((one.faults for one in outcomes), Counter())
    return {
        "rounds": len(outcomes),
        "faults": {kind: struck[kind] for kind in KINDS},
        "resumed": sum(one.resumed for one in outcomes),
        "acknowledged": sum(one.acknowledged for one in outcomes),
        "lost": sum(one.lost for one in outcomes),
        "doubled": sum(one.doubled for one in outcomes),
        "failed": [one.seed for one in outcomes if one.wrong],
        "seconds": round(seconds, 1),
    }


def show(found: dict[str, Any]) -> None:
    """Print a table, and everything as JSON in the last line."""
    print(f"\n{'fault':28}{'times':>6}")
    for kind, times in found["faults"].items():
        print(f"{kind:28}{times:>6}")
    print(f"{'in all':28}{sum(found['faults'].values()):>6}")
    print(
        f"\n{found['rounds']} rounds in {found['seconds']:.0f} s; steps run again {found['resumed']};"
        f" writes acknowledged {found['acknowledged']}, lost {found['lost']}, doubled {found['doubled']};"
        f" rounds that were not right: {found['failed'] or 'none'}"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
