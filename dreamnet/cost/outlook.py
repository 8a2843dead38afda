"""How long credits last at an estimate's pace, beside what everything that the plan lists would cost."""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet.cost.estimate import CLOUD_NAMES, Estimate


def months(credits: float, monthly: float) -> str:
    """How many months credits last, to a tenth; `∞` where nothing is spent."""
    return f"{credits / monthly:.1f}" if monthly > 0 else "∞"


def outlook(selected: Estimate, full: Estimate, credits: Mapping[str, float]) -> list[str]:
    """The lines of a Markdown table: each cloud's month, credits and the months they last, the gameplan's own
    figure, and the month of the full plan.

    Args:
        selected: what is built.
        full: everything that the plan lists.
        credits: cloud -> the credits that there are, in the estimates' currency.
    """
    rows = [
        "| | a month | credits | months they last | the plan said | the full plan | months then |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cloud, name in CLOUD_NAMES.items():
        monthly, everything, given = selected.total(cloud), full.total(cloud), credits[cloud]
        rows.append(
            f"| {name} | {monthly:.2f} | {given:.2f} | {months(given, monthly)} | {selected.plan[cloud]:.0f}"
            f" | {everything:.2f} | {months(given, everything)} |"
        )
    return rows
