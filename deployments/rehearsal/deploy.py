"""Deploys everything in prefect.yaml to the rehearsal's server, and keeps production's part paused there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from prefect import get_client

from dreamnet.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[2]


def deploy_all() -> int:
    """`prefect deploy --all`; returns how many deployments there are.

    Production's are paused: this server has no production profile, and must not run their schedules.

    Raises:
        ConfigurationError: Prefect refused the file; the message holds its last line.
    """
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
    return len(yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"])
