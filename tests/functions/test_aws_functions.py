"""The Lambdas behind the API, the queues, the schedule and the AI services."""

import base64
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "functions" / "aws"


class Table(dict):
    """A DynamoDB table by its key."""

    def get_item(self, Key):
        return {"Item": self[Key["event_id"]]} if Key["event_id"] in self else {}

    def put_item(self, Item):
        self[Item["event_id"]] = Item


class Bus(list):
    """What was put on the bus; `broken` refuses it."""

    broken = False

    def put_events(self, Entries):
        self.extend([] if self.broken else Entries)
        return {"FailedEntryCount": len(Entries) if self.broken else 0, "Entries": [{}]}


@pytest.fixture
def world(monkeypatch):
    """Loads a function with a table, a bus and other clients of its own."""
    monkeypatch.setenv("EVENT_BUS", "dreamnet")
    monkeypatch.setenv("PROCESSED_TABLE", "t")
    monkeypatch.setenv("ROOT", "uploads/")
    table, bus = Table(), Bus()

    def load(name, **clients):
        spec = importlib.util.spec_from_file_location(f"function_{name}", FOLDER / name / "handler.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for part, value in (
            ("_table", lambda _: table),
            ("_events", lambda: bus),
            ("_client", lambda service: {"events": bus, **clients}[service]),
        ):
            if hasattr(module, part):
                monkeypatch.setattr(module, part, value)
        return module

    return SimpleNamespace(load=load, table=table, bus=bus)


def request(key, body=None, **parameters):
    return {"routeKey": key, "pathParameters": parameters, "body": body}


def call(module, *arguments, **parameters):
    answer = module.handler(request(*arguments, **parameters), None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_posted_dream_becomes_an_event_and_can_be_read_when_it_is_recorded(world):
    api = world.load("dreamnet_api")
    assert call(api, "POST /dreams", '{"id": "d1", "title": "Sea"}') == (202, {"id": "d1"})
    assert (world.bus[0]["Source"], world.bus[0]["DetailType"]) == ("dreamnet", "dream.created")
    assert json.loads(world.bus[0]["Detail"])["dream"] == {"id": "d1", "title": "Sea"}
    assert call(api, "GET /dreams/{id}", id="d1")[0] == 404
    world.table["d1"] = {"detail": world.bus[0]["Detail"]}
    assert call(api, "GET /dreams/{id}", id="d1") == (200, {"id": "d1", "title": "Sea"})
    assert call(api, "GET /health") == (200, {"status": "ok"})


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"title": " "}', '{"title": 3}', '{"text": "x"}'])
def test_a_bad_body_is_the_callers_mistake(world, body):
    status, said = call(world.load("dreamnet_api"), "POST /dreams", body)
    assert status == 400
    assert said["error"]
    assert world.bus == []


def test_a_body_may_come_as_base64_and_may_not_be_huge(world):
    api = world.load("dreamnet_api")
    text = base64.b64encode(b'{"title": "Sea"}').decode()
    answer = api.handler({**request("POST /dreams", text), "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 202
    huge = json.dumps({"title": "x" * 300_000})
    assert call(api, "POST /dreams", huge)[0] == 400


def test_a_bus_that_refuses_is_an_error_not_an_accepted_dream(world):
    world.bus.broken = True
    with pytest.raises(RuntimeError):
        world.load("dreamnet_api").handler(request("POST /dreams", '{"title": "Sea"}'), None)


def test_a_webhook_becomes_one_dream_however_often_it_comes(world):
    api = world.load("dreamnet_api")
    call(api, "POST /webhooks/{source}", '{"id": "7", "title": "Rain"}', source="calendar")
    record = {"messageId": "m", "body": json.dumps({"detail": json.loads(world.bus.pop()["Detail"])})}
    webhooks = world.load("webhooks")
    answer = webhooks.handler({"Records": [record, record]}, None)
    assert answer == {"batchItemFailures": [], "processed": 1}
    detail = json.loads(world.bus[0]["Detail"])
    assert detail["dream"] == {"id": "webhook:calendar:7", "title": "Rain", "origin": "calendar"}
    assert len(world.bus) == 1


def test_what_the_bus_refuses_is_delivered_again(world):
    world.bus.broken = True
    for name, detail in (
        ("webhooks", {"id": "1", "source": "s", "payload": {"title": "t"}}),
        ("agent_worker", {"id": "1", "task": "tidy"}),
    ):
        record = {"messageId": "m", "body": json.dumps({"detail": detail})}
        answer = world.load(name).handler({"Records": [record]}, None)
        assert answer["batchItemFailures"] == [{"itemIdentifier": "m"}]
    assert world.table == {}


def test_an_agent_does_each_task_once_and_says_so(world):
    agent = world.load("agent_worker")
    body = json.dumps({"id": "e1", "detail": {"task": "summarise", "text": "a b c"}})
    good = {"messageId": "m1", "body": body}
    unknown = {"messageId": "m2", "body": json.dumps({"id": "e2", "detail": {"task": "fly"}})}
    answer = agent.handler({"Records": [good, unknown, good]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}], "done": 1}
    assert [json.loads(one["Detail"])["words"] for one in world.bus] == [3]
    assert json.loads(world.table["agent:e1"]["detail"])["summary"] == "a b c"


def test_a_digest_is_sent_only_when_something_waits(world, monkeypatch):
    monkeypatch.setenv("QUEUES", "a,b")
    monkeypatch.setenv("ALERTS_TOPIC", "topic")
    counts, sent = {"a": 0, "b": 0}, []
    sqs = SimpleNamespace(
        get_queue_url=lambda QueueName: {"QueueUrl": QueueName},
        get_queue_attributes=lambda QueueUrl, AttributeNames: {
            "Attributes": {"ApproximateNumberOfMessages": str(counts[QueueUrl])}
        },
    )
    function = world.load(
        "digest", sqs=sqs, sns=SimpleNamespace(publish=lambda **message: sent.append(message))
    )
    assert function.handler({}, None) == {"waiting": {"a": 0, "b": 0}}
    assert sent == []
    counts["b"] = 2
    function.handler({}, None)
    assert [one["Message"] for one in sent] == ["b: 2 could not be processed"]


def upload(key):
    detail = {"bucket": {"name": "b"}, "object": {"key": key}}
    return {"source": "aws.s3", "detail": detail}


def test_each_upload_goes_to_the_service_that_reads_it(world):
    asked = []
    rekognition = SimpleNamespace(detect_labels=lambda **a: asked.append(a) or {"Labels": [{"Name": "Sea"}]})
    blocks = {"Blocks": [{"BlockType": "PAGE"}, {"BlockType": "LINE", "Text": "I flew"}]}
    textract = SimpleNamespace(detect_document_text=lambda **a: asked.append(a) or blocks)
    enrich = world.load("enrich", rekognition=rekognition, textract=textract)
    assert enrich.handler(upload("uploads/a+b.PNG"), None)["labels"] == ["Sea"]
    assert asked[0]["Image"]["S3Object"]["Name"] == "uploads/a b.PNG"
    assert enrich.handler(upload("uploads/a.pdf"), None)["lines"] == ["I flew"]
    assert "skipped" in enrich.handler(upload("uploads/a.txt"), None)
    assert len(world.bus) == 2


def test_a_dreams_mood_is_asked_in_its_language_and_within_the_limit(world):
    asked = []
    comprehend = SimpleNamespace(
        detect_dominant_language=lambda Text: {"Languages": [{"LanguageCode": "de"}]},
        detect_sentiment=lambda Text, LanguageCode: (
            asked.append((Text, LanguageCode)) or {"Sentiment": "POSITIVE"}
        ),
    )
    enrich = world.load("enrich", comprehend=comprehend)
    dream = {"id": "d", "title": "ä" * 4_000}
    found = enrich.handler({"source": "dreamnet", "detail": {"dream": dream}}, None)
    assert found == {"dream": "d", "language": "de", "mood": "POSITIVE"}
    assert (len(asked[0][0].encode()), asked[0][1]) == (5_000, "de")
    assert "skipped" in enrich.handler({"source": "dreamnet", "detail": {"dream": {"id": "e"}}}, None)
