"""What an operator gets wrong ends in one sentence with its remedy, before anything was changed.

Too little disk is in tests/tasks and tests/localcloud: a full disk can't be had here without filling one.
"""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
from botocore.retries.standard import ExponentialBackoff
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from desk import Desk
from operator_shell import Rehearsal

from dreamnet.errors import GameplanError, PrecheckFailed
from dreamnet.postgres.database import Database
from tasks import migration

e2e = [pytest.mark.e2e, pytest.mark.timeout(600)]


def one_sentence(error: GameplanError, *hidden: str) -> str:
    """Hold that an error is fit for an operator; returns its problem."""
    assert error.problem.endswith(".")
    assert error.remedy.endswith(".")
    assert ".." not in error.problem
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)
    assert not [secret for secret in hidden if secret in str(error)]
    return error.problem


# ---- accounts and profiles


def other_key() -> str:
    """A valid key that is nobody's here."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def resources(rehearsal: Rehearsal) -> list[Any]:
    """Everything that exists on both clouds."""
    google = rehearsal.endpoints["google"]["container"].rsplit("/", 1)[0]
    listings = [f"{url.rstrip('/')}/_rehearsal/resources" for url in (google, rehearsal.endpoints["aws"])]
    return [httpx.get(url, timeout=30, trust_env=False).raise_for_status().json() for url in listings]


def refusal(rehearsal: Rehearsal, endpoints: dict[str, Any], name: str) -> str:
    """Run the gameplan with a profile of these endpoints; returns what the failed run says."""
    from deployments.rehearsal import blocks
    from flows.gameplan import gameplan

    before = resources(rehearsal)
    with rehearsal.here():
        profile = blocks._profile(endpoints, "owner password")
        for part in (profile.google.credentials, profile.aws.credentials):
            part.save(name)
        for part in (profile.google, profile.aws, profile.neon, profile.budget, profile):
            part.save(name)
        state = gameplan(name, return_state=True)
    assert state.is_failed()
    error = state.result(raise_on_failure=False)
    assert isinstance(error, GameplanError)
    secret = endpoints["credentials"]["aws"]["secret_access_key"]
    key = endpoints["credentials"]["google"]["service_account"]["private_key"]
    assert secret not in str(state.message)
    assert key.splitlines()[3] not in str(state.message)
    assert resources(rehearsal) == before
    return one_sentence(error, secret, key.splitlines()[3], "owner password")


class TestAccounts:
    pytestmark = e2e

    def test_wrong_google_key(self, rehearsal: Rehearsal) -> None:
        endpoints = copy.deepcopy(rehearsal.endpoints)
        endpoints["credentials"]["google"]["service_account"]["private_key"] = other_key()
        assert "Google refused the service account key" in refusal(rehearsal, endpoints, "wrong-google")

    def test_wrong_aws_secret(self, rehearsal: Rehearsal) -> None:
        endpoints = copy.deepcopy(rehearsal.endpoints)
        endpoints["credentials"]["aws"]["secret_access_key"] = "a wrong secret of forty characters-----"
        said = refusal(rehearsal, endpoints, "wrong-aws")
        assert "AWS refused GetCallerIdentity" in said

    def test_keys_of_another_account(self, rehearsal: Rehearsal) -> None:
        endpoints = copy.deepcopy(rehearsal.endpoints)
        right = endpoints["credentials"]["aws"]["account_id"]
        endpoints["credentials"]["aws"]["account_id"] = "999999999999"
        assert f"belong to account {right}, not to 999999999999" in refusal(
            rehearsal, endpoints, "wrong-account"
        )

    def test_cloud_that_does_not_answer(self, rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
        # Asked as often, but without the pauses.
        monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda backoff, context: 0.0)
        endpoints = copy.deepcopy(rehearsal.endpoints)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: nothing answers, nobody else can take it
            endpoints["aws"] = f"http://127.0.0.1:{taken.getsockname()[1]}"
            said = refusal(rehearsal, endpoints, "no-answer")
        assert f"no answer from AWS at {endpoints['aws']}" in said

    def test_unknown_profile(self, rehearsal: Rehearsal) -> None:
        from flows.gameplan import gameplan

        with rehearsal.here():
            state = gameplan("nobody", return_state=True)
        assert state.is_failed()
        said = one_sentence(state.result(raise_on_failure=False))
        assert said == "There is no gameplan profile named 'nobody'."
        assert "prefect block ls" in str(state.message)


# ---- the source database


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL that writes no logical WAL, as databases do unless told otherwise."""
    from localcloud.engines import Engines
    from localcloud.state import State

    engines = Engines(State(tmp_path_factory.mktemp("source")))
    try:
        yield engines.postgres(
            "plain",
            region="here",
            user="owner",
            password="neon password",
            database="dreamnet",
            settings={"wal_level": "replica", "fsync": "off"},
        )
    finally:
        engines.delete("plain")


def blocked(source: Database, monkeypatch: pytest.MonkeyPatch) -> PrecheckFailed:
    """Check a source as the gameplan does before its first week."""
    profile = SimpleNamespace(neon=SimpleNamespace(connection=lambda: source))
    monkeypatch.setattr(migration, "load_profile", lambda name: profile)
    monkeypatch.setattr(migration, "google_account", lambda name: None)
    monkeypatch.setattr(migration, "current_url", lambda google: None)
    with pytest.raises(PrecheckFailed) as caught:
        migration.check_source.fn("acme", "run-1", True)
    one_sentence(caught.value, "neon password")
    return caught.value


def traces(dsn: str) -> int:
    """Slots, publications and schemas that a check could have left."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication)"
            " + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dreamnet%')"
        ).fetchone()
    assert row
    return int(row[0])


class TestSource:
    def test_without_logical_replication(
        self, server: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = blocked(Database.from_dsn(server.dsn), monkeypatch)
        assert "does not write logical WAL (wal_level is replica)." in error.problem
        assert "Enable logical replication (Neon: project settings" in error.remedy
        assert traces(server.dsn) == 0

    def test_table_without_a_key(self, server: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE notes (text text)")
            connection.execute("CREATE TABLE letters (id int PRIMARY KEY, text text)")
        error = blocked(Database.from_dsn(server.dsn), monkeypatch)
        assert "notes" in error.problem
        assert "letters" not in error.problem
        assert "REPLICA IDENTITY" in error.remedy
        assert traces(server.dsn) == 0

    def test_that_does_not_answer(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            error = blocked(
                Database("127.0.0.1", "dreamnet", "owner", "neon password", port=port), monkeypatch
            )
        assert f"127.0.0.1:{port}" in error.problem

    def test_that_refuses_the_password(
        self, server: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = Database(server.host, "dreamnet", "owner", "a wrong password", port=server.port)
        error = blocked(source, monkeypatch)
        assert "a wrong password" not in str(error)
        assert "owner" in error.problem

    def test_that_is_a_pooler(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        pooler = Database(
            "ep-cool-1-pooler.localhost", "dreamnet", "owner", "x", port=1, sslmode="verify-full"
        )
        error = blocked(pooler, monkeypatch)
        assert "is a connection pooler" in error.problem
        assert "Use the direct host ep-cool-1.localhost." in error.remedy


# ---- this machine


def test_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "localcloud", "up", "--state", str(tmp_path), "--port", f"google={port}"],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith(
        f"localcloud: Port {port} on 127.0.0.1 is taken by another program. Remedy: Stop it"
    )
    assert list((tmp_path / "engines").iterdir()) == [], "something was started"
