"""What both clouds have charged, in one table with FOCUS 1.2's column names.

FOCUS: https://focus.finops.org (version 1.2). Only columns that both sources can fill are here; the one that
begins with `x_` is ours, as FOCUS asks of custom columns. A row is a service's charge of one kind on one day
(UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from dreamnet.errors import ConfigurationError

GOOGLE, AWS = "Google Cloud", "AWS"

COLUMNS = (
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "BillingAccountId",
    "ServiceName",
    "ChargeCategory",
    "ChargeDescription",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "BillingCurrency",
    "BilledCost",
    "x_PromotionalCredit",
)
_TIMES = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")
_EXPORT_TABLE = re.compile(r"[A-Za-z0-9_-]+\.\w+\.gcp_billing_export_(?:resource_)?v1_\w+\Z")

# Costs and credits are summed in BigQuery: an export has a row for each SKU, hour and label set.
# Promotional credits (the 1,300 USD) are kept apart from discounts and free tiers: they pay the bill, the
# others lower it. (Standard export: cloud.google.com/billing/docs/how-to/export-data-bigquery-tables)
_GOOGLE_QUERY = """
WITH charges AS (
  SELECT
    billing_account_id, service.description AS service, cost_type, currency,
    DATE(usage_start_time, 'UTC') AS day, cost,
    IFNULL((SELECT SUM(c.amount) FROM UNNEST(credits) AS c WHERE c.type = 'PROMOTION'), 0) AS promotion,
    IFNULL((SELECT SUM(c.amount) FROM UNNEST(credits) AS c WHERE c.type != 'PROMOTION'), 0) AS discount
  FROM `{table}`
  WHERE usage_start_time >= @start AND usage_start_time < @end
)
SELECT billing_account_id, service, cost_type, currency, day,
  SUM(cost) AS cost, SUM(promotion) AS promotion, SUM(discount) AS discount
FROM charges
GROUP BY billing_account_id, service, cost_type, currency, day
ORDER BY day, service, cost_type
"""

#: FOCUS's ChargeCategory for Google's cost_type and for AWS's RECORD_TYPE; what is not here is an Adjustment.
_CATEGORIES = {
    "regular": "Usage",
    "tax": "Tax",
    "Usage": "Usage",
    "DiscountedUsage": "Usage",
    "SavingsPlanCoveredUsage": "Usage",
    "Tax": "Tax",
    "Credit": "Credit",
    "Recurring": "Purchase",
    "RIFee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
    "Support": "Purchase",
}


def report_window(today: date, days: int = 30) -> tuple[date, date]:
    """First day and day after the last of a report made today (UTC): the full days before it."""
    return today - timedelta(days=days), today


def empty_rows() -> pd.DataFrame:
    """The table without a row, with its types."""
    return billing_rows([])


def billing_rows(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as the table: every column there, times in UTC, costs as floats."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in _TIMES:
        table[name] = pd.to_datetime(table[name], utc=True)
    table["BilledCost"] = table["BilledCost"].astype("float64")
    table["x_PromotionalCredit"] = table["x_PromotionalCredit"].astype("bool")
    return table


def google_billing_rows(client: Any, table: str, start: date, end: date) -> pd.DataFrame:
    """Read a standard (or detailed) billing export.

    Args:
        client: a `google.cloud.bigquery.Client`.
        table: `project.dataset.gcp_billing_export_v1_<billing account>`.
        start: first UTC day.
        end: the day after the last.

    Raises:
        ConfigurationError: the name is not an export's, or the table does not exist (yet).
    """
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    if not _EXPORT_TABLE.match(table):
        raise ConfigurationError(
            f"{table} is not the name of a billing export table.",
            "Give it as project.dataset.gcp_billing_export_v1_<billing account>.",
        )
    parameters = [
        bigquery.ScalarQueryParameter("start", "TIMESTAMP", _midnight(start)),
        bigquery.ScalarQueryParameter("end", "TIMESTAMP", _midnight(end)),
    ]
    job = bigquery.QueryJobConfig(query_parameters=parameters)
    try:
        found = list(client.query(_GOOGLE_QUERY.format(table=table), job_config=job).result())
    except NotFound as error:
        raise ConfigurationError(
            f"There is no billing export {table}.",
            "Turn on the standard export in Cloud Billing; the first rows come within a day.",
        ) from error
    return billing_rows([row for record in found for row in _google_rows(record)])


def _google_rows(record: Any) -> Iterator[dict[str, Any]]:
    category = _CATEGORIES.get(record["cost_type"], "Adjustment")
    for kind, amount, promotional in (
        (category, record["cost"], False),
        ("Credit", record["discount"], False),
        ("Credit", record["promotion"], True),
    ):
        if amount or kind == category:
            yield _row(
                GOOGLE,
                account=record["billing_account_id"],
                service=record["service"],
                category=kind,
                description="Promotional credit" if promotional else f"{record['cost_type']} charge",
                day=record["day"],
                currency=record["currency"],
                cost=amount,
                promotional=promotional,
            )


def aws_cost_rows(client: Any, account_id: str, start: date, end: date) -> pd.DataFrame:
    """Ask Cost Explorer for daily unblended costs by service and kind of charge. Each page costs 0.01 USD.

    Args:
        client: a boto3 `ce` client.
        account_id: whose bill it is.
        start: first UTC day.
        end: the day after the last.

    Raises:
        GameplanError: Cost Explorer refused or didn't answer.
    """
    from dreamnet.clouds.aws import aws_errors

    rows: list[dict[str, Any]] = []
    arguments: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [
            {"Type": "DIMENSION", "Key": "SERVICE"},
            {"Type": "DIMENSION", "Key": "RECORD_TYPE"},
        ],
    }
    with aws_errors("Cost Explorer"):
        while True:
            page = client.get_cost_and_usage(**arguments)
            for period in page["ResultsByTime"]:
                rows.extend(_aws_rows(period, account_id))
            if not page.get("NextPageToken"):
                break
            arguments["NextPageToken"] = page["NextPageToken"]
    table = billing_rows(rows)
    inside = (table["ChargePeriodStart"] >= _midnight(start)) & (table["ChargePeriodStart"] < _midnight(end))
    return table[inside].reset_index(drop=True)


def _aws_rows(period: dict[str, Any], account_id: str) -> Iterator[dict[str, Any]]:
    day = date.fromisoformat(period["TimePeriod"]["Start"][:10])
    for group in period.get("Groups", []):
        service, *rest = group["Keys"]
        record_type = rest[0] if rest else "Usage"
        metric = group["Metrics"]["UnblendedCost"]
        yield _row(
            AWS,
            account=account_id,
            service=service,
            category=_CATEGORIES.get(record_type, "Adjustment"),
            description=f"{record_type} charge",
            day=day,
            currency=metric["Unit"],
            cost=metric["Amount"],
            promotional=record_type == "Credit",
        )


def _row(
    provider: str,
    *,
    account: str,
    service: str,
    category: str,
    description: str,
    day: date,
    currency: str,
    cost: Any,
    promotional: bool,
) -> dict[str, Any]:
    first = day.replace(day=1)
    next_month = (first + timedelta(days=32)).replace(day=1)
    publisher = "Google" if provider == GOOGLE else "Amazon Web Services, Inc."
    return {
        "ProviderName": provider,
        "PublisherName": publisher,
        "InvoiceIssuerName": publisher,
        "BillingAccountId": account,
        "ServiceName": service,
        "ChargeCategory": category,
        "ChargeDescription": description,
        "ChargePeriodStart": _midnight(day),
        "ChargePeriodEnd": _midnight(day + timedelta(days=1)),
        "BillingPeriodStart": _midnight(first),
        "BillingPeriodEnd": _midnight(next_month),
        "BillingCurrency": currency,
        "BilledCost": float(Decimal(str(cost))),
        "x_PromotionalCredit": promotional,
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
