"""The connection string of a subscription holds only what the subscriber's own machine can use."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dreamnet.postgres import subscriptions
from dreamnet.postgres.database import Database
from dreamnet.postgres.session import CLIENT_SETTINGS

NEON = Database("ep-x.eu.aws.neon.tech", "app", "me", "p w'", sslmode="verify-full")
BOUND = {"sslmode": "require", "channel_binding": "require"}


@pytest.mark.parametrize(
    ("publisher", "expected"),
    [
        (NEON, {"host": "ep-x.eu.aws.neon.tech", **BOUND}),
        (
            Database("ep-x", "app", "me", "p w'", sslmode="verify-full", sslrootcert="/home/op/roots.pem"),
            {"host": "ep-x", **BOUND},
        ),
        (
            Database("34.1.2.3", "app", "me", "p w'", sslmode="verify-ca", sslrootcert="/home/op/sql-ca.pem"),
            {"host": "34.1.2.3", **BOUND},
        ),
        (
            Database("x.rds.amazonaws.com", "app", "me", "p w'", sslmode="verify-full", sslrootcert="system"),
            {"host": "x.rds.amazonaws.com", **BOUND},
        ),
        (Database("127.0.0.1", "app", "me", "p w'"), {"host": "127.0.0.1", "sslmode": "prefer"}),
        (
            Database("127.0.0.1", "app", "me", "p w'", sslmode="disable"),
            {"host": "127.0.0.1", "sslmode": "disable"},
        ),
    ],
    ids=["Neon", "Neon, own CA file", "Cloud SQL", "RDS", "rehearsal", "no TLS"],
)
def test_a_verified_publisher_proves_itself_by_its_password(
    publisher: Database, expected: dict[str, str]
) -> None:
    found = conninfo_to_dict(subscriptions.conninfo(publisher))
    keepalive = {name: str(value) for name, value in CLIENT_SETTINGS.items()}
    assert found == {
        "port": "5432",
        "dbname": "app",
        "user": "me",
        "password": "p w'",
        **keepalive,
        **expected,
    }


def test_files_of_this_machine_and_words_of_newer_libpqs_stay_behind() -> None:
    local = {
        "sslcert": "/c",
        "sslkey": "/k",
        "sslcrl": "/r",
        "passfile": "/p",
        "require_auth": "scram-sha-256",
    }
    kept = {"hostaddr": "10.0.0.7", "options": "-c lock_timeout=1"}
    publisher = Database.from_dsn(psycopg.conninfo.make_conninfo(NEON.dsn(), **local, **kept))
    found = conninfo_to_dict(subscriptions.conninfo(publisher))
    assert not local.keys() & found.keys()
    assert found.items() >= {**kept, **BOUND}.items()


def test_binding_that_the_operator_turned_off_does_not_weaken_verification() -> None:
    publisher = Database.from_dsn(NEON.dsn(channel_binding="disable"))
    assert conninfo_to_dict(subscriptions.conninfo(publisher))["channel_binding"] == "require"
