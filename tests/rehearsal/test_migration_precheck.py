"""Everything that stops a migration before it begins, on real servers; and what is dealt with instead."""

from __future__ import annotations

import ast
import inspect
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from psycopg import sql
from tls_servers import identity, speaking_tls

from benchmarks.migration_trial import clean_up, fresh_databases, start_servers
from dreamnet.errors import GameplanError
from dreamnet.postgres import (
    Database,
    Migration,
    Report,
    precheck_reach,
    precheck_source,
    precheck_tables,
    precheck_target,
    reading,
    replication,
    subscriptions,
)
from dreamnet.postgres import precheck as precheck_module
from dreamnet.postgres.precheck_target import Disk
from dreamnet.postgres.replication import Link
from localcloud.engines import Engines, postgresql
from localcloud.engines.records import Record

pytestmark = pytest.mark.rehearsal

Where = Literal["neon", "cloudsql", "meagre", "standby"]

#: A server that lacks what a migration needs, and can prepare transactions.
MEAGRE = {
    "fsync": "off",
    "wal_level": "replica",
    "max_replication_slots": "1",
    "max_wal_senders": "1",
    "max_slot_wal_keep_size": "1MB",
    "max_logical_replication_workers": "0",
    "max_active_replication_origins": "0",
    "max_prepared_transactions": "2",
    "hot_standby_feedback": "off",
}
PLAIN = {"user": "plain", "password": "pw"}
BOUND = {"user": "bound", "password": "pw"}
#: libpq goes to this address, whatever the host is called.
ELSEWHERE = (("hostaddr", "127.0.0.1"),)
CATALOGUE = "SET allow_system_table_mods = on; "
FORCED = (
    "CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; "
    "ALTER TABLE hidden FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hidden USING (id > 1)"
)


@dataclass(frozen=True)
class Case:
    """One reason not to begin.

    Args:
        says, remedy: parts of the finding's two sentences.
        at_source, at_target: SQL of the owner. as_admin, as_target_admin: SQL of a superuser, in the same
            databases. source, target: what differs in the addresses. open_transaction: SQL left uncommitted.
        way_back: it is wanted.
    """

    subject: str
    says: str
    remedy: str
    at_source: str = ""
    at_target: str = ""
    as_admin: str = ""
    as_target_admin: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    source_server: Where = "neon"
    target_server: Where = "cloudsql"
    disk: Disk | None = None
    open_transaction: str = ""
    way_back: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.says}"


CASES = (
    # ---- how the servers are reached
    Case(
        "host",
        "ep-cool-pooler.example is a connection pooler",
        "ep-cool.example",
        source={"host": "ep-cool-pooler.example", "options": ELSEWHERE},
    ),
    Case(
        "TLS",
        "does not verify the server (sslmode=prefer)",
        "sslmode=verify-full",
        target={"host": "db.example", "options": ELSEWHERE},
    ),
    Case(
        "source",
        "certificate of 127.0.0.1",
        "sslrootcert",
        source={"port": "{tls_port}", "sslmode": "verify-full", "sslrootcert": "{other_ca}"},
    ),
    Case("source", "does not speak the TLS", "Enable TLS", source={"sslmode": "require"}),
    Case(
        "source",
        "refuses the password of role owner",
        "Correct user and password",
        source={"password": "wr0ng"},
    ),
    Case("source", "refuses the password of role nobody", "Correct user", source={"user": "nobody"}),
    Case("source", "no database nowhere", "Create it", source={"dbname": "nowhere"}),
    Case("source", "Nothing usable answers at 127.0.0.1:1/", "firewall", source={"port": 1}),
    Case("target 1", "refuses the password of role owner", "Correct user", target={"password": "wr0ng"}),
    Case("target 1", "no database nowhere", "Create it", target={"dbname": "nowhere"}),
    Case("target 1", "Nothing usable answers at 127.0.0.1:1/", "firewall", target={"port": 1}),
    Case(
        "password",
        "follows with a password only",
        "Enter the source's password",
        source={"host": "{sockets}", "user": postgresql.ADMIN, "password": ""},
    ),
    Case(
        "reach",
        "SSL support is not compiled in",  # what a subscriber of the wheel answers where TLS is demanded
        "built with TLS",
        source={"port": "{tls_port}", "sslmode": "verify-full", "sslrootcert": "{ca}"},
    ),
    Case("reach", "to start WAL sender", "Give role plain REPLICATION", source=PLAIN),
    Case("rolling back", "to start WAL sender", "prove_return=false", target=PLAIN, way_back=True),
    Case("rolling back", "wal_level is replica", "logical decoding", target_server="meagre", way_back=True),
    Case("rolling back", "no room for a subscription", "Raise", source_server="meagre", way_back=True),
    Case("standby", "is a read-only standby", "as the source", source_server="standby"),
    Case("standby", "is a read-only standby", "as the target", target_server="standby"),
    Case("target", "is the source itself", "another database", target_server="neon"),
    # ---- the source's server
    Case("wal_level", "wal_level is replica", "Enable logical replication", source_server="meagre"),
    Case("max_replication_slots", "1 of max_replication_slots (1)", "drop slots", source_server="meagre"),
    Case("max_wal_senders", "no room for 2 more", "Raise max_wal_senders", source_server="meagre"),
    Case(
        "slot retention",
        "keeps 1 MB of WAL",
        "Raise max_slot_wal_keep_size",
        at_source="SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)) "
        "FROM generate_series(1, 150)",
        source_server="meagre",
    ),
    Case(
        "prepared transactions",
        "stuck",
        "ROLLBACK PREPARED",
        at_source="BEGIN; INSERT INTO base VALUES (1); PREPARE TRANSACTION 'stuck'",
        source_server="meagre",
    ),
    Case(
        "long transactions",
        "forgotten",
        "End these sessions",
        open_transaction="INSERT INTO base VALUES (1)",
    ),
    Case(
        "transaction_timeout",
        "after 1min",
        "SET transaction_timeout = 0",
        source={"options": (("options", "-c transaction_timeout=60000"),)},
    ),
    Case(
        "subscriptions",
        "(elsewhere)",
        "Drop these subscriptions",
        at_source="CREATE SUBSCRIPTION elsewhere CONNECTION 'host=x password=y dbname=z' PUBLICATION p "
        "WITH (connect = false, slot_name = NONE)",
    ),
    Case("REPLICATION", "Role plain", "ALTER ROLE", source=PLAIN),
    Case("CREATE", "Role plain may not create publications", "GRANT CREATE", source=PLAIN),
    # ---- what the source holds
    Case("tables", "has no table", "database's name", at_source="DROP TABLE base"),
    Case("privileges", "Role plain does not own, or may not read: public.base", "grant", source=PLAIN),
    Case("replica identity", "public.keyless", "Add a primary key", "CREATE TABLE keyless (a int)"),
    Case(
        "replica identity",
        "public.late",
        "Add a primary key",
        "CREATE TABLE late (a int PRIMARY KEY DEFERRABLE)",
    ),
    Case(
        "replica identity",
        "public.none",
        "Add a primary key",
        "CREATE TABLE none (a int PRIMARY KEY); ALTER TABLE none REPLICA IDENTITY NOTHING",
    ),
    Case(
        "replica identity",
        "public.noted.note",
        "json to jsonb",
        "CREATE TABLE noted (note json); ALTER TABLE noted REPLICA IDENTITY FULL",
    ),
    Case(
        "unlogged tables",
        "public.fleeting",
        "SET LOGGED",
        "CREATE UNLOGGED TABLE fleeting (a int PRIMARY KEY)",
    ),
    Case("large objects", "holds 1 large objects", "bytea", "SELECT lo_create(0)"),
    Case(
        "triggers",
        "public.base.eager",
        "ENABLE TRIGGER",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
        "CREATE TRIGGER eager BEFORE UPDATE ON base FOR EACH ROW EXECUTE FUNCTION f(); "
        "ALTER TABLE base ENABLE ALWAYS TRIGGER eager",
    ),
    Case(
        "event triggers",
        "watchful",
        "DROP EVENT TRIGGER",
        as_admin="CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
        "CREATE EVENT TRIGGER watchful ON ddl_command_end EXECUTE FUNCTION f()",
    ),
    Case(
        "row-level security",
        "hide rows from role bound, which would be lost: public.hidden",
        "BYPASSRLS",
        at_source=FORCED,
        source=BOUND,
    ),
    # ---- the target
    Case(
        "row-level security",
        "bound by FORCE ROW LEVEL SECURITY of public.hidden",
        "Give it BYPASSRLS",
        at_source=FORCED,
        target=BOUND,
    ),
    Case(
        "roles",
        "roles that policies name: lonely",
        "CREATE ROLE",
        as_admin="CREATE ROLE lonely; CREATE POLICY p ON base TO lonely",
    ),
    Case(
        "subscription",
        "may not create subscriptions: permission denied to create subscription",
        "pg_create_subscription",
        target=PLAIN,
    ),
    Case("privileges", "Role plain may not create tables", "GRANT CREATE", target=PLAIN),
    Case(
        "max_logical_replication_workers",
        "0 of max_logical_replication_workers (0)",
        "at the target",
        target_server="meagre",
    ),
    Case(
        "max_active_replication_origins",
        "0 of max_active_replication_origins (0)",
        "at the target",
        target_server="meagre",
    ),
    Case(
        "extensions",
        "does not offer: rare",
        "drop them at the source",
        as_admin=CATALOGUE + "INSERT INTO pg_extension SELECT 99999, 'rare', extowner, extnamespace, false, "
        "'1.0' FROM pg_extension WHERE extname = 'plpgsql'",
    ),
    Case(
        "extensions' versions",
        "plpgsql 1.0 (source: 99.1)",
        "the source's versions",
        as_admin=CATALOGUE + "UPDATE pg_extension SET extversion = '99.1' WHERE extname = 'plpgsql'",
    ),
    Case(
        "encoding", "is encoded in LATIN1, the source in UTF8", "ENCODING 'UTF8'", target={"dbname": "latin"}
    ),
    Case(
        "collations",
        "odd_one (public.named.name)",
        "COLLATE one that both have",
        as_admin=CATALOGUE
        + "INSERT INTO pg_collation (oid, collname, collnamespace, collowner, collprovider, "
        "collisdeterministic, collencoding, collcollate, collctype) VALUES "
        "(99998, 'odd_one', 'pg_catalog'::regnamespace, 10, 'c', true, -1, 'C', 'C')",
        at_source='CREATE TABLE named (name text COLLATE "odd_one" PRIMARY KEY)',
    ),
    Case(
        "collations",
        "nordic (public.named.name)",
        "COLLATE one that both have",
        as_admin="CREATE COLLATION nordic (provider = libc, locale = 'C'); "
        "CREATE TABLE named (name text COLLATE nordic PRIMARY KEY); ALTER TABLE named OWNER TO owner; "
        + CATALOGUE
        + "UPDATE pg_collation SET collcollate = 'is_IS.utf8' WHERE collname = 'nordic'",
    ),
    Case(
        "empty target",
        "tables (public.here)",
        "empty database",
        at_target="CREATE TABLE here (a int PRIMARY KEY)",
    ),
    Case(
        "empty target",
        "migration another",
        "empty database",
        at_target="CREATE SCHEMA dreamnet_migration; CREATE TABLE dreamnet_migration.steps "
        "(migration text, step text); INSERT INTO dreamnet_migration.steps VALUES ('another', 'copied')",
    ),
    Case("disk", "is 1 MB at most", "Enlarge the target's storage", disk=Disk(10**6, 10**6)),
)
#: What needs servers of other versions is in test_migration_versions.py.
ELSEWHERE_TESTED = {"version"}


@dataclass
class World:
    """Servers by name, and what tests need to know of them."""

    engines: Engines
    servers: dict[str, Database]
    tls_port: int
    ca: Path
    other_ca: Path

    def record(self, name: str) -> Record:
        record = self.engines._records.load(name)
        assert record is not None
        return record

    def as_admin(self, name: str, database: str, statement: str) -> None:
        record = self.record(name)
        with postgresql.connect(record.spec, record.port, database) as connection:
            connection.execute(statement)

    def log(self, name: str) -> str:
        return self.engines.state.log(name).read_text()

    def refuse(self, name: str, role: str) -> None:
        """Let the server's pg_hba.conf refuse a role."""
        rules = Path(self.record(name).spec["data"], "pg_hba.conf")
        rules.write_text(f"host all {role} 127.0.0.0/8 reject\n{rules.read_text()}")
        self.as_admin(name, "postgres", "SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = Path(tmp_path_factory.mktemp("servers"))
    engines, (neon, cloudsql, rds) = start_servers(folder)
    owner = {"region": "here", "user": "owner", "password": "secret-of-meagre"}
    meagre = Database.from_dsn(engines.postgres("meagre", **owner, settings=MEAGRE).dsn)
    standby = engines.postgres("standby", **owner, replica_of="neon")
    servers = {
        "neon": neon,
        "cloudsql": cloudsql,
        "rds": rds,
        "meagre": meagre,
        "standby": replace(neon, port=standby.port),
    }
    ours, other = (identity(folder / name) for name in ("ours", "other"))
    found = World(
        engines,
        servers,
        tls_port=0,
        ca=ours.certificate_file.with_name("ca.crt"),
        other_ca=other.certificate_file.with_name("ca.crt"),
    )
    for name in ("neon", "cloudsql"):
        found.as_admin(name, "postgres", "CREATE ROLE plain LOGIN PASSWORD 'pw'")
        found.as_admin(name, "postgres", "CREATE ROLE bound LOGIN REPLICATION PASSWORD 'pw'")
        found.as_admin(name, "postgres", "GRANT owner, pg_create_subscription TO bound")
        found.refuse(name, "unwelcome")
    found.as_admin(
        "cloudsql",
        "postgres",
        "CREATE DATABASE latin OWNER owner TEMPLATE template0 ENCODING 'LATIN1' "
        "LOCALE_PROVIDER libc LOCALE 'C'",
    )
    found.as_admin("meagre", "postgres", "SELECT pg_create_physical_replication_slot('taken')")
    with speaking_tls(neon, ours) as found.tls_port:
        yield found
    for name in ("standby", "meagre", "rds", "cloudsql", "neon"):  # followers first
        engines.delete(name)


def executed(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


def changed(database: Database, world: World, server: str, changes: dict[str, Any]) -> Database:
    facts = {"{sockets}": world.record(server).spec["sockets"], "{tls_port}": world.tls_port}
    facts |= {"{ca}": str(world.ca), "{other_ca}": str(world.other_ca)}
    filled = {n: facts.get(v, v) if isinstance(v, str) else v for n, v in changes.items()}
    return replace(database, **filled)


def report_of(case: Case, world: World) -> Report:
    names: list[Where] = ["neon" if case.source_server == "standby" else case.source_server]
    names.append("cloudsql" if case.target_server in ("standby", "neon") else case.target_server)
    source, target = fresh_databases([world.servers[name] for name in names])
    executed(source, "CREATE TABLE base (id int PRIMARY KEY)")
    if case.as_admin:
        world.as_admin(names[0], source.dbname, case.as_admin)
    if case.at_source:
        executed(source, case.at_source)
    if case.at_target:
        executed(target, case.at_target)
    if case.source_server == "standby":
        source = world.servers["standby"]
    if case.target_server == "standby":
        target = world.servers["standby"]
    if case.target_server == "neon":
        target = source
    with ExitStack() as stack:
        if case.open_transaction:
            forgotten = stack.enter_context(source.connect("forgotten", autocommit=False))
            forgotten.execute(case.open_transaction.encode())
        changed_source = changed(source, world, names[0], case.source)
        changed_target = changed(target, world, names[1], case.target)
        report = Migration("check", changed_source, [changed_target]).precheck(
            [case.disk], way_back=case.way_back
        )
    clean_up([database for database in (source, target) if database.port != world.servers["standby"].port])
    if case.subject == "prepared transactions":
        executed(source, "ROLLBACK PREPARED 'stuck'")
    return report


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_stops_a_migration_is_named_with_its_remedy(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.open_transaction:
        monkeypatch.setattr(precheck_source, "LONG_TRANSACTION_S", 0.0)
    if case.subject in ("privileges", "row-level security"):
        monkeypatch.setattr(precheck_source, "SAMPLE_BYTES", 0)  # a sample of any table would be read
    report = report_of(case, world)
    fitting = [finding for finding in report.blocking if finding.subject == case.subject]
    assert any(case.says in finding.problem and case.remedy in finding.remedy for finding in fitting), [
        (finding.subject, finding.problem) for finding in report.blocking
    ]
    for finding in report.findings:
        assert finding.problem.endswith(".")
        assert finding.remedy.endswith(".")
        assert "\n" not in finding.problem
    assert not any(secret in str(report.as_dict()) for secret in ("secret-of", "wr0ng"))


def test_a_good_pair_is_not_blocked_and_can_go_back(world: World) -> None:
    assert report_of(Case("", "", "", way_back=True), world).blocking == []


def test_a_source_that_is_verified_over_tls_is_blocked_by_the_targets_own_connection_only(
    world: World,
) -> None:
    tls = {"port": "{tls_port}", "sslmode": "verify-full", "sslrootcert": "{ca}"}
    report = report_of(Case("", "", "", source=tls), world)
    assert [finding.subject for finding in report.blocking] == ["reach"]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing, as a firewall lets one hang."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


UNREACHED = (
    ({"port": 1}, "Connection refused.", "Let in at 127.0.0.1:{port} the address from which"),
    ({"host": "db.invalid"}, 'could not translate host name "db.invalid"', "the name is known there"),
    ({"port": "{silent}"}, "no answer within", "a route leads there (NAT, peering)"),
    ({"user": "unwelcome"}, "pg_hba.conf rejects connection for host", "allow list"),
    ({"password": "wr0ng"}, "password authentication failed for user", "Correct user and password"),
)


@pytest.mark.parametrize(("changes", "says", "remedy"), UNREACHED, ids=[case[1] for case in UNREACHED])
def test_a_server_that_does_not_reach_the_other_is_found_before_the_copy(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str, remedy: str
) -> None:
    """What we reach ourselves looks otherwise from another machine: here its connection string does."""
    made = subscriptions.conninfo
    with silent_port() as silent:
        seen = {name: silent if value == "{silent}" else value for name, value in changes.items()}
        monkeypatch.setattr(subscriptions, "conninfo", lambda publisher: made(replace(publisher, **seen)))
        monkeypatch.setattr(subscriptions, "CONNECT_TIMEOUT_S", 0.4)
        report = report_of(Case("", "", ""), world)
    assert [finding.subject for finding in report.blocking] == ["reach"]
    (back,) = [finding for finding in report.findings if finding.subject == "rolling back"]
    assert back.severity == "handled"
    for finding, publisher in ((report.blocking[0], "neon"), (back, "cloudsql")):
        assert says in finding.problem
        assert remedy.format(port=world.servers[publisher].port) in finding.remedy
    assert "wr0ng" not in str(report.as_dict())


def test_a_further_target_is_asked_about_the_first_one(world: World) -> None:
    source, first, second = fresh_databases([world.servers[name] for name in ("neon", "cloudsql", "rds")])
    executed(source, "CREATE TABLE base (id int PRIMARY KEY)")
    for user, expected in (("owner", []), ("plain", ["further targets"])):
        targets = [replace(first, user=user, password=first.password if user == "owner" else "pw"), second]
        report = Migration("check", source, targets).precheck()
        found = [finding for finding in report.findings if finding.subject == "further targets"]
        assert [finding.subject for finding in found] == expected
    assert found[0].problem.startswith(f"{second.label} could not follow {first.label} after cut-over: ")
    assert "to start WAL sender" in found[0].problem


def test_a_first_target_that_has_too_few_slots_left_for_its_followers(world: World) -> None:
    source, first, second = fresh_databases([world.servers[name] for name in ("neon", "cloudsql", "rds")])
    executed(source, "CREATE TABLE base (id int PRIMARY KEY)")
    migration = Migration("check", source, [first, second])
    found = {}
    with first.connect() as connection:
        row = connection.execute(
            "SELECT setting::int - (SELECT count(*) FROM pg_replication_slots)::int"
            " FROM pg_settings WHERE name = 'max_replication_slots'"
        ).fetchone() or (0,)
        taken = [f"taken_{number}" for number in range(row[0])]
        for name in taken:
            connection.execute("SELECT pg_create_physical_replication_slot(%s)", (name,))
        try:
            for left in (0, 1, 2):
                report = migration.precheck(way_back=True)
                found[left] = (
                    [finding.subject for finding in report.blocking],
                    [finding.problem for finding in report.findings if finding.subject == "further targets"],
                )
                connection.execute("SELECT pg_drop_replication_slot(%s)", (taken.pop(),))
        finally:
            for name in taken:
                connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))
    assert [subjects for subjects, _ in found.values()] == [["rolling back"], [], []]
    assert [len(further) for _, further in found.values()] == [1, 1, 0]
    assert "has no room for 2 more" in found[1][1][0]


def test_trying_to_subscribe_leaves_nothing_behind_and_no_password_in_a_log(world: World) -> None:
    source, target = fresh_databases([world.servers["neon"], world.servers["cloudsql"]])
    executed(source, "CREATE TABLE base (id int PRIMARY KEY)")
    began = time.monotonic()
    assert Migration("check", source, [target]).precheck(way_back=True).blocking == []
    assert time.monotonic() - began < 5
    for database, server in ((source, "neon"), (target, "cloudsql")):
        with database.connect() as connection:
            left = connection.execute(
                "SELECT (SELECT count(*) FROM pg_subscription WHERE subname LIKE 'dreamnet_check%'), "
                "(SELECT count(*) FROM pg_replication_origin WHERE roname LIKE 'pg_%'), "
                "(SELECT count(*) FROM pg_replication_slots WHERE database = current_database()), "
                "(SELECT count(*) FROM pg_publication), "
                "(SELECT count(*) FROM pg_proc WHERE proname = 'dreamnet_statement')"
            ).fetchone()
            assert left == (0, 0, 0, 0, 0)
            for wrong in (replace(source, password="wr0ng-secret"), replace(source, port=1)):
                with pytest.raises(GameplanError) as caught:
                    replication.subscribe(database, connection, wrong, Link("check", "1"), "s", two_way=True)
                assert "could not connect to the publisher" in caught.value.problem
                assert "\n" not in caught.value.problem
        log = world.log(server)
        assert "could not connect to the publisher" in log
        assert 'publication "dreamnet_check_reach" does not exist on the publisher' in log
        assert "password=" not in log
        assert "secret" not in log


def subjects(*, blocking: bool) -> set[str]:
    """The subjects of every finding that the code can make, read from the code."""
    found = {case.subject for case in precheck_tables._CASES if case.blocks is blocking}
    for module in (precheck_module, precheck_reach, precheck_source, precheck_tables, precheck_target):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                wanted = "block" if blocking else "handled"
                first = node.args[0] if node.args else None
                if node.func.attr == wanted and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_every_reason_to_stop_is_among_the_cases() -> None:
    tested = {case.subject for case in CASES} | ELSEWHERE_TESTED
    assert subjects(blocking=True) <= tested
    print(f"{len(CASES)} failing cases of {len(tested)} subjects")


HANDLED = """
CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE TYPE mood AS ENUM ('calm');
CREATE TABLE rich (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, moods mood[], span int4range,
    stored int GENERATED ALWAYS AS (1) STORED, computed int GENERATED ALWAYS AS (2) VIRTUAL,
    CONSTRAINT apart EXCLUDE USING gist (span WITH &&));
ALTER TABLE rich ENABLE ROW LEVEL SECURITY;
CREATE TABLE plainer (a text COLLATE pg_c_utf8); ALTER TABLE plainer REPLICA IDENTITY FULL;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER ordinary BEFORE UPDATE ON rich FOR EACH ROW EXECUTE FUNCTION f();
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM rich;
GRANT SELECT ON rich TO plain
"""
AS_ADMIN = """
CREATE FOREIGN DATA WRAPPER other; CREATE SERVER far FOREIGN DATA WRAPPER other;
CREATE FOREIGN TABLE distant (a int) SERVER far;
CREATE TABLE jobs (id int PRIMARY KEY, standard bool); INSERT INTO jobs VALUES (1, true), (2, false);
CREATE TABLE presets (id int PRIMARY KEY, standard bool); INSERT INTO presets VALUES (1, true);
GRANT SELECT ON jobs, presets TO owner;
ALTER EXTENSION plpgsql ADD TABLE jobs; ALTER EXTENSION plpgsql ADD TABLE presets;
SET allow_system_table_mods = on;
UPDATE pg_extension SET extconfig = ARRAY['jobs'::regclass::oid, 'presets'::regclass::oid],
    extcondition = ARRAY['WHERE NOT standard', 'WHERE NOT standard'] WHERE extname = 'plpgsql';
"""
EXPECTED = {
    "partitions": "public.parts",
    "generated columns": "public.rich",
    "virtual generated columns": "public.rich.computed",
    "identity columns": "public.rich.id",
    "exclusion constraints": "public.rich.apart",
    "row-level security": "public.rich",
    "full replica identity": "public.plainer",
    "text format": "public.rich",
    "triggers": "public.rich.ordinary",
    "materialised views": "public.counted",
    "foreign tables": "public.distant",
    "sequences": "public.rich_id_seq",
    "owners and grants": "plain",
    "extensions' rows": "own: jobs.",
    "slot retention": "max_slot_wal_keep_size",
    "idle slots": "40 hours",
    "disk": "2,000 MB",
}


def test_what_is_dealt_with_is_named_too(world: World) -> None:
    report = report_of(
        Case("", "", "", at_source=HANDLED, as_admin=AS_ADMIN, disk=Disk(2 * 10**9, 10**12)), world
    )
    assert [finding.problem for finding in report.blocking] == []
    found = {finding.subject: finding.problem for finding in report.findings}
    assert {subject: name for subject, name in EXPECTED.items() if name not in found.get(subject, "")} == {}


def test_size_rate_and_time_are_told(world: World) -> None:
    filling = (
        "CREATE TABLE big (id int PRIMARY KEY, filler text); INSERT INTO big SELECT n, repeat('x', 1000) "
    )
    report = report_of(Case("", "", "", at_source=f"{filling} FROM generate_series(1, 12000) n"), world)
    assert report.bytes > 12_000_000
    assert report.database_bytes > report.bytes
    assert report.read_bytes_per_s is not None
    assert report.read_bytes_per_s > 1_000_000
    assert 2 <= report.estimated_seconds < 20
    assert report.wal_bytes_per_s is not None
    slow = replace(report, read_bytes_per_s=1_000_000.0)
    assert slow.estimated_seconds > report.estimated_seconds + 10


def test_a_sample_over_a_slow_line_ends_after_its_time(world: World) -> None:
    (source,) = fresh_databases([world.servers["neon"]])
    line = sql.SQL("SELECT repeat('x', 1000) FROM generate_series(1, 600) WHERE pg_sleep(0.1) IS NOT NULL")
    began = time.monotonic()
    rate = reading.rate(source, "sample", sql.Composed([line]), "text", 0.5)
    assert time.monotonic() - began < 30  # read to its end, it takes a minute
    assert rate < 100_000


def test_a_limit_on_idle_transactions_does_not_end_ours(world: World) -> None:
    (source,) = fresh_databases([world.servers["neon"]])
    limits = (("options", "-c idle_in_transaction_session_timeout=1 -c statement_timeout=1"),)
    for walsender in (False, True):
        with replace(source, options=limits).connect(replication=walsender) as connection:
            shown = [
                connection.execute(f"SHOW {name}".encode()).fetchone()
                for name in (
                    "statement_timeout",
                    "idle_in_transaction_session_timeout",
                    "idle_session_timeout",
                )
            ]
        assert shown == [("0",)] * 3
