"""`python -m benchmarks.rehearsal`: what `make gameplan` takes, from nothing and again, and where it goes.

In a state directory of its own: the local cloud comes up, the gameplan runs, then both again, which must find
nothing to do; then everything is stopped and deleted. Installing packages is not measured.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.memory import MemorySampler
from benchmarks.runs import latest_run
from benchmarks.tables import Measured, figures, memory_table, prefect_seconds, table
from deployments.rehearsal.run import Api
from dreamnet.errors import GameplanError
from localcloud.engines import Engines
from localcloud.state import State

#: What the second run's report begins with where it found everything in place.
NO_CHANGES = "No changes"
#: A line of `python -m localcloud up`: the part, whether it was found running, the seconds it took.
_PART = re.compile(r"(\S+)\s+(?:ready|runs already)\s+([\d.]+) s(?:\s|$)")


class CommandFailed(GameplanError):
    """A command of the rehearsal ended with an error."""


def main() -> int:
    """Returns the exit code: 1 where a command failed, or the second run changed something."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.rehearsal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    state = State(tempfile.mkdtemp(prefix="dreamnet-benchmark-"))
    try:
        with MemorySampler(Engines(state)) as sampler:
            passes = [one_pass(state), one_pass(state)]
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        command("localcloud", "down", "--wipe", "--state", str(state.dir))
    for title, measured in zip(("From nothing", "Again, with everything in place"), passes, strict=True):
        outside, whole = prefect_seconds(measured.run)
        print(f"\n## {title}, seconds\n")
        print("\n".join(table(measured)))
        print(f"Outside of any task: {outside:.1f} of the run's {whole:.1f} s. {measured.verdict}")
    print(f"\n## Memory at its peak (PSS, {sampler.samples} samples)\n")
    print("\n".join(memory_table(sampler.peak)))
    print(json.dumps(figures(passes, sampler.peak)))
    return 0 if passes[1].verdict.startswith(NO_CHANGES) else 1


def one_pass(state: State) -> Measured:
    """Bring the local cloud up and run the gameplan, as `make gameplan` does.

    Raises:
        CommandFailed: one of the two commands did.
    """
    where = ("--state", str(state.dir))
    began = time.time()
    parts = part_seconds(command("localcloud", "up", *where))
    up_ended = time.time()
    command("deployments.rehearsal", *where)
    ended = time.time()
    api = Api(state.endpoints()["prefect"]["api"])
    artifact = api.latest_artifact("gameplan-rehearsal")
    verdict = str(artifact["description"]) if artifact else "The run left no report."
    return Measured(began, up_ended, ended, parts, latest_run(api, "gameplan", "rehearsal"), verdict)


def command(module: str, *arguments: str) -> list[str]:
    """Run `python -m MODULE ...` to its end, showing on standard error what it prints, and return that.

    Raises:
        CommandFailed: it ended with an error.
    """
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            print(text, end="", file=sys.stderr, flush=True)
            lines.append(text.rstrip("\n"))
    if process.returncode:
        raise CommandFailed(
            f"`python -m {module} {' '.join(arguments)}` ended with exit code {process.returncode}.",
            "Read what it printed above.",
        )
    return lines


def part_seconds(lines: Iterable[str]) -> dict[str, float]:
    """Seconds by part, from what `python -m localcloud up` prints."""
    return {found[1]: float(found[2]) for text in lines if (found := _PART.match(text))}


if __name__ == "__main__":
    sys.exit(main())
