"""Week 1: Kubernetes foundation."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.provisioning import provision
from flows.weeks import GAMEPLAN_FLOW, finish_week, run_key
from tasks.kubernetes import deploy_application, prove_scaling

FOLDERS = ("google/gke", "aws/eks")


@flow(name="week1-kubernetes", flow_run_name="week 1 {profile}", **GAMEPLAN_FLOW)
def week1_kubernetes(profile: str, auto_approve: bool = False, run: str | None = None) -> WeekReport:
    """Create the GKE and the EKS cluster, deploy DreamNet to both, and see it scale under load."""
    run = run_key(run)
    steps = [provision(profile, run, FOLDERS, auto_approve)]

    deployments = [
        deploy_application.submit(profile, run, "gke"),
        deploy_application.submit(profile, run, "eks"),
    ]
    steps += [deployment.result() for deployment in deployments]

    proofs = [prove_scaling.submit(profile, run, "gke"), prove_scaling.submit(profile, run, "eks")]
    steps += [proof.result() for proof in proofs]
    return finish_week(profile, 1, "Kubernetes foundation", steps)
