"""A custom kind's validation rules, held by the server: on create, on change, after defaults."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.errors import ApiError
from tests.localcloud.kubernetes_requests import running

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCALES = "/apis/example.com/v1/namespaces/default/scales"
MERGE = {"content_type": "application/merge-patch+json"}


def definition(**properties):
    spec = {
        "type": "object",
        "properties": {"least": {"type": "integer"}, "most": {"type": "integer", "default": 5}} | properties,
        "x-kubernetes-validations": [
            {"rule": "self.least <= self.most", "message": "least is above most"},
            {"rule": "self.most >= oldSelf.most", "messageExpression": "'most was ' + string(oldSelf.most)"},
        ],
    }
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "scales", "kind": "Scale", "listKind": "ScaleList"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "scales.example.com"}, "spec": spec}


async def serving(requests, body):
    await requests.call("POST", CRDS, body)
    await requests.until(lambda: requests.cluster.kinds.find("example.com", "v1", "scales"))


def scale(name="s", **spec):
    return {"metadata": {"name": name}, "spec": spec}


def test_rules_hold_on_create_and_on_change(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await serving(requests, definition())
            with pytest.raises(ApiError) as refused:
                await requests.call("POST", SCALES, scale(least=6))
            assert (refused.value.code, refused.value.reason) == (422, "Invalid")
            assert refused.value.message == (
                'Scale.example.com "s" is invalid: spec: Invalid value: "object": least is above most'
            )
            assert refused.value.details["causes"] == [
                {
                    "reason": "FieldValueInvalid",
                    "message": 'Invalid value: "object": least is above most',
                    "field": "spec",
                }
            ]
            assert (await requests.call("POST", SCALES, scale(least=5)))["spec"]["most"] == 5
            with pytest.raises(ApiError, match="most was 5"):
                await requests.call("PATCH", f"{SCALES}/s", {"spec": {"least": 1, "most": 4}}, **MERGE)
            changed = await requests.call("PATCH", f"{SCALES}/s", {"spec": {"most": 9}}, **MERGE)
            assert changed["spec"] == {"least": 5, "most": 9}

    asyncio.run(check())


def test_a_rule_that_cannot_be_evaluated_is_refused_by_name(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            rule = {"rule": "isQuantity(self)"}
            size = {"type": "string", "x-kubernetes-validations": [rule]}
            await serving(requests, definition(size=size))
            await requests.call("POST", SCALES, scale("without", least=1))
            with pytest.raises(ApiError, match=r"isQuantity.* is not in the rehearsal") as refused:
                await requests.call("POST", SCALES, scale(least=1, size="1Gi"))
            assert refused.value.code == 501

    asyncio.run(check())
