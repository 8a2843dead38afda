"""How a PostgreSQL type travels: out of COPY, through Parquet, into BigQuery, and how both sides describe its
values in the same characters, so that a checksum over them can be compared.

BigQuery's types and limits: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
(November 2026).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from dreamnet.errors import ConfigurationError, VerificationError

if TYPE_CHECKING:
    import pyarrow as pa

    from dreamnet.postgres.database import Connection

#: BigQuery's NUMERIC: 29 digits before the point, 9 behind it.
NUMERIC_DIGITS, NUMERIC_SCALE = 38, 9


@dataclass(frozen=True)
class Kind:
    """One way to carry values. `{c}` stands for the quoted column in every expression.

    Attributes:
        bigquery: BigQuery's type.
        select: PostgreSQL expression whose text COPY writes.
        left: PostgreSQL expression of the value's canonical text, for the checksum.
        right: BigQuery's expression of the same text.
    """

    bigquery: str
    select: str
    left: str
    right: str


# Numbers beyond this are compared only as being beyond it: as whole millionths they must fit an INT64.
_LIMIT = "9000000000000"

INTEGER = Kind("INT64", "{c}::bigint", "{c}::bigint::text", "CAST({c} AS STRING)")
BOOLEAN = Kind("BOOL", "{c}", "{c}::text", "CAST({c} AS STRING)")
TEXT = Kind("STRING", "{c}::text", "{c}::text", "{c}")
DATE = Kind("DATE", "{c}", "to_char({c}, 'YYYY-MM-DD')", "CAST({c} AS STRING)")
BYTES = Kind("BYTES", "encode({c}, 'hex')", "encode({c}, 'hex')", "TO_HEX({c})")
TIMESTAMP = Kind(
    "TIMESTAMP",
    "{c}",
    "(extract(epoch FROM {c}) * 1000000)::bigint::text",
    "CAST(UNIX_MICROS({c}) AS STRING)",
)
DATETIME = Kind(
    "DATETIME",
    "{c}",
    "(extract(epoch FROM {c}) * 1000000)::bigint::text",
    "CAST(UNIX_MICROS(TIMESTAMP({c})) AS STRING)",
)
TIME = Kind(
    "TIME",
    "{c}",
    "(extract(epoch FROM {c}) * 1000000)::bigint::text",
    "CAST(TIME_DIFF({c}, TIME '00:00:00', MICROSECOND) AS STRING)",
)
# Six decimals are compared: floating point cut off (both engines multiply doubles alike), exact numbers
# rounded
# half away from zero (as both do when they cast to an integer).
FLOAT = Kind(
    "FLOAT64",
    "{c}::float8",
    f"CASE WHEN abs({{c}}::float8) < {_LIMIT} "
    "THEN trunc({c}::float8 * 1000000)::bigint::text ELSE 'large' END",
    f"IF(ABS({{c}}) < {_LIMIT}, CAST(CAST(TRUNC({{c}} * 1000000) AS INT64) AS STRING), 'large')",
)
NUMERIC = Kind(
    "NUMERIC",
    "{c}",
    f"CASE WHEN abs({{c}}) < {_LIMIT} THEN round({{c}} * 1000000)::bigint::text ELSE 'large' END",
    f"IF(ABS({{c}}) < {_LIMIT}, CAST(CAST({{c}} * 1000000 AS INT64) AS STRING), 'large')",
)

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("int2", "int4", "int8"), INTEGER),
    **dict.fromkeys(("float4", "float8"), FLOAT),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "uuid", "json", "jsonb", "inet", "cidr"), TEXT),
    **dict.fromkeys(("interval", "xml", "citext"), TEXT),
    "bool": BOOLEAN,
    "numeric": NUMERIC,
    "date": DATE,
    "timestamptz": TIMESTAMP,
    "timestamp": DATETIME,
    "time": TIME,
    "bytea": BYTES,
}
#: What an array may hold: BigQuery's ARRAY of these compares as text without loss.
_ELEMENTS = (INTEGER, BOOLEAN, TEXT)


@dataclass(frozen=True)
class Column:
    """One column on its way.

    Attributes:
        required: part of the key: BigQuery refuses a row without it.
        repeated: an array; NULL arrives as an empty array, because BigQuery knows no NULL array.
    """

    name: str
    kind: Kind
    required: bool = False
    repeated: bool = False

    @property
    def select(self) -> str:
        """PostgreSQL expression for COPY."""
        if self.repeated:
            return self._left("coalesce(array_to_json({c})::text, '[]')")
        return self._left(self.kind.select)

    @property
    def left(self) -> str:
        """PostgreSQL: the canonical text, `+text`, or `-` for NULL."""
        if self.repeated:
            return self._left("'+' || coalesce(array_to_string({c}::text[], ','), '')")
        return f"coalesce('+' || {self._left(self.kind.left)}, '-')"

    @property
    def right(self) -> str:
        """BigQuery: the same text."""
        if self.repeated:
            items = "SELECT CAST(x AS STRING) FROM UNNEST({c}) AS x WITH OFFSET AS i ORDER BY i"
            return self._right(f"CONCAT('+', ARRAY_TO_STRING(ARRAY({items}), ','))")
        return f"COALESCE(CONCAT('+', {self._right(self.kind.right)}), '-')"

    def _left(self, expression: str) -> str:
        return expression.replace("{c}", quoted(self.name))

    def _right(self, expression: str) -> str:
        return expression.replace("{c}", f"`{self.name}`")


def quoted(name: str) -> str:
    """A PostgreSQL identifier in quotes."""
    return sql.Identifier(name).as_string(None)


def describe(connection: Connection, select: str, key: Iterable[str]) -> list[Column]:
    """The columns of a SELECT.

    Raises:
        ConfigurationError: a column's type cannot be carried without loss, or a key column is missing.
    """
    found = connection.execute(f"SELECT * FROM ({select}) AS q LIMIT 0".encode()).description or []
    keys = set(key)
    missing = keys - {one.name for one in found}
    if missing:
        raise ConfigurationError(
            f"The source has no column {', '.join(sorted(missing))}, which its key names.",
            "Correct `key` or the query in the pipeline's file.",
        )
    names = _type_names(connection, [one.type_code for one in found])
    return [_column(one.name, names[one.type_code], one, one.name in keys) for one in found]


def _column(name: str, type_name: str, description: Any, required: bool) -> Column:
    repeated = type_name.startswith("_")
    kind = _KINDS.get(type_name.removeprefix("_"))
    precision, scale = description.precision or 0, description.scale or 0
    fits = scale <= NUMERIC_SCALE and precision - scale <= NUMERIC_DIGITS - NUMERIC_SCALE
    if kind is None or (repeated and kind not in _ELEMENTS) or (kind is NUMERIC and not fits):
        raise ConfigurationError(
            f"Column {name} has the type {type_name}, which BigQuery cannot hold without loss.",
            f"Cast it in the pipeline's query, for instance {name}::text.",
        )
    return Column(name, kind, required, repeated)


def _type_names(connection: Connection, oids: list[int]) -> dict[int, str]:
    """Type names by OID; domains by what they are made of, enums as text."""
    rows = connection.execute(
        """
        WITH RECURSIVE resolved AS (
            SELECT oid, oid AS base FROM pg_type WHERE oid = ANY(%s)
            UNION ALL
            SELECT r.oid, t.typbasetype FROM resolved r JOIN pg_type t ON t.oid = r.base WHERE t.typtype = 'd'
        )
        SELECT r.oid,
               CASE WHEN t.typtype = 'e' THEN 'text' WHEN e.typtype = 'e' THEN '_text' ELSE t.typname END
        FROM resolved r JOIN pg_type t ON t.oid = r.base LEFT JOIN pg_type e ON e.oid = t.typelem
        WHERE t.typtype <> 'd'
        """,
        (oids,),
    )
    return {int(oid): str(name) for oid, name in rows}


def arrow_type(kind: Kind) -> pa.DataType:
    """The Parquet column's type."""
    import pyarrow as pa

    types = {
        "INT64": pa.int64(),
        "BOOL": pa.bool_(),
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "BYTES": pa.binary(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
        "DATETIME": pa.timestamp("us"),
        "TIME": pa.time64("us"),
        "FLOAT64": pa.float64(),
        "NUMERIC": pa.decimal128(NUMERIC_DIGITS, NUMERIC_SCALE),
    }
    return types[kind.bigquery]


def arrow_schema(columns: list[Column]) -> pa.Schema:
    """The Parquet files' schema."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(
                one.name,
                pa.list_(arrow_type(one.kind)) if one.repeated else arrow_type(one.kind),
                nullable=not one.required,
            )
            for one in columns
        ]
    )


def from_text(column: Column, values: pa.Array) -> pa.Array:
    """Turn what COPY wrote for an array or bytes column into its Parquet form."""
    import json

    import pyarrow as pa

    if column.kind is BYTES:
        return pa.array(
            [None if one is None else bytes.fromhex(one) for one in values.to_pylist()], pa.binary()
        )
    lists = [json.loads(one) for one in values.to_pylist()]
    if any(item is None for one in lists for item in one):
        raise VerificationError(
            f"Column {column.name} holds an array with a NULL in it, which BigQuery cannot store.",
            f"Decide in the pipeline's query, for instance array_remove({column.name}, NULL).",
        )
    return pa.array(lists, pa.list_(arrow_type(column.kind)))


def left_figures(select: str, columns: list[Column], key: tuple[str, ...]) -> str:
    """PostgreSQL: rows, distinct keys and checksum of a SELECT."""
    row = " || '|' || ".join(one.left for one in columns)
    # A subquery is hashed; count(DISTINCT (a, b)) sorts rows by their columns' collations, ten times as long.
    wanted = ", ".join(quoted(one) for one in key)
    keys = (
        f"(SELECT count(*) FROM (SELECT DISTINCT {wanted} FROM ({select}) AS k) AS d)" if key else "count(*)"
    )
    return (
        f"SELECT count(*), {keys}, coalesce(sum(('x' || substr(md5({row}), 1, 8))::bit(32)::bigint), 0) "
        f"FROM ({select}) AS q"
    )


def right_figures(table: str, columns: list[Column], key: tuple[str, ...]) -> str:
    """BigQuery: the same three of `project.dataset.table`."""
    parts = ", ".join(one.right for one in columns)
    by_name = {one.name: one for one in columns}
    keys = ", ".join(by_name[one].right for one in key)
    distinct = f"COUNT(DISTINCT ARRAY_TO_STRING([{keys}], '|'))" if key else "COUNT(*)"
    hashed = f"CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(ARRAY_TO_STRING([{parts}], '|'))), 1, 8)) AS INT64)"
    return f"SELECT COUNT(*), {distinct}, COALESCE(SUM({hashed}), 0) FROM `{table}`"
