"""Services of ours whose requests and answers follow botocore's model of the service, in its own protocol."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, AwsError, Call, model_name

Given = dict[str, Any]

#: An operation: the call (for its region) and the parsed parameters to the result.
Operation = Callable[[Call, Given], Given]


class Modelled:
    """Answers operations of one service from functions on parsed parameters.

    Args:
        service: the signing name, such as `globalaccelerator`.
        operations: what is answered, by the operation's name.
    """

    def __init__(self, service: str, operations: dict[str, Operation]) -> None:
        self._service = service
        self._operations = operations

    @property
    def operations(self) -> frozenset[str]:
        """`service:Operation` of everything that is answered."""
        return frozenset(f"{self._service}:{name}" for name in self._operations)

    def answer(self, call: Call, moto: Next) -> Answer:
        """Parse, check, do, and answer as the service would."""
        given = parsed(call)
        return serialized(call, self._operations[call.operation](call, given))


def parsed(call: Call) -> Given:
    """The parameters of a call, checked against the service's model.

    Raises:
        AwsError: something required is missing, or has the wrong type or length.
    """
    from botocore.validate import ParamValidator
    from moto.core.parse import PROTOCOL_PARSERS
    from werkzeug.datastructures import Headers, MultiDict
    from werkzeug.urls import iri_to_uri

    operation = _operation(call)
    protocol = _protocol(call)
    parser: Any = PROTOCOL_PARSERS[protocol](operation)
    given: Given = parser.parse(
        {
            "method": call.method,
            "values": MultiDict(_query(iri_to_uri(call.query), call)),
            "headers": Headers(list(call.headers.items())),
            "body": call.body,
            "url_path": call.path,
            "url_params": dict(call.parameters),
        }
    )
    given = {name: value for name, value in given.items() if value is not None}
    if operation.input_shape is not None:
        report = ParamValidator().validate(given, operation.input_shape)
        if report.has_errors():
            raise AwsError("ValidationException", report.generate_report())
    return given


def serialized(call: Call, result: Given) -> Answer:
    """A result in the call's protocol."""
    from moto.core.serialize import get_serializer_class

    operation = _operation(call)
    serializer = get_serializer_class(operation.service_model.service_name, _protocol(call))
    response = serializer(operation).serialize(result)
    body = response["body"]
    raw = body.encode() if isinstance(body, str) else bytes(body)
    return Answer(response["status_code"], {str(k): str(v) for k, v in response["headers"].items()}, raw)


@cache
def _service(name: str) -> Any:
    from moto.core.utils import get_service_model

    return get_service_model(name)


def _operation(call: Call) -> Any:
    return _service(model_name(call.service)).operation_model(call.operation)


def _protocol(call: Call) -> str:
    if call.protocol in ("json", "query"):
        return call.protocol
    return str(_service(model_name(call.service)).protocol)


def _query(query: str, call: Call) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    text = call.body.decode() if call.protocol == "query" and call.body else query
    return parse_qsl(text, keep_blank_values=True)


def page(
    items: list[Any], given: Given, token: str = "NextToken", size: str = "MaxResults"
) -> tuple[list[Any], Given]:
    """One page of a list, and the token of the next where there is one."""
    start, count = int(given.get(token) or 0), int(given.get(size) or 100)
    rest = {token: str(start + count)} if start + count < len(items) else {}
    return items[start : start + count], rest


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """`[{Key, Value}]` as a mapping."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}
