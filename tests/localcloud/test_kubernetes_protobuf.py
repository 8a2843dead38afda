"""Protobuf bodies are read as the JSON that says the same."""

import pytest

from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.protobuf import decode


def field(number, value):
    """A field on the wire: a varint, or bytes with their length."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + varint(len(value)) + value


def varint(value):
    value &= (1 << 64) - 1
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


def body(api_version, kind, raw):
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


def test_scalars_maps_lists_times_and_inlined_messages():
    metadata = field(1, "web") + field(2, "") + field(8, b"") + field(11, field(1, "app") + field(2, "web"))
    port = field(1, "") + field(2, 0) + field(3, 80)
    # ProbeHandler is inlined; its httpGet has an IntOrString port.
    probe = field(1, field(2, field(1, "/livez") + field(2, field(1, 1) + field(3, "http")))) + field(2, -1)
    quantity = field(1, "cpu") + field(2, field(1, "10m"))
    container = field(1, "main") + field(6, port) + field(8, field(2, quantity)) + field(10, probe)
    spec = field(1, 0) + field(3, field(2, field(2, container))) + field(7, 0)
    made = decode(body("apps/v1", "Deployment", field(1, metadata) + field(2, spec) + field(3, b"")))
    assert made == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            # A pointer: zero means zero. `paused` is none: false is what JSON leaves out.
            "replicas": 0,
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "ports": [{"containerPort": 80}],
                            "resources": {"requests": {"cpu": "10m"}},
                            "livenessProbe": {
                                "httpGet": {"path": "/livez", "port": "http"},
                                "initialDelaySeconds": -1,
                            },
                        }
                    ]
                }
            },
        },
        "status": {},
    }


def test_bytes_are_base64_and_times_are_rfc_3339():
    metadata = field(1, "s") + field(8, field(1, 1_700_000_000))
    made = decode(body("v1", "Secret", field(1, metadata) + field(2, field(1, "k") + field(2, b"\xff"))))
    assert made["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert made["data"] == {"k": "/w=="}


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (b"{}", 400, "expected prefix"),
        (body("v1", "Secret", field(1, "s"))[:-1], 400, "error decoding protobuf"),
        (body("v1", "Secret", field(15, "s")), 400, "has no field 15"),
        (body("example.com/v1", "Dream", b""), 415, "Dream of example.com/v1"),
    ],
)
def test_what_cannot_be_read_is_refused(given, code, told):
    with pytest.raises(ApiError, match=told) as refused:
        decode(given)
    assert refused.value.code == code
