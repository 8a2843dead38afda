"""The second region, the load balancer over both, and the drill."""

from __future__ import annotations

import json
import time
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact

from dreamnet.errors import UnreachableError, VerificationError
from dreamnet.failover.cloudsql import CloudSql
from dreamnet.failover.databases import CloudSqlRegions
from dreamnet.failover.drill import Drill, DrillResult, WebhookOutage, run_drill, steady_state
from dreamnet.failover.regions import front_door, instances, load_balancer
from dreamnet.kubernetes import rollout, scale
from dreamnet.postgres.database import Database
from dreamnet.report import Clock, Step
from dreamnet.resources.model import Progress
from dreamnet.serving import application
from dreamnet.serving.connection import publish_url
from dreamnet.serving.databases import REPLICA, application_url, cloud_sql
from tasks.kubernetes import Where, cluster
from tasks.kubernetes import deploy_application as deploy
from tasks.migration import present_dreams
from tasks.support import CLOUD_TASK, aws_account, google_account, load_profile, progress, publish

#: Each region's cluster, in the order of failover.
CLUSTERS: tuple[Where, Where] = ("gke", "gke-second")


def addresses(profile: str) -> dict[str, str]:
    """`host:port` of DreamNet's service in each region."""
    google, patience = google_account(profile), load_profile(profile).grace_seconds
    regions = (google.region, google.second_region)
    return {
        region: scale.service_address(
            cluster(profile, where), application.NAMESPACE, application.DEPLOYMENT, patience
        )
        for region, where in zip(regions, CLUSTERS, strict=True)
    }


@task(task_run_name="second region", **CLOUD_TASK)
def deploy_second_region(profile: str, run: str) -> Step:
    """DreamNet on the second region's cluster, on the replica there: unhealthy until that is promoted."""
    password = load_profile(profile).database_password.get_secret_value()
    replica = cloud_sql(google_account(profile), password, REPLICA)
    deployed: Step = deploy.fn(profile, run, "gke-second", application_url(replica))
    return deployed


@task(task_run_name="connect regions", **CLOUD_TASK)
def connect_regions(profile: str, run: str) -> Step:
    """Put both regions behind the load balancer, and write and read through it.

    Raises:
        UnreachableError: the front door serves no write in time.
    """
    clock = Clock("Traffic through the load balancer")
    google, settings = google_account(profile), load_profile(profile)
    balancer = load_balancer(google, addresses(profile), progress())
    missing = [region for region in instances(google) if not balancer.attached(region)]
    for region in missing:
        balancer.attach(region)
    url = front_door(google)
    deadline = time.monotonic() + settings.grace_seconds
    while not (state := steady_state(url)).healthy:
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"The load balancer at {url} serves no write: {state.problem}.",
                "Look at the health of its backends in the console.",
            )
        time.sleep(0.5)
    said = f"{url} answers from {state.region or 'an unnamed region'}"
    return clock.done(said) if missing else clock.unchanged(said)


def drill_on_record(profile: str) -> Step | None:
    """The last drill as a step that had nothing to do; None where none was ever passed."""
    from google.api_core.exceptions import NotFound

    clock = Clock("Failover drill")
    try:
        known = json.loads(_record(profile).download_as_bytes())
    except NotFound:
        return None
    return clock.unchanged(f"Passed at {known['at']}: {known['said']} Deployment failover-drill repeats it.")


@task(task_run_name="drill", **{**CLOUD_TASK, "retries": 0})
def drill(profile: str, run: str) -> Step:
    """Take the first region down under traffic, promote, measure, rebuild, fail back; record it all.

    Raises:
        VerificationError: an acknowledged write was lost, or the service is not as before.
    """
    clock = Clock("Failover drill")
    google, settings, say = google_account(profile), load_profile(profile), progress()
    password = settings.database_password.get_secret_value()
    databases = CloudSqlRegions(
        CloudSql(google, say),
        instances(google),
        cloud_sql(google, password),
        lambda region, database: _redirect(profile, region, database, say),
    )
    result = run_drill(
        Drill(
            url=front_door(google),
            primary=google.region,
            standby=google.second_region,
            outage=WebhookOutage(settings.fault_injector),
            databases=databases,
            traffic=load_balancer(google, addresses(profile), say),
            read_back=lambda ids: present_dreams(databases.database(google.region), ids),
            settle_s=1,
            timeout_s=settings.grace_seconds,
        ),
        say,
    )
    said = _told(profile, result)
    if result.lost:
        raise VerificationError(
            f"{result.lost} acknowledged writes were lost in the drill.",
            "Let the backend acknowledge only what a standby has (DURABLE_WRITES), and drill again.",
        )
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    _record(profile).upload_from_string(json.dumps({"at": at, "said": said}), content_type="application/json")
    return clock.done(said)


def _redirect(profile: str, region: str, database: Database, say: Progress) -> None:
    """Point to a region's new database whoever reads it: its backend; for the first region also EKS's backend
    and the connection secret.
    """
    google, url = google_account(profile), application_url(database)
    first = region == google.region
    readers: tuple[Where, ...] = ("gke", "eks") if first else ("gke-second",)
    for where in readers:
        _point(profile, where, url, say)
    if first:
        publish_url(google, aws_account(profile), url)


def _point(profile: str, where: Where, url: str, say: Progress) -> None:
    target = cluster(profile, where)
    names = application.NAMESPACE, application.DEPLOYMENT
    stored = scale.put_secret(target, application.NAMESPACE, application.DATABASE_SECRET, {"url": url})
    if stored != "unchanged":
        rollout.restart(target, *names)
        rollout.wait_rollout(target, *names, load_profile(profile).grace_seconds, say)


def _told(profile: str, result: DrillResult) -> str:
    create_table_artifact(
        key=f"failover-steps-{profile}",
        table=[{"step": step.name, "at": step.at, "seconds": step.seconds} for step in result.steps],
        description="The drill's steps, in seconds from its start",
    )
    traffic = result.traffic
    said = (
        f"RTO {result.rto_s:.1f} s as the client saw it, {result.lost} of {traffic.acknowledged} acknowledged"
        f" writes lost, {traffic.errors} refused; failing back took {result.failback_gap_s:.1f} s."
    )
    publish(f"failover {profile}", said, "What clients saw of the drill")
    return said


def _record(profile: str) -> Any:
    google = google_account(profile)
    return google.storage().bucket(f"{google.project}-state").blob(f"drills/{profile}.json")
