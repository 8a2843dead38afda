"""What may be spent."""

from __future__ import annotations

from datetime import date

from prefect.blocks.core import Block
from pydantic import Field

from blocks.standard import DOCUMENTATION_URL


class Budget(Block):
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
    aws_monthly: float = Field(default=190.0, description="What a month on AWS may cost, in USD.", ge=0)
    credits_since: date | None = Field(
        default=None,
        description="The day of the grant; without it credits count from the report's first day.",
    )
    billing_table: str = Field(
        description="BigQuery table of Google's standard billing export, as dataset.table.",
        pattern=r"^[A-Za-z_]\w*\.\w+$",
        examples=["billing.gcp_billing_export_v1_012345_6789AB_CDEF01"],
    )
