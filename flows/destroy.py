"""Take everything down, or a part of it."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import Step
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.destruction import approve_destruction, destroy_resources, plan_destruction
from tasks.resources import FULL


@flow(name="destroy", flow_run_name="destroy {profile}", **GAMEPLAN_FLOW)
def destroy(
    profile: str,
    selection: str = FULL,
    folders: list[str] | None = None,
    consents: list[str] | None = None,
    auto_approve: bool = False,
    run: str | None = None,
) -> Step:
    """Show what would go and what data with it; delete it once a person has typed the plan's id.

    Args:
        profile: name of the Gameplan profile block.
        selection: name in infrastructure/selections.yaml.
        folders: only these of the selection; what others that stay depend on stays too.
        consents: `lift-protection:ID` for each protected resource that may go.
        auto_approve: don't ask; only the rehearsal's deployment sets it.
        run: continue an earlier run under its id.
    """
    run, parts = run_key(run), tuple(folders or ())
    plan = plan_destruction(profile, run, parts, selection)
    approve_destruction(profile, plan, auto_approve)
    return destroy_resources(profile, run, parts, selection, plan, tuple(consents or ()))
