"""The clients' tests run against a cluster that is given, and leave it as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cluster_under_test import CONTEXT, GIVEN, NODES, cluster_under_test

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
#: What changes by itself: controllers' heartbeats, and events, which outlive their objects.
RESTLESS = ("events", "leases", "componentstatuses")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Somebody's cluster: a server of its own, with something on it."""
    with cluster_under_test(tmp_path_factory.mktemp("home")) as cluster:
        for command in ("create namespace team", "create deployment app --image=nginx:1 -n team"):
            assert cluster.kubectl(*command.split())[1] == 0
        assert cluster.kubectl("rollout", "status", "deploy/app", "-n", "team", "--timeout=20s")[1] == 0
        yield cluster


def everything(cluster):
    """Every object with its version, but for what changes by itself."""
    listed, _ = cluster.kubectl("api-resources", "--verbs=list", "-o", "name")
    kinds = [kind for kind in listed.split() if not kind.startswith(RESTLESS) and "metrics" not in kind]
    columns = "K:.kind,NS:.metadata.namespace,N:.metadata.name,V:.metadata.resourceVersion"
    text, code = cluster.kubectl("get", ",".join(kinds), "-A", "-o", f"custom-columns={columns}")
    assert code == 0, text
    return set(text.splitlines())


def test_the_suite_runs_on_it_and_leaves_it_as_it_was(theirs, tmp_path):
    given = yaml.safe_load(theirs.kubeconfig.read_text())
    given["contexts"].append({"name": "elsewhere", "context": {"cluster": "nowhere", "user": "nobody"}})
    context, given["current-context"] = given["current-context"], "elsewhere"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(given))
    environment = {k: v for k, v in os.environ.items() if k != NODES and not k.startswith("PYTEST_")}
    before = everything(theirs)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"),
            *("tests/rehearsal/test_kubectl.py", "tests/rehearsal/test_gameplan_on_a_cluster.py"),
            *("-k", "scale or drain or custom or test_count or applied_once or conflict"),
        ],
        cwd=ROOT,
        env=environment | {GIVEN: str(kubeconfig), CONTEXT: context},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"\d\d of \d\d kubectl commands pass", done.stdout)
    assert re.search(rf"\d+ left out: they change nodes, which {NODES}=1 allows", done.stdout)
    assert everything(theirs) == before
