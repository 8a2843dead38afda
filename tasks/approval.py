"""A person decides the irreversible: Prefect's own input form, with what will happen above the button."""

from __future__ import annotations

from prefect import get_run_logger, pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from dreamnet.errors import GameplanError


class Approval(RunInput):
    """What a person types."""

    confirmation: str = Field(description="Type the words asked for to approve; anything else stops here.")


class NotApproved(GameplanError):
    """A person was asked and did not agree."""


def require_approval(words: str, what_will_happen: str, auto_approve: bool, timeout: int = 24 * 3600) -> None:
    """Pause the flow until a person has typed `words` under a description of what will happen.

    Args:
        auto_approve: don't ask; only a rehearsal's deployment sets it.
        timeout: how long to wait, in seconds.

    Raises:
        NotApproved: something else was typed.
    """
    if auto_approve:
        get_run_logger().info("Approved by the deployment's auto_approve: %s", what_will_happen)
        return
    form = Approval.with_initial_data(
        description=f"{what_will_happen}\n\nType **{words}** to go on.", confirmation=""
    )
    answer = pause_flow_run(wait_for_input=form, timeout=timeout, poll_interval=2, key=words)
    if answer.confirmation.strip().lower() != words:
        raise NotApproved(
            f"The approval of {words!r} was declined.",
            "Nothing irreversible was done. Retry the run to be asked again.",
        )
