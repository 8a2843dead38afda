"""Put the fleet to sleep at night and wake it in the morning."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from prefect import task

from dreamnet.errors import ResourceError
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.report import Clock, Step
from dreamnet.resources.model import Progress
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down, scale_up
from dreamnet.scaling.report import NightReport
from dreamnet.scaling.snapshot import Fleet
from dreamnet.scaling.store import BucketStore
from tasks.kubernetes import NAMES, cluster
from tasks.migration import databases_in_use
from tasks.support import CLOUD_TASK, aws_account, google_account, progress, publish


def everything(profile: str) -> Fleet:
    """All of the plan's clusters that exist, and the databases of both accounts."""
    clusters: list[Cluster] = []
    for where in NAMES:
        with suppress(ResourceError):  # a week that has not been run yet has no cluster
            clusters.append(cluster(profile, where))
    return fleet(clusters, google_account(profile), aws_account(profile))


def store(profile: str) -> BucketStore:
    """Where the profile's night is remembered."""
    google = google_account(profile)
    return BucketStore(google.storage(), f"{google.project}-state", profile)


@task(task_run_name="scale down", **CLOUD_TASK)
def sleep_fleet(profile: str, run: str, dry_run: bool = False) -> Step:
    """Scale workloads, nodes and databases down; what ran is saved first.

    The databases of a migration that is not finished are left running.
    """
    clock = Clock("Night")
    say: Progress = progress()
    tonight = replace(everything(profile), in_use=databases_in_use(profile))
    report = scale_down(tonight, store(profile), progress=say, dry_run=dry_run, run=run)
    return _told(clock, report, profile)


@task(task_run_name="scale up", **CLOUD_TASK)
def wake_fleet(profile: str, run: str) -> Step:
    """Bring everything back, and prove that it is as it was saved."""
    clock = Clock("Morning")
    report = scale_up(everything(profile), store(profile), progress=progress(), run=run)
    return _told(clock, report, profile)


def _told(clock: Clock, report: NightReport, profile: str) -> Step:
    publish(f"night {report.direction} {profile}", report.markdown(), "What slept and woke")
    done = f"{report.count('slept') + report.count('woken')} changed"
    if report.dry_run:
        done = f"{report.count('would sleep')} would sleep"
    said = f"{len(report.rows)} items looked at, {done}, {report.count('kept')} kept."
    return clock.done(said) if report.changed else clock.unchanged(said)
