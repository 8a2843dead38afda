"""What `python -m deployments.rehearsal` does around the run: blocks, backing, log, verdict."""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deployments.rehearsal import __main__ as command
from deployments.rehearsal import run as run_module
from deployments.rehearsal.backing import backing_table, backings
from deployments.rehearsal.run import Api, RunFailed, run_and_follow
from dreamnet.errors import ConfigurationError

RUN = "2c97fa55-6b1e-42fe-8c19-412d749199de"
Answer = Callable[[str, dict[str, Any] | None], tuple[int, Any]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Starts HTTP servers that answer with what a function of path and body returns; stops them."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(*answer(self.path, None))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._say(*answer(self.path, json.loads(body)))

            def _say(self, status: int, content: Any) -> None:
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing a request."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


# ---- what stood on a real engine


def test_backings_are_counted_by_cloud(serve: Callable[[Answer], str]) -> None:
    def google(path: str, body: Any) -> tuple[int, Any]:
        assert path == "/_rehearsal/resources"
        return 200, [{"backing": "postgresql"}, {"backing": "simulated"}, {"backing": "simulated"}]

    def aws(path: str, body: Any) -> tuple[int, Any]:
        assert path == "/_rehearsal/resources"
        return 200, [{"backing": "valkey"}]

    endpoints = {"google": {"container": f"{serve(google)}/container"}, "aws": f"{serve(aws)}/"}
    counted = backings(endpoints)
    assert counted == {
        ("Google Cloud", "postgresql"): 1,
        ("Google Cloud", "simulated"): 2,
        ("AWS", "valkey"): 1,
    }


def test_cloud_that_lists_nothing_is_an_error(serve: Callable[[Answer], str]) -> None:
    broken = serve(lambda path, body: (500, {}))
    with pytest.raises(httpx.HTTPStatusError):
        backings({"google": {"container": broken}, "aws": broken})


def test_table_says_what_was_real_emulated_and_simulated() -> None:
    table = backing_table(
        Counter(
            {
                ("Google Cloud", "postgresql"): 2,
                ("Google Cloud", "simulated"): 3,
                ("AWS", "simulated"): 4,
                ("AWS", "kubernetes"): 5,
            }
        )
    )
    lines = table.splitlines()
    assert lines[2:6] == [
        "| AWS | kubernetes | 5 |",
        "| AWS | simulated | 4 |",
        "| Google Cloud | postgresql | 2 |",
        "| Google Cloud | simulated | 3 |",
    ]
    assert lines[-1].startswith("Of 14 resources 2 were rehearsed on a real engine, 5 on an emulator")
    assert "and 7 were simulated" in lines[-1]


# ---- blocks


@pytest.fixture(scope="module")
def endpoints() -> dict[str, Any]:
    """As the local cloud writes them."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "dreamnet-62b49",
        "private_key": pem,
        "private_key_id": "1",
        "client_email": "gameplan@dreamnet-62b49.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }
    return {
        "aws": "http://127.0.0.1:2",
        "google": {"container": "http://127.0.0.1:1/container", "pubsub": "127.0.0.1:3"},
        "postgres": {"neon": "postgresql://neondb_owner:p%40ss%2Fword@127.0.0.1:5433/dreamnet"},
        "legacy_backend": "http://127.0.0.1:4",
        "faults": "http://127.0.0.1:5",
        "credentials": {
            "google": {
                "project": "dreamnet-62b49",
                "project_number": "628490062490",
                "billing_account": "0A1B2C-3D4E5F-607182",
                "service_account": account,
            },
            "aws": {
                "account_id": "123456789012",
                "access_key_id": "AKIA1",
                "secret_access_key": "secret one",
            },
        },
    }


def test_blocks_of_the_endpoints_come_back_as_accounts(
    prefect_server: str, endpoints: dict[str, Any]
) -> None:
    from deployments.rehearsal.blocks import save_blocks
    from tasks.support import load_profile

    assert save_blocks(endpoints) is True
    profile = load_profile("rehearsal")
    google = profile.google.account()
    assert google.project == "dreamnet-62b49"
    assert google.credentials._token_uri == "http://127.0.0.1:1/token"
    assert dict(google.endpoints) == endpoints["google"]
    aws = profile.aws.account()
    assert (aws.account_id, aws.endpoint_url) == ("123456789012", "http://127.0.0.1:2")
    assert aws.session.get_credentials().secret_key == "secret one"
    neon = profile.neon.connection()
    assert (neon.host, neon.port, neon.user, neon.password) == (
        "127.0.0.1",
        5433,
        "neondb_owner",
        "p@ss/word",
    )
    assert (profile.legacy_url, profile.fault_injector) == ("http://127.0.0.1:4", "http://127.0.0.1:5")
    password = profile.database_password.get_secret_value()
    assert len(password) >= 32

    assert save_blocks(endpoints) is False, "a second time there is nothing to save"
    moved = copy.deepcopy(endpoints)
    moved["credentials"]["aws"]["secret_access_key"] = "secret two"
    assert save_blocks(moved) is True, "a secret that differs is a difference"
    again = load_profile("rehearsal")
    assert again.aws.account().session.get_credentials().secret_key == "secret two"
    # Databases that exist have it.
    assert again.database_password.get_secret_value() == password


def test_promoted_image_is_written_into_the_profile(prefect_server: str, endpoints: dict[str, Any]) -> None:
    from deployments.rehearsal.blocks import save_blocks
    from tasks.promotion import keep_image
    from tasks.support import load_profile

    save_blocks(endpoints)
    before = load_profile("rehearsal")
    image = f"dreamnet/backend@sha256:{'a' * 64}"
    assert keep_image.fn("rehearsal", image).outcome == "done"
    assert keep_image.fn("rehearsal", image).outcome == "unchanged"
    after = load_profile("rehearsal")
    assert after.image == image
    assert after.secrets() == before.secrets()
    secret = before.aws.account().session.get_credentials().secret_key
    assert after.aws.account().session.get_credentials().secret_key == secret
    assert save_blocks(endpoints) is False, "the next rehearsal keeps what was promoted"


def test_unknown_profile_is_one_sentence(prefect_server: str) -> None:
    from tasks.support import load_profile

    with pytest.raises(ConfigurationError) as caught:
        load_profile("nobody")
    assert caught.value.problem == "There is no gameplan profile named 'nobody'."
    assert "prefect block ls" in caught.value.remedy


def test_automation_is_saved_once(prefect_server: str) -> None:
    import asyncio

    from deployments.automations import ZOMBIES, save_automations

    assert asyncio.run(save_automations()) == [ZOMBIES]
    assert asyncio.run(save_automations()) == []


def test_drift_is_told_to_whoever_the_alerts_block_names(prefect_server: str) -> None:
    import asyncio

    from jinja2 import Template
    from prefect.automations import Automation
    from prefect.blocks.notifications import SlackWebhook

    from deployments.automations import ALERTS, DRIFT, MIGRATION, save_automations

    asyncio.run(save_automations())
    with pytest.raises(ValueError, match=DRIFT):
        asyncio.run(Automation.aread(name=DRIFT))
    block = SlackWebhook(url="https://hooks.example/alerts")
    block_id = block.save(ALERTS, overwrite=True)
    assert asyncio.run(save_automations()) == [DRIFT, MIGRATION]
    assert asyncio.run(save_automations()) == []
    saved = asyncio.run(Automation.aread(name=DRIFT))
    assert saved.trigger.expect == {"dreamnet.drift.found"}
    assert [action.block_document_id for action in saved.actions] == [block_id]
    migration = asyncio.run(Automation.aread(name=MIGRATION))
    assert migration.trigger.expect == {"dreamnet.migration.alarm"}
    alarms = [{"level": "critical", "what": "A", "then": "B.", "since": "C", "remedy": "D."}] * 2
    body = Template(migration.actions[0].body).render(event={"payload": {"alarms": alarms}})
    assert body == "critical: A. B. Since: C. Remedy: D.\n" * 2


# ---- the log


class Logs:
    """Pages of a server's log, as Prefect's API gives them."""

    def __init__(self, count: int) -> None:
        start = datetime(2026, 11, 25, tzinfo=UTC)
        self.lines = [
            {
                "id": str(number),
                "timestamp": (start + timedelta(seconds=number)).isoformat(),
                "message": f"line {number}",
            }
            for number in range(count)
        ]
        self.requests: list[dict[str, Any]] = []

    def __call__(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        assert path == "/api/logs/filter"
        assert body is not None
        self.requests.append(body)
        return 200, self.lines[body["offset"] : body["offset"] + min(body["limit"], 200)]


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
def test_all_pages_of_the_log_are_read(serve: Callable[[Answer], str], count: int) -> None:
    logs = Logs(count)
    api = Api(f"{serve(logs)}/api")
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    seen = {"0", "150"}
    lines = api.logs_since(moment, seen)
    assert [line["id"] for line in lines] == [str(n) for n in range(count) if str(n) not in seen]
    assert len(logs.requests) == count // 200 + 1
    assert logs.requests[0]["logs"]["timestamp"] == {"after_": moment.isoformat()}
    assert logs.requests[0]["sort"] == "TIMESTAMP_ASC"


def test_missing_artifact_is_none_and_a_broken_server_an_error(serve: Callable[[Answer], str]) -> None:
    status = 404
    api = Api(f"{serve(lambda path, body: (status, {'data': 'x'}))}/api")
    assert api.latest_artifact("gameplan-rehearsal") is None
    status = 200
    assert api.latest_artifact("gameplan-rehearsal") == {"data": "x"}
    status = 500
    with pytest.raises(httpx.HTTPStatusError):
        api.latest_artifact("gameplan-rehearsal")


# ---- run and follow


@pytest.fixture
def watched(serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A server with one log line and one flow run, and a `prefect deployment run` that prints `says`."""
    world = SimpleNamespace(says=f"UUID: {RUN}\n", state={"type": "COMPLETED", "name": "Completed"})
    line = {"id": "1", "timestamp": "2026-11-25T00:00:00Z", "message": "Plan 419d: 25 create\nmore"}

    def answer(path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/logs/filter":
            return 200, [line]
        assert path == f"/api/flow_runs/{RUN}"
        return 200, {"state": world.state}

    class Watch:
        def __init__(self, arguments: list[str], stdout: Any, **rest: Any) -> None:
            world.arguments = arguments[1:]
            stdout.write(world.says)
            stdout.flush()
            self._polls = iter([None, None])

        def poll(self) -> int | None:
            return next(self._polls, 1)

    monkeypatch.setattr(run_module.subprocess, "Popen", Watch)
    monkeypatch.setattr(run_module, "POLL_SECONDS", 0.01)
    world.api = Api(f"{serve(answer)}/api")
    return world


def follow(world: SimpleNamespace) -> str:
    return run_and_follow(world.api, "gameplan/rehearsal", "http://ui")


def test_completed_run_is_returned_and_its_log_was_shown_once(
    watched: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow(watched) == RUN
    command = ["-m", "prefect", "deployment", "run", "gameplan/rehearsal", "--watch", "--watch-interval", "1"]
    assert watched.arguments == command
    shown = capsys.readouterr().out
    assert shown.count("Plan 419d: 25 create") == 1
    assert "more" not in shown


@pytest.mark.parametrize("name", ["Failed", "Crashed", "Cancelled"])
def test_failed_run_says_why_and_how_to_go_on(watched: SimpleNamespace, name: str) -> None:
    watched.state = {"type": name.upper(), "name": name, "message": "Week 2 stopped."}
    with pytest.raises(RunFailed) as caught:
        follow(watched)
    assert caught.value.problem == f"gameplan/rehearsal ended as {name}: Week 2 stopped."
    assert f"http://ui/runs/flow-run/{RUN}" in caught.value.remedy
    assert f"`prefect flow-run retry {RUN}`" in caught.value.remedy


def test_run_that_was_never_made_is_told(watched: SimpleNamespace) -> None:
    watched.says = "Deployment 'gameplan/rehearsal' not found!\n"
    with pytest.raises(RunFailed, match="not found"):
        follow(watched)


# ---- the command


@pytest.mark.parametrize("content", [None, "{}", '{"aws": "http://127.0.0.1:2"}'])
def test_without_a_rehearsal_it_says_how_to_start_one(
    tmp_path: Path,
    content: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / "endpoints.json").write_text(content)
    monkeypatch.setattr("sys.argv", ["rehearsal", "--state", str(tmp_path)])
    assert command.main() == 1
    assert capsys.readouterr().err.strip() == (
        f"No rehearsal is up in {tmp_path}. Remedy: Start it with `make up`."
    )
