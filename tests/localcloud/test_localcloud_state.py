"""The state directory, ports and identities."""

from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest

from dreamnet.errors import ConfigurationError
from localcloud import ports
from localcloud.state import State


def test_endpoints_are_merged_level_by_level(tmp_path: Path) -> None:
    state = State(tmp_path / "deep" / "state")
    state.update_endpoints({"postgres": {"neon": "a", "sql": "b"}})
    state.update_endpoints({"postgres": {"neon": "c"}, "aws": "d"})
    assert State(state.dir).endpoints() == {"postgres": {"neon": "c", "sql": "b"}, "aws": "d"}


def test_a_removed_endpoint_is_gone_and_an_absent_one_is_no_error(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.update_endpoints({"postgres": {"neon": "a", "sql": "b"}})
    state.remove_endpoint("postgres", "neon")
    state.remove_endpoint("postgres", "never")
    state.remove_endpoint("redis", "never")
    assert state.endpoints() == {"postgres": {"sql": "b"}}


def test_updates_side_by_side_lose_nothing(tmp_path: Path) -> None:
    def update(number: int) -> None:
        State(tmp_path).update_endpoints({"postgres": {f"n{number}": str(number)}})

    threads = [threading.Thread(target=update, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(State(tmp_path).endpoints()["postgres"]) == 20


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text("{half")
    with pytest.raises(ConfigurationError, match=r"endpoints\.json is not JSON"):
        State(tmp_path).endpoints()


def test_only_the_owner_reads_addresses_and_identities(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.update_endpoints({"aws": "x"})
    state.credentials()
    for name in ("endpoints.json", "credentials.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_identities_stay_the_same_and_differ_between_directories(tmp_path: Path) -> None:
    first = State(tmp_path / "a").credentials()
    assert State(tmp_path / "a").credentials() == first
    assert State(tmp_path / "b").credentials().google_access_token != first.google_access_token


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    credentials = State(tmp_path).credentials()
    shown = repr(credentials)
    for secret in (
        credentials.google_private_key,
        credentials.google_access_token,
        credentials.aws_secret_access_key,
    ):
        assert secret not in shown


def test_the_service_account_is_one_that_google_auth_accepts_and_signs_with(tmp_path: Path) -> None:
    from google.auth import jwt
    from google.oauth2 import service_account

    credentials = State(tmp_path).credentials()
    key = credentials.service_account("http://127.0.0.1:1/token")
    loaded = service_account.Credentials.from_service_account_info(key)
    token = jwt.encode(loaded.signer, {"iss": "me", "iat": 0, "exp": 2**33, "aud": "x"})
    assert jwt.decode(token, certs=credentials.google_public_key().encode(), verify=True)["iss"] == "me"


def test_a_free_port_can_be_bound_and_lies_below_the_kernels_own_range() -> None:
    port = ports.free_port()
    assert 10240 <= port < 32768
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


def test_a_taken_port_is_named_with_the_remedy() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.can_bind("127.0.0.1", port)
        with pytest.raises(ConfigurationError, match=f"Port {port} on 127.0.0.1 is taken") as caught:
            ports.require_free("127.0.0.1", port)
    assert "another port" in caught.value.remedy


def test_a_loopback_address_of_its_own_for_a_fixed_port() -> None:
    host = ports.free_loopback(5432)
    assert host.startswith("127.")
    with socket.socket() as server:
        server.bind((host, 5432))
        server.listen()
        assert not ports.can_bind(host, 5432)
        assert ports.free_loopback(5432) != host
