"""DreamNet's backend on the clusters: deploy it, prove that it scales."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from prefect import task

from dreamnet.errors import ResourceError
from dreamnet.kubernetes import scale
from dreamnet.kubernetes.autoscale import find_autoscaler, prove_autoscaling
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.connect import connect_eks, find_gke
from dreamnet.report import Clock, Step
from dreamnet.serving import application
from dreamnet.serving.connection import current_url
from dreamnet.serving.load import ReadLoad
from tasks.resources import catalogue
from tasks.support import CLOUD_TASK, INFRASTRUCTURE, aws_account, google_account, load_profile, progress

Where = Literal["gke", "gke-second", "eks"]
#: Annotation of an autoscaler that was seen at work.
PROVEN = "dreamnet/autoscaling-proven"
#: The clusters' names in infrastructure/.
NAMES: dict[Where, str] = {"gke": "dreamnet", "gke-second": "dreamnet-second", "eks": "dreamnet"}
#: And the resources that declare them.
DECLARED: dict[Where, str] = {
    "gke": "google/gke-cluster",
    "gke-second": "google/gke-cluster-second",
    "eks": "aws/eks-cluster",
}


def declared_clusters(
    folders: tuple[str, ...], selection: str, wanted: tuple[Where, ...]
) -> tuple[Where, ...]:
    """Those of the wanted clusters that a part of the catalogue declares."""
    declared = catalogue(folders, selection).resources
    return tuple(where for where in wanted if DECLARED[where] in declared)


def cluster(profile: str, where: Where) -> Cluster:
    """One of the plan's clusters, found through its cloud's own record.

    Raises:
        ResourceError: there is no such cluster yet.
    """
    if where == "eks":
        aws = aws_account(profile)
        return connect_eks(aws, NAMES[where], aws.region)
    google = google_account(profile)
    zone = google.zone if where == "gke" else f"{google.second_region}-b"
    return find_gke(google, NAMES[where], zone)


def region_of(profile: str, where: Where) -> str:
    """The region that a cluster stands in."""
    google = google_account(profile)
    return {
        "gke": google.region,
        "gke-second": google.second_region,
        "eks": aws_account(profile).region,
    }[where]


def database_url(profile: str) -> str:
    """The connection string that DreamNet reads now; before the migration that is Neon's."""
    return current_url(google_account(profile)) or load_profile(profile).neon.connection().dsn()


@task(task_run_name="deploy to {where}", **CLOUD_TASK)
def deploy_application(profile: str, run: str, where: Where, url: str | None = None) -> Step:
    """Apply the backend's manifests to a cluster and wait for the rollout and its address."""
    clock = Clock(f"DreamNet on {where}")
    settings = load_profile(profile)
    deployed = application.deploy(
        cluster(profile, where),
        region_of(profile, where),
        INFRASTRUCTURE,
        settings.variables(),
        url or database_url(profile),
        settings.grace_seconds,
        progress(),
        settings.gateway,
    )
    said = f"{deployed.replicas} replicas ready at {deployed.address}"
    return clock.done(said) if deployed.changed else clock.unchanged(said)


@task(task_run_name="{where} follows the connection secret", **CLOUD_TASK)
def follow_connection(profile: str, run: str, where: Where) -> Step:
    """Let a cluster's backend, if there is one, read the database that the connection secret names."""
    try:
        cluster(profile, where)
    except ResourceError as error:
        return Clock(f"DreamNet on {where}").unchanged(error.problem)
    deployed: Step = deploy_application.fn(profile, run, where)
    return deployed


@task(task_run_name="prove autoscaling on {where}", **CLOUD_TASK)
def prove_scaling(profile: str, run: str, where: Where) -> Step:
    """Load the backend with reads until its autoscaler has raised the replicas.

    The proof is noted on the autoscaler, with a hash of what it was of: it is repeated when the rule changes.
    """
    clock = Clock(f"Autoscaling on {where}")
    target, names = cluster(profile, where), (application.NAMESPACE, application.DEPLOYMENT)
    scaler = find_autoscaler(target, *names)
    rule = hashlib.sha256(json.dumps(scaler["spec"], sort_keys=True).encode()).hexdigest()[:12]
    noted = str(scaler["metadata"].get("annotations", {}).get(PROVEN, ""))
    if noted.startswith(rule):
        return clock.unchanged(f"Proven before, {noted.removeprefix(rule).strip()}.")
    patience = load_profile(profile).grace_seconds
    address = scale.service_address(target, *names, patience)
    proof = prove_autoscaling(target, *names, lambda: ReadLoad(f"http://{address}"), patience, progress())
    said = (
        f"{proof.before} to {proof.after} replicas {proof.seconds:.0f} s after the load began:"
        f" CPU at {proof.metric} % of its request, target {proof.target} %"
    )
    target.merge(target.path_of(scaler), {"metadata": {"annotations": {PROVEN: f"{rule} {said}"}}})
    return clock.done(f"{said}.")
