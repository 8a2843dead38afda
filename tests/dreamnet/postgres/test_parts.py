from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.postgres import binaries, copying, precheck, schema
from dreamnet.postgres.catalog import Name, Table
from dreamnet.postgres.database import Database
from dreamnet.postgres.parties import Parties
from dreamnet.postgres.replication import Link

MIB = 1024 * 1024
TABLE = Table(Name("public", "t"), False, False, True, 0, 0, False, ("a", 'b"c'), (), True, "d")

DUMP = r"""--
-- PostgreSQL database dump
--

\restrict abc

SET lock_timeout = 0;

--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA public;


--
-- Name: EXTENSION x; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION x IS 'y';


SET default_tablespace = '';

--
-- Name: t; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.t (
    a integer
);


--
-- Name: t dreamnet_gate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER dreamnet_gate BEFORE INSERT ON public.t EXECUTE FUNCTION dreamnet_migration.pass_gate();


--
-- PostgreSQL database dump complete
--

\unrestrict abc
"""


def test_a_section_without_entries_is_empty() -> None:
    assert schema.parse("--\n-- PostgreSQL database dump\n--\n\nSET row_security = off;\n\n") == []


NOWHERE = Database.from_dsn("host=127.0.0.1 port=1 dbname=d user=u password=p")


def test_without_tables_no_statistics_are_asked_for() -> None:
    assert schema.statistics(NOWHERE, (), 18) == {}


def test_an_older_server_is_not_given_statistics_that_it_would_log_an_error_for() -> None:
    server: Any = SimpleNamespace(info=SimpleNamespace(server_version=17_0005))  # which cannot execute
    applier = schema.Applier(Parties.of("m", NOWHERE, [NOWHERE]), NOWHERE, lambda _: None, 1)
    assert applier.take_over(schema.Entry("public.t", "STATISTICS DATA", "SELECT true"), server) is False


def test_a_dump_is_cut_into_its_entries_without_ours_and_the_providers() -> None:
    entries = schema.parse(DUMP)
    assert [(entry.kind, entry.name) for entry in entries] == [("SCHEMA", "public"), ("TABLE", "public.t")]
    assert entries[0].statements == "CREATE SCHEMA IF NOT EXISTS public;"
    assert "restrict" not in "".join(entry.statements for entry in entries)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ("pg_attver=7", ""),
        ("n_distinct=5, pg_attver=7", "n_distinct=5"),
        ("pg_attver=7, n_distinct=5", "n_distinct=5"),
        ("n_distinct=5", "n_distinct=5"),
    ],
)
def test_versions_that_one_server_keeps_of_columns_stay_behind(options: str, left: str) -> None:
    line = "ALTER TABLE ONLY public.t ALTER COLUMN a SET ({});"
    dump = DUMP.replace("    a integer\n);\n", f"    a integer\n);\n{line.format(options)}\n")
    statements = schema.parse(dump)[1].statements
    assert "pg_attver" not in statements
    assert (line.format(left) in statements) is bool(left)


def test_a_changed_definition_is_another_step() -> None:
    entry = schema.parse(DUMP)[1]
    assert replace(entry, statements="CREATE TABLE public.t ()").step != entry.step


def test_big_tables_are_cut_into_pieces_that_cover_every_block_once() -> None:
    big = replace(TABLE, name=Name("public", "big"), bytes=300 * MIB)
    cut = copying.pieces([TABLE, big], piece_bytes=128 * MIB)
    assert [piece.table.name.name for piece in cut] == ["big", "big", "big", "t"]
    ranges = sorted((piece.first, piece.last) for piece in cut[:3])
    assert ranges[0][0] == 0
    assert [last for _, last in ranges[:-1]] == [first for first, _ in ranges[1:]]
    assert ranges[-1][1] is None


def test_a_piece_is_a_worker_s_share_unless_that_is_small() -> None:
    tables = [replace(TABLE, bytes=size * MIB) for size in (1000, 600)]
    assert copying.fair_share(tables, 4) == 400 * MIB
    assert copying.fair_share(tables, 40) == 128 * MIB


def test_tables_with_the_largest_indexes_come_first() -> None:
    names = ("small", "few indexes", "many indexes")
    sizes = ((1, 0), (9, 1), (3, 2))
    tables = [
        replace(TABLE, name=Name("public", name), bytes=size, index_bytes=indexes)
        for name, (size, indexes) in zip(names, sizes, strict=True)
    ]
    ordered = [piece.table.name.name for piece in copying.pieces(tables)]
    assert ordered == ["many indexes", "few indexes", "small"]


def test_partitioned_tables_hold_no_rows_to_copy() -> None:
    assert copying.pieces([replace(TABLE, partitioned=True)]) == []


def test_copy_statements_quote_and_bound() -> None:
    read, write = copying.copy_statements(copying.Piece(TABLE, 2, 3, 10, 20))
    assert read.as_string().startswith('SELECT "a", "b""c" FROM ONLY "public"."t" WHERE ctid >=')
    assert "'(20,0)'" in read.as_string()
    assert write.as_string() == 'COPY "public"."t" ("a", "b""c") FROM STDIN (FORMAT binary)'


def test_a_table_is_finished_when_all_its_pieces_are() -> None:
    steps = ["copy:1:public.a:1/2", "copy:1:public.a:2/2", "copy:1:public.b:1/2", "copy:2:public.c:1/1"]
    assert copying.finished_tables(steps, 1) == {"public.a"}


def test_names_of_slots_are_valid_whatever_the_migration_is_called() -> None:
    link = Link("Neon → Cloud SQL, " + "x" * 80, "back")
    for name in (link.slot("source"), link.heartbeat.name):
        assert len(name) <= 63
        assert name.replace("_", "").isalnum()
        assert name.isascii()


def test_no_pg_dump_new_enough_is_said_with_what_was_found() -> None:
    with pytest.raises(ConfigurationError, match="version 99"):
        binaries.find("pg_dump", 99)
    assert binaries.major_version(binaries.find("pg_dump", 18)) >= 18


def test_a_pooler_and_unverified_tls_block_without_a_connection() -> None:
    pooler = Database("ep-x-pooler.eu.aws.neon.tech", "app", "me", "pw", sslmode="require")
    with patch.object(precheck, "_open", return_value=None):
        report = precheck.precheck(pooler, [], "m")
    assert [finding.subject for finding in report.blocking] == ["host", "TLS"]
    assert "ep-x.eu.aws.neon.tech" in report.blocking[0].remedy


@pytest.mark.parametrize("version", [14_0023, 15_0000])
def test_a_source_that_is_too_old_blocks_and_is_asked_nothing_that_it_does_not_know(version: int) -> None:
    server = MagicMock(info=SimpleNamespace(server_version=version))
    server.execute.return_value = SimpleNamespace(fetchone=lambda: None, fetchall=list)
    with patch.object(Database, "connect", return_value=server):
        report = precheck.precheck(NOWHERE, [], "m")
    found = [finding.problem for finding in report.blocking if finding.subject == "version"]
    assert found == ["127.0.0.1:1/d runs PostgreSQL 14."] * (version < 15_0000)
    assert server.execute.called == (version >= 15_0000)
