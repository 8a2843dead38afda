"""What the Terraform providers offer, as data: resource types, their attributes, and ids that an import
takes.

The files beside this one are written by `dreamnet.handover.harvest`, which says what they hold.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dreamnet.handover.harvest import plain

_FOLDER = Path(__file__).parent

#: Attribute to its kind, or to `[kind, attributes inside]` (see `dreamnet.handover.harvest`).
Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Type:
    """One resource type of a provider.

    Attributes:
        name: such as `google_container_cluster`.
        attributes: what it takes and gives.
        imports: forms of the ids that an import takes, the provider's favourite first.
        pulumi: Pulumi's type token, or empty.
        beta: only the provider's beta edition has it.
    """

    name: str
    attributes: Attributes
    imports: tuple[str, ...] = ()
    pulumi: str = ""
    beta: bool = False


@dataclass(frozen=True)
class Provider:
    """One provider.

    Attributes:
        version: the one whose attributes these are.
        types: resource types by name.
        pulumi: Pulumi's type tokens by the vendor's type name without separators and case.
        by_plain_name: the types' names without separators and case.
    """

    version: str
    types: Mapping[str, Type]
    pulumi: Mapping[str, str]
    by_plain_name: Mapping[str, str]


@cache
def provider(name: str) -> Provider:
    """`google`, `awscc` or `aws`."""
    document = json.loads(gzip.decompress((_FOLDER / f"{name}.json.gz").read_bytes()))
    types = {
        key: Type(key, given["attributes"], tuple(given["imports"]), given["pulumi"], given["beta"])
        for key, given in document["types"].items()
    }
    names = {plain(key.split("_", 1)[1]): key for key in types}
    return Provider(document["version"], types, document["pulumi"], names)


def kind(given: Any) -> str:
    """An attribute's kind without its flag."""
    text: str = given if isinstance(given, str) else given[0]
    return text.removesuffix(" required").removesuffix(" computed")


def inside(given: Any) -> Attributes:
    """The attributes inside a block or an object."""
    attributes: Attributes = {} if isinstance(given, str) else given[1]
    return attributes


def required(given: Any) -> bool:
    """Whether an attribute must be given."""
    return (given if isinstance(given, str) else given[0]).endswith(" required")


def computed(given: Any) -> bool:
    """Whether an attribute is only an output."""
    return (given if isinstance(given, str) else given[0]).endswith(" computed")


def find(key: str, attributes: Attributes) -> str | None:
    """The attribute that a vendor's field has become: the same letters, or their singular or plural."""
    by_plain = {plain(name): name for name in attributes}
    word = plain(key)
    candidates = [word, word.removesuffix("s"), word.removesuffix("es"), f"{word}s"]
    if word.endswith("ies"):
        candidates.insert(1, f"{word[:-3]}y")
    return next((by_plain[one] for one in candidates if one in by_plain), None)
