"""What a mapping from a vendor's type to a Terraform resource says beyond the provider's own schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.resources.model import Resource

Prepare = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """A part of a resource that is a resource of its own in Terraform.

    Attributes:
        terraform: the resource type.
        suffix: what its name has behind the whole's.
        body: as the vendor's API calls the fields; it may hold references.
        import_id: the id that an import takes; empty where the provider can't import it.
    """

    terraform: str
    suffix: str
    body: Mapping[str, Any]
    import_id: str = ""


@dataclass(frozen=True)
class Rule:
    """How one type is written.

    Attributes:
        terraform: the resource type.
        identity: the attribute that holds the resource's name; empty where the cloud names it.
        moves: fields that stand elsewhere in Terraform, path to path (see
            `dreamnet.handover.conversion.moved`); the empty path leaves a field out.
        prepare: changes the body after the moves, where that is not enough.
        import_id: the form of an import's id, where the provider's own first one doesn't serve.
        importable: the provider can import it.
        parts: what of the declaration becomes further resources.
        parents: an attribute that names what the resource belongs to -> the attribute of that which it takes.
        members: the same for the members of its policy.
    """

    terraform: str
    identity: str = "name"
    moves: Mapping[str, str] = field(default_factory=dict)
    prepare: Prepare | None = None
    import_id: str = ""
    importable: bool = True
    parts: Callable[[Resource], Iterable[Part]] | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
