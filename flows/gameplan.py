"""The gameplan: four dependent weeks, each a flow of its own."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.week1_kubernetes import week1_kubernetes
from flows.week2_data import week2_data
from flows.week3_services import week3_services
from flows.week4_global import week4_global
from flows.weeks import GAMEPLAN_FLOW, run_key, run_week
from tasks.checks import check_accounts, check_declarations, check_ready, enable_google_apis
from tasks.costs import check_price
from tasks.migration import check_source
from tasks.report import conclude
from tasks.resources import GAMEPLAN, plan_resources


@flow(name="gameplan", flow_run_name="gameplan {profile}", **GAMEPLAN_FLOW)
def gameplan(
    profile: str,
    auto_approve: bool = False,
    plan_only: bool = False,
    run: str | None = None,
    prove_return: bool = True,
) -> list[WeekReport]:
    """Take DreamNet to GKE and EKS. A second run finds everything in place and changes nothing.

    Args:
        profile: name of the Gameplan profile block.
        auto_approve: apply, cut over and fail over without asking a person; only the rehearsal's deployment
            sets it.
        plan_only: check, plan and price everything that the weeks build, and change nothing.
        run: continue an earlier run under its id.
        prove_return: as neon-migration's.
    """
    run = run_key(run)
    checks = [
        check_accounts(profile, run),
        check_declarations(profile, run),
        *([] if plan_only else [enable_google_apis(profile, run, GAMEPLAN)]),
        check_ready(profile, run),
        check_price(profile, run),
        check_source(profile, run, prove_return),
    ]
    if plan_only:
        plan_resources(profile, run, ())
        return []
    weeks = [
        run_week(1, lambda: week1_kubernetes(profile, auto_approve, run), run),
        run_week(2, lambda: week2_data(profile, auto_approve, run, prove_return), run),
        run_week(3, lambda: week3_services(profile, auto_approve, run), run),
        run_week(4, lambda: week4_global(profile, auto_approve, run), run),
    ]
    conclude(profile, checks, weeks)
    return weeks
