"""Messages, functions and what they leave behind, on the real servers and through Google's own clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import data_plane
import pytest
from data_plane import ARCHIVES, LAKE, PROJECT, control_plane, done, eventually

from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import GameplanError, VerificationError
from dreamnet.events import (
    dream_event,
    package_function,
    send_dream_event_google,
    upload_google,
    wait_processed_google,
)
from localcloud.engines import Engines

pytestmark = pytest.mark.rehearsal

SOURCE = Path(__file__).parents[2] / "functions" / "google" / "dream_processed"

#: Fails on the first two deliveries of an event, then leaves the number of its attempt.
STUBBORN = """
import base64, functions_framework, json, os
from google.cloud import storage
seen = 0
@functions_framework.cloud_event
def entry(event):
    global seen
    seen += 1
    if seen < 3:
        raise RuntimeError("not yet")
    body = json.loads(base64.b64decode(event.data["message"]["data"]))
    blob = storage.Client().bucket(os.environ["LAKE_BUCKET"]).blob(f"processed/dreams/{body['id']}.json")
    blob.upload_from_string(json.dumps({"seen": seen, "source": event["source"], "type": event["type"]}))
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GoogleAccount, Engines]]:
    with data_plane.rehearsal(tmp_path_factory.mktemp("state"), warehouse=False) as found:
        yield found


def topic(account: GoogleAccount, name: str, **subscription: Any) -> tuple[str, str]:
    """A topic and a subscription of it, made over REST."""
    api = account.api("pubsub", "v1").projects()
    path, sub = f"{PROJECT}/topics/{name}", f"{PROJECT}/subscriptions/{name}-workers"
    api.topics().create(name=path, body={"labels": {"managed-by": "dreamnet-gameplan"}}).execute(
        num_retries=3
    )
    api.subscriptions().create(name=sub, body={"topic": path, **subscription}).execute(num_retries=3)
    return path, sub


def function(account: GoogleAccount, name: str, on: str, archive: bytes, entry: str) -> dict[str, Any]:
    """Deploy a function on a topic, and wait; returns the ended operation."""
    upload_google(account, ARCHIVES, f"{name}.zip", archive)
    body = {
        "environment": "GEN_2",
        "buildConfig": {
            "runtime": "python312",
            "entryPoint": entry,
            "source": {"storageSource": {"bucket": ARCHIVES, "object": f"{name}.zip"}},
        },
        "serviceConfig": {"timeoutSeconds": 10, "environmentVariables": {"LAKE_BUCKET": LAKE}},
        "eventTrigger": {
            "eventType": "google.cloud.pubsub.topic.v1.messagePublished",
            "pubsubTopic": on,
            "retryPolicy": "RETRY_POLICY_RETRY",
        },
    }
    functions = account.api("cloudfunctions", "v2").projects().locations().functions()
    parent = f"{PROJECT}/locations/us-central1"
    return done(account, functions.create(parent=parent, functionId=name, body=body).execute(num_retries=3))


def read(account: GoogleAccount, name: str) -> dict[str, Any]:
    functions = account.api("cloudfunctions", "v2").projects().locations().functions()
    found: dict[str, Any] = functions.get(name=f"{PROJECT}/locations/us-central1/functions/{name}").execute(
        num_retries=3
    )
    return found


def test_an_event_is_processed_once_however_often_it_is_sent(plane: tuple[GoogleAccount, Engines]) -> None:
    account, engines = plane
    path, _ = topic(account, "dream-events")
    ended = function(account, "dream-processed", path, package_function(SOURCE), "dream_processed")
    assert "error" not in ended, ended
    assert read(account, "dream-processed")["state"] == "ACTIVE"

    event = dream_event({"id": "7", "title": "Sea", "content": "a dark green sea"})
    send_dream_event_google(account, "dream-events", event)
    record = wait_processed_google(account, LAKE, event["id"], 30)
    assert (record["event_id"], record["words"], record["dream"]["title"]) == (event["id"], 4, "Sea")

    send_dream_event_google(account, "dream-events", event)
    other = dream_event({"id": "8", "title": "Sky", "content": ""})
    send_dream_event_google(account, "dream-events", other)
    wait_processed_google(account, LAKE, other["id"], 30)
    assert wait_processed_google(account, LAKE, event["id"], 1) == record, "the repeat changed nothing"

    # The control plane's process dies and comes back: function, trigger and subscription are there again.
    engines.kill("google")
    control_plane(engines.state, engines)
    again = dream_event({"id": "9", "title": "Sun", "content": "warm"})
    eventually(lambda: _sent(account, again))
    assert wait_processed_google(account, LAKE, again["id"], 30)["words"] == 1


def _sent(account: GoogleAccount, event: dict[str, Any]) -> bool:
    """Published, once the trigger's subscription listens again."""
    subscriptions = account.api("pubsub", "v1").projects().subscriptions()
    listed = subscriptions.list(project=PROJECT).execute(num_retries=3).get("subscriptions", [])
    if not any("eventarc" in one["name"] for one in listed):
        return False
    return bool(send_dream_event_google(account, "dream-events", event))


def test_a_failing_function_gets_its_event_again(
    plane: tuple[GoogleAccount, Engines], tmp_path: Path
) -> None:
    account, _ = plane
    path, _ = topic(account, "stubborn-events")
    (tmp_path / "main.py").write_text(STUBBORN)
    assert "error" not in function(account, "stubborn", path, package_function(tmp_path), "entry")
    event = dream_event({"id": "1"})
    send_dream_event_google(account, "stubborn-events", event)
    record = wait_processed_google(account, LAKE, event["id"], 30)
    assert record == {
        "seen": 3,
        "source": f"//pubsub.googleapis.com/{path}",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
    }


def test_a_function_that_cannot_start_says_why(plane: tuple[GoogleAccount, Engines], tmp_path: Path) -> None:
    account, _ = plane
    path, _ = topic(account, "broken-events")
    ended = function(account, "no-archive", path, b"no archive", "entry")
    assert "is not a ZIP archive" in ended["error"]["message"]
    (tmp_path / "main.py").write_text("raise SystemExit('no such module: dreams')\n")
    ended = function(account, "broken", path, package_function(tmp_path), "entry")
    assert "Could not create or update function broken" in ended["error"]["message"]
    listed = account.api("cloudfunctions", "v2").projects().locations().functions()
    names = [
        one["name"]
        for one in listed.list(parent=f"{PROJECT}/locations/us-central1").execute(num_retries=3)["functions"]
    ]
    assert not [one for one in names if one.endswith(("broken", "no-archive"))]


def test_a_deleted_function_stops_and_unsubscribes(
    plane: tuple[GoogleAccount, Engines], tmp_path: Path
) -> None:
    account, engines = plane
    path, _ = topic(account, "short-events")
    (tmp_path / "main.py").write_text(STUBBORN)
    function(account, "short", path, package_function(tmp_path), "entry")
    assert engines.get("function-us-central1-short") is not None
    functions = account.api("cloudfunctions", "v2").projects().locations().functions()
    done(
        account,
        functions.delete(name=f"{PROJECT}/locations/us-central1/functions/short").execute(num_retries=3),
    )
    assert engines.get("function-us-central1-short") is None
    with account.subscriber() as subscriber:
        names = [one.name for one in subscriber.list_subscriptions(project=PROJECT)]
    assert f"{PROJECT}/subscriptions/short-events-workers" in names
    assert not [one for one in names if "eventarc" in one and "short" in one]


def test_rest_and_grpc_share_topics_and_messages(plane: tuple[GoogleAccount, Engines]) -> None:
    account, _ = plane
    path, sub = topic(account, "shared")
    publisher = account.publisher()
    assert publisher.get_topic(topic=path).labels == {"managed-by": "dreamnet-gameplan"}
    number = publisher.publish(path, b"over gRPC", colour="blue").result(10)
    api = account.api("pubsub", "v1").projects().subscriptions()
    (got,) = api.pull(subscription=sub, body={"maxMessages": 5}).execute(num_retries=3)["receivedMessages"]
    assert (got["message"]["messageId"], got["message"]["attributes"]) == (number, {"colour": "blue"})
    api.acknowledge(subscription=sub, body={"ackIds": [got["ackId"]]}).execute(num_retries=3)

    message = {"data": "b3ZlciBSRVNU", "attributes": {"n": "1"}}
    account.api("pubsub", "v1").projects().topics().publish(topic=path, body={"messages": [message]}).execute(
        num_retries=3
    )
    with account.subscriber() as subscriber:
        answer = subscriber.pull(subscription=sub, max_messages=5)
        assert [one.message.data for one in answer.received_messages] == [b"over REST"]
        subscriber.acknowledge(subscription=sub, ack_ids=[answer.received_messages[0].ack_id])
        empty = subscriber.pull(subscription=sub, max_messages=5, return_immediately=True)
        assert not empty.received_messages


def test_a_stream_redelivers_what_is_refused_and_nothing_else(plane: tuple[GoogleAccount, Engines]) -> None:
    account, _ = plane
    path, sub = topic(account, "streamed")
    publisher, seen, lock = account.publisher(), [], threading.Lock()

    def take(message: Any) -> None:
        with lock:
            first = message.data not in seen
            seen.append(message.data)
        (message.nack if first and message.data == b"3" else message.ack)()

    with account.subscriber() as subscriber:
        pulling = subscriber.subscribe(sub, take)
        for one in [publisher.publish(path, str(number).encode()) for number in range(200)]:
            one.result(10)
        eventually(lambda: len(seen) >= 201)
        time.sleep(0.5)  # anything delivered without need would come now
        pulling.cancel()
        pulling.result(10)
    assert sorted(seen, key=int) == sorted([*(str(n).encode() for n in range(200)), b"3"], key=int)


def test_an_event_that_nobody_processes_is_reported(plane: tuple[GoogleAccount, Engines]) -> None:
    account, _ = plane
    with pytest.raises(VerificationError, match=r"Event lost was not processed within 0\.3 s"):
        wait_processed_google(account, LAKE, "lost", 0.3)
    with pytest.raises(GameplanError, match="Resource not found"):
        send_dream_event_google(account, "no-such-topic", dream_event({}))


def test_buckets_keep_their_labels_and_refuse_to_go_while_full(plane: tuple[GoogleAccount, Engines]) -> None:
    from google.api_core.exceptions import Conflict, NotFound

    account, _ = plane
    client = account.storage()
    bucket = client.bucket("labelled")
    bucket.labels, bucket.versioning_enabled = {"team": "dream"}, True
    bucket.add_lifecycle_delete_rule(age=3)
    client.create_bucket(bucket, location="europe-west1")
    found = client.get_bucket("labelled")
    assert (found.labels, found.location, found.versioning_enabled) == (
        {"team": "dream"},
        "EUROPE-WEST1",
        True,
    )
    assert [rule["condition"] for rule in found.lifecycle_rules] == [{"age": 3}]
    blob = found.blob("a folder/größe.txt")
    blob.upload_from_string("hello")
    assert client.bucket("labelled").blob("a folder/größe.txt").download_as_bytes() == b"hello"
    with pytest.raises(Conflict, match="not empty"):
        found.delete()
    blob.delete()
    found.delete()
    with pytest.raises(NotFound):
        client.get_bucket("labelled")
