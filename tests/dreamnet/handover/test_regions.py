"""Two regions' resources as one module."""

from __future__ import annotations

from typing import Any

from dreamnet.handover.export import Export, Exported
from dreamnet.handover.hcl import Attribute, Block, Expression, Template, value
from dreamnet.handover.providers import Type
from dreamnet.handover.regions import regions
from dreamnet.handover.terms import Terms

NETWORK, CLUSTER = Type("google_network", {}), Type("google_cluster", {})


def resource(kind: Type, name: str, needs: tuple[str, ...] = (), /, **attributes: Any) -> Exported:
    body: list[Any] = [Attribute(key, given) for key, given in attributes.items()]
    block = Block("resource", (kind.name, name), body)
    return Exported(f"google/{name.replace('_', '-')}", "gke", kind, name, block, "", needs, None, None, "")


def export(*resources: Exported) -> Export:
    return Export("google", [*resources], {}, Terms(lambda resource_id, path: None))


NET = resource(NETWORK, "net", name="dreamnet")


def merged(first: dict[str, Any], second: dict[str, Any]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The module's attributes as code, and its inputs as the two values' code."""
    one, other = resource(CLUSTER, "cluster", **first), resource(CLUSTER, "cluster_second", **second)
    both = regions(export(NET, one, other))
    attributes = {item.name: value(item.value) for block in both.blocks for item in block.body}  # type: ignore[union-attr]
    return attributes, {each.name: [value(each.first), value(each.second)] for each in both.inputs}


def test_names_take_a_suffix_and_what_differs_a_variable() -> None:
    attributes, inputs = merged(
        {
            "name": "dreamnet",
            "size": 1,
            "same": True,
            "tag": "aws/subnet-a",
            "zone": Expression("var.google_zone"),
        },
        {
            "name": "dreamnet-second",
            "size": 2,
            "same": True,
            "tag": "aws/subnet-second-a",
            "zone": Template((Expression("var.google_second_region"), "-b")),
        },
    )
    assert attributes == {
        "name": '"dreamnet${var.suffix}"',
        "size": "var.size",
        "same": "true",
        "tag": '"aws/subnet${var.suffix}-a"',
        "zone": "var.zone",
    }
    assert inputs == {
        "suffix": ['""', '"-second"'],
        "size": ["1", "2"],
        "zone": ["var.google_zone", '"${var.google_second_region}-b"'],
    }


def test_what_lies_outside_comes_as_a_variable_once() -> None:
    network = Expression("google_network.net.self_link")
    place = {"region": Expression("var.google_region")}, {"region": Expression("var.google_second_region")}
    attributes, inputs = merged(
        {"network": network, "peer": network, **place[0]}, {"network": network, "peer": network, **place[1]}
    )
    assert attributes == {"network": "var.net_self_link", "peer": "var.net_self_link", "region": "var.region"}
    assert inputs["region"] == ["var.google_region", "var.google_second_region"]


def test_twins_refer_to_one_another_inside_and_are_asked_for_outputs_outside() -> None:
    subnet, subnet_second = resource(NETWORK, "sub", cidr="1"), resource(NETWORK, "sub_second", cidr="2")
    cluster = resource(CLUSTER, "cluster", ("google/sub",), subnet=Expression("google_network.sub.id"))
    second = resource(
        CLUSTER,
        "cluster_second",
        ("google/sub-second", "google/net"),
        subnet=Expression("google_network.sub_second.id"),
    )
    both = regions(export(NET, subnet, subnet_second, cluster, second))
    block = both.blocks[1]
    assert value(block.attribute("subnet")) == "google_network.sub.id"
    assert value(block.attribute("depends_on")) == "[google_network.sub, var.cluster_after]"
    assert {one.name: (value(one.first), value(one.second)) for one in both.inputs} == {
        "cidr": ('"1"', '"2"'),
        "cluster_after": ("[]", "[google_network.net.id]"),
    }
    asked = both.outside(
        Attribute("x", [Expression("google_cluster.cluster_second.endpoint"), Expression("var.y")])
    )
    assert value(asked.value) == "[module.second.cluster_endpoint, var.y]"
    assert both.outputs == {"cluster_endpoint": "google_cluster.cluster.endpoint"}
    assert both.address(second) == "module.second.google_cluster.cluster"
    assert both.address(NET) == "google_network.net"


def test_another_shape_or_a_reference_across_keeps_them_apart() -> None:
    apart = regions(export(resource(CLUSTER, "a", x=1), resource(CLUSTER, "a_second", x=1, y=2)))
    assert not apart.twins
    assert not apart.blocks
    longer = regions(
        export(
            resource(NETWORK, "b", x=1),
            resource(NETWORK, "b_second", x=2),
            resource(CLUSTER, "a", of=[Expression("google_network.b.id")]),
            resource(CLUSTER, "a_second", of=[]),
        )
    )
    assert [first.name for first, _ in longer.twins] == ["b"]
    across = regions(
        export(
            resource(CLUSTER, "primary", x=1),
            resource(CLUSTER, "primary_second", x=2),
            resource(NETWORK, "b", of=Expression("google_cluster.primary.id")),
            resource(NETWORK, "b_second", of=Expression("google_cluster.primary.id")),
        )
    )
    assert [first.name for first, _ in across.twins] == ["primary"]
