"""How flows create resources: plan, price, ask, apply."""

from __future__ import annotations

from dreamnet.report import Step
from tasks.approval import approve_plan
from tasks.costs import check_plan_price
from tasks.resources import GAMEPLAN, apply_resources, plan_resources


def provision(
    profile: str,
    run: str,
    folders: tuple[str, ...],
    auto_approve: bool,
    selection: str = GAMEPLAN,
    consents: tuple[str, ...] = (),
) -> Step:
    """Bring what a selection holds of these folders to what the files declare, once a person has agreed."""
    plan = plan_resources(profile, run, folders, selection)
    check_plan_price(profile, run, folders, plan, selection)
    approve_plan(profile, plan, auto_approve)
    return apply_resources(profile, run, folders, plan, selection, consents)
