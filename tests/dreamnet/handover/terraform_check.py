"""`python tests/dreamnet/handover/terraform_check.py [infrastructure/terraform]`: what Terraform itself says.

Runs `terraform fmt -check`, `init` and `validate` on the generated files. The providers are not downloaded:
this script stands in for them (plugin protocol 6), offering the schemas that `dreamnet/handover/providers/`
holds. So names, types, blocks, required attributes and references are checked by Terraform; what the clouds
would say is not. Needs `terraform` on the path, which no package of this project brings, and is therefore no
test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from dreamnet.handover.providers import Attributes, computed, inside, kind, provider, required

TYPES: Mapping[str, Any] = {
    "string": "string",
    "number": "number",
    "bool": "bool",
    "strings": ["list", "string"],
    "numbers": ["list", "number"],
    "bools": ["list", "bool"],
    "map string": ["map", "string"],
    "map number": ["map", "number"],
    "map bool": ["map", "bool"],
    "any": "dynamic",
}
#: What the providers themselves take.
SETTINGS: Mapping[str, Attributes] = {
    "google": {
        "project": "string",
        "region": "string",
        "default_labels": "map string",
        "add_terraform_attribution_label": "bool",
    },
    "aws": {"region": "string"},
    "awscc": {"region": "string"},
}
#: How many objects a kind holds, in the protocol's numbers: one, a list, a map.
NESTING = {"object": 1, "objects": 2, "map": 4}


def varint(number: int) -> bytes:
    """A number in protobuf's encoding."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, given: bytes | str | int) -> bytes:
    """One field of a message; a zero or false is left out, as protobuf does."""
    if isinstance(given, int):
        return varint(number << 3) + varint(given) if given else b""
    data = given.encode() if isinstance(given, str) else given
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name: str, spec: Any) -> bytes:
    """tfplugin6.Schema.Attribute."""
    form = kind(spec)
    if form in NESTING:
        members = b"".join(field(1, attribute(key, one)) for key, one in inside(spec).items())
        typed = field(10, members + field(3, NESTING[form]))
    else:
        typed = field(2, json.dumps(TYPES[form]))
    flags = field(4, required(spec)) + field(5, not required(spec) and not computed(spec))
    return field(1, name) + typed + flags + field(6, not required(spec))


def block(attributes: Attributes) -> bytes:
    """tfplugin6.Schema.Block."""
    encoded = b""
    for name, spec in attributes.items():
        if kind(spec) not in ("block", "block1"):
            encoded += field(2, attribute(name, spec))
            continue
        single = name == "timeouts"
        nested = field(1, name) + field(2, block(inside(spec))) + field(3, 1 if single else 2)
        limits = field(4, required(spec) and not single) + field(5, kind(spec) == "block1" and not single)
        encoded += field(3, nested + limits)
    return encoded


def schemas(name: str) -> bytes:
    """tfplugin6.GetProviderSchema.Response."""
    source = name.removesuffix("-beta")
    types = [one for one in provider(source).types.values() if one.beta == (name == "google-beta")]
    entries = (field(2, field(1, one.name) + field(2, field(2, block(one.attributes)))) for one in types)
    return field(1, field(2, block(SETTINGS[source]))) + b"".join(entries)


def serve(name: str, folder: Path) -> tuple[grpc.Server, dict[str, Any]]:
    """A provider on a socket, and how Terraform is told of it."""
    answer = schemas(name)
    empty = ("ValidateProviderConfig", "ValidateResourceConfig", "StopProvider")
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(lambda request, context: b"") for method in empty
    } | {"GetProviderSchema": grpc.unary_unary_rpc_method_handler(lambda request, context: answer)}
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers),))
    socket = folder / f"{name}.sock"
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    address = {"Network": "unix", "String": str(socket)}
    return server, {
        "Protocol": "grpc",
        "ProtocolVersion": 6,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": address,
    }


def check(root: Path) -> int:
    """Run Terraform on every configuration in a folder.

    Returns:
        How many of its commands failed.
    """
    failed = 0
    with tempfile.TemporaryDirectory() as sockets:
        running = {name: serve(name, Path(sockets)) for name in ("google", "google-beta", "aws", "awscc")}
        known = {f"hashicorp/{name}": told for name, (_, told) in running.items()}
        environment = {
            **os.environ,
            "TF_REATTACH_PROVIDERS": json.dumps(known),
            "TF_DATA_DIR": f"{sockets}/data",
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
        }
        commands = [(root, ["fmt", "-check", "-diff", "-recursive"])]
        for folder in (root / "gcp", root / "aws"):
            commands += [(folder, ["init", "-backend=false"]), (folder, ["validate", "-no-color"])]
        for folder, command in commands:
            ran = subprocess.run(
                ["terraform", *command], cwd=folder, env=environment, capture_output=True, text=True
            )
            said = f"\n{ran.stdout}{ran.stderr}" if ran.returncode else " fine"
            print(f"{folder}: terraform {' '.join(command)}:{said}", flush=True)
            failed += ran.returncode != 0
        for server, _ in running.values():
            server.stop(None)
    return failed


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1] if len(sys.argv) > 1 else "infrastructure/terraform")))
