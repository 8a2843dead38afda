"""One data pipeline, as its schedule runs it."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.pipelines import load_pipeline


@flow(name="data-pipeline", flow_run_name="{pipeline} {profile}", **GAMEPLAN_FLOW)
def data_pipeline(profile: str, pipeline: str, run: str | None = None) -> Step:
    """Extract, load, reconcile and check what `data_pipelines/<pipeline>.py` declares."""
    return load_pipeline(profile, run_key(run), pipeline)
