"""PostgreSQL to Parquet in Cloud Storage: one snapshot, streamed, a few megabytes of memory at any size."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dreamnet.errors import ConfigurationError
from dreamnet.postgres.database import Connection, Database, explained
from dreamnet.warehouse.columns import (
    BYTES,
    Column,
    arrow_schema,
    arrow_type,
    describe,
    from_text,
    left_figures,
)
from dreamnet.warehouse.model import Extracted, Figures, Source

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg import Copy

#: Bytes of COPY's text that are parsed at once; each becomes one record batch and one Parquet row group.
BLOCK_BYTES = 4 * 1024 * 1024

#: Bytes of a resumable upload that are sent at once (a multiple of 256 KiB, as Cloud Storage asks).
CHUNK_BYTES = 2 * 1024 * 1024


@contextmanager
def snapshot(database: Database) -> Iterator[tuple[Connection, str]]:
    """A read-only transaction whose every query sees the same moment, and that moment (ISO 8601, UTC).

    Raises:
        CredentialsError, UnreachableError: the database refuses or does not answer.
    """
    from psycopg import IsolationLevel

    connection = database.connect("dreamnet-warehouse", autocommit=False)
    with connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with explained(database, "read a consistent snapshot"):
            row = connection.execute('SELECT to_char(now(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')').fetchone()
            assert row is not None
            yield connection, str(row[0])


def extract(
    connection: Connection, source: Source, bucket: Any, prefix: str, rows_per_part: int
) -> Extracted:
    """Copy one source into `gs://bucket/prefix/part-NNN.parquet`, and count it in the same snapshot.

    Args:
        connection: of `snapshot`.
        bucket: a `google.cloud.storage.Bucket`.
        prefix: folder of the files; files of the same names are overwritten, so that a repeat is harmless.
        rows_per_part: a new file begins once a file has so many rows.

    Returns:
        Figures, the files' URIs and their size. A source without rows gives one file without rows.

    Raises:
        ConfigurationError: the key identifies no single row, or a column cannot be carried.
    """
    began = time.monotonic()
    columns = describe(connection, source.sql, source.key)
    row = connection.execute(left_figures(source.sql, columns, source.key).encode()).fetchone()
    assert row is not None
    result = Extracted(source, Figures(*(int(one) for one in row)))
    rows, keys = result.figures.rows, result.figures.distinct_keys
    if keys != rows:
        raise ConfigurationError(
            f"The key of {source.table} ({', '.join(source.key)}) tells only {keys} of {rows} rows apart.",
            "Name in the pipeline's file the columns that identify a row.",
        )
    parts = _Parts(bucket, prefix, arrow_schema(columns), rows_per_part)
    try:
        for batch in _batches(connection, source.sql, columns):
            parts.write(batch)
    except BaseException:
        parts.abandon()
        raise
    result.uris, result.parquet_bytes = parts.finish()
    result.seconds = time.monotonic() - began
    return result


def _batches(connection: Connection, select: str, columns: list[Column]) -> Iterator[pa.RecordBatch]:
    """The source's rows, as COPY writes them and Arrow's C++ reader parses them: no Python object a value."""
    import pyarrow as pa
    from pyarrow import csv

    wanted = ", ".join(f"{one.select} AS {_alias(i)}" for i, one in enumerate(columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT {wanted} FROM ({select}) AS q) TO STDOUT (FORMAT csv)".encode()) as copy,
    ):
        stream = _CopyStream(copy)
        first = stream.read(1)
        if not first:
            return
        stream.push_back(first)
        try:
            reader = csv.open_csv(stream, **_csv_options(columns))
            for batch in reader:
                yield _typed(batch, columns)
        except pa.ArrowInvalid as error:
            raise ConfigurationError(
                f"A value cannot be carried to BigQuery: {error}.",
                "Round or cast the column in the pipeline's query.",
            ) from None


def _alias(index: int) -> str:
    return f"c{index}"


def _csv_options(columns: list[Column]) -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import csv

    types = {
        _alias(i): pa.string() if one.repeated or one.kind is BYTES else arrow_type(one.kind)
        for i, one in enumerate(columns)
    }
    return {
        "read_options": csv.ReadOptions(column_names=list(types), block_size=BLOCK_BYTES),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            column_types=types,
            # COPY writes NULL as nothing and the empty string as "".
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    }


def _typed(batch: pa.RecordBatch, columns: list[Column]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        from_text(one, batch.column(i)) if one.repeated or one.kind is BYTES else batch.column(i)
        for i, one in enumerate(columns)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


class _CopyStream(io.RawIOBase):
    """COPY's output as a readable file."""

    def __init__(self, copy: Copy) -> None:
        super().__init__()
        self._copy = copy
        self._held = bytearray()
        self._ended = False

    def readable(self) -> bool:
        return True

    def push_back(self, data: bytes) -> None:
        self._held[:0] = data

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._held) < size):
            block = self._copy.read()
            self._ended = not block
            self._held += block
        taken = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(taken)]
        return taken


class _Parts:
    """Parquet files in a bucket, one after the other, each uploaded while it is written."""

    def __init__(self, bucket: Any, prefix: str, schema: pa.Schema, rows_per_part: int) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._schema = schema
        self._limit = rows_per_part
        self._rows = 0
        self._blobs: list[Any] = []
        self._upload: Any = None
        self._writer: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        while batch.num_rows:
            if self._writer is None:
                self._open()
            taken = batch.slice(0, self._limit - self._rows)
            self._writer.write_batch(taken)
            self._rows += taken.num_rows
            batch = batch.slice(taken.num_rows)
            if self._rows >= self._limit:
                self._close()

    def finish(self) -> tuple[list[str], int]:
        """URIs of all files, and their bytes together."""
        if not self._blobs:
            self._open()
        if self._writer is not None:
            self._close()
        return [f"gs://{one.bucket.name}/{one.name}" for one in self._blobs], sum(
            one.size for one in self._blobs
        )

    def abandon(self) -> None:
        """Leave the file that is being written unfinished: Cloud Storage never shows it."""
        if self._upload is not None:
            self._upload.terminate()
            # Its footer has nowhere to go; left to the garbage collector it would try to write it.
            self._writer.is_open = False

    def _open(self) -> None:
        from pyarrow import parquet

        blob = self._bucket.blob(f"{self._prefix}/part-{len(self._blobs):03d}.parquet")
        self._blobs.append(blob)
        self._upload = blob.open("wb", chunk_size=CHUNK_BYTES, content_type="application/vnd.apache.parquet")
        self._writer = parquet.ParquetWriter(self._upload, self._schema, compression="zstd")
        self._rows = 0

    def _close(self) -> None:
        self._writer.close()
        self._upload.close()
        self._blobs[-1].reload()
        self._writer = self._upload = None
