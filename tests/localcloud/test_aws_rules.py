"""Alarm rules, schedules, filter patterns, routes and prices of the local AWS, without a server."""

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from dreamnet.cost.lookups import load_lookups
from dreamnet.cost.price_apis import AwsPrices
from dreamnet.cost.prices import load_prices
from localcloud.aws.services import pricing
from localcloud.aws.services.alarms import _state
from localcloud.aws.services.anomalies import _outliers
from localcloud.aws.services.clock import due
from localcloud.aws.services.delivery import _input, require_permission
from localcloud.aws.services.filters import matches, terms
from localcloud.aws.services.http import _route
from localcloud.aws.services.rules import Rule
from localcloud.aws.wire import AwsError

STATES = {"a": "ALARM", "b": "OK", "with space": "ALARM"}.get


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ALARM(a)", True),
        ('ALARM("with space") AND OK("b")', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(b) OR NOT ALARM(b)", True),
        ("NOT (ALARM(a) OR ALARM(b))", False),
        ("ALARM(b) AND ALARM(a) OR TRUE", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:a)", True),
        ("INSUFFICIENT_DATA(a) OR FALSE", False),
    ],
)
def test_composite_rules(text, holds):
    assert Rule(text).holds(STATES) is holds


@pytest.mark.parametrize("text", ["", "ALARM(a", "a", "ALARM(a) AND", "ALARM(a) ALARM(b)", "BROKEN(a)"])
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(AwsError, match="ValidationError"):
        Rule(text)


def alarm(**changes):
    given = {
        "threshold": 5,
        "comparison_operator": "GreaterThanThreshold",
        "datapoints_to_alarm": None,
        "evaluation_periods": 3,
        "treat_missing_data": None,
        "state_value": "OK",
        "state_reason": "",
    }
    return SimpleNamespace(**{**given, **changes})


@pytest.mark.parametrize(
    ("points", "changes", "state"),
    [
        ([6, 6, 6], {}, "ALARM"),
        ([6, 6, 5], {}, "OK"),
        ([6, None, 6], {"datapoints_to_alarm": 2}, "ALARM"),
        ([None, None, None], {}, "INSUFFICIENT_DATA"),
        ([None, None, None], {"treat_missing_data": "notBreaching"}, "OK"),
        ([None, None, None], {"treat_missing_data": "breaching"}, "ALARM"),
        ([None, None, None], {"treat_missing_data": "ignore", "state_value": "ALARM"}, "ALARM"),
        ([4, 4, 4], {"comparison_operator": "LessThanThreshold"}, "ALARM"),
    ],
)
def test_an_alarms_state_follows_its_datapoints(points, changes, state):
    assert _state(alarm(**changes), points)[0] == state


NOON = datetime(2026, 11, 27, 12, 0, 0, 100_000, tzinfo=UTC)  # a Friday
BEFORE = NOON - timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("expression", "is_due"),
    [
        ("at(2026-11-27T12:00:00)", True),
        ("at(2026-11-27T12:00:01)", False),
        ("cron(0 12 * * ? *)", True),
        ("cron(0 12 ? * MON-FRI *)", True),
        ("cron(0 12 ? * SUN *)", False),
        ("cron(*/15 9-17 27 NOV ? 2026)", True),
        ("cron(1 12 * * ? *)", False),
        ("rate(5 minutes)", True),
        ("rate(7 minutes)", False),
    ],
)
def test_schedules_fall_due_once(expression, is_due):
    born = NOON - timedelta(minutes=10, milliseconds=100)
    assert due(expression, UTC, born, BEFORE, NOON) is is_due
    assert not due(expression, UTC, born, NOON, NOON + timedelta(milliseconds=250))


def test_a_schedule_means_its_own_time_zone():
    berlin = ZoneInfo("Europe/Berlin")
    assert due("cron(0 13 * * ? *)", berlin, BEFORE, BEFORE, NOON)
    assert not due("cron(0 12 * * ? *)", berlin, BEFORE, BEFORE, NOON)


@pytest.mark.parametrize("expression", ["rate(0 minutes)", "rate(5)", "cron(* * *)", "every(1 day)"])
def test_an_expression_that_is_none_is_refused(expression):
    with pytest.raises(AwsError, match="ValidationException"):
        due(expression, UTC, BEFORE, BEFORE, NOON)


def test_a_last_day_is_named_as_missing():
    with pytest.raises(AwsError, match="NotInRehearsal"):
        due("cron(0 12 L * ? *)", UTC, BEFORE, BEFORE, NOON)


@pytest.mark.parametrize(
    ("pattern", "message", "found"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR late", "an ERROR here", False),
        ("?ERROR ?Traceback", "Traceback (most recent)", True),
        ("?ERROR ?Traceback", "fine", False),
        ('"agent finished"', "agent finished x", True),
        ('"agent finished"', "finished agent", False),
        ("ERROR -expected", "ERROR expected", False),
    ],
)
def test_filter_patterns(pattern, message, found):
    assert matches(pattern, message) is found


def test_patterns_that_look_into_json_are_named_as_missing():
    with pytest.raises(AwsError, match="NotInRehearsal"):
        terms("{ $.level = 50 }")


EVENT = {"id": "e", "detail": {"dream": {"id": "d"}, "n": 1}}


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ({}, EVENT),
        ({"Input": '{"a": 1}'}, {"a": 1}),
        ({"InputPath": "$.detail.dream"}, {"id": "d"}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"d": "$.detail.dream.id", "n": "$.detail.n"},
                    "InputTemplate": '{"dream": "<d>", "n": <n>}',
                }
            },
            {"dream": "d", "n": 1},
        ),
        ({"InputTransformer": {"InputPathsMap": {"d": "$.id"}, "InputTemplate": "see <d>"}}, "see e"),
    ],
)
def test_a_target_gets_what_it_asks_for(target, given):
    assert _input(target, EVENT) == given


def function(*statements):
    return SimpleNamespace(function_name="f", policy=SimpleNamespace(statements=list(statements)))


def test_a_function_is_called_only_by_whom_its_policy_names():
    statement = {
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:rule/a*"}},
    }
    require_permission(function(statement), "events.amazonaws.com", "arn:rule/abc")
    for who, source in (("events.amazonaws.com", "arn:rule/b"), ("sns.amazonaws.com", "arn:rule/a")):
        with pytest.raises(AwsError, match="AccessDenied"):
            require_permission(function(statement), who, source)
    with pytest.raises(AwsError, match="AccessDenied"):
        require_permission(function(), "events.amazonaws.com", "arn:rule/a")


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/dreams/7", "GET /dreams/{id}", {"id": "7"}),
        ("GET", "/dreams/latest", "GET /dreams/latest", {}),
        ("PUT", "/dreams/7", "ANY /dreams/{id}", {"id": "7"}),
        ("GET", "/files/a/b", "GET /files/{proxy+}", {"proxy": "a/b"}),
        ("GET", "/nothing", "$default", {}),
    ],
)
def test_the_most_specific_route_answers(method, path, key, parameters):
    keys = ["$default", "GET /dreams/{id}", "ANY /dreams/{id}", "GET /dreams/latest", "GET /files/{proxy+}"]
    api = SimpleNamespace(routes={key: SimpleNamespace(route_key=key) for key in keys})
    route, found = _route(api, method, path)
    assert (route.route_key, found) == (key, parameters)


def test_a_day_that_stands_out_is_an_anomaly():
    usual = [(f"2026-11-{day:02}", "EC2", 10 + day % 2) for day in range(1, 10)]
    found = list(_outliers(iter([*usual, ("2026-11-10", "EC2", 40.0), ("2026-11-10", "S3", 1.0)])))
    assert [(service, day) for service, day, _, _ in found] == [("EC2", "2026-11-10")]


def test_the_price_list_says_what_the_sheet_says():
    """Every lookup that the refresh makes finds one product, at the sheet's own price."""
    folder = pricing._INFRASTRUCTURE
    sheet = load_prices(folder / "prices.yaml")
    local = pricing.Pricing()

    class Client:
        def get_products(self, **given):
            return local._get_products(None, given)

    lookups = load_lookups(folder / "price-lookups.yaml").aws
    asked = {name: lookup for name, lookup in lookups.items() if name in sheet.prices["aws"]}
    assert asked
    for name, lookup in asked.items():
        price = AwsPrices(Client(), sheet.regions["aws"]).price(lookup)
        assert price == pytest.approx(sheet.prices["aws"][name].usd, rel=1e-3), name
    codes = {one["ServiceCode"] for one in local._describe_services(None, {})["Services"]}
    assert codes == {lookup.service for lookup in asked.values()}
    assert all(re.fullmatch(r"\w+", code) for code in codes)
    with pytest.raises(AwsError, match="NotFound"):
        local._get_products(None, {"ServiceCode": "AmazonNothing"})
    product = json.loads(local._get_products(None, {"ServiceCode": "AmazonEKS"})["PriceList"][0])
    assert "price sheet" in json.dumps(product["terms"])
