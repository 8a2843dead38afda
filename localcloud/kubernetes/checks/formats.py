"""How names, labels, keys, ports and addresses are written.

Sentences of k8s.io/apimachinery, pkg/util/validation (read November 2026).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_QUALIFIED})?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_PERCENT = r"[0-9]+%"


def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_IS_LABEL, _IS_SUBDOMAIN, _IS_DNS1035 = _matcher(_LABEL), _matcher(_SUBDOMAIN), _matcher(_DNS1035)
_IS_QUALIFIED, _IS_VALUE, _IS_KEY = _matcher(_QUALIFIED), _matcher(_VALUE), _matcher(_CONFIG_KEY)
_IS_PORT, _IS_PERCENT = _matcher(r"[-a-z0-9]+"), _matcher(_PERCENT)
_IS_ENVIRONMENT = _matcher(r"[ -<>-~]+")


def _such_as(text: str, pattern: str, *examples: str) -> str:
    quoted = " or ".join(f"'{e}', " for e in examples)
    return f"{text} (e.g. {quoted}regex used for validation is '{pattern}')"


_ENDS = "must start and end with an alphanumeric character"
_LABEL_TEXT = _such_as(
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ENDS}",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_TEXT = _such_as(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    f"and {_ENDS}",
    _SUBDOMAIN,
    "example.com",
)
_DNS1035_TEXT = _such_as(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character",
    _DNS1035,
    "my-name",
    "abc-123",
)
_NAME_TEXT = _such_as(
    f"must consist of alphanumeric characters, '-', '_' or '.', and {_ENDS}",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_VALUE_TEXT = _such_as(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    f"and {_ENDS}",
    _VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_KEY_TEXT = _such_as(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
PERCENT_TEXT = _such_as(
    "a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%"
)
PORT_TEXT = "must be between 1 and 65535, inclusive"


def _named(text: str, pattern: re.Pattern[str], longest: int, said: str) -> Iterator[str]:
    if len(text) > longest:
        yield f"must be no more than {longest} characters"
    if not pattern.fullmatch(text):
        yield said


def label(text: str) -> Iterator[str]:
    """A DNS label of RFC 1123 (namespaces, containers)."""
    return _named(text, _IS_LABEL, 63, _LABEL_TEXT)


def subdomain(text: str) -> Iterator[str]:
    """A DNS subdomain of RFC 1123 (most names)."""
    return _named(text, _IS_SUBDOMAIN, 253, _SUBDOMAIN_TEXT)


def dns1035(text: str) -> Iterator[str]:
    """A DNS label of RFC 1035 (Services)."""
    return _named(text, _IS_DNS1035, 63, _DNS1035_TEXT)


def path_segment(text: str) -> Iterator[str]:
    """What fits between two slashes of a URL (roles and bindings)."""
    if text in (".", ".."):
        yield f"may not be '{text}'"
    for sign in "/%":
        if sign in text:
            yield f"may not contain '{sign}'"


@lru_cache(maxsize=4096)
def qualified(text: str) -> tuple[str, ...]:
    """A key of labels, annotations or resources: a name, or a domain, a slash and a name."""
    parts = text.split("/")
    if len(parts) > 2:
        return (f"a qualified name {_NAME_TEXT} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')",)  # fmt: skip
    said = []
    if len(parts) == 2:
        said = (
            [f"prefix part {t}" for t in subdomain(parts[0])]
            if parts[0]
            else ["prefix part must be non-empty"]
        )
    name = parts[-1]
    if not name:
        said.append("name part must be non-empty")
    elif len(name) > 63:
        said.append("name part must be no more than 63 characters")
    if not _IS_QUALIFIED.fullmatch(name):
        said.append(f"name part {_NAME_TEXT}")
    return tuple(said)


def annotation(text: str) -> tuple[str, ...]:
    """A key of annotations: as a label's, whatever the case of its domain."""
    return qualified(text.lower())


@lru_cache(maxsize=4096)
def label_value(text: str) -> tuple[str, ...]:
    """A label's value."""
    return tuple(_named(text, _IS_VALUE, 63, _VALUE_TEXT))


def config_key(text: str) -> Iterator[str]:
    """A key of a ConfigMap or a Secret."""
    yield from _named(text, _IS_KEY, 253, _KEY_TEXT)
    if text in (".", ".."):
        yield f"must not be '{text}'"
    elif text.startswith(".."):
        yield "must not start with '..'"


def environment_name(text: str) -> Iterator[str]:
    """An environment variable's name."""
    if not _IS_ENVIRONMENT.fullmatch(text):
        yield (
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )


def port_name(text: str) -> Iterator[str]:
    """A container port's name."""
    if len(text) > 15:
        yield "must be no more than 15 characters"
    if not _IS_PORT.fullmatch(text):
        yield "must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", text):
        yield "must contain at least one letter (a-z)"
    if "--" in text:
        yield "must not contain consecutive hyphens"
    if text[:1] == "-" or text[-1:] == "-":
        yield "must not begin or end with a hyphen"


def percent(text: str) -> bool:
    """Whether a text is a share such as ``25%``."""
    return _IS_PERCENT.fullmatch(text) is not None


def address(text: str) -> Iterator[str]:
    """An IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        yield "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def network(text: str) -> Iterator[str]:
    """A range of addresses."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    else:
        if "/" not in text:
            yield "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
