"""Overlays on the clusters, whichever and however many: applied side by side, one report."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from dreamnet.serving.application import OVERLAYS
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.manifests import apply_overlays


@flow(name="apply-manifests", flow_run_name="apply manifests {profile}", **GAMEPLAN_FLOW)
def apply_manifests(
    profile: str,
    overlays: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    plan_only: bool = False,
    consents: list[str] | None = None,
) -> Step:
    """Apply an overlay to each named cluster, prune what it no longer has, and wait for the rollouts.

    `overlays` maps clusters to folders of infrastructure/kubernetes, such as {"gke": "gke-full"}; without it
    GKE and EKS get their own. `values` fill in the overlays' variables. With `plan_only` the clusters check
    everything and nothing is changed. `consents` names what may be pruned that is never pruned otherwise:
    "PersistentVolumeClaim dreamnet/dreams".
    """
    chosen = overlays or {"gke": OVERLAYS["google"], "eks": OVERLAYS["aws"]}
    return apply_overlays(profile, run_key(None), chosen, values or {}, plan_only, tuple(consents or ()))
