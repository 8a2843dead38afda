"""An OpenAPI 2 document as protobuf, which kubectl before 1.27 and client-go ask for.

Field numbers from github.com/google/gnostic, openapiv2/OpenAPIv2.proto (read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

Json = dict[str, Any]
MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#: The same by the name that older clients ask for.
_OLD_MEDIA = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_VARINT, _BYTES = 0, 2
#: Extensions of a Schema, an Operation.
_SCHEMA_EXTENSION, _OPERATION_EXTENSION = 31, 13


def wanted(accept: str) -> bool:
    """Whether a client's first choice is protobuf."""
    return accept.partition(",")[0].partition(";")[0].strip() in (MEDIA, _OLD_MEDIA)


def encode(document: Json) -> bytes:
    """The Document message: info, paths (with the parameters of get and patch) and definitions."""
    info = document["info"]
    paths = b"".join(_named(2, path, _path_item(item)) for path, item in document["paths"].items())
    schemas = b"".join(_named(1, name, _schema(s)) for name, s in document["definitions"].items())
    return b"".join(
        (
            _text(1, document["swagger"]),
            _bytes(2, _text(1, info["title"]) + _text(2, info["version"])),
            _bytes(8, paths),
            _bytes(9, schemas),
        )
    )


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def _bytes(field: int, content: bytes) -> bytes:
    return _number(field << 3 | _BYTES) + _number(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _named(field: int, name: str, content: bytes) -> bytes:
    """One entry of a map: a message of its name and its value."""
    return _bytes(field, _text(1, name) + _bytes(2, content))


def _any(value: Any) -> bytes:
    """Any JSON, as YAML text."""
    return _text(2, orjson.dumps(value).decode())


def _extensions(field: int, value: Json) -> Iterable[bytes]:
    return (_named(field, name, _any(v)) for name, v in value.items() if name.startswith("x-"))


def _path_item(item: Json) -> bytes:
    return b"".join(_bytes(2 if verb == "get" else 8, _operation(item[verb])) for verb in item)


def _operation(operation: Json) -> bytes:
    parameters = (
        # ParametersItem.parameter, Parameter.non_body_parameter, NonBodyParameter.query_parameter_sub_schema
        _bytes(
            8, _bytes(1, _bytes(2, _bytes(3, _text(2, "query") + _text(4, p["name"]) + _text(6, p["type"]))))
        )
        for p in operation.get("parameters", ())
    )
    return b"".join((*parameters, *_extensions(_OPERATION_EXTENSION, operation)))


_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_COUNTS = {"maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15, "maxProperties": 17}


def _schema(schema: Json) -> bytes:
    parts = [_text(number, schema[name]) for name, number in _TEXTS.items() if name in schema]
    for name, number in _COUNTS.items():
        if name in schema:
            parts.append(_number(number << 3 | _VARINT) + _number(schema[name]))
    if "default" in schema:
        parts.append(_bytes(5, _any(schema["default"])))
    parts += [_text(19, name) for name in schema.get("required", ())]
    parts += [_bytes(20, _any(value)) for value in schema.get("enum", ())]
    more = schema.get("additionalProperties")
    if more is not None:
        allowed = _number(2 << 3 | _VARINT) + _number(int(bool(more)))
        parts.append(_bytes(21, _bytes(1, _schema(more)) if isinstance(more, dict) else allowed))
    if "type" in schema:
        parts.append(_bytes(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_bytes(23, _bytes(1, _schema(schema["items"]))))
    parts += [_bytes(24, _schema(part)) for part in schema.get("allOf", ())]
    if "properties" in schema:
        inner = b"".join(_named(1, name, _schema(s)) for name, s in schema["properties"].items())
        parts.append(_bytes(25, inner))
    parts += _extensions(_SCHEMA_EXTENSION, schema)
    return b"".join(parts)
