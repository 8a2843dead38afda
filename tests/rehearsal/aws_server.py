"""`python -m localcloud.aws` as a process, and the AWS driver on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

from dreamnet.clouds.aws import AwsAccount
from dreamnet.resources.aws.driver import AwsDriver
from localcloud.ports import free_port
from localcloud.state import State

REGION, SECOND = "us-east-1", "us-west-2"


def wait(condition, seconds=15.0, what="the condition"):
    """What the condition gives as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.05)
    return found


def quiet(text):
    """Progress that nobody reads."""


@contextmanager
def local_aws(directory):
    """The running local AWS: its account, driver, state and what Cloud Control has made."""
    state, port = State(directory), free_port()
    command = [sys.executable, "-m", "localcloud.aws", "--state", str(directory), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"

    def resources():
        try:
            with urllib.request.urlopen(f"{url}/_rehearsal/resources", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    with open(directory / "aws.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait(lambda: resources() is not None, 60, "the local AWS")
        keys = state.credentials()
        account = AwsAccount.from_keys(
            account_id=keys.aws_account_id,
            region=REGION,
            second_region=SECOND,
            access_key_id=keys.aws_access_key_id,
            secret_access_key=keys.aws_secret_access_key,
            endpoint_url=url,
        )
        yield SimpleNamespace(
            state=state, url=url, account=account, driver=AwsDriver(account), resources=resources
        )
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
