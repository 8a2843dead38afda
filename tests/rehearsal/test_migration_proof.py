"""One bit, one row, one setting that is not the same on one target: found, and named by its key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.migration_trial import clean_up, fill, fresh_databases, start_servers
from dreamnet.errors import VerificationError
from dreamnet.postgres import Database, Migration, Verification, catalog, checksums, differing

pytestmark = pytest.mark.rehearsal

TABLES = r"""
CREATE TABLE exact (id uuid PRIMARY KEY, raw bytea, score float8, body text, note text);
INSERT INTO exact SELECT md5(n::text)::uuid, decode(md5(n::text), 'hex'), 0, 'caf' || U&'\00e9', NULL
    FROM generate_series(1, 300) n;
CREATE TABLE pairs (who text, nth int, what text, PRIMARY KEY (who, nth));
INSERT INTO pairs SELECT 'dreamer "' || n % 10 || '"', n, 'w' || n FROM generate_series(1, 300) n;
CREATE TABLE coded (what text, code text NOT NULL);
CREATE UNIQUE INDEX coded_by ON coded (code);
ALTER TABLE coded REPLICA IDENTITY USING INDEX coded_by;
INSERT INTO coded SELECT 'secret value', 'c' || n FROM generate_series(1, 300) n;
CREATE TABLE keyless (a int, b text);
ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO keyless SELECT n % 100, 'b' || n % 100 FROM generate_series(1, 300) n;
CREATE DOMAIN short AS text CHECK (length(value) < 9);
CREATE POLICY own ON pairs USING (nth > 0);
CREATE VIEW whats AS SELECT what FROM pairs;
CREATE TYPE phase AS ENUM ('light', 'deep');
"""
ONE = "md5('1')::uuid"
KEYED = "(id)=(c4ca4238-a0b9-2382-0dcc-509a6f75849b)"


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migration]:
    engines, servers = start_servers(Path(tmp_path_factory.mktemp("servers")))
    databases = fresh_databases(servers)
    source, *targets = databases
    fill(source, bulk=3000)
    with source.connect() as connection:
        connection.execute(TABLES.encode())
    migration = Migration("proof", source, targets, workers=2, piece_bytes=100_000)
    migration.prepare_and_copy(lambda _: None)
    migration.follow(lambda _: None)
    yield migration
    clean_up(databases)
    for name in ("rds", "cloudsql", "neon"):  # followers first: a publisher waits for them
        engines.delete(name)


@contextmanager
def changed(database: Database, statement: str, undo: str) -> Iterator[None]:
    run(database, statement)
    try:
        yield
    finally:
        run(database, undo)


def run(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


def row_hash(database: Database, row: str) -> int:
    with database.connect() as connection:
        found = connection.execute(f"SELECT hashtextextended(ROW({row})::text, 0)".encode()).fetchone()
    assert found is not None
    return int(found[0])


def only_difference(proof: Verification, target: Database) -> tuple[str, tuple[str, ...]]:
    (difference,) = proof.differences
    assert difference.target == target.label
    assert [line.target for line in proof.checked if not line.equal] == [target.label]
    assert "secret value" not in str(difference)
    return difference.object, difference.rows


CHANGES = {
    "one bit of bytea": (
        f"UPDATE exact SET raw = set_bit(raw, 77, 1 - get_bit(raw, 77)) WHERE id = {ONE}",
        f"UPDATE exact SET raw = set_bit(raw, 77, 1 - get_bit(raw, 77)) WHERE id = {ONE}",
        ("public.exact", (f"{KEYED}: differs in raw",)),
    ),
    "the sign of zero": (
        f"UPDATE exact SET score = '-0' WHERE id = {ONE}",
        f"UPDATE exact SET score = 0 WHERE id = {ONE}",
        ("public.exact", (f"{KEYED}: differs in score",)),
    ),
    "text that looks the same": (
        f"UPDATE exact SET body = normalize(body, NFD) WHERE id = {ONE}",
        f"UPDATE exact SET body = normalize(body, NFC) WHERE id = {ONE}",
        ("public.exact", (f"{KEYED}: differs in body",)),
    ),
    "empty instead of NULL": (
        f"UPDATE exact SET note = '' WHERE id = {ONE}",
        f"UPDATE exact SET note = NULL WHERE id = {ONE}",
        ("public.exact", (f"{KEYED}: differs in note",)),
    ),
    "a row less": (
        "DELETE FROM coded WHERE code = 'c17'",
        "INSERT INTO coded VALUES ('secret value', 'c17')",
        ("public.coded", ("(code)=(c17): missing",)),
    ),
    "a row more": (
        "INSERT INTO coded VALUES ('secret value', 'more')",
        "DELETE FROM coded WHERE code = 'more'",
        ("public.coded", ("(code)=(more): extra",)),
    ),
    "values of two rows swapped": (
        "UPDATE pairs SET what = 'w' || 323 - nth WHERE nth IN (151, 172)",
        "UPDATE pairs SET what = 'w' || nth WHERE nth IN (151, 172)",
        (
            "public.pairs",
            (
                '(who, nth)=("dreamer ""1""",151): differs in what',
                '(who, nth)=("dreamer ""2""",172): differs in what',
            ),
        ),
    ),
    "a partition": (
        "UPDATE events SET dream = 8 WHERE id = 7",
        "UPDATE events SET dream = 7 WHERE id = 7",
        ("public.events_old", ("(id, day)=(7,2025-12-08): differs in dream",)),
    ),
    "a name to quote": (
        'UPDATE "Odd ""Schema"."Select" SET "a b" = \'\' WHERE "Order" = 2',
        'UPDATE "Odd ""Schema"."Select" SET "a b" = NULL WHERE "Order" = 2',
        ('Odd "Schema.Select', ("(Order)=(2): differs in a b",)),
    ),
    "a big table": (
        "UPDATE bulk SET filler = 'x' || filler WHERE id = 2999",
        "UPDATE bulk SET filler = substr(filler, 2) WHERE id = 2999",
        ("public.bulk", ("(id)=(2999): differs in filler",)),
    ),
}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_one_difference_is_found_and_named(moving: Migration, change: str, number: int) -> None:
    statement, undo, expected = CHANGES[change]
    target = moving.targets[number]
    with changed(target, statement, undo):
        assert only_difference(moving.verify(), target) == expected


@pytest.mark.parametrize(
    ("statement", "undo", "said"),
    [
        (
            "INSERT INTO keyless VALUES (5, 'b5')",
            "DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless WHERE a = 5)",
            "there 4 times instead of 3",
        ),
        (
            "DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless WHERE a = 5)",
            "INSERT INTO keyless VALUES (5, 'b5')",
            "there 2 times instead of 3",
        ),
        (
            "DELETE FROM keyless WHERE a = 5",
            "INSERT INTO keyless SELECT 5, 'b5' FROM generate_series(1, 3)",
            "missing",
        ),
    ],
)
def test_rows_of_a_table_without_key_are_counted(
    moving: Migration, statement: str, undo: str, said: str
) -> None:
    target = moving.targets[1]
    row = row_hash(target, "5, 'b5'::text")
    named = f"hashtextextended(row::text, 0)={row}: {said}"
    with changed(target, statement, undo):
        assert only_difference(moving.verify(), target) == ("public.keyless", (named,))


def test_many_differences_are_narrowed_down_and_not_all_named(
    moving: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differing, "BITS", 3)
    monkeypatch.setattr(differing, "LISTED_ROWS", 12)
    target = moving.targets[0]
    change = "UPDATE bulk SET filler = upper(filler) WHERE id % 300 = 0"
    with changed(target, change, change.replace("upper", "lower")):
        table, rows = only_difference(moving.verify(), target)
    assert table == "public.bulk"
    keys = {int(row.removeprefix("(id)=(").removesuffix("): differs in filler")) for row in rows[:-1]}
    assert len(keys) == differing.NAMED_ROWS
    assert all(key % 300 == 0 for key in keys)
    assert rows[-1] == "and more"


def test_parts_read_by_several_sessions_add_up_to_one_snapshot(
    moving: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = moving.targets[0]
    with target.connect() as connection:
        tables = catalog.tables(connection)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        one_by_one = checksums.parallel_checksums(target, connection, tables, "proof")
        monkeypatch.setattr(checksums, "PIECE_BYTES", 50_000)
        change = "UPDATE bulk SET filler = upper(filler)"
        with changed(target, change, change.replace("upper", "lower")):
            at_once = checksums.parallel_checksums(target, connection, tables, "proof")
    assert {name: (sums.rows, sums.total) for name, sums in at_once.items()} == {
        name: (sums.rows, sums.total) for name, sums in one_by_one.items()
    }
    assert sum(sums.rows for sums in at_once.values()) > 5000


DECLARED = {
    ("public.dreams", "trigger touch"): (
        "ALTER TABLE dreams DISABLE TRIGGER touch",
        "ALTER TABLE dreams ENABLE TRIGGER touch",
    ),
    ("public.whats", "view"): (
        "CREATE OR REPLACE VIEW whats AS SELECT what FROM pairs WHERE nth > 0",
        "CREATE OR REPLACE VIEW whats AS SELECT what FROM pairs",
    ),
    ("public.touch", "function "): (
        "ALTER FUNCTION touch() STRICT",
        "ALTER FUNCTION touch() CALLED ON NULL INPUT",
    ),
    ("public.moods_id_seq", "sequence"): (
        "ALTER SEQUENCE moods_id_seq INCREMENT 2",
        "ALTER SEQUENCE moods_id_seq INCREMENT 1",
    ),
    ("public.phase", "type"): (
        "ALTER TYPE phase RENAME VALUE 'deep' TO 'rem'",
        "ALTER TYPE phase RENAME VALUE 'rem' TO 'deep'",
    ),
    ("public.short", "type"): ("ALTER DOMAIN short SET NOT NULL", "ALTER DOMAIN short DROP NOT NULL"),
    ("public.pairs", "policy own"): (
        "ALTER POLICY own ON pairs USING (nth > 1)",
        "ALTER POLICY own ON pairs USING (nth > 0)",
    ),
    ("public.exact", "table"): (
        "ALTER TABLE exact ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE exact DISABLE ROW LEVEL SECURITY",
    ),
    ("public.dreams", "default title"): (
        "ALTER TABLE dreams ALTER title SET DEFAULT 'untitled'",
        "ALTER TABLE dreams ALTER title DROP DEFAULT",
    ),
    ("public.bulk", "column filler"): (
        'ALTER TABLE bulk ALTER filler TYPE text COLLATE "C"',
        'ALTER TABLE bulk ALTER filler TYPE text COLLATE "default"',
    ),
    ("public.bulk", "comment filler"): (
        "COMMENT ON COLUMN bulk.filler IS 'changed'",
        "COMMENT ON COLUMN bulk.filler IS NULL",
    ),
}


def test_whatever_is_declared_otherwise_is_found(moving: Migration) -> None:
    target = moving.targets[1]
    statements, undo = ("; ".join(texts) for texts in zip(*DECLARED.values(), strict=True))
    with changed(target, statements, undo):
        proof = moving.verify()
    assert {one.kind for one in proof.differences} == {"schema"}
    assert {one.target for one in proof.differences} == {target.label}
    assert [one.object for one in proof.differences] == sorted(" ".join(key) for key in DECLARED)
    assert moving.verify().equal


def test_a_table_that_a_target_lacks_is_named(moving: Migration) -> None:
    target = moving.targets[1]
    away = "ALTER TABLE empty_one RENAME TO away"
    with changed(target, away, "ALTER TABLE away RENAME TO empty_one"):
        proof = moving.verify()
    assert ("public.empty_one table", "nothing") in {(one.object, one.found) for one in proof.differences}
    assert {one.target for one in proof.differences} == {target.label}
    assert "public.empty_one" not in {line.table for line in proof.checked}


def test_a_row_that_changes_at_the_last_moment_is_named_when_the_cut_over_is_refused(
    moving: Migration,
) -> None:
    # The last of the module's tests: from here on the source follows the first target.
    with ExitStack() as stack:

        def progress(text: str) -> None:
            if text.startswith("freezing"):
                change = "UPDATE coded SET what = 'other' WHERE code = 'c9'"
                undo = "UPDATE coded SET what = 'secret value' WHERE code = 'c9'"
                stack.enter_context(changed(moving.targets[1], change, undo))

        with pytest.raises(VerificationError, match=r"coded .*: \(code\)=\(c9\): differs in what") as refused:
            moving.cut_over(lambda: pytest.fail("switched"), progress)
    assert "secret" not in str(refused.value)
    assert moving.status().phase == "following"
