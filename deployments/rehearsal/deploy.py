"""Deploys everything in prefect.yaml to the rehearsal's server, and keeps production's part paused there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import yaml
from prefect import get_client
from prefect.variables import Variable

from dreamnet.errors import ConfigurationError

#: The variable that holds the hash of what was deployed last.
DEPLOYED = "dreamnet_deployed"
PROJECT = Path(__file__).resolve().parents[2]


def deploy_all() -> tuple[int, bool]:
    """`prefect deploy --all`, unless the server has these very deployments already.

    Returns:
        How many there are, and whether they were deployed now. Production's are paused: this server
        has no production profile, and must not run their schedules.

    Raises:
        ConfigurationError: Prefect refused the file; the message holds its last line.
    """
    count = len(yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"])
    content = _content()
    if Variable.get(DEPLOYED) == content:
        return count, False
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
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
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            if "production" in deployment.tags and not deployment.paused:
                client.pause_deployment(deployment.id)
    Variable.set(DEPLOYED, content, overwrite=True)
    return count, True


def _content() -> str:
    """What deployments are made of: prefect.yaml, and the flows' signatures as the server keeps them."""
    digest = hashlib.sha256()
    for file in (PROJECT / "prefect.yaml", *sorted((PROJECT / "flows").glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
