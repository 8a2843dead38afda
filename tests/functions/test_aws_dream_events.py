"""The Lambda that keeps dream events."""

import importlib.util
import json
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "functions" / "aws" / "dream_events" / "handler.py"


class Table:
    """A table with just enough of DynamoDB's conditions."""

    def __init__(self):
        self.items = {}
        self.meta = type("Meta", (), {"client": type("Client", (), {"exceptions": self})})
        self.ConditionalCheckFailedException = type("ConditionalCheckFailedException", (Exception,), {})

    def put_item(self, Item, ConditionExpression):
        assert ConditionExpression == "attribute_not_exists(event_id)"
        if Item["event_id"] in self.items:
            raise self.ConditionalCheckFailedException
        self.items[Item["event_id"]] = Item


@pytest.fixture
def function(monkeypatch):
    spec = importlib.util.spec_from_file_location("dream_events", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table = Table()
    monkeypatch.setenv("PROCESSED_TABLE", "t")
    monkeypatch.setattr(module, "_table", lambda name: table)
    module.table = table
    return module


def record(identifier, body=None):
    event = {
        "id": identifier,
        "source": "dreamnet",
        "detail-type": "dream.created",
        "time": "2026-11-25T00:00:00Z",
        "detail": {"dream": {"id": "d1", "title": "x"}},
    }
    return {"messageId": f"m-{identifier}", "body": json.dumps(event) if body is None else body}


def test_each_event_becomes_one_record(function):
    answer = function.handler({"Records": [record("1"), record("2")]}, None)
    assert answer == {"batchItemFailures": [], "processed": 2}
    assert function.table.items["1"]["dream_id"] == "d1"
    assert json.loads(function.table.items["1"]["detail"])["dream"]["title"] == "x"


def test_a_second_delivery_changes_nothing(function):
    function.handler({"Records": [record("1")]}, None)
    before = dict(function.table.items)
    assert function.handler({"Records": [record("1")]}, None) == {"batchItemFailures": [], "processed": 0}
    assert function.table.items == before


@pytest.mark.parametrize("body", ["not json", "{}", "[]", '"x"'])
def test_only_the_bad_message_is_delivered_again(function, body):
    answer = function.handler({"Records": [record("1"), record("bad", body)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-bad"}], "processed": 1}
