"""AWS's wire protocols, as far as a server needs them: which call it is, and how to say no."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

#: The code of every answer about something that the rehearsal lacks.
NOT_IN_REHEARSAL = "NotInRehearsal"

#: Signing names that are not the name of botocore's model.
_MODELS = {
    "apigateway": "apigatewayv2",
    "cloudcontrolapi": "cloudcontrol",
    "monitoring": "cloudwatch",
    "elasticfilesystem": "efs",
}


def model_name(service: str) -> str:
    """The name of botocore's model of a service, from its signing name."""
    return _MODELS.get(service, service)


@dataclass(frozen=True)
class Call:
    """One request, named.

    Attributes:
        service: the signing name, such as `rds`; empty where the request is unsigned.
        operation: such as `CreateDBInstance`; empty where the path says nothing to us.
        region: from the signature's scope.
        protocol: `json`, `query`, `ec2`, `rest-json`, `rest-xml`, `s3` or `cbor`.
        method, path, query, headers, body: as sent; header names in lower case, the path decoded.
        parameters: what a REST protocol's path holds, by the model's names, such as `{"name": "dreamnet"}`.
    """

    service: str
    operation: str
    region: str
    protocol: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The body of a JSON protocol."""
        return dict(json.loads(self.body or b"{}"))

    def form(self) -> dict[str, str]:
        """The parameters of a query protocol."""
        text = self.body.decode() or self.query
        return {key: values[-1] for key, values in parse_qs(text, keep_blank_values=True).items()}


@dataclass
class Answer:
    """One response: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def json(cls, content: Any, status: int = 200, content_type: str = "application/json") -> Answer:
        """A JSON document."""
        return cls(status, {"Content-Type": content_type}, json.dumps(content, default=str).encode())


class AwsError(Exception):
    """What a service of ours refuses with."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    @classmethod
    def not_in_rehearsal(cls, service: str, operation: str) -> AwsError:
        """The rehearsal lacks this operation."""
        return cls(NOT_IN_REHEARSAL, f"{service}:{operation or 'this call'} is not in the rehearsal", 501)


def identify(
    method: str, raw_path: str, query: str, headers: Mapping[str, str], body: bytes, service: str, region: str
) -> Call:
    """Name a request's protocol and operation. The path is taken as sent: slashes of an ARN are encoded."""
    protocol, operation, path = "rest", "", unquote(raw_path)
    parameters: dict[str, str] = {}
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        protocol, operation = "cbor", path.rsplit("/", 1)[-1]
    elif "x-amz-target" in headers:
        protocol, operation = "json", headers["x-amz-target"].rsplit(".", 1)[-1]
    elif headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        action = re.search(rb"(?:^|&)Action=(\w+)", body)
        protocol, operation = (
            ("ec2" if service == "ec2" else "query"),
            action.group(1).decode() if action else "",
        )
    else:
        model = _model(service)
        protocol = "s3" if service == "s3" else str(model.get("metadata", {}).get("protocol", "rest-json"))
        operation, parameters = _rest_operation(service, method, raw_path, query)
    return Call(service, operation, region, protocol, method, path, query, headers, body, parameters)


def error(call: Call, problem: AwsError) -> Answer:
    """The refusal in the call's own protocol."""
    request = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request}
    if call.protocol in ("query", "ec2", "rest-xml", "s3"):
        headers["Content-Type"] = "text/xml"
        return Answer(problem.status, headers, _xml_error(call.protocol, problem, request).encode())
    headers["x-amzn-ErrorType"] = problem.code
    if call.protocol == "cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        body = b"\xa2" + b"".join(map(_cbor_text, ("__type", problem.code, "message", problem.message)))
        return Answer(problem.status, headers, body)
    headers["Content-Type"] = "application/x-amz-json-1.0" if call.protocol == "json" else "application/json"
    content = {"__type": problem.code, "message": problem.message, "Message": problem.message}
    return Answer(problem.status, headers, json.dumps(content).encode())


def _xml_error(protocol: str, problem: AwsError, request: str) -> str:
    code = f"<Code>{escape(problem.code)}</Code><Message>{escape(problem.message)}</Message>"
    if protocol == "ec2":
        return f"<Response><Errors><Error>{code}</Error></Errors><RequestID>{request}</RequestID></Response>"
    if protocol == "s3":
        return f"<Error>{code}<RequestId>{request}</RequestId></Error>"
    inner = f"<Error><Type>Sender</Type>{code}</Error><RequestId>{request}</RequestId>"
    return f"<ErrorResponse>{inner}</ErrorResponse>"


def _cbor_text(text: str) -> bytes:
    """A text string as RFC 8949 encodes it (major type 3, two-byte length)."""
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data


@cache
def _model(service: str) -> Mapping[str, Any]:
    """botocore's model of a service, read from its data files; `{}` for one that it doesn't know."""
    spec = find_spec("botocore")
    if not service or spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "data" / model_name(service)
    files = sorted(folder.glob("*/service-2.json.gz"))
    if not files:
        return {}
    model: Mapping[str, Any] = json.loads(gzip.decompress(files[-1].read_bytes()))
    return model


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], list[str], str, str]]:
    """Method, path, its parameters' names, required query and name of a REST service's operations, most
    specific first."""
    found = []
    for name, operation in _model(service).get("operations", {}).items():
        path, _, query = operation["http"]["requestUri"].partition("?")
        parameters = re.findall(r"\{([^}+]+)\+?\}", path)
        literal = len(re.sub(r"\{[^}]+\}", "", path))
        route = (operation["http"]["method"], _path_pattern(path), parameters, query, name)
        found.append((-len(query), -literal, route))
    return [route for _, _, route in sorted(found, key=lambda one: one[:2])]


def _path_pattern(template: str) -> re.Pattern[str]:
    """A REST path's template as a pattern with a group for each parameter, in order.

    `{Key+}` takes slashes; so does an ARN, whose slashes not every client encodes.
    """

    def parameter(match: re.Match[str]) -> str:
        greedy = match[0].endswith(r"\+\}") or "arn" in match[0].lower()
        return "(.+)" if greedy else "([^/]+)"

    return re.compile(re.sub(r"\\\{.*?\\\}", parameter, re.escape(template)) + "/?$")


def _rest_operation(service: str, method: str, raw_path: str, query: str) -> tuple[str, dict[str, str]]:
    for verb, pattern, names, needed, name in _routes(service):
        found = pattern.match(raw_path) if verb == method and (not needed or needed in query) else None
        if found:
            return name, dict(zip(names, map(unquote, found.groups()), strict=True))
    return "", {}
