"""One migration under faults: what the operator does, what strikes him, and what is there in the end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from psycopg import sql

from benchmarks import fault_plan
from benchmarks.broken_network import BrokenNetwork
from benchmarks.fault_outcome import Outcome, compare, nothing_left
from benchmarks.fault_plan import Fault
from benchmarks.migration_trial import SERVERS, Writer, clean_up, fill, fresh_databases
from dreamnet.errors import GameplanError, VerificationError
from dreamnet.postgres import Database, Migration
from localcloud.engines import Engines

#: Rows of the biggest table.
BULK = 20_000
#: Attempts at one step, and seconds that one may take: a dead connection is noticed within 90, pg_dump's
#: within 600.
ATTEMPTS, LONGEST_S = 25, 660.0
#: Seconds within which the client is acknowledged again after a step: a freeze that nobody ends takes 30.
ACKNOWLEDGED_S = 60.0
#: Writes that are acknowledged between two steps.
BETWEEN = 5


class Application(Writer):
    """The client, which reads from a file where to write."""

    def __init__(self, databases: Sequence[Database], secret: Path) -> None:
        super().__init__(databases[0])
        self._named = {"source": databases[0], "target": databases[1]}
        self._secret = secret

    def where(self) -> Database:
        """What the file says now."""
        return self._named[self._secret.read_text()]

    def wait_for_acknowledgements(self, step: str) -> None:
        """Until a few more writes are acknowledged.

        Raises:
            VerificationError: none is: something still refuses or holds them.
        """
        wanted, deadline = len(self.acknowledged) + BETWEEN, time.monotonic() + ACKNOWLEDGED_S
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                raise VerificationError(
                    f"After {step} no write is acknowledged any more.", "See who refuses or holds them."
                )
            time.sleep(0.01)


@dataclass
class Trial:
    """Servers, the networks in front of them, and a folder: what rounds have in common."""

    engines: Engines
    servers: list[Database]
    scratch: Path
    networks: dict[str, BrokenNetwork] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, server in zip(SERVERS, self.servers, strict=True):
            self.networks[name] = BrokenNetwork(server.host, server.port)

    def close(self) -> None:
        """End networks and servers, and remove the servers' data."""
        for network in self.networks.values():
            network.close()
        for name in reversed(SERVERS):  # followers first: a publisher waits for them
            self.engines.delete(name)

    def run(self, seed: int, plan: dict[str, list[Fault]] | None = None) -> Outcome:
        """One migration from nothing to finished, under the seed's faults (or others, for a test)."""
        databases = fresh_databases(self.servers)
        fill(databases[0], bulk=BULK)
        outcome = Outcome(seed)
        try:
            _Round(self, databases, outcome).go(fault_plan.draw(seed) if plan is None else plan)
        except GameplanError as error:
            outcome.wrong.append(error.problem)
        finally:
            for network in self.networks.values():
                network.mend()
            clean_up(databases)
            self._drop(databases)
        outcome.seconds = outcome.elapsed()
        return outcome

    def _drop(self, databases: list[Database]) -> None:
        for server, database in zip(self.servers, databases, strict=True):
            with server.connect() as connection:
                statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                connection.execute(statement.format(sql.Identifier(database.dbname)))


class _Round:
    """One migration, step by step."""

    def __init__(self, trial: Trial, databases: list[Database], outcome: Outcome) -> None:
        self._trial, self._databases, self._outcome = trial, databases, outcome
        self._name = f"faults_{databases[0].dbname}"
        self._secret = trial.scratch / f"{self._name}.secret"
        self._secret.write_text("source")
        self._client = Application(databases, self._secret)
        self._strikes: list[threading.Thread] = []
        self._operator = self._new_operator()

    def go(self, plan: dict[str, list[Fault]]) -> None:
        """All steps, with the client writing until the last, and the comparison before it and after it."""
        self._client.start()
        try:
            for step, faults in plan.items():
                if step == "finish":
                    self._settle()
                    self._client.stop()
                    Migration(self._name, self._databases[0], self._databases[1:]).wait_caught_up(LONGEST_S)
                    compare(self._databases, self._client, self._outcome)
                self._until_done(step, faults)
                if step != "finish":
                    self._client.wait_for_acknowledgements(step)
        finally:
            self._settle()
            self._client.stop()
            self._operator.kill()
        compare(self._databases, self._client, self._outcome)
        nothing_left(self._databases, self._outcome)

    def _new_operator(self) -> _Operator:
        behind = [
            replace(database, host="127.0.0.1", port=self._trial.networks[name].port)
            for name, database in zip(SERVERS, self._databases, strict=True)
        ]
        return _Operator(self._name, behind, self._secret)

    def _until_done(self, step: str, faults: list[Fault]) -> None:
        """Run a step again until it is done, as whoever reads its errors would."""
        for attempt in range(ATTEMPTS):
            fault = faults[attempt] if attempt < len(faults) else None
            if self._operator.ended:
                self._operator = self._new_operator()
            self._operator.begin(step)
            if fault is not None:
                self._strike(step, fault)
            said = self._operator.answer()
            if said is None:
                self._outcome.tell(f"{step} done")
                return
            self._outcome.failed(step, said)
            if fault is None:
                self._settle()
        raise VerificationError(f"{step} was not done in {ATTEMPTS} attempts.", "See what each said.")

    def _strike(self, step: str, fault: Fault) -> None:
        def strike() -> None:
            time.sleep(fault.after)
            self._outcome.struck(step, fault)
            with _happening(fault, self._trial, self._operator):
                time.sleep(fault.lasts)

        self._strikes.append(threading.Thread(target=strike, daemon=True))
        self._strikes[-1].start()

    def _settle(self) -> None:
        """Until every fault is over."""
        for strike in self._strikes:
            strike.join(LONGEST_S)
        self._strikes.clear()
        for network in self._trial.networks.values():
            network.mend()


@contextmanager
def _happening(fault: Fault, trial: Trial, operator: _Operator) -> Iterator[None]:
    """The fault within the block; what can be mended is mended afterwards."""
    if fault.kind == "process killed":
        operator.kill()
        yield
        return
    if fault.kind in ("source killed", "target killed"):
        trial.engines.kill(fault.server)
        yield
        trial.engines.start(fault.server)
        return
    network = trial.networks[fault.server]
    {
        "connections reset": network.reset,
        "connections refused": network.refuse,
        "half a message": lambda: network.cut(fault.size),
        "network silent": network.stall,
        "connections vanished": network.vanish,
    }[fault.kind]()
    yield
    network.mend()


_ENDED = "\0"


class _Operator:
    """The process that does the steps (benchmarks.migration_steps)."""

    def __init__(self, name: str, databases: list[Database], secret: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.migration_steps", name, str(secret)],
            env=os.environ | {"DSNS": "\n".join(database.dsn() for database in databases)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self._line()  # ready

    @property
    def ended(self) -> bool:
        """Whether it has failed or was killed."""
        return self._process.poll() is not None

    def begin(self, step: str) -> None:
        """Let it do a step; one that was killed meanwhile does nothing."""
        assert self._process.stdin is not None
        try:
            print(step, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self.kill()

    def answer(self) -> dict[str, str] | None:
        """None once the step is done, else what it said in the end.

        Raises:
            VerificationError: it says nothing for too long.
        """
        others: list[str] = []
        while not (line := self._line()).startswith(("done ", "failed ")):
            if line == _ENDED:
                killed = self._process.wait() == -signal.SIGKILL
                kind, problem = ("killed", "") if killed else ("crashed", "\n".join(others))
                return {"kind": kind, "problem": problem, "remedy": ""}
            others.append(line)
        if line.startswith("done "):
            return None
        self._process.wait()
        found: dict[str, str] = json.loads(line.removeprefix("failed "))
        return found

    def _line(self) -> str:
        try:
            line = self._lines.get(timeout=LONGEST_S)
        except queue.Empty:
            self.kill()
            raise VerificationError(
                f"A step hangs: it has said nothing for {LONGEST_S:.0f} s.", "See what it waits for."
            ) from None
        if line == _ENDED:
            self._lines.put(_ENDED)  # for whoever asks next
        return line

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip())
        self._lines.put(_ENDED)
