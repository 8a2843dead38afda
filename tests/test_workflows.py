"""GitHub's workflows: pinned, with the least rights, and asking for a deployment that exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yaml"))
DIGEST = f"ghcr.io/dreamnet/backend:1.4.2@sha256:{'a' * 64}"

each = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def jobs(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(file.read_text())["jobs"].values())


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file) for step in job["steps"]]


@each
def test_actions_are_pinned_by_commit_and_say_their_version(file: Path) -> None:
    used = [line for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert re.search(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@each
@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [("", "", 0), ("environment:", "enviroment:", 1), ("type: string", "type: strng", 1)],
)
def test_it_is_what_github_reads(file: Path, right: str, wrong: str, code: int, tmp_path: Path) -> None:
    copy = tmp_path / file.name
    copy.write_text(file.read_text().replace(right, wrong))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout


@each
def test_rights_are_the_least(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    for job in jobs(file):
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert job["timeout-minutes"] <= 60


@each
def test_no_input_is_pasted_into_a_script(file: Path) -> None:
    for step in steps(file):
        assert "${{" not in step.get("run", "")
    assert "secrets." not in file.read_text(), "GitHub keeps no key: OIDC gives a short-lived identity"


@each
def test_the_deployment_exists(file: Path) -> None:
    declared = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    names = {f"{one['entrypoint'].rpartition('.')[2].replace('_', '-')}/{one['name']}" for one in declared}
    asked = [
        name for step in steps(file) for name in re.findall(r"deployment run (\S+)", step.get("run", ""))
    ]
    assert asked
    assert set(asked) <= names


@pytest.mark.parametrize(
    ("image", "code"), [(DIGEST, 0), ("ghcr.io/dreamnet/backend:1.4.2", 1), ("$(id)", 1)]
)
def test_a_tag_is_refused_before_anything_is_installed(image: str, code: int, tmp_path: Path) -> None:
    first = steps(PROJECT / ".github" / "workflows" / "deliver.yaml")[0]
    output = tmp_path / "output"
    output.touch()
    done = subprocess.run(
        ["bash", "-e", "-c", first["run"]],
        env={"IMAGE": image, "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert (image in done.stdout) == bool(code)
    assert output.read_text() == ("" if code else f"digest=sha256:{'a' * 64}\n")


@pytest.mark.parametrize(("code", "lines"), [(0, ["UUID: run-1"]), (1, ["UUID: run-1", "logs of run-1"])])
def test_a_failed_promotion_says_why(code: int, lines: list[str], tmp_path: Path) -> None:
    prefect = tmp_path / ".venv" / "bin" / "prefect"
    prefect.parent.mkdir(parents=True)
    prefect.write_text(
        "#!/bin/bash\n"
        '[ "$1" = deployment ] && { echo "$*" > asked; echo "UUID: run-1"; exit ' + str(code) + "; }\n"
        'echo "logs of ${@: -1}"\n'
    )
    prefect.chmod(0o755)
    last = steps(PROJECT / ".github" / "workflows" / "deliver.yaml")[-1]
    assert last["shell"] == "bash", "GitHub's default has no pipefail"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", last["run"]],
        env={"IMAGE": DIGEST, "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (code, lines)
    assert (
        tmp_path / "asked"
    ).read_text() == f"deployment run promote/production -p image={DIGEST} --watch\n"
