"""Automations of the gameplan: `python -m deployments.automations` saves them on the server in use.

A flow run whose process died without a word stays Running for ever. Runs send a heartbeat every 30 s
(`PREFECT_FLOWS_HEARTBEAT_FREQUENCY`); one that has sent none for 90 s is marked Crashed, after which
`prefect flow-run retry` goes on where it stopped.

Drift that a check has found, and alarms of the migration, go to whoever the notification block
`dreamnet-alerts` names: save one in the UI under Blocks (Slack, Teams, PagerDuty, e-mail, a custom webhook),
then run this again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from prefect import get_client
from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from tasks.migration_status import MIGRATION_ALARM
from tasks.upkeep import DRIFT_FOUND

ZOMBIES = "dreamnet: runs without a heartbeat have crashed"
DRIFT = "dreamnet: drift is reported"
MIGRATION = "dreamnet: alarms of the migration are reported"

#: The notification block that alerts go to, of whatever type.
ALERTS = "dreamnet-alerts"


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


def drift_automation(notification: UUID) -> Automation:
    """Sends what a drift check has found to a notification block."""
    return Automation(
        name=DRIFT,
        description="What lives is no longer what the files declare.",
        trigger=EventTrigger(
            expect={DRIFT_FOUND},
            match=ResourceSpecification({"prefect.resource.id": ["dreamnet.drift.*"]}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=notification,
                subject="DreamNet: {{ event.payload.summary }}",
                body=(
                    "Selection {{ event.payload.selection }}: {{ event.payload.summary }}\n"
                    "Changed: {{ event.payload.changed | join('; ') }}\n"
                    "Absent: {{ event.payload.absent | join(', ') }}\n"
                    "Foreign: {{ event.payload.foreign | join(', ') }}\n"
                    "Undeclared: {{ event.payload.undeclared | join(', ') }}"
                ),
            )
        ],
    )


def migration_automation(notification: UUID) -> Automation:
    """Sends the alarms that a look at the migration has found to a notification block."""
    return Automation(
        name=MIGRATION,
        description="Something in the migration needs a person.",
        trigger=EventTrigger(
            expect={MIGRATION_ALARM},
            match=ResourceSpecification({"prefect.resource.id": ["dreamnet.migration.*"]}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=notification,
                subject="DreamNet's migration ({{ event.payload.phase }})",
                body=(
                    "{% for alarm in event.payload.alarms %}{{ alarm.level }}: {{ alarm.what }}. "
                    "{{ alarm.then }} Since: {{ alarm.since }}. Remedy: {{ alarm.remedy }}\n{% endfor %}"
                ),
            )
        ],
    )


async def save_automations() -> list[str]:
    """Create the automations that are not there yet; returns the names of those created.

    Those for drift and the migration need the block that they notify, and wait for it.
    """
    wanted = [zombie_automation()]
    notification = await _alerts()
    if notification:
        wanted += [drift_automation(notification), migration_automation(notification)]
    created = []
    for automation in wanted:
        try:
            await Automation.aread(name=automation.name)
        except ValueError:
            await automation.acreate()
            created.append(automation.name)
    return created


async def _alerts() -> UUID | None:
    """The notification block's id, or None while nobody has saved one."""
    async with get_client() as client:
        blocks = await client.read_block_documents(include_secrets=False)
    return next((block.id for block in blocks if block.name == ALERTS), None)


async def _main() -> None:
    for created in await save_automations() or ["nothing to do"]:
        print(created)
    if await _alerts() is None:
        print(f"nobody is told of drift or alarms: there is no notification block {ALERTS}")


if __name__ == "__main__":
    asyncio.run(_main())
