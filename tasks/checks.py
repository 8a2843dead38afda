"""What must be true before anything is changed: accounts, declarations, and all that clouds ask of them."""

from __future__ import annotations

import shutil

from prefect import task

from dreamnet.errors import PrecheckFailed
from dreamnet.prechecks import check
from dreamnet.prechecks.google_services import enable_services, needed_services
from dreamnet.report import Clock, Step
from dreamnet.resources.catalogue import load_catalogue
from tasks.resources import GAMEPLAN, catalogue, drivers, named, part_named
from tasks.support import (
    CLOUD_TASK,
    INFRASTRUCTURE,
    PROJECT,
    aws_account,
    google_account,
    load_profile,
    progress,
    publish,
)

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


@task(task_run_name=part_named("readiness"), **{**CLOUD_TASK, "retries": 0})
def check_ready(profile: str, run: str, folders: tuple[str, ...] = (), selection: str = GAMEPLAN) -> Step:
    """Look at everything in both accounts that could stop the creation of what these folders declare:
    billing, APIs, permissions, quotas, names, regions. Changes nothing; the report is an artifact.

    Raises:
        PrecheckFailed: names everything that blocks, and what puts it right.
    """
    clock = Clock("Readiness")
    report = check(
        catalogue(folders, selection),
        google_account(profile),
        aws_account(profile),
        load_profile(profile).variables(),
    )
    what = named(folders, selection)
    publish(f"readiness {profile} {what}", report.markdown(), "What must be put right before a creation")
    report.raise_if_blocked()
    return clock.unchanged(f"{what}: {report.summary}.")


@task(task_run_name="enable APIs {selection}", **CLOUD_TASK)
def enable_google_apis(profile: str, run: str, selection: str) -> Step:
    """Enable Google's APIs that the selection's types need, and wait until they are.

    Raises:
        ResourceError: Google does not enable one of them.
    """
    clock = Clock("Google's APIs")
    needed = needed_services(catalogue(selection=selection))
    done = enable_services(google_account(profile), needed, progress())
    if not done:
        return clock.unchanged(f"All {len(needed)} APIs that selection {selection} needs are enabled.")
    table = [f"| {name} | {', '.join(needed[name])} |" for name in done]
    publish(
        f"apis {profile}",
        "\n".join(["| enabled | for |", "| --- | --- |", *table, ""]),
        "APIs that were enabled",
    )
    return clock.done(f"{len(done)} of {len(needed)} APIs enabled.")
