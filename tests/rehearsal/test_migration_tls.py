"""Followers that know no certificate: over TLS the publisher proves itself by the password's verifier."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from postgresql_versions import serving
from tls_servers import identity, speaking_tls

from benchmarks.migration_trial import clean_up, fill, fresh_databases, titles, writing
from dreamnet.postgres import Database, Migration, subscriptions
from localcloud.engines import postgresql
from localcloud.kubernetes.certificates import Identity

pytestmark = pytest.mark.rehearsal

VERSION = 17  # the wheel that was built with OpenSSL
RULES = "local all all trust\nhost all weak 127.0.0.0/8 md5\nhost all all 127.0.0.0/8 scram-sha-256\n"


@dataclass(frozen=True)
class World:
    """A server with TLS, verified by us as an operator verifies Neon; and a certificate that is not its."""

    verified: Database
    strange: Identity

    def refusal(self, publisher: Database) -> str | None:
        """Why the server does not follow a publisher."""
        with self.verified.connect() as connection:
            error = subscriptions.refusal(connection, publisher, "trial")
        return error and subscriptions.reason(error)

    @contextmanager
    def between(self, *, onward: bool) -> Iterator[Database]:
        """The publisher, when somebody else answers for it."""
        with speaking_tls(self.verified, self.strange, onward=onward) as port:
            yield replace(self.verified, port=port)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = Path(tmp_path_factory.mktemp("tls"))
    ours, strange = (identity(folder / name) for name in ("ours", "strange"))
    with serving(VERSION, folder / "server") as database:
        data = folder / "server" / "data"
        owner = data.stat()
        for file in (ours.certificate_file, ours.key_file):
            copied = Path(shutil.copy(file, data / file.name))
            copied.chmod(0o600)
            os.chown(copied, owner.st_uid, owner.st_gid)
        (data / "pg_hba.conf").write_text(RULES)
        with postgresql.connect({"sockets": folder / "server" / "socket"}, database.port) as admin:
            admin.execute("ALTER SYSTEM SET ssl = on")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute("SET password_encryption = 'md5'")
            admin.execute("CREATE ROLE weak LOGIN REPLICATION PASSWORD 'pw'")
        authority = str(ours.certificate_file.with_name("ca.crt"))
        yield World(replace(database, sslmode="verify-full", sslrootcert=authority), strange)


def test_there_and_back_over_tls_where_the_followers_have_no_file_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = (fresh_databases([world.verified])[0] for _ in range(2))
    # As an operator tells the authorities of Neon's certificate.
    monkeypatch.setenv("PGSSLROOTCERT", source.sslrootcert)
    source = replace(source, sslrootcert="")
    fill(source, bulk=100)
    migration = Migration(f"tls_{source.dbname}", source, [target], workers=2)
    assert migration.precheck(way_back=True).blocking == []
    with writing(source) as writer:
        migration.prepare_and_copy(lambda _: None)
        migration.follow(lambda _: None)
        assert migration.verify().equal
        with source.connect() as connection:
            encrypted = connection.execute(
                "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid) JOIN pg_replication_slots "
                "ON active_pid = pid WHERE database = current_database()"
            ).fetchall()
        assert encrypted == [(True,)]
        moved = migration.cut_over(lambda: setattr(writer, "current", target))
        assert moved.following == {source.label: "following"}
        migration.roll_back(lambda: setattr(writer, "current", source))
    assert sorted(titles(source)) == sorted(writer.acknowledged)
    clean_up([source, target])


def test_who_stands_between_neither_answers_nor_passes_the_proof_on(world: World) -> None:
    with world.between(onward=True) as passing_on, world.between(onward=False) as answering:
        assert "SCRAM channel binding check failed" in (world.refusal(passing_on) or "")
        assert "server did not offer an authentication method that supports channel binding" in (
            world.refusal(answering) or ""
        )
        # What it protects from: encryption alone takes anybody for the publisher.
        careless = replace(passing_on, sslmode="require", options=(("channel_binding", "disable"),))
        assert world.refusal(careless) is None


def test_a_password_that_is_stored_otherwise_is_found_with_its_remedy(world: World) -> None:
    (source,), (target,) = fresh_databases([world.verified]), fresh_databases([world.verified])
    report = Migration("weak", replace(source, user="weak"), [target]).precheck()
    (found,) = [finding for finding in report.blocking if finding.subject == "reach"]
    assert "channel binding required" in found.problem
    assert "Set role weak's password there anew, with password_encryption scram-sha-256" in found.remedy
