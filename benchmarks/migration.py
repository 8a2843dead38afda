"""`python -m benchmarks.migration`: what a migration takes, beside pgcopydb and pg_dump | pg_restore.

Three PostgreSQL servers come up in a state directory of their own. The same database (pgbench's tables, a
table of awkward types, one like TPC-H's line items) is copied in turn by DreamNet to one target and to both,
by pgcopydb where it is on PATH, and by pg_dump and pg_restore; then the checksums are measured beside one
sequential read through COPY, and writers go on at a rate while they are moved there and back. Servers and
clients share the machine: a time beside another of the same run says more than the time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import migration_copy
from benchmarks.migration_freeze import Moves, move_to_and_fro
from benchmarks.migration_servers import SOURCE, TARGETS, Servers, program
from dreamnet.errors import GameplanError
from dreamnet.postgres import Migration, catalog, checksums
from localcloud.engines import Engines
from localcloud.state import State

#: Parallel jobs that every contender gets: with more than processors all of them are slower, as servers and
#: clients share them. The size above which tables are split.
JOBS, SPLIT = os.cpu_count() or 1, "128MB"


@dataclass(frozen=True)
class Copy:
    """One copy: seconds, processor seconds of client and servers, memory of the client's largest process."""

    seconds: float
    client_cpu: float
    server_cpu: float
    client_mb: float


class Benchmark:
    """The contenders, on servers that hold the database already."""

    def __init__(self, servers: Servers, scratch: Path) -> None:
        self._servers, self._scratch = servers, scratch

    def contenders(self) -> dict[str, Callable[[], Copy]]:
        """By name; pgcopydb is there where the machine has it."""
        one = TARGETS[:1]
        found: dict[str, Callable[[], Copy]] = {
            "dreamnet": lambda: self._measured(one, self._dreamnet(one)),
            "dreamnet, two targets": lambda: self._measured(TARGETS, self._dreamnet(TARGETS)),
        }
        if shutil.which("pgcopydb"):
            found["pgcopydb"] = lambda: self._measured(one, self._pgcopydb(split=True))
            found["pgcopydb, whole tables"] = lambda: self._measured(one, self._pgcopydb(split=False))
        return found | {"pg_dump | pg_restore": lambda: self._measured(one, self._dump_restore())}

    def _measured(self, targets: tuple[str, ...], commands: list[tuple[list[str], dict[str, str]]]) -> Copy:
        for name in TARGETS:
            self._servers.renew(name)
        before, started = self._servers.cpu_seconds(), time.perf_counter()
        used = [_run(command, environment) for command, environment in commands]
        seconds = time.perf_counter() - started
        servers = self._servers.cpu_seconds() - before
        self._give_up(targets)
        client = sum(one.ru_utime + one.ru_stime for one in used)
        largest = max(one.ru_maxrss for one in used) / 1024
        return Copy(round(seconds, 2), round(client, 2), round(servers, 2), round(largest, 1))

    def _give_up(self, targets: tuple[str, ...]) -> None:
        """Slots and publications of a copy of ours go; where there are none, this changes nothing."""
        databases = self._servers.databases
        Migration(migration_copy.NAME, self._servers.source, [databases[name] for name in targets]).abandon()

    def _dreamnet(self, targets: tuple[str, ...]) -> list[tuple[list[str], dict[str, str]]]:
        databases = [self._servers.databases[name] for name in (SOURCE, *targets)]
        environment = os.environ | {"DSNS": "\n".join(database.dsn() for database in databases)}
        return [([sys.executable, "-m", "benchmarks.migration_copy", str(JOBS)], environment)]

    def _pgcopydb(self, *, split: bool) -> list[tuple[list[str], dict[str, str]]]:
        """Its best: binary, no vacuum; it analyses, as ours does. Whole tables are loaded frozen."""
        command = ["pgcopydb", "clone", "--dir", str(self._scratch / "pgcopydb"), "--restart"]
        command += ["--table-jobs", str(JOBS), "--index-jobs", str(JOBS)]
        command += ["--split-tables-larger-than", SPLIT] if split else []
        command += ["--use-copy-binary", "--skip-vacuum", "--no-owner", "--no-acl"]
        own = str(Path(program("pg_dump")).parent)
        environment = os.environ | {
            "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
            "PGCOPYDB_SOURCE_PGURI": self._servers.source.url(),
            "PGCOPYDB_TARGET_PGURI": self._servers.databases[TARGETS[0]].url(),
        }
        return [(command, environment)]

    def _dump_restore(self) -> list[tuple[list[str], dict[str, str]]]:
        where = self._scratch / "dump"
        shutil.rmtree(where, ignore_errors=True)
        dump = [program("pg_dump"), "-Fd", "-Z0", f"-j{JOBS}", "--no-publications", "-f", str(where)]
        target = self._servers.databases[TARGETS[0]]
        restore = [program("pg_restore"), f"-j{JOBS}", "--no-owner", "-d", target.dbname, str(where)]
        return [(dump, self._servers.source.environment()), (restore, target.environment())]

    def checksums(self) -> tuple[float, float]:
        """Seconds for the checksums of all tables, and for reading them through COPY, one after the other."""
        source = self._servers.source
        with source.connect() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tables = catalog.tables(connection)
            started = time.perf_counter()
            checksums.parallel_checksums(source, connection, tables, "benchmark")
            ours = time.perf_counter() - started
            started = time.perf_counter()
            for table in tables:
                copy = f"COPY {table.name.sql.as_string()} TO STDOUT"
                _run(
                    [program("psql"), "-q", "-o", os.devnull, "-c", copy], self._servers.source.environment()
                )
            return ours, time.perf_counter() - started


def _run(command: list[str], environment: dict[str, str]) -> resource.struct_rusage:
    """Run a program to its end; returns what it and the processes that it waited for have used."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it printed nothing"])[-1]
            name = Path(command[0]).name
            raise GameplanError(f"{name} ended with {process.returncode}: {last}", "See its documentation.")
    return used


def main() -> int:
    """Returns the exit code: 1 where a copy failed or a write was lost or doubled."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.migration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scale", type=int, default=60, help="pgbench's scale; 60 is a database of 2.2 GB")
    parser.add_argument("--passes", type=int, default=3, help="copies by each contender; the median counts")
    parser.add_argument(
        "--rate", type=int, default=1000, help="transactions a second while writers are moved"
    )
    parser.add_argument("--moves", type=int, default=5, help="how often they are moved there and back")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="dreamnet-migration-"))
    servers = Servers(Engines(State(scratch / "state")))
    try:
        servers.fill(arguments.scale)
        gigabytes = servers.gigabytes()
        benchmark = Benchmark(servers, scratch)
        copies = run_copies(benchmark, arguments.passes)
        ours, read = zip(*(benchmark.checksums() for _ in range(arguments.passes)), strict=True)
        moves = move_to_and_fro(servers, arguments.scale, arguments.rate, arguments.moves)
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        servers.delete()
        shutil.rmtree(scratch, ignore_errors=True)
    show(gigabytes, copies, statistics.median(ours) / statistics.median(read), moves)
    return 0 if moves.right else 1


def run_copies(benchmark: Benchmark, passes: int) -> dict[str, Copy]:
    """The median of each contender's passes, which take turns."""
    taken: dict[str, list[Copy]] = {}
    for _ in range(passes):
        for name, copy in benchmark.contenders().items():
            taken.setdefault(name, []).append(done := copy())
            print(f"{name}: {done}", file=sys.stderr, flush=True)
    return {
        name: sorted(found, key=lambda one: one.seconds)[len(found) // 2] for name, found in taken.items()
    }


def show(gigabytes: float, copies: dict[str, Copy], proof: float, moves: Moves) -> None:
    """Print a table, and everything as JSON in the last line."""
    print(f"A database of {gigabytes} GB, {JOBS} jobs; medians\n")
    print(f"{'':24}{'seconds':>9}{'client CPU':>12}{'server CPU':>12}{'client MB':>11}")
    for name, copy in copies.items():
        numbers = (
            f"{copy.seconds:>9.1f}{copy.client_cpu:>12.1f}{copy.server_cpu:>12.1f}{copy.client_mb:>11.0f}"
        )
        print(f"{name:24}{numbers}")
    ours = copies["dreamnet"]
    ratios = {
        name: round(ours.seconds / copy.seconds, 2) for name, copy in copies.items() if copy is not ours
    }
    ratios["two targets vs one"] = round(copies["dreamnet, two targets"].seconds / ours.seconds, 2)
    ratios.pop("dreamnet, two targets")
    ratios["client CPU vs servers'"] = round(ours.client_cpu / ours.server_cpu, 2)
    ratios["checksums vs reading through COPY"] = round(proof, 2)
    print("\nRatios: " + ", ".join(f"{name} {value}" for name, value in ratios.items()))
    print(
        f"Freeze at {moves.rate} transactions/s: median {moves.median:.3f} s, longest"
        f" {max(moves.freeze_seconds):.3f} s of {len(moves.freeze_seconds)}; acknowledged"
        f" {moves.acknowledged}, found {moves.found}, added to accounts {moves.balance}:"
        f" {'right' if moves.right else 'WRONG'}"
    )
    figures = {name: asdict(copy) for name, copy in copies.items()}
    print(json.dumps({"gigabytes": gigabytes, "copies": figures, "ratios": ratios, "moves": asdict(moves)}))


if __name__ == "__main__":
    sys.exit(main())
