"""The schema: dumped by pg_dump, applied entry by entry, each entry recorded in the transaction that makes
it.

pg_dump knows every object type and its dependencies; a plain-text dump names each entry in a comment.
Applying the
entries ourselves (rather than psql or pg_restore) lets a killed run continue with the next entry, and
indexes be built while other tables are still copied.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from dreamnet.errors import GameplanError
from dreamnet.postgres import binaries, catalog, gate, state
from dreamnet.postgres.catalog import STATE_SCHEMA, Name, Table
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.postgres.parties import Parties

DUMP_TIMEOUT_S = 600

STATISTICS_SINCE = 18
"""First version that takes over statistics, and whose pg_dump reads them: of any older server too."""

_HEADER = re.compile(
    r"^--\n-- (?:Statistics for )?Name: (.*); Type: (.*); Schema: (.*); Owner: ?.*\n--\n", re.MULTILINE
)
_RESTRICT = re.compile(r"^\\(un)?restrict .*$", re.MULTILINE)
_TRAILER = re.compile(r"^--\n-- PostgreSQL database dump complete\n--\n", re.MULTILINE)

# Debian's 15.20 keeps versions of columns among their options, as no other server does; only its own pg_dump
# knows to leave them out.
_COLUMN_VERSION = re.compile(
    r"^(ALTER (?:FOREIGN )?TABLE .* ALTER COLUMN .* SET \()(?:(.+), )?pg_attver=\d+(?:, (.+))?\);\n?",
    re.MULTILINE,
)

BUILT = ("INDEX", "CONSTRAINT", "CHECK CONSTRAINT", "STATISTICS")
"""Kinds of entries of the section post-data that need one table's rows and no other table: see `building`."""
_ATTACH = "INDEX ATTACH"

# What pg_dump's own preamble sets; lock_timeout so that a forgotten session is reported, not waited for. All
# our sessions sort in as much memory as the server caches with: providers set that by the machine's size.
_SESSION = """
    SELECT set_config('search_path', '', false), set_config('check_function_bodies', 'false', false),
           set_config('row_security', 'off', false), set_config('lock_timeout', '60s', false),
           set_config('synchronous_commit', 'off', false),
           set_config('maintenance_work_mem', greatest(
               pg_size_bytes(current_setting('maintenance_work_mem')), least(1073741824,
               pg_size_bytes(current_setting('shared_buffers')) / %s)) / 1024 || 'kB', false)
"""


@dataclass(frozen=True)
class Entry:
    """One object of a dump: its kind as pg_dump says (TABLE, INDEX, FK CONSTRAINT, ...) and its
    statements.
    """

    name: str
    kind: str
    statements: str

    @property
    def step(self) -> str:
        """Under which name it is recorded: a changed definition is another step."""
        digest = hashlib.sha256(self.statements.encode()).hexdigest()[:12]
        return f"schema:{self.kind}:{self.name}:{digest}"


def dump(source: Database, section: str, version: int) -> list[Entry]:
    """Entries of one section (`pre-data` or `post-data`) of the source's schema, in dependency order.

    Owners, grants, tablespaces, publications and subscriptions stay behind: targets have their own roles.
    """
    return _dump(source, version, "--schema-only", f"--section={section}")


def statistics(source: Database, tables: Sequence[Name], version: int) -> dict[str, Entry]:
    """What the source's planner knows of these tables, by name: for servers since STATISTICS_SINCE. A table
    that was never analysed, or whose rows its policies hide from our role, is not among them.
    """
    if not tables:
        return {}
    only = [f"--table={table.sql.as_string()}" for table in tables]
    entries = _dump(source, max(version, STATISTICS_SINCE), "--statistics-only", *only)
    return {entry.name: entry for entry in entries if "pg_restore_attribute_stats(" in entry.statements}


def _dump(source: Database, version: int, *what: str) -> list[Entry]:
    program = binaries.find("pg_dump", version)
    command = [
        program,
        *what,
        "--no-owner",
        "--no-privileges",
        "--no-tablespaces",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        f"--exclude-schema={STATE_SCHEMA}",
        "--lock-wait-timeout=30000",
    ]
    done = subprocess.run(
        command,
        env=source.environment() | binaries.environment(program),
        capture_output=True,
        text=True,
        timeout=DUMP_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if "error:" in line), "no reason given")
        raise GameplanError(
            f"pg_dump cannot read the schema of {source.label}: {said.split('error:', 1)[-1].strip()}.",
            "Grant the role what pg_dump names, or use the role that owns the tables.",
        )
    return parse(done.stdout)


def parse(text: str) -> list[Entry]:
    """Cut a plain-text dump at the comments with which pg_dump heads each entry."""
    text = _COLUMN_VERSION.sub(_without_version, _TRAILER.split(_RESTRICT.sub("", text))[0])
    heads = list(_HEADER.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    entries = []
    for head, end in zip(heads, ends, strict=False):  # a section without entries has an end nevertheless
        name, kind, schema = head.groups()
        statements = text[head.end() : end].strip()
        full_name = name if schema == "-" else f"{schema}.{name}"
        if statements and _wanted(name, kind, schema):
            entries.append(Entry(full_name, kind, _tolerant(kind, statements)))
    return entries


def _without_version(found: re.Match[str]) -> str:
    others = ", ".join(filter(None, found.groups()[1:]))
    return f"{found[1]}{others});\n" if others else ""


def _wanted(name: str, kind: str, schema: str) -> bool:
    # Comments on extensions need the extension's owner, whom providers keep to themselves. Our freeze's
    # triggers
    # stand on the application's tables but call our own schema's function.
    return not (
        (kind == "COMMENT" and name.startswith("EXTENSION "))
        or (kind == "TRIGGER" and name.endswith(f" {gate.TRIGGER}"))
        or STATE_SCHEMA in (schema, name)
    )


def _tolerant(kind: str, statements: str) -> str:
    # Every database is born with `public`, and pg_dump emits it where its owner was changed.
    if kind == "SCHEMA":
        return statements.replace("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS ", 1)
    return statements


class Applier:
    """Applies entries to one target, skipping those recorded as done."""

    def __init__(
        self, parties: Parties, target: Database, progress: Callable[[str], None], workers: int
    ) -> None:
        self._parties, self.target, self._progress, self._workers = parties, target, progress, workers

    def pre_data(self, entries: Iterable[Entry]) -> None:
        """Types, functions, tables, views: one after the other, as they depend on each other."""
        self._serial(list(entries))

    def attach(self, entries: Iterable[Entry]) -> None:
        """Indexes of partitions to those of their parents, once all are built."""
        self._serial([entry for entry in entries if entry.kind == _ATTACH])

    def analyse_partitioned(self, tables: Iterable[Table]) -> None:
        """The planner's statistics of partitioned tables and their partitions."""
        with self.session() as connection:
            for table in tables:
                if table.partitioned and not table.partition:
                    self.analyse(table.name, connection)

    def analyse(self, table: Name, connection: Connection) -> None:
        """Gather the planner's statistics of a table."""
        with explained(self.target, f"analyse {table}"):
            connection.execute(sql.SQL("ANALYZE {}").format(table.sql))

    def constraints(self, entries: Iterable[Entry]) -> None:
        """What needs the indexes: foreign keys, triggers, policies. The tables must agree with each other."""
        todo = self.open([entry for entry in entries if entry.kind not in (*BUILT, _ATTACH)])
        keys = sum(entry.kind == "FK CONSTRAINT" for entry in todo)
        if keys:
            self._progress(f"{self.target.label}: checking {keys} foreign keys")
        self._serial(todo)

    def open(self, entries: list[Entry]) -> list[Entry]:
        """Those that are not recorded as done."""
        done = self._parties.steps(self.target, "schema:")
        return [entry for entry in entries if entry.step not in done]

    def resolve(self, names: Sequence[str | None]) -> list[Name | None]:
        """The relations that qualified, quoted names mean on the target; None where there is none."""
        rows = self._parties.read(
            self.target,
            lambda connection: connection.execute(
                "SELECT n.nspname, c.relname FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, place) "
                "LEFT JOIN pg_class c ON c.oid = to_regclass(t.name) "
                "LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY place",
                (list(names),),
            ).fetchall(),
        )
        return [Name(*row) if row[0] else None for row in rows]

    def _serial(self, entries: list[Entry]) -> None:
        todo = self.open(entries)
        if not todo:
            return
        with self.session() as connection:
            for entry in todo:
                self.apply(entry, connection)

    def session(self) -> Connection:
        """A connection with the settings that entries need."""
        connection = self.target.connect(self._parties.application)
        connection.execute(_SESSION, (self._workers,))
        return connection

    def take_over(self, statistics: Entry, connection: Connection) -> bool:
        """Give a table the statistics that it has at the source; whether the server took all of them."""
        if catalog.major_version(connection) < STATISTICS_SINCE:
            return False
        with explained(self.target, f"set statistics of {statistics.name}"):
            try:
                with connection.transaction():
                    cursor = connection.execute(statistics.statements.encode())
                    return all(row[0] for results in cursor.results() for row in results.fetchall())
            except (psycopg.DataError, psycopg.ProgrammingError):
                return False

    def apply(self, entry: Entry, connection: Connection, *, parallel: bool = True) -> None:
        """Apply and record one entry. `parallel`: with helpers, where the server has some."""
        with explained(self.target, f"create {entry.kind.lower()} {entry.name}"), connection.transaction():
            if not parallel:
                connection.execute("SET LOCAL max_parallel_maintenance_workers = 0")
            # No parameters: libpq's simple protocol takes several statements at once.
            connection.execute(entry.statements.encode())
            state.record(connection, self._parties.name, entry.step)
