"""Automations of the gameplan: `python -m deployments.automations` saves them on the server in use.

A flow run whose process died without a word stays Running for ever. Runs send a heartbeat every 30 s
(`PREFECT_FLOWS_HEARTBEAT_FREQUENCY`); one that has sent none for 90 s is marked Crashed, after which
`prefect flow-run retry` goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

ZOMBIES = "dreamnet: runs without a heartbeat have crashed"


def zombie_automation() -> Automation:
    """Marks a flow run Crashed that has sent no heartbeat, and has not ended, for 90 seconds."""
    return Automation(
        name=ZOMBIES,
        description="A run whose process died can be retried once it counts as crashed.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={
                "prefect.flow-run.heartbeat",
                "prefect.flow-run.Completed",
                "prefect.flow-run.Failed",
                "prefect.flow-run.Cancelled",
                "prefect.flow-run.Crashed",
            },
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=90),
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message="No heartbeat for 90 s: its process is gone.")
        ],
    )


async def save_automations() -> list[str]:
    """Create the automations that are not there yet; returns the names of those created."""
    try:
        await Automation.aread(name=ZOMBIES)
    except ValueError:
        await zombie_automation().acreate()
        return [ZOMBIES]
    return []


if __name__ == "__main__":
    for created in asyncio.run(save_automations()) or ["nothing to do"]:
        print(created)
