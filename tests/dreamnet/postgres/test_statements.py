"""What the statements of a dump say: texts as pg_dump 18 writes them."""

from __future__ import annotations

import pytest

from dreamnet.postgres.schema import Entry
from dreamnet.postgres.statements import KEY, apart, referenced_by, table_of, takes_long, widens_statistics

ODD, NAME, COLUMNS = '"odd one"."a)b, c"', '"the ""key""; one"', '("x(1)", "y,z")'


def constraint(definition: str, table: str = ODD, rest: str = "") -> Entry:
    return Entry("x", "CONSTRAINT", f"ALTER TABLE ONLY {table}\n    ADD CONSTRAINT {definition};{rest}")


@pytest.mark.parametrize(
    ("definition", "index", "key"),
    [
        (
            f"{NAME} PRIMARY KEY {COLUMNS} INCLUDE (d) WITH (fillfactor='70')",
            f"CREATE UNIQUE INDEX {NAME} ON {ODD} USING btree {COLUMNS} INCLUDE (d) WITH (fillfactor='70');",
            f"{NAME} PRIMARY KEY USING INDEX {NAME};",
        ),
        (
            'nnd UNIQUE NULLS NOT DISTINCT (d, "y,z")',
            f'CREATE UNIQUE INDEX nnd ON {ODD} USING btree (d, "y,z") NULLS NOT DISTINCT;',
            "nnd UNIQUE USING INDEX nnd;",
        ),
        (
            "late UNIQUE (f) DEFERRABLE INITIALLY DEFERRED",
            f"CREATE UNIQUE INDEX late ON {ODD} USING btree (f);",
            "late UNIQUE USING INDEX late DEFERRABLE INITIALLY DEFERRED;",
        ),
        (
            "late UNIQUE (f, d) DEFERRABLE",
            f"CREATE UNIQUE INDEX late ON {ODD} USING btree (f, d);",
            "late UNIQUE USING INDEX late DEFERRABLE;",
        ),
    ],
)
def test_a_key_is_its_index_and_the_making_of_it(definition: str, index: str, key: str) -> None:
    first, second = apart(constraint(definition))
    assert (first.kind, first.statements) == ("INDEX", index)
    assert (second.kind, second.statements) == (KEY, f"ALTER TABLE ONLY {ODD} ADD CONSTRAINT {key}")
    assert first.step != second.step


def test_what_follows_a_key_stays_with_it() -> None:
    rest = f"\n\nALTER TABLE ONLY {ODD} REPLICA IDENTITY USING INDEX ident;"
    index, key = apart(constraint("ident UNIQUE (f)", rest=rest))
    assert "REPLICA" not in index.statements
    assert key.statements == f"ALTER TABLE ONLY {ODD} ADD CONSTRAINT ident UNIQUE USING INDEX ident;{rest}"


@pytest.mark.parametrize(
    "definition",
    ["apart EXCLUDE USING gist (e WITH &&)", "overlaps UNIQUE (d, e WITHOUT OVERLAPS)", "c CHECK ((f > 3))"],
)
def test_another_form_is_left_as_it_is(definition: str) -> None:
    entry = constraint(definition)
    assert apart(entry) == (entry,)


def test_an_index_is_left_as_it_is() -> None:
    entry = Entry("i", "INDEX", f"CREATE UNIQUE INDEX i ON {ODD} USING btree (d);")
    assert apart(entry) == (entry,)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (f"CREATE INDEX i ON {ODD} USING btree (d) WHERE (f > 3);", ODD),
        ("CREATE UNIQUE INDEX i ON ONLY public.p USING btree (d);", "public.p"),
        (f"ALTER TABLE ONLY {ODD}\n    ADD CONSTRAINT late UNIQUE (f);", ODD),
        (f"CREATE STATISTICS public.st ON d, f FROM {ODD};", ODD),
        ("ALTER DOMAIN public.d ADD CONSTRAINT positive CHECK ((VALUE > 0));", None),
    ],
)
def test_the_table_is_found(statement: str, table: str | None) -> None:
    assert table_of(Entry("x", "INDEX", statement)) == table


def test_the_referenced_table_is_found() -> None:
    key = constraint(f'f FOREIGN KEY (a) REFERENCES {ODD}("x(1)") ON DELETE CASCADE', "public.t")
    assert (table_of(key), referenced_by(key)) == ("public.t", ODD)
    assert referenced_by(constraint("late UNIQUE (f)")) is None


@pytest.mark.parametrize(
    ("kind", "statement", "widens"),
    [
        ("INDEX", f"CREATE INDEX i ON {ODD} USING btree (d, f DESC) WHERE (f > (3));", False),
        ("INDEX", f"CREATE INDEX i ON {ODD} USING gin (tags);", False),
        ("INDEX", f'CREATE INDEX i ON {ODD} USING btree (lower("y,z"), d);', True),
        ("INDEX", f"CREATE INDEX i ON {ODD} USING btree (d, ((f + 1)));", True),
        ("STATISTICS", f"CREATE STATISTICS public.st ON d, f FROM {ODD};", True),
        (
            "CONSTRAINT",
            f"ALTER TABLE ONLY {ODD}\n    ADD CONSTRAINT a EXCLUDE USING gist (f(e) WITH =);",
            True,
        ),
        (KEY, f"ALTER TABLE ONLY {ODD} ADD CONSTRAINT late UNIQUE USING INDEX late;", False),
    ],
)
def test_what_widens_statistics(kind: str, statement: str, widens: bool) -> None:
    assert widens_statistics(Entry("x", kind, statement)) is widens


@pytest.mark.parametrize(
    ("statement", "long"),
    [
        (f"CREATE INDEX one ON {ODD} USING gin (tags);", True),
        (f"CREATE INDEX {NAME} ON ONLY {ODD} USING gist (a, b);", True),
        (f"CREATE UNIQUE INDEX {NAME} ON {ODD} USING btree (a) WHERE (b = ' USING gin ');", False),
        ("CREATE STATISTICS public.one (dependencies) ON a, b FROM public.t;", False),
    ],
)
def test_what_takes_long(statement: str, long: bool) -> None:
    assert takes_long(Entry("x", "INDEX", statement)) is long
