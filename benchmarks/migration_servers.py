"""Three PostgreSQL servers for `benchmarks.migration`: what they hold, and the processor time they take."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import replace

import psutil
from psycopg import sql

from dreamnet.postgres import Database, binaries
from localcloud.engines import Engines

SOURCE, TARGETS = "neon", ("cloudsql", "rds")
#: Rows of the tables beside pgbench's, for each of its scale factors (100,000 accounts).
DREAMS, LINES = 21_000, 66_000
#: A server of a small paid plan, so that checkpoints are not what is measured.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "6GB", "max_connections": "60"}
#: Backends whose clients have gone, and which are about to end: within seconds, or they are a guest's.
_OTHERS = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
_ENDING_S, _LOOK_S = 5.0, 0.01

_SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE dreams (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key uuid NOT NULL UNIQUE, title text NOT NULL,
    tags text[] NOT NULL, body jsonb NOT NULL, feeling mood, score double precision, exact numeric, raw bytea,
    at timestamptz NOT NULL, shout text GENERATED ALWAYS AS (upper(title)) STORED);
CREATE TABLE line_items (
    order_id int, line int, part int NOT NULL, quantity numeric(12, 2), price numeric(12, 2), shipped date,
    committed timestamp, flag char(1), comment varchar(44), PRIMARY KEY (order_id, line));
"""
_ROWS = """
INSERT INTO dreams (key, title, tags, body, feeling, score, exact, raw, at)
    SELECT md5(n::text)::uuid, 'dream ' || n, ARRAY['a', NULL, 'ü' || n],
           jsonb_build_object('n', n, 'text', repeat(md5(n::text), 5)),
           (ARRAY['calm', 'wild', NULL]::mood[])[n %% 3 + 1], n / 7.0, n * 1.0001,
           decode(md5(n::text), 'hex'), timestamptz '2026-01-01' + n * interval '1 second'
    FROM generate_series(1, %(dreams)s) n;
"""
_LINES = """
INSERT INTO line_items
    SELECT n / 4, n %% 4, (n::bigint * 7919) %% 200000, n %% 50, (n %% 100000) * 1.07,
           date '1992-01-01' + n %% 2500, timestamp '1992-01-01' + n * interval '1 minute',
           chr(65 + n %% 3), left(md5(n::text) || md5((n + 1)::text), 10 + n %% 34)
    FROM generate_series(1, %(lines)s) n
"""
_AFTER = """
CREATE INDEX ON dreams (at);
CREATE INDEX ON dreams USING gin (tags);
CREATE INDEX ON line_items (part);
ALTER TABLE pgbench_accounts ADD FOREIGN KEY (bid) REFERENCES pgbench_branches;
DROP TABLE pgbench_history;
CREATE TABLE bench_writes (run int, client int, id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
"""


def program(name: str) -> str:
    """Path of one of PostgreSQL's own programs."""
    return binaries.find(name, 18)


class Servers:
    """The source and two targets, running; `delete` ends them and their data."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.databases: dict[str, Database] = {}
        for name in (SOURCE, *TARGETS):
            endpoint = engines.postgres(
                name, region="here", user="owner", password=name, database="dreamnet", settings=SETTINGS
            )
            self.databases[name] = Database.from_dsn(endpoint.dsn)

    @property
    def source(self) -> Database:
        """Where the rows come from."""
        return self.databases[SOURCE]

    def delete(self) -> None:
        """End the servers, followers first, and remove their data."""
        for name in (*TARGETS, SOURCE):
            self._engines.delete(name)

    def fill(self, scale: int) -> None:
        """pgbench's tables at a scale, and the awkward types."""
        subprocess.run(
            [program("pgbench"), "-i", "-q", "-s", str(scale)],
            env=self.source.environment(),
            check=True,
            stderr=subprocess.DEVNULL,
        )
        with self.source.connect() as connection:
            connection.execute(_SCHEMA.encode())
            connection.execute(_ROWS, {"dreams": DREAMS * scale})
            connection.execute(_LINES, {"lines": LINES * scale})
            connection.execute(_AFTER.encode())
            connection.execute("VACUUM ANALYZE")

    def gigabytes(self) -> float:
        """What the source's database takes on disk."""
        with self.source.connect() as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return round(row[0] / 1e9, 2) if row else 0.0

    def renew(self, name: str) -> None:
        """Give a target an empty database in place of the one it has."""
        database = self.databases[name]
        with replace(database, dbname="postgres").connect() as connection:
            for verb in ("DROP DATABASE {} WITH (FORCE)", "CREATE DATABASE {}"):
                connection.execute(sql.SQL(verb).format(sql.Identifier(database.dbname)))

    def cpu_seconds(self) -> float:
        """Processor time that all servers have taken so far, backends that have ended included."""
        deadline = time.monotonic() + _ENDING_S
        for database in self.databases.values():
            with database.connect() as connection:
                while connection.execute(_OTHERS).fetchone() and time.monotonic() < deadline:
                    time.sleep(_LOOK_S)
        return sum(map(_family_seconds, self.pids().values()))

    def pids(self) -> dict[str, int]:
        """Each server's first process."""
        return {
            engine.name: engine.pid
            for engine in self._engines.list()
            if engine.name in self.databases and engine.pid
        }


def _family_seconds(pid: int) -> float:
    """Of a server's first process, those it has collected, and those that are left."""
    postmaster = psutil.Process(pid)
    while True:
        children = postmaster.children()
        times = postmaster.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        with suppress(psutil.NoSuchProcess):
            total += sum(own.user + own.system for own in (child.cpu_times() for child in children))
            if postmaster.children() == children:  # else one would be counted twice, or not at all
                return float(total)
        time.sleep(_LOOK_S)
