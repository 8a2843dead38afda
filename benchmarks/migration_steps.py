"""The steps of a migration in a process of their own, which may be killed at any moment.

Reads the databases' connection strings, source first, from DSNS (a line each), and steps from standard input
(a line each). Says `ready`, then `done STEP` after each; where one fails, `failed` with kind, problem and
remedy as JSON, and ends.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dreamnet.errors import GameplanError
from dreamnet.postgres import Database, Migration, cutover

#: Small, so that a copy of a small database has many moments to be interrupted at.
PIECE_BYTES, WORKERS = 100_000, 2


class Steps:
    """What an operator does, by name.

    Args:
        secret: the file that says where applications write: `source` or `target`.
    """

    def __init__(self, name: str, source: Database, targets: list[Database], secret: Path) -> None:
        self._migration = Migration(name, source, targets, workers=WORKERS, piece_bytes=PIECE_BYTES)
        self._secret = secret
        self.by_name: dict[str, Callable[[], object]] = {
            "copy": partial(self._migration.prepare_and_copy, _quiet),
            "follow": partial(self._migration.follow, _quiet),
            "verify": self._verify,
            "cut over": partial(self._migration.cut_over, partial(self._switch, "target")),
            "roll back": partial(self._migration.roll_back, partial(self._switch, "source")),
            "forward again": partial(self._migration.cut_over, partial(self._switch, "target")),
            "finish": self._migration.finish,
        }

    def _verify(self) -> None:
        cutover.raise_on(self._migration.verify().differences, "Look at the rows.")

    def _switch(self, where: str) -> None:
        new = self._secret.with_suffix(".new")
        new.write_text(where)
        new.replace(self._secret)


def _quiet(_: str) -> None:
    pass


def main() -> int:
    """Returns the exit code: 1 where a step failed."""
    source, *targets = map(Database.from_dsn, os.environ["DSNS"].splitlines())
    steps = Steps(sys.argv[1], source, targets, Path(sys.argv[2])).by_name
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            steps[line.strip()]()
        except GameplanError as error:
            said = {"kind": type(error).__name__, "problem": error.problem, "remedy": error.remedy}
            print("failed", json.dumps(said), flush=True)
            return 1
        print("done", line.strip(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
