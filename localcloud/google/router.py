"""Which method of which discovery document a request means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from dreamnet.errors import ConfigurationError
from dreamnet.resources.google.discovery import Api, Method, load_api
from localcloud.google.hooks import Refusal

_VERSION = re.compile(r"(?:^|/)(v\d\w*|beta|alpha)(?=/|$)")
_BELOW_VERSION = re.compile(r"^(?:[a-z]+/)?v\d\w*/")
_SEGMENT = re.compile(r"\{\+?(?P<name>[^}]+)\}(?P<suffix>.*)")


@dataclass
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    variables: list[tuple[str, _Node]] = field(default_factory=list)  # suffix (`:verb`), what follows
    methods: dict[str, Method] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """A request's method, and the values in its path.

    Attributes:
        path: the path below the service path and version, as it was sent.
    """

    api: Api
    method: Method
    variables: dict[str, str]
    path: str


def route(http: str, raw_path: str) -> Route:
    """Find the method.

    Args:
        http: `GET`, ...
        raw_path: the request's path below the root, still percent-encoded: `<api>/<service path><path>`.

    Raises:
        Refusal: 404, where Google's documents have no such method.
    """
    name, _, rest = raw_path.strip("/").partition("/")
    version = _VERSION.search(rest)
    try:
        api = load_api(name, version[1] if version else "")
    except ConfigurationError as error:
        raise Refusal(404, f"The requested URL /{raw_path} was not found: {error.problem}") from error
    below = rest.removeprefix(api.service_path)
    segments = below.split("/")
    node = _find(_tree(api), segments, http)
    if node is None:
        raise Refusal(404, f"The requested URL /{raw_path} was not found: no {http} method has this path.")
    method = node.methods[http]
    path = unquote(_BELOW_VERSION.sub("", below, count=1))
    return Route(api, method, _variables(method.template, segments), path)


@lru_cache(maxsize=32)
def _tree(api: Api) -> _Node:
    root = _Node()
    for methods in api.methods.values():
        for method in methods.values():
            _plant(root, method)
    return root


def _plant(node: _Node, method: Method) -> None:
    for segment in method.template.split("/"):
        variable = _SEGMENT.fullmatch(segment)
        if not variable:
            node = node.literals.setdefault(segment, _Node())
            continue
        known = next((child for suffix, child in node.variables if suffix == variable["suffix"]), None)
        if known is None:
            known = _Node()
            node.variables.append((variable["suffix"], known))
            node.variables.sort(key=lambda one: -len(one[0]))
        node = known
    node.methods.setdefault(method.http, method)


def _find(node: _Node, segments: list[str], http: str) -> _Node | None:
    if not segments:
        return node if http in node.methods else None
    first, others = segments[0], segments[1:]
    children = [node.literals[first]] if first in node.literals else []
    children += [child for suffix, child in node.variables if first.endswith(suffix) and first != suffix]
    found = (_find(child, others, http) for child in children)
    return next((one for one in found if one), None)


def _variables(template: str, segments: list[str]) -> dict[str, str]:
    values = {}
    for wanted, given in zip(template.split("/"), segments, strict=True):
        variable = _SEGMENT.fullmatch(wanted)
        if variable:
            values[variable["name"]] = unquote(given.removesuffix(variable["suffix"]))
    return values
