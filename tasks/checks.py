"""What must be true before anything is changed: accounts, declarations, addresses."""

from __future__ import annotations

import shutil

from prefect import task

from dreamnet.errors import PrecheckFailed
from dreamnet.report import Clock, Step
from dreamnet.resources.catalogue import load_catalogue
from tasks.resources import drivers
from tasks.support import CLOUD_TASK, INFRASTRUCTURE, PROJECT, aws_account, google_account

#: Free disk that a run may need for plans, results and logs, in bytes.
FREE_BYTES = 500_000_000


@task(task_run_name="accounts", **{**CLOUD_TASK, "retries": 0})
def check_accounts(profile: str, run: str) -> Step:
    """Ask both clouds who we are; a wrong key ends here."""
    clock = Clock("Accounts")
    return clock.unchanged(f"{google_account(profile).check()}; {aws_account(profile).check()}")


@task(task_run_name="declarations", **{**CLOUD_TASK, "retries": 0})
def check_declarations(profile: str, run: str) -> Step:
    """Hold every file under infrastructure/ against the vendors' schemas, offline.

    Raises:
        PrecheckFailed: names the first file, line and field.
    """
    clock = Clock("Declarations")
    free = shutil.disk_usage(PROJECT).free
    if free < FREE_BYTES:
        raise PrecheckFailed(
            f"Only {free / 1e6:.0f} MB are free on the disk that holds {PROJECT.name}.",
            f"Free at least {FREE_BYTES / 1e6:.0f} MB.",
        )
    everything = load_catalogue(INFRASTRUCTURE)
    problems = everything.validate(drivers(profile))
    if problems:
        raise PrecheckFailed(
            f"{problems[0]} ({len(problems)} problems in all).",
            "Correct the files; `python -m dreamnet.resources validate infrastructure` lists all problems.",
        )
    return clock.unchanged(f"{len(everything.resources)} resources follow their vendors' schemas.")
