"""Week 3: functions, events, monitoring."""

from __future__ import annotations

from prefect import flow

from dreamnet.report import WeekReport
from flows.provisioning import provision
from flows.weeks import GAMEPLAN_FLOW, finish_week, run_key
from tasks.events import check_monitoring, prove_event

FOLDERS = ("google/services", "aws/services")


@flow(name="week3-services", flow_run_name="week 3 {profile}", **GAMEPLAN_FLOW)
def week3_services(profile: str, auto_approve: bool = False, run: str | None = None) -> WeekReport:
    """Create the functions with events and alerts, and send one event through each cloud."""
    run = run_key(run)
    steps = [provision(profile, run, FOLDERS, auto_approve)]

    events = [prove_event.submit(profile, run, cloud) for cloud in ("google", "aws")]
    steps += [event.result() for event in events]
    steps.append(check_monitoring(profile, run))
    return finish_week(profile, 3, "Functions, events, monitoring", steps)
