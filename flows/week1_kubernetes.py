"""Week 1: Kubernetes foundation."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.weeks import GAMEPLAN_FLOW, finish_week, run_key
from tasks.kubernetes import deploy_application, prove_scaling
from tasks.resources import apply_resources, plan_resources

FOLDERS = ("google/gke", "aws/eks")


@flow(name="week1-kubernetes", flow_run_name="week 1 {profile}", **GAMEPLAN_FLOW)
def week1_kubernetes(profile: str, run: str | None = None) -> WeekReport:
    """Create the GKE and the EKS cluster, deploy DreamNet to both, and see it scale under load."""
    run = run_key(run)
    plan = plan_resources(profile, run, FOLDERS)
    steps = [apply_resources(profile, run, FOLDERS, plan)]

    deployments = [
        deploy_application.submit(profile, run, "gke"),
        deploy_application.submit(profile, run, "eks"),
    ]
    steps += [deployment.result() for deployment in deployments]

    proofs = [prove_scaling.submit(profile, run, "gke"), prove_scaling.submit(profile, run, "eks")]
    steps += [proof.result() for proof in proofs]
    return finish_week(profile, 1, "Kubernetes foundation", steps)
