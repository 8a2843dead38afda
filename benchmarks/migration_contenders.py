"""Who copies the database in `benchmarks.migration`, and what each of them takes."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import migration_copy, migration_floor
from benchmarks.migration_servers import SOURCE, TARGETS, Servers, program
from dreamnet.errors import GameplanError
from dreamnet.postgres import Migration

#: Parallel jobs that every contender gets: with more than processors all of them are slower, as servers and
#: clients share them. The size above which tables are split.
JOBS, SPLIT = os.cpu_count() or 1, "128MB"

OURS, OURS_TWO = "dreamnet", "dreamnet, two targets"
#: The last of pgcopydb's does less than all others: its target's planner knows nothing of the tables.
PEERS = WHOLE, SPLIT_UP, UNKNOWN, DUMPED = (
    "pgcopydb, whole tables",
    "pgcopydb, split",
    "pgcopydb, whole tables, no statistics",
    "pg_dump | pg_restore",
)
FLOOR, FLOOR_TWO = "the statements alone", "the statements alone, two targets"

_Command = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Copy:
    """One copy: seconds, processor seconds of client and servers, memory of the client's largest process."""

    seconds: float
    client_cpu: float
    server_cpu: float
    client_mb: float

    @property
    def cpu(self) -> float:
        """Processor seconds of all."""
        return self.client_cpu + self.server_cpu


class Contenders:
    """The contenders, on servers that hold the database already."""

    def __init__(self, servers: Servers, scratch: Path) -> None:
        self._servers, self._scratch = servers, scratch
        # An installed package has its bytecode; a checkout, once Python has imported it and may write there.
        self._python = dict(os.environ)
        self._python.pop("PYTHONDONTWRITEBYTECODE", None)
        run([sys.executable, "-c", f"import {migration_copy.__name__}"], self._python)

    def ours(self) -> dict[str, Callable[[], Copy]]:
        """DreamNet's, to one target and to both."""
        one = TARGETS[:1]
        return {
            OURS: lambda: self._measured(one, self._dreamnet(one)),
            OURS_TWO: lambda: self._measured(TARGETS, self._dreamnet(TARGETS)),
        }

    def all(self) -> dict[str, Callable[[], Copy]]:
        """By name: ours, the floor, the peers; pgcopydb is there where the machine has it."""
        one = TARGETS[:1]
        found: dict[str, Callable[[], Copy]] = {}
        if shutil.which("pgcopydb"):
            found[WHOLE] = lambda: self._measured(one, [self._pgcopydb(split=False), self._analysis()])
            found[SPLIT_UP] = lambda: self._measured(one, [self._pgcopydb(split=True), self._analysis()])
            found[UNKNOWN] = lambda: self._measured(one, [self._pgcopydb(split=False)])
        return (
            self.ours()
            | found
            | {
                DUMPED: lambda: self._measured(one, self._dump_restore()),
                FLOOR: lambda: self._measured(one, self._floor(one)),
                FLOOR_TWO: lambda: self._measured(TARGETS, self._floor(TARGETS)),
            }
        )

    def _measured(self, targets: tuple[str, ...], commands: list[_Command]) -> Copy:
        for name in TARGETS:
            self._servers.renew(name)
        os.sync()  # what the copy before this one has left to be written is not this one's work
        before, started = self._servers.cpu_seconds(), time.perf_counter()
        used = [run(command, environment) for command, environment in commands]
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

    def _dreamnet(self, targets: tuple[str, ...]) -> list[_Command]:
        databases = [self._servers.databases[name] for name in (SOURCE, *targets)]
        environment = self._python | {"DSNS": "\n".join(database.dsn() for database in databases)}
        return [([sys.executable, "-m", "benchmarks.migration_copy", str(JOBS)], environment)]

    def _floor(self, targets: tuple[str, ...]) -> list[_Command]:
        source, databases = self._servers.source, [self._servers.databases[name] for name in targets]
        script = migration_floor.script(source, databases, self._scratch)
        return [(["bash", "-c", script], os.environ | migration_floor.passwords(source, databases))]

    def _pgcopydb(self, *, split: bool) -> _Command:
        """Its best: binary, and without its VACUUM ANALYZE: whole tables are loaded frozen, and ANALYZE alone
        takes less.
        """
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
        return command, environment

    def _analysis(self) -> _Command:
        target = self._servers.databases[TARGETS[0]]
        command = [program("vacuumdb"), "--analyze-only", f"-j{JOBS}", "-d", target.dbname]
        return command, target.environment()

    def _dump_restore(self) -> list[_Command]:
        where = self._scratch / "dump"
        shutil.rmtree(where, ignore_errors=True)
        dump = [program("pg_dump"), "-Fd", "-Z0", f"-j{JOBS}", "--no-publications", "--statistics"]
        target = self._servers.databases[TARGETS[0]]
        restore = [program("pg_restore"), f"-j{JOBS}", "--no-owner", "-d", target.dbname, str(where)]
        return [
            ([*dump, "-f", str(where)], self._servers.source.environment()),
            (restore, target.environment()),
        ]


def run(command: list[str], environment: dict[str, str]) -> resource.struct_rusage:
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
