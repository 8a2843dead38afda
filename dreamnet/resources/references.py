"""References in declarations: `${google.project}`, `${secret.NAME}`, `${resource:google/network.selfLink}`.

A reference may stand anywhere in a string. A string that is exactly one reference takes the value's own type.
Resource references point into the live body of another resource, and make that resource a dependency. Secrets
are resolved at apply only; in a plan the reference itself stands where the secret would be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.errors import ConfigurationError
from dreamnet.resources.model import Live, Resource

Secrets = Mapping[str, str] | Callable[[str], str]

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_RESOURCE = re.compile(r"resource:(?P<id>[a-z]+/[A-Za-z0-9_-]+)(?P<path>(?:\.[A-Za-z0-9_-]+|\[\d+\])+)\Z")
_SECRET = re.compile(r"secret\.(?P<name>[A-Za-z0-9_-]+)\Z")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\Z")
_PATH_PART = re.compile(r"[A-Za-z0-9_-]+")


class Unknown(str):
    """A value that only an apply can know: an output of a resource that does not exist yet.

    It is a string, so that drivers can carry it in a body; they can tell it from real ones by its type.
    """

    __slots__ = ()

    def __new__(cls) -> Unknown:
        """The one text that plans show."""
        return super().__new__(cls, "(known after apply)")

    def __reduce__(self) -> tuple[type[Unknown], tuple[()]]:
        """A copy needs no argument either."""
        return Unknown, ()


@dataclass(frozen=True)
class ResourceReference:
    """`${resource:ID.path}`: which resource, and the keys and indexes that lead into its live body."""

    id: str
    path: tuple[str, ...]


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Every reference in a nested value, as (JSON pointer of the string, text between `${` and `}`)."""
    for pointer, text in strings(value):
        for match in _REFERENCE.finditer(text):
            yield pointer, match.group(1)


def strings(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a nested value with its JSON pointer: values, and keys that hold a reference."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            below = f"{pointer}/{escape(str(key))}"
            if "${" in str(key):
                yield below, str(key)
            yield from strings(item, below)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from strings(item, f"{pointer}/{index}")


def escape(key: str) -> str:
    """A key as a JSON pointer's part (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def parse_resource_reference(text: str) -> ResourceReference | None:
    """The parts of a resource reference, or None where the text is another kind of reference."""
    match = _RESOURCE.match(text)
    if match is None:
        return None
    return ResourceReference(match["id"], tuple(_PATH_PART.findall(match["path"])))


def secret_name(text: str) -> str | None:
    """The name in `secret.NAME`, or None where the text is another kind of reference."""
    match = _SECRET.match(text)
    return match["name"] if match else None


def malformed(text: str) -> bool:
    """Whether the text between `${` and `}` is none of the three kinds of reference."""
    if text.startswith(("resource:", "secret.")):
        return parse_resource_reference(text) is None and secret_name(text) is None
    return _VARIABLE.match(text) is None


def dependencies(resource: Resource) -> set[str]:
    """Ids of the resources whose live values this declaration refers to."""
    return {reference.id for reference in map(parse_resource_reference, _texts(resource)) if reference}


def secrets_used(resource: Resource) -> set[str]:
    """Names of the secrets that this declaration refers to."""
    return {name for name in map(secret_name, _texts(resource)) if name}


def secret_pointers(body: Any) -> set[str]:
    """JSON pointers of the body's strings that hold a secret."""
    return {pointer for pointer, text in references(body) if secret_name(text)}


def _texts(resource: Resource) -> Iterator[str]:
    for _, text in references([resource.name, resource.parent, resource.body]):
        yield text


@dataclass(frozen=True)
class Resolver:
    """Replaces references by values.

    Attributes:
        variables: what the operator's accounts say, flat: `{"google.project": "dreamnet-62b49", "image":
            ...}`.
        live: gives another resource's live state; None while there is none (its outputs are then `Unknown`).
        secret: gives a secret's value. None at plan time: the reference itself stays in the string.
        strict: an output that the live resource lacks is an error (apply) instead of `Unknown` (plan).
    """

    variables: Mapping[str, Any]
    live: Callable[[str], Live | None]
    secret: Callable[[str], str] | None = None
    strict: bool = False

    def resolve(self, resource: Resource) -> Resource:
        """The resource with every reference replaced.

        Raises:
            ConfigurationError: a variable, secret or output is missing; names file, line and reference.
        """
        return resource.with_values(
            name=str(self._value(resource.name, resource)),
            parent=str(self._value(resource.parent, resource)),
            body=self._value(resource.body, resource),
        )

    def _value(self, value: Any, resource: Resource) -> Any:
        if isinstance(value, str):
            return self._string(value, resource)
        if isinstance(value, Mapping):
            return {self._key(key, resource): self._value(item, resource) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(item, resource) for item in value]
        return value

    def _key(self, key: Any, resource: Resource) -> Any:
        """A key of a free map, which may hold a reference as well (a fleet's memberships)."""
        return str(self._string(key, resource)) if isinstance(key, str) else key

    def _string(self, text: str, resource: Resource) -> Any:
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self._reference(whole.group(1), resource)
        parts = [self._reference(found, resource) for found in _REFERENCE.findall(text)]
        if any(isinstance(part, Unknown) for part in parts):
            return Unknown()
        values = iter(parts)
        return _REFERENCE.sub(lambda _: str(next(values)), text)

    def _reference(self, text: str, resource: Resource) -> Any:
        reference = parse_resource_reference(text)
        if reference:
            return self._output(reference, text, resource)
        name = secret_name(text)
        if name:
            return self._secret(name, resource)
        if text not in self.variables:
            known = ", ".join(sorted(self.variables)) or "none"
            raise ConfigurationError(
                f"{resource.source}: {resource.id} refers to ${{{text}}}, which nothing defines.",
                f"Correct the name or set it in the account's block; known are: {known}.",
            )
        return self.variables[text]

    def _secret(self, name: str, resource: Resource) -> str:
        if self.secret is None:
            return f"${{secret.{name}}}"
        try:
            return self.secret(name)
        except KeyError:
            raise ConfigurationError(
                f"{resource.source}: {resource.id} needs the secret {name}, which is not set.",
                f"Save the secret {name} in the profile's Secret blocks and run again.",
            ) from None

    def _output(self, reference: ResourceReference, text: str, resource: Resource) -> Any:
        live = self.live(reference.id)
        if live is None and not self.strict:
            return Unknown()
        value: Any = live.body if live else {}
        for key in reference.path:
            value = _step(value, key)
        if value is not None:
            return value
        if not self.strict:
            return Unknown()
        raise ConfigurationError(
            f"{resource.source}: {resource.id} refers to ${{{text}}}, but {reference.id} has no such output.",
            f"Compare the path with what the cloud returns for {reference.id}, and correct it.",
        )


def _step(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and key.isdigit() and int(key) < len(value):
        return value[int(key)]
    return None


def secret_reader(secrets: Secrets) -> Callable[[str], str]:
    """One way to ask for a secret, whether the caller holds a mapping or a function (KeyError when
    missing)."""
    return secrets.__getitem__ if isinstance(secrets, Mapping) else secrets
