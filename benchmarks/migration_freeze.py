"""Writers at a constant rate, moved to another database and back: how long they wait, what is lost."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.migration_servers import SOURCE, TARGETS, Servers, program
from dreamnet.errors import VerificationError
from dreamnet.postgres import Database, Migration

CLIENTS = 8
#: Seconds that the writers go on before each move, and longest that a load may last.
BEFORE, LONGEST = 3.0, 600
_TRANSACTION = Path(__file__).with_name("migration_write.sql")
_PROCESSED = re.compile(r"number of transactions actually processed: (\d+)")
_RATE = re.compile(r"^progress: .* s, ([\d.]+) tps", re.MULTILINE)


@dataclass(frozen=True)
class Moves:
    """What all moves took (seconds), and what the databases hold of what was acknowledged.

    Attributes:
        rates: transactions in each second until a move.
        acknowledged, found: transactions that the writers were told of, and rows on every database.
        balance: sum of what they added to the accounts, the same on every database.
    """

    freeze_seconds: tuple[float, ...]
    rates: tuple[float, ...]
    acknowledged: int
    found: tuple[int, ...]
    balance: tuple[int, ...]

    @property
    def right(self) -> bool:
        """Whether nothing is lost and nothing doubled, anywhere."""
        return {*self.found, *self.balance} == {self.acknowledged}

    @property
    def median(self) -> float:
        """Median freeze in seconds."""
        return statistics.median(self.freeze_seconds)

    @property
    def rate(self) -> float:
        """Median of the transactions a second."""
        return statistics.median(self.rates)


def move_to_and_fro(servers: Servers, scale: int, rate: int, times: int) -> Moves:
    """Fill the source anew and copy it to both targets, then move the writers to the first target and back,
    `times` times.
    """
    for name in (SOURCE, *TARGETS):
        servers.renew(name)
    servers.fill(scale)
    targets = [servers.databases[name] for name in TARGETS]
    migration = Migration("freeze", servers.source, targets)
    migration.prepare_and_copy(lambda _: None)
    migration.follow(lambda _: None)
    freezes: list[float] = []
    rates: list[float] = []
    acknowledged = 0
    for number in range(2 * times):
        there = number % 2 == 0
        primary = servers.source if there else targets[0]
        with writing(primary, scale, rate, number) as load:
            time.sleep(BEFORE)
            move = (migration.cut_over if there else migration.roll_back)(lambda: None)
        freezes.append(move.freeze_seconds)
        acknowledged += load.acknowledged
        rates += load.rates
        print(
            f"move {number + 1}: frozen for {move.freeze_seconds:.3f} s, after"
            f" {', '.join(f'{one:.0f}' for one in load.rates)} transactions a second",
            file=sys.stderr,
            flush=True,
        )
    migration.wait_caught_up()
    everywhere = (servers.source, *targets)
    found = tuple(_value(database, "SELECT count(*) FROM bench_writes") for database in everywhere)
    balance = tuple(_value(database, "SELECT sum(abalance) FROM pgbench_accounts") for database in everywhere)
    migration.finish()
    return Moves(tuple(freezes), tuple(rates), acknowledged, found, balance)


@dataclass
class Load:
    """pgbench's clients, and what they were told."""

    acknowledged: int = 0
    rates: tuple[float, ...] = ()


@contextmanager
def writing(database: Database, scale: int, rate: int, run: int) -> Iterator[Load]:
    """Transactions at a rate; each client ends where the database begins to refuse its writes."""
    load = Load()
    command = [program("pgbench"), "-n", f"-c{CLIENTS}", "-j2", f"-R{rate}", f"-T{LONGEST}", "-P1", "-f"]
    command += [str(_TRANSACTION), "-D", f"scale={scale}", "-D", f"run={run}"]
    process = subprocess.Popen(
        command, env=database.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield load
    except BaseException:
        process.kill()
        raise
    finally:
        output, progress = process.communicate()
    load.rates = tuple(map(float, _RATE.findall(progress)))
    said = _PROCESSED.search(output)
    if said is None:
        raise VerificationError("pgbench did not say how many transactions it made.", "Read its output.")
    load.acknowledged = int(said[1])


def _value(database: Database, query: str) -> int:
    with database.connect() as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else -1
