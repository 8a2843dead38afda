"""A person decides the irreversible: Prefect's own input form, with what will happen above the button."""

from __future__ import annotations

from typing import TypeVar

from prefect import get_run_logger, pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from dreamnet.errors import GameplanError
from dreamnet.resources.plan import Plan


class Approval(RunInput):
    """What a person types."""

    confirmation: str = Field(description="Type the words asked for to approve; anything else stops here.")


Form = TypeVar("Form", bound=Approval)


class NotApproved(GameplanError):
    """A person was asked and did not agree."""


class CutOverApproval(Approval):
    """What a person decides of the cut-over."""

    prove_return: bool = Field(
        description="Go back to Neon and forward again at once, to prove the way back."
    )


def require_approval(words: str, what_will_happen: str, auto_approve: bool, timeout: int = 24 * 3600) -> None:
    """Pause the flow until a person has typed `words` under a description of what will happen.

    Args:
        auto_approve: don't ask; only a rehearsal's deployment sets it.
        timeout: how long to wait, in seconds.

    Raises:
        NotApproved: something else was typed.
    """
    _answered(Approval, words, what_will_happen, auto_approve, timeout)


def approve_cut_over(what_will_happen: str, auto_approve: bool, prove_return: bool) -> bool:
    """As `require_approval`, of the words `cut over`; whoever approves also decides about the way back.

    Args:
        prove_return: what the form suggests, and what holds where nobody is asked.

    Returns:
        Whether to prove the way back.
    """
    suggested = {"prove_return": prove_return}
    answer = _answered(CutOverApproval, "cut over", what_will_happen, auto_approve, 24 * 3600, **suggested)
    return answer.prove_return if answer else prove_return


def _answered(
    kind: type[Form], words: str, what_will_happen: str, auto_approve: bool, timeout: int, **suggested: bool
) -> Form | None:
    if auto_approve:
        get_run_logger().info("Approved by the deployment's auto_approve: %s", what_will_happen)
        return None
    form = kind.with_initial_data(
        description=f"{what_will_happen}\n\nType **{words}** to go on.", confirmation="", **suggested
    )
    answer = pause_flow_run(wait_for_input=form, timeout=timeout, poll_interval=2, key=words)
    if answer.confirmation.strip().lower() != words:
        raise NotApproved(
            f"The approval of {words!r} was declined.",
            "Nothing irreversible was done. Retry the run to be asked again.",
        )
    return answer


def approve_plan(profile: str, plan_json: str, auto_approve: bool) -> None:
    """Ask a person for a plan's id; a plan that changes nothing needs nobody.

    Raises:
        NotApproved: something else was typed.
    """
    plan = Plan.from_json(plan_json)
    if plan.changes:
        counts = ", ".join(f"{count} to {action}" for action, count in plan.counts().items() if count)
        described = (
            f"Plan {plan.id} for profile {profile}: {counts}. Its table and its price are an artifact."
        )
        require_approval(plan.id, described, auto_approve)
