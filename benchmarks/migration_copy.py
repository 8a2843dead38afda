"""One copy between the servers of `benchmarks.migration`, in a process of its own, so that its processor time
and memory are its own. Reads the databases' connection strings, source first, from DSNS (a line each).
"""

from __future__ import annotations

import os
import sys

from dreamnet.postgres import Database, Migration

#: Names the migration's records, here and in the benchmark.
NAME = "bench"


def main() -> None:
    """Schema, rows, indexes, keys and statistics to every target."""
    source, *targets = map(Database.from_dsn, os.environ["DSNS"].splitlines())
    Migration(NAME, source, targets, workers=int(sys.argv[1])).prepare_and_copy(lambda _: None)


if __name__ == "__main__":
    main()
