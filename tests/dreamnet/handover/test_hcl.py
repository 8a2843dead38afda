"""The writer of Terraform's language. Every expected text is what `terraform fmt` 1.11.4 leaves as it is."""

from __future__ import annotations

import pygohcl
import pytest

from dreamnet.handover.hcl import (
    Attribute,
    Block,
    Comment,
    Expression,
    Json,
    Template,
    document,
    identifier,
    value,
)


def test_consecutive_one_line_attributes_are_aligned_and_longer_ones_stand_alone() -> None:
    block = Block(
        "resource",
        ("a", "b"),
        [
            Attribute("a", 1),
            Attribute("longer", "x"),
            Attribute("labels", {"k": 1, "long-key": True, "with space": None}),
            Attribute("c", Expression("var.c")),
            Block("inner", (), [Attribute("x", 1.5), Attribute("yyy", [1, 2])]),
            Block("empty"),
            Comment("said"),
        ],
        ("above",),
    )
    assert document([block], ("A file", "", "of two lines")) == (
        "# A file\n#\n# of two lines\n\n"
        "# above\n"
        'resource "a" "b" {\n'
        "  a      = 1\n"
        '  longer = "x"\n'
        "\n"
        "  labels = {\n"
        "    k            = 1\n"
        "    long-key     = true\n"
        '    "with space" = null\n'
        "  }\n"
        "\n"
        "  c = var.c\n"
        "\n"
        "  inner {\n"
        "    x   = 1.5\n"
        "    yyy = [1, 2]\n"
        "  }\n"
        "\n"
        "  empty {}\n"
        "\n"
        "  # said\n"
        "}\n"
    )


def test_an_attribute_of_several_lines_ends_the_run_in_an_object() -> None:
    given = {"a": 1, "list": [{"x": [1]}, {"yy": 2}], "bcd": Json({"k": "v"}), "e": {}}
    assert value(given) == (
        "{\n"
        "  a = 1\n"
        "  list = [\n"
        "    {\n"
        "      x = [1]\n"
        "    },\n"
        "    { yy = 2 },\n"
        "  ]\n"
        "  bcd = jsonencode({\n"
        '    k = "v"\n'
        "  })\n"
        "  e = {}\n"
        "}"
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ('say "hi"\n', r'"say \"hi\"\n"'),
        ("${x} and %{y}", '"$${x} and %%{y}"'),
        (Template(("a-", Expression("var.b"), "${c}")), '"a-${var.b}$${c}"'),
        (True, "true"),
        (None, "null"),
        ("Träume", '"Träume"'),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_values(given: object, code: str) -> None:
    assert value(given) == code


def test_a_long_list_takes_a_line_for_each() -> None:
    words = [f"permission.number.{index}" for index in range(6)]
    assert value(words) == "[\n" + "".join(f'  "{word}",\n' for word in words) + "]"


@pytest.mark.parametrize("text", ['quote " and \\ back', "tab\there", "$${", "é ✓"])
def test_terraforms_own_parser_reads_strings_back(text: str) -> None:
    read = pygohcl.loads(document([Block("locals", (), [Attribute("x", text)])]))
    assert read["locals"]["x"] == text


def test_identifiers() -> None:
    assert identifier("gke-cluster.name") == "gke_cluster_name"
    assert identifier("1st") == "_1st"
