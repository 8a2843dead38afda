"""Types, expressions and Arrow conversions, without a server."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from dreamnet.errors import ConfigurationError, VerificationError
from dreamnet.warehouse import Source, columns, load
from dreamnet.warehouse.columns import BYTES, INTEGER, NUMERIC, TEXT, Column
from dreamnet.warehouse.extract import _CopyStream
from dreamnet.warehouse.model import Figures
from dreamnet.warehouse.run import new_run_id


def described(precision: int | None = None, scale: int | None = None) -> Any:
    return SimpleNamespace(precision=precision, scale=scale)


def test_names_are_quoted_on_both_sides() -> None:
    column = Column('odd "name"', INTEGER)
    assert column.select == '"odd ""name"""::bigint'
    assert '"odd ""name"""' in column.left
    assert '`odd "name"`' in column.right


@pytest.mark.parametrize(
    ("type_name", "precision", "scale"),
    [
        ("point", None, None),
        ("_float8", None, None),
        ("numeric", 38, 10),
        ("numeric", 38, 2),
        ("int4range", None, None),
    ],
)
def test_types_that_would_lose_something_are_refused(
    type_name: str, precision: int | None, scale: int | None
) -> None:
    with pytest.raises(ConfigurationError, match=r"Column c has the type .*Cast it"):
        columns._column("c", type_name, described(precision, scale), False)


def test_a_numeric_that_fits_is_carried() -> None:
    assert columns._column("c", "numeric", described(38, 9), True) == Column("c", NUMERIC, True)
    assert columns._column("c", "numeric", described(), False).kind is NUMERIC


def test_schema_of_lists_and_keys() -> None:
    schema = columns.arrow_schema([Column("id", INTEGER, required=True), Column("tags", TEXT, repeated=True)])
    assert schema.field("id").nullable is False
    assert schema.field("tags").type == pa.list_(pa.string())


def test_arrays_and_bytes_from_text() -> None:
    numbers = columns.from_text(Column("n", INTEGER, repeated=True), pa.array(["[1,2]", "[]"]))
    assert numbers.to_pylist() == [[1, 2], []]
    raw = columns.from_text(Column("b", BYTES), pa.array(["dead", None, ""]))
    assert raw.to_pylist() == [b"\xde\xad", None, b""]
    with pytest.raises(VerificationError, match="NULL"):
        columns.from_text(Column("n", INTEGER, repeated=True), pa.array(["[1,null]"]))


def test_figures_count_keys_and_rows() -> None:
    both = [Column("a", INTEGER), Column("b", TEXT)]
    left = columns.left_figures("SELECT * FROM t", both, ("a",))
    right = columns.right_figures("p.d.t", both, ("a",))
    assert 'SELECT DISTINCT "a" FROM (SELECT * FROM t)' in left
    assert "FROM `p.d.t`" in right
    assert right.count("MD5") == 1


def test_reconcile_names_what_differs() -> None:
    load.reconcile("t", Figures(1, 1, 5), Figures(1, 1, 5))
    with pytest.raises(VerificationError) as caught:
        load.reconcile("t", Figures(3, 3, 5), Figures(2, 3, 6))
    assert caught.value.problem.endswith("rows 3 and 2, checksum 5 and 6.")


def test_a_source_is_a_table_or_a_query() -> None:
    assert Source("t", "public.t", ("id",)).sql == "SELECT * FROM public.t"
    assert Source("t", " SELECT 1 AS id; ", ("id",)).sql == "SELECT 1 AS id"


def test_run_ids_sort_by_time_and_differ() -> None:
    first, second = new_run_id(), new_run_id()
    assert first != second
    assert len(first) == len("20260101T000000_abcdef")


def test_copy_stream_gives_exactly_what_is_asked() -> None:
    blocks = iter([b"abc", b"defg", b"h", b"", b""])
    stream = _CopyStream(SimpleNamespace(read=lambda: next(blocks)))  # type: ignore[arg-type]
    assert stream.read(1) == b"a"
    stream.push_back(b"a")
    assert [stream.read(5), stream.read(5), stream.read(5)] == [b"abcde", b"fgh", b""]
    assert isinstance(stream, io.RawIOBase)
