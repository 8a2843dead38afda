"""`python -m benchmarks.migration`: what a migration takes, beside pgcopydb and pg_dump | pg_restore.

Three PostgreSQL servers come up in a state directory of their own. The same database (pgbench's tables, a
table of awkward types, one like TPC-H's line items) is copied in turn by DreamNet to one target and to both,
by pgcopydb where it is on PATH, by pg_dump and pg_restore, and by the bare statements one after the other:
each with the planner's statistics, which every one gets in its own way, and pgcopydb once more without them.
Then the checksums are measured beside one sequential read through COPY, and writers go on at a rate while
they are moved there and back.

Servers and clients share the machine, whose speed wavers: ratios are of one pass, in which the contenders
take turns. Real servers have processors of their own, so that ours is measured once more with a fixed share
for each of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.migration_contenders import (
    FLOOR,
    FLOOR_TWO,
    JOBS,
    OURS,
    OURS_TWO,
    PEERS,
    Contenders,
    Copy,
    run,
)
from benchmarks.migration_freeze import Moves, move_to_and_fro
from benchmarks.migration_servers import Servers, program
from benchmarks.own_processors import own_processors
from dreamnet.errors import ConfigurationError, GameplanError
from dreamnet.postgres import catalog, checksums
from localcloud.engines import Engines
from localcloud.state import State

#: Of a processor: so that all three servers and the client have enough of two.
SHARE = 0.5
OWN = f", {SHARE} processors a server"

Copies = dict[str, list[Copy]]


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
    parser.add_argument(
        "--moved-scale",
        type=int,
        default=6,
        help="pgbench's scale while writers are moved: a large database's comparison before each move would"
        " take the processors from them",
    )
    parser.add_argument("--moves", type=int, default=5, help="how often they are moved there and back")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="dreamnet-migration-"))
    servers = Servers(Engines(State(scratch / "state")))
    try:
        servers.fill(arguments.scale)
        gigabytes = servers.gigabytes()
        contenders = Contenders(servers, scratch)
        contenders.ours()[OURS_TWO]()  # not counted: it makes the files of WAL that all others find
        copies = in_turn(contenders.all(), arguments.passes)
        copies |= {f"{name}{OWN}": taken for name, taken in held_apart(servers, contenders).items()}
        proofs = [prove(servers) for _ in range(arguments.passes)]
        moves = move_to_and_fro(servers, arguments.moved_scale, arguments.rate, arguments.moves)
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        servers.delete()
        shutil.rmtree(scratch, ignore_errors=True)
    show(gigabytes, copies, statistics.median(proofs), moves)
    return 0 if moves.right else 1


def prove(servers: Servers) -> float:
    """Time for the checksums of all tables, as a share of that for reading them through COPY one by one."""
    source = servers.source
    with source.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        tables = catalog.tables(connection)
        started = time.perf_counter()
        checksums.parallel_checksums(source, connection, tables, "benchmark")
        ours = time.perf_counter() - started
        started = time.perf_counter()
        for table in tables:
            copy = f"COPY {table.name.sql.as_string()} TO STDOUT"
            run([program("psql"), "-q", "-o", os.devnull, "-c", copy], source.environment())
        return ours / (time.perf_counter() - started)


def in_turn(contenders: dict[str, Callable[[], Copy]], passes: int) -> Copies:
    """Every contender once a pass, so that all of them meet the same moods of the machine."""
    taken: Copies = {name: [] for name in contenders}
    for _ in range(passes):
        for name, copy in contenders.items():
            taken[name].append(done := copy())
            print(f"{name}: {done}", file=sys.stderr, flush=True)
    return taken


def held_apart(servers: Servers, contenders: Contenders) -> Copies:
    """Ours, once each, with a share of a processor for each server; nothing where that cannot be had."""
    try:
        with own_processors(servers.pids(), SHARE):
            return in_turn(contenders.ours(), 1)
    except ConfigurationError as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return {}


def ratios_of(copies: Copies) -> dict[str, float]:
    """Medians over the passes of what ours takes as a share of what another took in the same pass."""

    def median(ours: str, other: str, what: Callable[[Copy], float]) -> float:
        pairs = zip(copies[ours], copies[other], strict=True)
        return round(statistics.median(what(one) / what(another) for one, another in pairs), 2)

    def seconds(copy: Copy) -> float:
        return copy.seconds

    ratios = {name: median(OURS, name, seconds) for name in copies if name in PEERS}
    ratios["processor time vs the statements alone"] = median(OURS, FLOOR, lambda copy: copy.cpu)
    ratios["two targets vs one"] = median(OURS_TWO, OURS, seconds)
    ratios["processor time of two vs one, the statements alone"] = median(
        FLOOR_TWO, FLOOR, lambda copy: copy.cpu
    )
    if OURS + OWN in copies:
        ratios[f"two targets vs one{OWN}"] = median(OURS_TWO + OWN, OURS + OWN, seconds)
    ratios["client CPU vs servers'"] = round(
        statistics.median(copy.client_cpu / copy.server_cpu for copy in copies[OURS]), 2
    )
    return ratios


def show(gigabytes: float, copies: Copies, proof: float, moves: Moves) -> None:
    """Print a table, and everything as JSON in the last line."""
    passes = len(copies[OURS])
    print(f"A database of {gigabytes} GB, {JOBS} jobs; medians of {passes} passes\n")
    width = max(map(len, copies))
    print(f"{'':{width}}{'seconds':>9}{'client CPU':>12}{'server CPU':>12}{'client MB':>11}")
    for name, taken in copies.items():
        seconds, client, server, memory = (
            statistics.median(getattr(copy, field.name) for copy in taken) for field in fields(Copy)
        )
        print(f"{name:{width}}{seconds:>9.1f}{client:>12.1f}{server:>12.1f}{memory:>11.0f}")
    ratios = ratios_of(copies) | {"checksums vs reading through COPY": round(proof, 2)}
    print("\nRatios:")
    for name, ratio in ratios.items():
        print(f"  {name:60}{ratio:>6.2f}")
    print(
        f"Freeze at {moves.rate:.0f} transactions/s ({min(moves.rates):.0f} to {max(moves.rates):.0f}):"
        f" median {moves.median:.3f} s, longest {max(moves.freeze_seconds):.3f} s of"
        f" {len(moves.freeze_seconds)}; acknowledged {moves.acknowledged}, found {moves.found}, added to"
        f" accounts {moves.balance}: {'right' if moves.right else 'WRONG'}"
    )
    figures = {name: [asdict(copy) for copy in taken] for name, taken in copies.items()}
    print(json.dumps({"gigabytes": gigabytes, "copies": figures, "ratios": ratios, "moves": asdict(moves)}))


if __name__ == "__main__":
    sys.exit(main())
