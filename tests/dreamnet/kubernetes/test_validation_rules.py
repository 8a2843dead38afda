"""Validation rules of custom kinds: what they say of objects and of changes; ours can all be evaluated."""

from pathlib import Path

import pytest
import yaml

from dreamnet.kubernetes import rules
from dreamnet.kubernetes.custom import read_kinds
from dreamnet.kubernetes.manifests import validate

CRDS = Path(__file__).parents[3] / "infrastructure" / "kubernetes" / "crds"
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def schema(properties, *own, **more):
    return {"type": "object", "properties": properties, "x-kubernetes-validations": list(own)} | more


def broken(level, new, old=None):
    return [tuple(b) for b in rules.broken(rules.prepare(level), new, old)]


def test_a_rule_that_does_not_hold_names_the_field_and_says_its_message():
    sizes = schema({"least": WHOLE, "most": WHOLE}, {"rule": "self.least <= self.most", "message": "too big"})
    level = {"type": "object", "properties": {"spec": sizes}}
    assert broken(level, {"spec": {"least": 1, "most": 2}}) == []
    assert broken(level, {"spec": {"least": 3, "most": 2}}) == [
        ("spec", "FieldValueInvalid", 'Invalid value: "object": too big')
    ]
    assert broken(level, {}) == [], "no value, no rule"
    (missing,) = broken(level, {"spec": {"least": 3}})
    assert "rule: self.least <= self.most: evaluation error: no such" in missing[2]


def test_reason_path_and_computed_message():
    told = {
        "rule": "has(self.a)",
        "reason": "FieldValueRequired",
        "fieldPath": ".a",
        "messageExpression": "'a is missing beside ' + self.b",
        "message": "a is missing",
    }
    level = {"type": "object", "properties": {"spec": schema({"a": TEXT, "b": TEXT}, told)}}
    assert broken(level, {"spec": {"b": "x"}}) == [
        ("spec.a", "FieldValueRequired", "Required value: a is missing beside x")
    ]
    # An expression that fails leaves the fixed message.
    assert broken(level, {"spec": {}})[0][2] == "Required value: a is missing"


def test_transition_rules_compare_with_what_was_there():
    name = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]}
    item = {"type": "object", "properties": {"key": TEXT, "name": name}}
    items = {"type": "array", "items": item, "x-kubernetes-list-map-keys": ["key"]}
    loose = {"type": "array", "items": item}
    level = {"type": "object", "properties": {"name": name, "items": items, "loose": loose}}
    assert broken(level, {"name": "a"}) == [], "nothing to compare with"
    assert broken(level, {"name": "a"}, {"name": "a"}) == []
    assert broken(level, {"name": "b"}, {"name": "a"}) == [
        ("name", "FieldValueInvalid", 'Invalid value: "string": fixed')
    ]
    before = [{"key": "x", "name": "1"}, {"key": "y", "name": "2"}]
    after = [{"key": "y", "name": "2"}, {"key": "x", "name": "3"}]
    assert [b[0] for b in broken(level, {"items": after}, {"items": before})] == ["items[1].name"]
    assert broken(level, {"loose": after}, {"loose": before}) == []


def test_what_did_not_change_may_stay_against_a_later_rule():
    part = schema({"n": WHOLE}, {"rule": "self.n > 5"})
    level = {"type": "object", "properties": {"a": part, "b": part}}
    old = {"a": {"n": 1}, "b": {"n": 9}}
    assert broken(level, {"a": {"n": 1}, "b": {"n": 8}}, old) == []
    assert [b[0] for b in broken(level, {"a": {"n": 2}, "b": {"n": 9}}, old)] == ["a"]


def test_maps_escaped_names_numbers_and_times():
    names = {
        "type": "object",
        "additionalProperties": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self.startsWith('a')"}],
        },
    }
    level = schema(
        {
            "namespace": TEXT,
            "x-y": TEXT,
            "share": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "names": names,
        },
        {"rule": "self.__namespace__ == self.x__dash__y"},
        {"rule": "self.share < 1.5"},
        {"rule": "self.at < timestamp('2027-01-01T00:00:00Z')"},
    )
    good = {"namespace": "a", "x-y": "a", "share": 1, "at": "2026-01-01T00:00:00Z", "names": {"k.8": "ab"}}
    assert broken(level, good) == []
    assert [b[0] for b in broken(level, good | {"names": {"k.8": "b"}})] == ["names[k.8]"]
    assert "failed rule: self.share < 1.5" in broken(level, good | {"share": 2})[0][2]


@pytest.mark.parametrize("rule", ["quantity(self.a).isLessThan(quantity('1'))", "self.?a.hasValue()", "("])
def test_a_rule_beyond_this_evaluation_is_named(rule):
    level = schema({"a": TEXT}, {"rule": rule})
    with pytest.raises(rules.NotEvaluable, match="validation rule"):
        broken(level, {"a": "1"})


def test_values_of_two_types_differ_and_defaults_come_first():
    port = {"x-kubernetes-int-or-string": True, "x-kubernetes-validations": [{"rule": "self != 0"}]}
    group = {"type": "string", "default": "core"}
    level = schema({"port": port, "group": group}, {"rule": "self.group == 'core'"})
    assert broken(level, rules.filled({"port": "http"}, level)) == []
    assert len(broken(level, rules.filled({"port": 0, "group": "apps"}, level))) == 2


def every_rule(level):
    yield from level.rules
    for inner in [*level.members.values(), *([level.items] if level.items else [])]:
        yield from every_rule(inner)


def test_every_rule_of_our_definitions_can_be_evaluated():
    levels = [rules.prepare(schema) for _, _, schema in read_kinds(CRDS)]
    texts = {str(rule["rule"]) for level in levels if level for rule in every_rule(level)}
    assert len(texts) > 100
    for text in texts:
        rules._program(text)


ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api, namespace: dreamnet}
spec:
  rules:
  - filters:
    - {type: RequestRedirect, requestRedirect: {statusCode: 301}}
    backendRefs:
    - {name: api, port: 8080}
"""


def test_manifests_are_held_to_the_rules():
    route = yaml.safe_load(ROUTE)
    (problem,) = validate([route], crds=CRDS)
    assert problem.path == "/spec/rules/0"
    assert "RequestRedirect filter must not be used together with backendRefs" in problem.message
    del route["spec"]["rules"][0]["backendRefs"]
    assert validate([route], crds=CRDS) == []
