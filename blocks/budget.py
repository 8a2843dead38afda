"""What may be spent."""

from __future__ import annotations

from datetime import date

from prefect.blocks.core import Block
from pydantic import BaseModel, Field

from blocks.standard import DOCUMENTATION_URL, KeptSchema
from dreamnet.cost.gate import Approval


class SpendingApproval(BaseModel):
    """A person's leave to spend more than the budget, for a while."""

    approved_by: str = Field(description="Who gives it.", min_length=1)
    google_monthly: float | None = Field(
        default=None, description="Up to how much a month on Google Cloud, in USD; empty: the budget.", ge=0
    )
    aws_monthly: float | None = Field(
        default=None, description="Up to how much a month on AWS, in USD; empty: the budget.", ge=0
    )
    until: date = Field(description="Its last day.")
    reason: str = Field(description="Why.", min_length=1)

    def approval(self) -> Approval:
        """The same for the core."""
        given = {"google": self.google_monthly, "aws": self.aws_monthly}
        monthly = {cloud: amount for cloud, amount in given.items() if amount is not None}
        return Approval(self.approved_by, self.until, self.reason, monthly)


class Budget(KeptSchema, Block):
    """The credits that there are and what a month may cost, in US dollars.

    Example:
        ```python
        from blocks import Budget

        budget = Budget.load("BLOCK_NAME")
        budget.google_credits
        ```
    """

    _block_type_name = "Budget (DreamNet)"
    _block_type_slug = "dreamnet-budget"
    _logo_url = (
        "https://cdn.sanity.io/images/3ugk85nk/production/c771bb53894c877e169c8db158c5598558b8f175-24x24.svg"  # type: ignore[assignment]
    )
    _documentation_url = DOCUMENTATION_URL  # type: ignore[assignment]

    google_credits: float = Field(default=1300.0, description="Credits on Google Cloud, in USD.", ge=0)
    aws_credits: float = Field(default=100.0, description="Credits on AWS, in USD.", ge=0)
    google_monthly: float = Field(
        default=430.0, description="What a month on Google Cloud may cost, in USD.", ge=0
    )
    aws_monthly: float = Field(default=200.0, description="What a month on AWS may cost, in USD.", ge=0)
    approvals: list[SpendingApproval] = Field(
        default_factory=list,
        description="Who allowed dearer months, up to which amounts, until when and why.",
    )
    credits_since: date | None = Field(
        default=None,
        description="The day of the grant; without it credits count from the report's first day.",
    )
    billing_table: str = Field(
        description="BigQuery table of Google's standard billing export, as dataset.table.",
        pattern=r"^[A-Za-z_]\w*\.\w+$",
        examples=["billing.gcp_billing_export_v1_012345_6789AB_CDEF01"],
    )

    def monthly(self) -> dict[str, float]:
        """Cloud -> what a month may cost."""
        return {"google": self.google_monthly, "aws": self.aws_monthly}

    def credits(self) -> dict[str, float]:
        """Cloud -> the credits that there are."""
        return {"google": self.google_credits, "aws": self.aws_credits}

    def approved(self) -> tuple[Approval, ...]:
        """Every approval, for the gate."""
        return tuple(one.approval() for one in self.approvals)
