from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from dreamnet.errors import ConfigurationError, CredentialsError, UnreachableError
from dreamnet.postgres import Database
from dreamnet.postgres.database import explain_connection

DSN = "postgresql://me:p%40ss@db.example:6543/app?sslmode=verify-full&channel_binding=require"


def test_a_url_is_read_and_written_back() -> None:
    database = Database.from_dsn(DSN)
    assert (database.host, database.port, database.password) == ("db.example", 6543, "p@ss")
    assert Database.from_dsn(database.url()) == database
    assert Database.from_dsn(database.dsn()) == database


@pytest.mark.parametrize("host", ["ep-a-pooler-1.eu", "ep-a-pooler.eu.neon.tech", "db-pooler", "db"])
def test_a_pooler_s_host_leads_to_the_same_database_as_the_direct_one(host: str) -> None:
    direct = replace(Database.from_dsn(DSN), host=host).direct
    wanted = {"ep-a-pooler.eu.neon.tech": "ep-a.eu.neon.tech", "db-pooler": "db"}
    assert direct == replace(Database.from_dsn(DSN), host=wanted.get(host, host))


def test_the_password_is_not_in_repr_label_or_errors() -> None:
    database = Database.from_dsn(DSN)
    error = explain_connection(database, psycopg.OperationalError("FATAL: password authentication failed"))
    for text in (repr(database), database.label, str(error)):
        assert "p@ss" not in text
        assert "p%40ss" not in text


@pytest.mark.parametrize(("dsn", "names"), [("postgresql://host/db", "user"), ("nonsense", "cannot be read")])
def test_a_bad_string_is_one_sentence_without_the_string(dsn: str, names: str) -> None:
    with pytest.raises(ConfigurationError, match=names) as caught:
        Database.from_dsn(dsn)
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind", "names"),
    [
        ('FATAL:  password authentication failed for user "me"', CredentialsError, "password"),
        ('FATAL:  database "app" does not exist', ConfigurationError, "no database app"),
        ('FATAL:  role "me" does not exist', CredentialsError, "role me"),
        ("server does not support SSL, but SSL was required", UnreachableError, "TLS"),
        ("SSL error: certificate verify failed", UnreachableError, "certificate"),
        ("connection refused", UnreachableError, "Nothing usable"),
        ('could not translate host name "db.example" to address', UnreachableError, "resolved"),
    ],
)
def test_refusals_are_explained(said: str, kind: type[Exception], names: str) -> None:
    error = explain_connection(Database.from_dsn(DSN), psycopg.OperationalError(said))
    assert type(error) is kind
    assert names in error.problem
