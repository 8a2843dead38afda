"""Bodies along a provider's schema, references in Terraform's words, fields that stand elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet.handover.conversion import Conversion, moved
from dreamnet.handover.hcl import Attribute, Block, Expression, Json, Template
from dreamnet.handover.terms import Terms, output_path


def output(resource_id: str, path: tuple[str, ...]) -> str | None:
    return f"x.{resource_id.split('/')[1]}.{'.'.join(path)}" if path != ("unknown",) else None


def convert(body: dict[str, Any], attributes: dict[str, Any]) -> tuple[list[Any], list[str]]:
    conversion = Conversion(Terms(output))
    return conversion.items(body, attributes), conversion.left_over


def test_fields_find_their_attribute_by_letters_singular_or_plural() -> None:
    attributes = {
        "secondary_ip_range": ["block", {"range_name": "string"}],
        "ip_v_6": "bool",
        "zones": "strings",
    }
    items, left = convert(
        {"secondaryIpRanges": [{"rangeName": "a"}, {"rangeName": "b"}], "IPv6": True, "zone": "z"}, attributes
    )
    assert items == [
        Attribute("ip_v_6", True),
        Attribute("zones", ["z"]),
        Block("secondary_ip_range", (), [Attribute("range_name", "a")]),
        Block("secondary_ip_range", (), [Attribute("range_name", "b")]),
    ]
    assert not left


def test_what_the_provider_lacks_or_only_gives_is_left_over_by_path() -> None:
    attributes = {"inner": ["block1", {"known": "string"}], "arn": "string computed"}
    items, left = convert({"inner": {"known": 1, "other": 2}, "arn": "a", "none": 0}, attributes)
    assert items == [Block("inner", (), [Attribute("known", "1")])]
    assert left == ["/inner/other", "/arn", "/none"]


def test_documents_become_json_and_text_becomes_numbers() -> None:
    attributes = {
        "policy": "string",
        "size": "number",
        "on": "bool",
        "objects": ["objects", {"key": "string"}],
    }
    items, _ = convert(
        {
            "policy": {"Version": "1", "Who": "${account}"},
            "size": "10",
            "on": "true",
            "objects": [{"Key": "k"}],
        },
        attributes,
    )
    assert items == [
        Attribute("policy", Json({"Version": "1", "Who": Expression("var.account")})),
        Attribute("size", 10),
        Attribute("on", True),
        Attribute("objects", [{"key": "k"}]),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${google.project}", Expression("var.google_project")),
        ("${resource:google/net.selfLink}", Expression("x.net.selfLink")),
        ("p-${google.project}", Template(("p-", Expression("var.google_project")))),
        ("${secret.database-password}", Expression("var.database_password")),
        ("${resource:google/net.unknown}", Expression("var.net_unknown")),
    ],
)
def test_references(text: str, expected: object) -> None:
    assert Terms(output).text(text) == expected


def test_variables_are_remembered_and_secrets_are_sensitive() -> None:
    terms = Terms(output)
    terms.deep({"a": ["${google.project}"], "${aws.account_id}:x": "${secret.neon-url}"})
    assert {name: one.sensitive for name, one in terms.variables.items()} == {
        "google_project": False,
        "aws_account_id": False,
        "neon_url": True,
    }


def test_outputs_inside_blocks_take_an_index() -> None:
    attributes = {
        "ip_address": ["objects computed", {"ip_address": "string computed"}],
        "uri": "string computed",
    }
    assert output_path(attributes, ("ipAddresses", "0", "ipAddress")) == ".ip_address[0].ip_address"
    assert output_path(attributes, ("ipAddresses", "ipAddress")) == ".ip_address[0].ip_address"
    assert output_path(attributes, ("uri",)) == ".uri"
    assert output_path(attributes, ("absent",)) is None


def test_moves_rename_lift_and_leave_out() -> None:
    body = {
        "settings": {"dataDiskSizeGb": "10", "tier": "small"},
        "pools": [{"config": {"type": "a"}, "gone": 1}, {"config": {"type": "b"}}],
        "access": {"uniform": {"enabled": True}},
        "schema": {"fields": [1]},
    }
    before = repr(body)
    assert moved(
        body,
        {
            "settings/dataDiskSizeGb": "settings/disk_size",
            "pools/config": "pools/node_config",
            "pools/gone": "",
            "access/uniform/enabled": "uniform",
            "absent/field": "elsewhere",
            "schema/fields": "schema",
        },
    ) == {
        "settings": {"tier": "small", "disk_size": "10"},
        "pools": [{"node_config": {"type": "a"}}, {"node_config": {"type": "b"}}],
        "uniform": True,
        "schema": [1],
    }
    assert repr(body) == before
