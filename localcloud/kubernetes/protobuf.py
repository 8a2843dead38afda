"""Protobuf bodies, as kubectl's typed commands (``create``, ``drain``) send them, read as the same JSON.

``protobuf.json`` beside this file has the field numbers: message -> number -> "JSON name, type", with ``-``
for a message inlined in JSON, ``[]`` a list, ``{}`` a map, ``*`` a field whose zero value means something.
Taken from generated.proto and the struct tags of k8s.io/api and k8s.io/apimachinery (July 2026).
"""

from __future__ import annotations

import base64
import datetime
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from localcloud.kubernetes.errors import ApiError, bad_request

Json = dict[str, Any]
MEDIA = "application/vnd.kubernetes.protobuf"
#: What precedes the envelope (kubernetes.io/docs/reference/using-api/api-concepts, read November 2026).
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@cache
def _messages() -> dict[str, dict[str, str]]:
    messages: dict[str, dict[str, str]] = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    return messages


def decode(body: bytes) -> Json:
    """The object in a protobuf body.

    Raises:
        ApiError: 400 for bytes that are no such message, 415 for a kind whose fields are not known here.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix k8s\\x00")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        named = dict(_fields(envelope[1]))
        api_version, kind = named.get(1, b"").decode(), named.get(2, b"").decode()
        message = _message_of(api_version, kind)
        return {"apiVersion": api_version, "kind": kind} | _message(envelope.get(2, b""), message)
    except (IndexError, KeyError, ValueError, struct.error, AttributeError, TypeError) as error:
        raise bad_request(f"error decoding protobuf: {error!r}") from error


def _message_of(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    short = group.removesuffix(".k8s.io").removesuffix(".authorization") or "core"
    for name in (f"{short}.{version}.{kind}", f"meta.v1.{kind}"):
        if name in _messages():
            return name
    text = f"{kind} of {api_version} as protobuf is not in the rehearsal: send application/json"
    raise ApiError(415, "UnsupportedMediaType", text)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and raw values, in order."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("unexpected end")
        yield tag >> 3, data[at : at + size]
        at += size


def _message(data: bytes, name: str) -> Json:
    shape, made = _messages()[name], Json()
    for number, raw in _fields(data):
        if str(number) not in shape:
            raise ValueError(f"{name} has no field {number} here")
        field, kind = shape[str(number)].split(" ")
        if kind.startswith("[]"):
            made.setdefault(field, []).append(_value(raw, kind[2:]))
        elif kind.startswith("{}"):
            entry = dict(_fields(raw))
            made.setdefault(field, {})[entry.get(1, b"").decode()] = _value(entry.get(2, b""), kind[2:])
        elif field == "-":
            made |= _message(raw, kind.removeprefix("*"))
        else:
            value = _value(raw, kind.removeprefix("*"))
            # Scalars without a pointer are always written; JSON leaves their zero values out.
            if value is not None and (value or isinstance(value, dict) or kind.startswith("*")):
                made[field] = value
    return made


def _time(data: bytes) -> str | None:
    found = dict(_fields(data))
    seconds, nanoseconds = _signed(found.get(1, 0), 64), found.get(2, 0)
    if not seconds:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    if nanoseconds:
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds // 1000:06d}Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _first(raw: bytes) -> bytes:
    """The bytes of a message that wraps one value."""
    return bytes(dict(_fields(raw)).get(1, b""))


def _int_or_string(raw: bytes) -> int | str:
    found = dict(_fields(raw))
    return str(found.get(3, b"").decode()) if found.get(1) else _signed(found.get(2, 0), 32)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "string": bytes.decode,
    "int32": lambda raw: _signed(raw, 32),
    "int64": lambda raw: _signed(raw, 64),
    "bool": bool,
    "double": lambda raw: struct.unpack("<d", raw)[0],
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _time,
    "api.resource.Quantity": lambda raw: _first(raw).decode(),
    "util.intstr.IntOrString": _int_or_string,
    "runtime.RawExtension": lambda raw: orjson.loads(_first(raw) or b"null"),
    "meta.v1.FieldsV1": lambda raw: orjson.loads(_first(raw) or b"null"),
}


def _value(raw: Any, kind: str) -> Any:
    decoder = _DECODERS.get(kind)
    return decoder(raw) if decoder else _message(raw, kind)
