"""What one cluster is started with: the command line, as typed values."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Versions whose OpenAPI definitions kubernetes-validate 1.37 ships.
VERSION = re.compile(r"^1\.(2[5-9]|3[0-7])(\.\d+)?$")
NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")


@dataclass(frozen=True)
class NodeGroup:
    """A node pool (GKE) or managed node group (EKS).

    Attributes:
        spec: what `PUT /_rehearsal/nodegroups/NAME` takes: count, machine_type and the rest.
    """

    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class ClusterOptions:
    """Everything the process needs to know; ``directory`` is where this cluster keeps its files."""

    state: Path
    name: str
    cloud: str
    region: str
    version: str
    port: int
    host: str
    node_groups: tuple[NodeGroup, ...]
    hpa_sync_seconds: float
    pod_start_seconds: float
    node_unneeded_seconds: float
    gateway_api: bool = False

    @property
    def directory(self) -> Path:
        """Folder of certificate, kubeconfig and stored objects."""
        return self.state / "engines" / self.name

    @property
    def minor(self) -> str:
        """``1.35`` of ``1.35`` or ``1.35.2``."""
        return ".".join(self.version.split(".")[:2])


def parse_node_group(text: str) -> NodeGroup:
    """``pool=2:e2-standard-2``, or ``pool={...}`` with JSON, as a node group."""
    name, _, rest = text.partition("=")
    if rest.startswith("{"):
        return NodeGroup(name, json.loads(rest))
    match = re.fullmatch(r"([a-z0-9][a-z0-9._-]*)=(\d+):([a-z0-9][a-z0-9.-]*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=COUNT:MACHINE-TYPE, such as default-pool=2:e2-standard-2"
        )
    return NodeGroup(name, {"count": int(match[2]), "machine_type": match[3]})


def _matching(pattern: re.Pattern[str], hint: str) -> type[str]:
    def convert(text: str) -> str:
        if not pattern.match(text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {hint}")
        return text

    return convert  # type: ignore[return-value]


def parse_options(arguments: Sequence[str] | None = None) -> ClusterOptions:
    """Options of the command line; exits with usage on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.kubernetes",
        description="Serve one local Kubernetes cluster over HTTPS on loopback until SIGTERM. Ready when "
        "GET /readyz answers 200 (no token needed). Writes kubeconfig and ca.crt into DIR/engines/NAME.",
    )
    add = parser.add_argument
    add("--state", type=Path, required=True, metavar="DIR", help="the rehearsal's state folder")
    add(
        "--name",
        required=True,
        type=_matching(NAME, "a name"),
        help="cluster name; its files are in DIR/engines/NAME",
    )
    add("--cloud", required=True, choices=("google", "aws"), help="whose tokens and node labels it uses")
    add("--region", required=True, help="region, such as us-central1 or us-east-1")
    add(
        "--version",
        default="1.35",
        type=_matching(VERSION, "a version from 1.25 to 1.37"),
        help="default 1.35",
    )
    add("--host", default="127.0.0.1", help="loopback address to listen on; default 127.0.0.1")
    add("--port", type=int, required=True, help="HTTPS port")
    add(
        "--node-group",
        action="append",
        default=[],
        type=parse_node_group,
        metavar="NAME=COUNT:TYPE",
        help="nodes to begin with; repeatable. NAME={JSON}: as PUT /_rehearsal/nodegroups/NAME has it",
    )
    add("--hpa-sync-seconds", type=float, default=2.0, help="period of the autoscaler's loop; default 2")
    add(
        "--pod-start-seconds",
        type=float,
        default=0.3,
        help="how long a simulated container takes to start; default 0.3",
    )
    add(
        "--node-unneeded-seconds",
        type=float,
        default=600.0,
        help="how long a node of an autoscaled group must have been idle before it goes; default 600",
    )
    add(
        "--gateway-api",
        action="store_true",
        help="with the Gateway API's definitions, as GKE's gatewayApiConfig brings them",
    )
    given = parser.parse_args(arguments)
    return ClusterOptions(
        state=given.state.resolve(),
        name=given.name,
        cloud=given.cloud,
        region=given.region,
        version=given.version,
        port=given.port,
        host=given.host,
        node_groups=tuple(given.node_group),
        hpa_sync_seconds=given.hpa_sync_seconds,
        pod_start_seconds=given.pod_start_seconds,
        node_unneeded_seconds=given.node_unneeded_seconds,
        gateway_api=given.gateway_api,
    )
