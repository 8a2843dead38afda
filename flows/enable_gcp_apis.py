"""The plan's one-time step: Google's APIs that the declarations need."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.checks import enable_google_apis


@flow(name="enable-gcp-apis", flow_run_name="enable APIs {profile}", **GAMEPLAN_FLOW)
def enable_gcp_apis(profile: str, selection: str = "full", run: str | None = None) -> Step:
    """Enable every API that the selection's types need and that is off. A second run finds them all on.

    Args:
        profile: name of the Gameplan profile block.
        selection: name in infrastructure/selections.yaml.
        run: continue an earlier run under its id.
    """
    return enable_google_apis(profile, run_key(run), selection)
