"""The least that a copy costs: PostgreSQL's own programs alone, one statement after the other.

pg_dump's schema goes through psql, each table through one binary COPY to one COPY FREEZE a target, then come
indexes, keys and statistics: no snapshot, slot, record, check or progress, and no two things at once. So its
processor time is what the servers need at least; divided by the processors, it is the least time.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from psycopg import sql

from benchmarks.migration_servers import program
from dreamnet.postgres import Database, catalog
from dreamnet.postgres.catalog import Table

#: As much memory for sorting as ours takes (dreamnet.postgres.schema), and no helpers, which cost more than
#: they do.
_SETTINGS = (
    "-c synchronous_commit=off -c maintenance_work_mem={memory_kb}kB -c max_parallel_maintenance_workers=0"
)


def script(source: Database, targets: Sequence[Database], scratch: Path) -> str:
    """The commands, for bash. Passwords come from the variables PASSWORD_0 (source), PASSWORD_1, ..."""
    with source.connect() as connection:
        tables = [table for table in catalog.tables(connection) if not table.partitioned]
        memory = connection.execute("SELECT pg_size_bytes(current_setting('shared_buffers'))").fetchone()
    settings = _SETTINGS.format(memory_kb=int(memory[0]) // 2048 if memory else 0)
    lines = ["set -euo pipefail"]
    lines += _schema("pre-data", source, targets, settings)
    lines += [line for table in tables for line in _rows(table, source, targets, settings, scratch)]
    lines += _schema("post-data", source, targets, settings)
    lines += [f"{_psql(target, number, settings)} -c ANALYZE" for number, target in enumerate(targets, 1)]
    return "\n".join(lines)


def passwords(source: Database, targets: Sequence[Database]) -> dict[str, str]:
    """The variables that the script reads."""
    return {f"PASSWORD_{number}": one.password for number, one in enumerate((source, *targets))}


def _psql(database: Database, number: int, settings: str = "") -> str:
    address = f"host={database.host} port={database.port} user={database.user} dbname={database.dbname}"
    return " ".join(
        [
            f"PGPASSWORD=$PASSWORD_{number} PGOPTIONS={shlex.quote(settings)} {program('psql')}",
            f"-q -X -v ON_ERROR_STOP=1 -d {shlex.quote(address)}",
        ]
    )


def _schema(section: str, source: Database, targets: Sequence[Database], settings: str) -> list[str]:
    address = f"host={source.host} port={source.port} user={source.user} dbname={source.dbname}"
    dump = (
        f"PGPASSWORD=$PASSWORD_0 {program('pg_dump')} --section={section} --schema-only --no-owner"
        f" --no-publications -d {shlex.quote(address)}"
    )
    return [
        f"{dump} | {_psql(target, number, settings)} >/dev/null" for number, target in enumerate(targets, 1)
    ]


def _rows(
    table: Table, source: Database, targets: Sequence[Database], settings: str, scratch: Path
) -> list[str]:
    """One read; what several targets need of it goes through `tee`."""
    name = table.name.sql.as_string()
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns)).as_string()
    read = f"COPY {name} ({columns}) TO STDOUT (FORMAT binary)"
    write = f"COPY {name} ({columns}) FROM STDIN (FORMAT binary, FREEZE)"
    steps = " ".join(f"-c {shlex.quote(one)}" for one in ("BEGIN", f"TRUNCATE {name}", write, "COMMIT"))
    first, *others = [f"{_psql(one, number, settings)} {steps}" for number, one in enumerate(targets, 1)]
    pipes = [shlex.quote(str(scratch / f"pipe-{number}")) for number, _ in enumerate(others)]
    tee = f"| tee {' '.join(pipes)} " if pipes else ""
    return [
        *(f"rm -f {pipe}; mkfifo {pipe}" for pipe in pipes),
        *(f"{load} <{pipe} &" for load, pipe in zip(others, pipes, strict=True)),
        f"{_psql(source, 0)} -c {shlex.quote(read)} {tee}| {first}",
        "wait",
    ]
