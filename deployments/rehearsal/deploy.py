"""Deploys what prefect.yaml has for the rehearsal to its server."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import yaml
from prefect.variables import Variable

from deployments.rehearsal.blocks import PROFILE
from dreamnet.errors import ConfigurationError

#: The variable that holds the hash of what was deployed last.
DEPLOYED = "dreamnet_deployed"
PROJECT = Path(__file__).resolve().parents[2]


def deploy_rehearsal() -> tuple[int, bool]:
    """`prefect deploy`, unless the server has these very deployments already.

    Production's are left out: this server has no production profile, and must not run their schedules.

    Returns:
        How many there are, and whether they were deployed now.

    Raises:
        ConfigurationError: Prefect refused the file; the message holds its last line.
    """
    declared = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    ours = [deployment["name"] for deployment in declared if PROFILE in deployment["tags"]]
    content = _content()
    if Variable.get(DEPLOYED) == content:
        return len(ours), False
    names = [argument for name in sorted(set(ours)) for argument in ("--name", name)]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *names],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ConfigurationError(
            f"Prefect did not take prefect.yaml: {said[-1] if said else 'no message'}",
            "Correct prefect.yaml.",
        )
    Variable.set(DEPLOYED, content, overwrite=True)
    return len(ours), True


def _content() -> str:
    """What deployments are made of: prefect.yaml, and the flows' signatures as the server keeps them."""
    digest = hashlib.sha256()
    for file in (PROJECT / "prefect.yaml", *sorted((PROJECT / "flows").glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
