from datetime import UTC, date, datetime

import pandas as pd
import pytest
from google.api_core.exceptions import NotFound

from dreamnet.cost.billing import (
    AWS,
    COLUMNS,
    GOOGLE,
    aws_cost_rows,
    billing_rows,
    empty_rows,
    google_billing_rows,
    report_window,
)
from dreamnet.cost.report import burn_down, chart, daily_costs, table_markdown
from dreamnet.errors import ConfigurationError

TODAY = date(2026, 11, 25)
EXPORT = "p.billing.gcp_billing_export_v1_0A"


class BigQuery:
    def __init__(self, records=(), error=None):
        self.records, self.error, self.parameters = records, error, {}

    def query(self, sql, job_config):
        assert EXPORT in sql
        self.parameters = {p.name: p.value for p in job_config.query_parameters}
        return self

    def result(self):
        if self.error:
            raise self.error
        return iter(self.records)


class CostExplorer:
    """Answers in pages of one day."""

    def __init__(self, days):
        self.days, self.calls = days, []

    def get_cost_and_usage(self, **arguments):
        self.calls.append(arguments)
        page = int(arguments.get("NextPageToken", 0))
        answer = {"ResultsByTime": self.days[page : page + 1]}
        return answer | ({"NextPageToken": str(page + 1)} if page + 1 < len(self.days) else {})


def google_record(day=date(2026, 11, 24), cost=10.0, promotion=-8.0, discount=-2.0, cost_type="regular"):
    return {
        "billing_account_id": "0A",
        "service": "Cloud SQL",
        "cost_type": cost_type,
        "currency": "USD",
        "day": day,
        "cost": cost,
        "promotion": promotion,
        "discount": discount,
    }


def aws_day(day, *groups):
    metric = [(keys, {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}) for keys, amount in groups]
    return {
        "TimePeriod": {"Start": day, "End": "unused"},
        "Groups": [{"Keys": keys, "Metrics": metrics} for keys, metrics in metric],
    }


def rows(*records):
    """(provider, day, cost, promotional) -> the table."""
    base = dict.fromkeys(COLUMNS, "x") | {"BillingCurrency": "USD"}
    return billing_rows(
        [
            base
            | {
                "ProviderName": provider,
                "ChargePeriodStart": start,
                "ChargePeriodEnd": start,
                "BillingPeriodStart": start,
                "BillingPeriodEnd": start,
                "BilledCost": cost,
                "x_PromotionalCredit": promotional,
            }
            for provider, start, cost, promotional in records
        ]
    )


def at(day, hour=0, month=11):
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_google_credits_become_rows_of_their_own():
    client = BigQuery(
        [google_record(), google_record(promotion=0.0, discount=0.0, cost_type="tax", cost=1.0)]
    )
    table = google_billing_rows(client, EXPORT, date(2026, 11, 1), TODAY)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["ChargeCategory"]) == ["Usage", "Credit", "Credit", "Tax"]
    assert list(table["BilledCost"]) == [10.0, -2.0, -8.0, 1.0]
    assert list(table["x_PromotionalCredit"]) == [False, False, True, False]
    assert table["ChargePeriodStart"][0] == at(24)
    assert table["BillingPeriodEnd"][0] == at(1, month=12)
    assert client.parameters["end"] == datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["p.d.other", "gcp_billing_export_v1_0A", "p.d.gcp_billing_export_v1_0A` --"]
)
def test_only_an_export_is_queried(name):
    with pytest.raises(ConfigurationError, match="not the name of a billing export"):
        google_billing_rows(BigQuery(), name, TODAY, TODAY)


def test_a_missing_export_says_how_to_turn_it_on():
    with pytest.raises(ConfigurationError, match="Turn on the standard export"):
        google_billing_rows(BigQuery(error=NotFound("no")), EXPORT, TODAY, TODAY)


def test_aws_pages_are_followed_and_days_outside_are_left_out():
    client = CostExplorer(
        [
            aws_day("2026-10-31", (["EKS", "Usage"], "9")),
            aws_day("2026-11-01", (["EKS", "Usage"], "2.4"), (["EKS", "Credit"], "-2.4")),
            aws_day("2026-11-02", (["RDS", "Refund"], "-0.5"), (["Tax", "Tax"], "0.1")),
        ]
    )
    table = aws_cost_rows(client, "123", date(2026, 11, 1), TODAY)
    assert len(client.calls) == 3
    assert list(table["ChargeCategory"]) == ["Usage", "Credit", "Adjustment", "Tax"]
    assert list(table["x_PromotionalCredit"]) == [False, True, False, False]
    assert table["BilledCost"].sum() == pytest.approx(-0.4)
    assert set(table["ProviderName"]) == {AWS}


def test_both_clouds_fit_in_one_table():
    google = google_billing_rows(BigQuery([google_record()]), EXPORT, date(2026, 11, 1), TODAY)
    aws = aws_cost_rows(
        CostExplorer([aws_day("2026-11-02", (["RDS", "Usage"], "1"))]), "1", *report_window(TODAY)
    )
    both = pd.concat([google, aws], ignore_index=True)
    assert both.dtypes.equals(google.dtypes)
    assert "| Google Cloud | Cloud SQL | 8.00 | -8.00 |" in table_markdown(both)
    assert "| **total** | | **9.00** | **-8.00** |" in table_markdown(both)


def test_burn_down_averages_seven_full_days_and_leaves_promotional_credits_out():
    week = [(GOOGLE, at(day), 10.0, False) for day in range(18, 25)]
    paid = [(GOOGLE, at(day), -10.0, True) for day in range(18, 25)]
    before, today = (GOOGLE, at(1), 100.0, False), (GOOGLE, at(25), 30.0, False)
    left = burn_down(rows(before, *week, *paid, today), {GOOGLE: 1300.0}, TODAY)[GOOGLE]
    assert left.left == 1300 - 100 - 70 - 30
    assert left.daily_average == 10.0
    assert left.days == 110.0
    assert str(left) == "Google Cloud: 1100.00 of 1300.00 left, 10.00 a day; 110 days."


def test_a_days_last_hour_belongs_to_that_day_whatever_the_time_zone():
    tokyo = pd.Timestamp("2026-11-25T08:30:00+09:00")  # 23:30 UTC of the 24th
    table = rows((AWS, tokyo.to_pydatetime(), 7.0, False), (AWS, at(25), 70.0, False))
    assert list(daily_costs(table).index.strftime("%d")) == ["24", "25"]
    assert burn_down(table, {AWS: 100}, TODAY)[AWS].daily_average == 1.0


def test_used_up_credits_are_zero_days_and_never_negative():
    left = burn_down(rows((AWS, at(24), 150.0, False)), {AWS: 100.0}, TODAY)[AWS]
    assert (left.left, left.days) == (0.0, 0.0)
    assert "are used up" in str(left)


def test_refunds_give_credit_back():
    left = burn_down(rows((AWS, at(23), 50.0, False), (AWS, at(24), -60.0, False)), {AWS: 100.0}, TODAY)[AWS]
    assert left.left == 110.0
    assert left.days is None


def test_a_missing_provider_and_no_rows_at_all():
    only_google = rows((GOOGLE, at(24), 7.0, False))
    left = burn_down(only_google, {GOOGLE: 1300.0, AWS: 100.0}, TODAY)
    assert (left[AWS].left, left[AWS].daily_average, left[AWS].days) == (100.0, 0.0, None)
    nothing = burn_down(empty_rows(), {GOOGLE: 1300.0}, TODAY)[GOOGLE]
    assert (nothing.left, nothing.days) == (1300.0, None)
    assert table_markdown(empty_rows()) == "No charges in this period.\n"


@pytest.mark.parametrize(
    "table",
    [
        empty_rows(),
        rows((GOOGLE, at(1), 5.0, False), (GOOGLE, at(20), 1.0, False), (AWS, at(3), -2.0, False)),
    ],
    ids=["empty", "gaps and a refund"],
)
def test_the_chart_is_a_picture(table):
    picture = chart(table, monthly_budget=244)
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 5_000


def test_days_without_a_charge_are_zero():
    daily = daily_costs(rows((GOOGLE, at(1), 5.0, False), (GOOGLE, at(4), 1.0, False)))
    assert list(daily[GOOGLE]) == [5.0, 0.0, 0.0, 1.0]
