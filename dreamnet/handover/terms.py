"""The catalogue's references in Terraform's words.

`${google.project}` becomes `var.google_project`, `${secret.NAME}` a sensitive variable, and
`${resource:google/network.selfLink}` an attribute of the resource that the network has become.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.handover.hcl import Expression, Template, identifier, value
from dreamnet.handover.providers import Attributes, find, inside, kind
from dreamnet.resources.references import parse_resource_reference, secret_name

#: What stands before code that another module has written into a string: `${terraform:google_x.y.name}`.
OURS = "terraform:"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True)
class Variable:
    """An input of the generated configuration.

    Attributes:
        name: Terraform's name.
        reference: what the catalogue calls it, such as `google.project`.
        description: for whoever fills it in.
        sensitive: a secret.
    """

    name: str
    reference: str
    description: str
    sensitive: bool = False


@dataclass
class Terms:
    """Translates references, and remembers which variables that took.

    Attributes:
        output: the code of another resource's output, given its id and the path into its live body; None
            where Terraform has no such resource or attribute.
        variables: what was used so far, by name.
    """

    output: Callable[[str, tuple[str, ...]], str | None]
    variables: dict[str, Variable] = field(default_factory=dict)

    def text(self, text: str) -> str | Expression | Template:
        """A string with its references translated; one that is exactly a reference becomes an expression."""
        parts = [*self._parts(text)]
        if len(parts) == 1:
            return parts[0]
        return Template(tuple(parts)) if parts else ""

    def deep(self, given: Any) -> Any:
        """The same for every string of a nested value, keys included."""
        if isinstance(given, str):
            return self.text(given)
        if isinstance(given, Mapping):
            return {self._key(key): self.deep(item) for key, item in given.items()}
        if isinstance(given, list | tuple):
            return [self.deep(item) for item in given]
        return given

    def _key(self, key: str) -> str:
        if "${" not in key:
            return key
        translated = value(self.text(key))
        return translated if translated.startswith('"') else f"({translated})"

    def _parts(self, text: str) -> Iterator[str | Expression]:
        end = 0
        for found in _REFERENCE.finditer(text):
            if found.start() > end:
                yield text[end : found.start()]
            yield Expression(self._code(found[1]))
            end = found.end()
        if end < len(text):
            yield text[end:]

    def _code(self, reference: str) -> str:
        if reference.startswith(OURS):
            return reference.removeprefix(OURS)
        resource = parse_resource_reference(reference)
        if resource:
            return self.output(resource.id, resource.path) or self._missing(resource.id, resource.path)
        secret = secret_name(reference)
        if secret:
            return self._variable(identifier(secret), reference, f"The secret {secret}.", sensitive=True)
        return self._variable(identifier(reference), reference, f"What the profile calls {reference}.")

    def _missing(self, resource_id: str, path: tuple[str, ...]) -> str:
        name = identifier("_".join([resource_id.split("/")[1], *path]))
        said = f"{'.'.join(path)} of {resource_id}, which Terraform does not manage here."
        return self._variable(name, f"resource:{resource_id}.{'.'.join(path)}", said)

    def _variable(self, name: str, reference: str, description: str, *, sensitive: bool = False) -> str:
        self.variables.setdefault(name, Variable(name, reference, description, sensitive))
        return f"var.{name}"


def output_path(attributes: Attributes, path: tuple[str, ...]) -> str | None:
    """The code behind a resource's address that leads to an output, or None where there is none.

    Args:
        attributes: of the resource's type.
        path: keys and indexes into the live body.
    """
    code, inner, repeated = "", attributes, False
    for key in path:
        if key.isdigit():
            code, repeated = f"{code}[{key}]", False
            continue
        name = find(key, inner)
        if name is None:
            return None
        code += f"[0].{name}" if repeated else f".{name}"
        repeated = kind(inner[name]) in ("block1", "block", "objects")
        inner = inside(inner[name])
    return code
