"""What it costs: the estimate before, the bill and the credits after."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pandas as pd
from prefect import task
from prefect.artifacts import create_table_artifact

from dreamnet.cost.billing import aws_cost_rows, google_billing_rows, report_window
from dreamnet.cost.gate import require_budget
from dreamnet.cost.lookups import load_lookups
from dreamnet.cost.outlook import outlook
from dreamnet.cost.price_apis import AWS_PRICING_REGION, AwsPrices, GooglePrices
from dreamnet.cost.prices import load_prices
from dreamnet.cost.refresh import look_up, rewritten
from dreamnet.cost.report import burn_down, chart, table_markdown
from dreamnet.errors import PrecheckFailed
from dreamnet.report import Clock, Step
from dreamnet.resources.plan import Plan
from tasks.resources import FULL, GAMEPLAN, catalogue, monthly_estimate, priced
from tasks.support import (
    CLOUD_TASK,
    INFRASTRUCTURE,
    aws_account,
    google_account,
    load_profile,
    progress,
    publish,
)


@task(task_run_name="price {selection}", **CLOUD_TASK)
def check_price(profile: str, run: str, selection: str = GAMEPLAN) -> Step:
    """Price a selection and hold it against the monthly budget and its approvals.

    Raises:
        PrecheckFailed: it does not fit; the message says which lines to drop.
    """
    clock = Clock("Price")
    budget = load_profile(profile).budget
    priced = monthly_estimate(profile, selection)
    table = outlook(priced, monthly_estimate(profile, FULL), budget.credits())
    publish(
        f"estimate {profile} {selection}",
        "\n".join([*table, "", priced.markdown()]),
        f"Prices of {priced.date}",
    )
    checks = require_budget(priced, budget.monthly(), budget.approved(), datetime.now(UTC).date())
    return clock.unchanged(f"{' '.join(check.sentence for check in checks)} {priced.against_plan()}")


@task(task_run_name="price of the plan", **CLOUD_TASK)
def check_plan_price(
    profile: str, run: str, folders: tuple[str, ...], plan_json: str, selection: str = GAMEPLAN
) -> Step:
    """Hold what a plan's resources cost after its apply against the monthly budget and its approvals.

    Raises:
        PrecheckFailed: it does not fit; the message says which lines to drop.
    """
    clock = Clock("Price of the plan")
    budget = load_profile(profile).budget
    price = priced(Plan.from_json(plan_json), catalogue(folders, selection), profile)
    checks = require_budget(price.then, budget.monthly(), budget.approved(), datetime.now(UTC).date())
    added = price.then.total() - price.now.total()
    return clock.unchanged(f"{added:+.2f} USD a month. {' '.join(check.sentence for check in checks)}")


@task(task_run_name="refresh prices", **CLOUD_TASK)
def refresh_prices(profile: str, run: str, write: bool) -> Step:
    """Ask both clouds' price APIs for the sheet's figures; publish what changed and what wasn't found.

    Args:
        write: put the new figures into infrastructure/prices.yaml.

    Raises:
        ConfigurationError: the sheet or its lookups can't be used.
        PrecheckFailed: it would be written from other prices than the vendors'.
    """
    clock = Clock("Prices")
    account = aws_account(profile)
    if write and account.endpoint_url:
        raise PrecheckFailed(
            f"Profile {profile} asks {account.endpoint_url} instead of AWS: those prices are not AWS's.",
            "Write the sheet with a profile of real accounts, or leave write out.",
        )
    file = INFRASTRUCTURE / "prices.yaml"
    sheet, lookups = load_prices(file), load_lookups(INFRASTRUCTURE / "price-lookups.yaml")
    google = GooglePrices(google_account(profile), sheet.regions["google"])
    aws = AwsPrices(account.client("pricing", AWS_PRICING_REGION), sheet.regions["aws"])
    found = look_up(sheet, lookups, google, aws, datetime.now(UTC).date())
    stranger = f" These are answers of {account.endpoint_url}, not of AWS." if account.endpoint_url else ""
    publish(
        f"prices {profile}",
        found.markdown(),
        f"What the vendors' price APIs say of the price sheet.{stranger}",
    )
    said = (
        f"{len(found.changed)} prices changed, {len(found.found) - len(found.changed)} confirmed,"
        f" {len(found.missing)} not found, {len(found.by_hand)} without a lookup.{stranger}"
    )
    text = file.read_text(encoding="utf-8")
    new = rewritten(text, found)
    if not write or new == text:
        return clock.unchanged(said)
    file.write_text(new, encoding="utf-8")
    return clock.done(f"{said} {file.name} is rewritten: look at it and commit it.")


@task(task_run_name="cost report", **CLOUD_TASK)
def report_costs(profile: str, run: str, days: int = 30) -> Step:
    """Read both clouds' bills; publish a table, a chart and how long the credits last."""
    clock = Clock("Costs")
    settings, google, aws = load_profile(profile), google_account(profile), aws_account(profile)
    today = datetime.now(UTC).date()
    start, end = report_window(today, days)
    since = min(start, settings.budget.credits_since or start)
    table = f"{google.project}.{settings.budget.billing_table}"
    rows = pd.concat(
        [
            google_billing_rows(google.bigquery(), table, since, end),
            aws_cost_rows(aws.client("ce"), aws.account_id, since, end),
        ],
        ignore_index=True,
    )
    progress()(f"{len(rows)} rows from both bills, {since} to {end}")
    credits = {"Google Cloud": settings.budget.google_credits, "AWS": settings.budget.aws_credits}
    left = burn_down(rows, credits, today)
    shown = rows[rows["ChargePeriodStart"] >= pd.Timestamp(start, tz="UTC")]
    create_table_artifact(
        key=f"credits-{profile}",
        table=[
            {
                "provider": name,
                "credits": value.credits,
                "left": round(value.left, 2),
                "a day": round(value.daily_average, 2),
                "days": "unknown" if value.days is None else round(value.days, 1),
            }
            for name, value in left.items()
        ],
        description="Credits, and how long they last at the last seven days' pace",
    )
    picture = base64.b64encode(
        chart(shown, settings.budget.google_monthly + settings.budget.aws_monthly)
    ).decode()
    publish(
        f"costs {profile}",
        f"![Daily costs](data:image/png;base64,{picture})\n\n{table_markdown(shown)}",
        f"Costs from {start} to {end}",
    )
    said = "; ".join(
        f"{name}: {value.left:.2f} of {value.credits:.0f} USD left"
        + ("" if value.days is None else f", {value.days:.0f} days")
        for name, value in left.items()
    )
    return clock.unchanged(said)
