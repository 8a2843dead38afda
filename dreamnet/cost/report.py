"""The cost report: credits burnt down, a table and a chart of daily costs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from dreamnet.cost.billing import AWS, GOOGLE

AVERAGE_DAYS = 7
_COLOURS = {GOOGLE: "#4285f4", AWS: "#ff9900"}


@dataclass(frozen=True)
class CreditsLeft:
    """One provider's credits.

    Attributes:
        provider: FOCUS's ProviderName.
        credits: granted.
        left: not used up; 0 where they are.
        daily_average: net of discounts, over the last 7 full UTC days before today.
        days: how long they last at that rate: 0 where used up, None where nothing is being spent.
    """

    provider: str
    credits: float
    left: float
    daily_average: float
    days: float | None

    def __str__(self) -> str:
        """A sentence."""
        if self.left <= 0:
            return f"{self.provider}: the credits of {self.credits:.2f} are used up."
        rate = f"{self.left:.2f} of {self.credits:.2f} left, {self.daily_average:.2f} a day"
        if self.days is None:
            return f"{self.provider}: {rate}; at that they don't run out."
        return f"{self.provider}: {rate}; {self.days:.0f} days."


def daily_costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Cost by UTC day (index: dates without a gap) and provider (columns), net of discounts and refunds.

    Promotional credits are left out: they pay the bill, and are what is being burnt down.
    """
    spent = rows[~rows["x_PromotionalCredit"]]
    if spent.empty:
        return pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC"))
    day = spent["ChargePeriodStart"].dt.tz_convert("UTC").dt.floor("D")
    daily = spent.groupby([day, "ProviderName"])["BilledCost"].sum().unstack().fillna(0.0)
    return daily.reindex(pd.date_range(day.min(), day.max(), freq="D"), fill_value=0.0)


def burn_down(rows: pd.DataFrame, credits: Mapping[str, float], today: date) -> dict[str, CreditsLeft]:
    """How much of each provider's credits is left, and for how many days.

    Args:
        rows: everything charged since the credits were granted.
        credits: ProviderName -> credits granted, in the billing currency.
        today: the UTC day of the report; it is not over, so it counts as spent but not in the average.

    Returns:
        Provider -> credits left. A provider without a row has spent nothing.
    """
    daily = daily_costs(rows)
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    first = midnight - timedelta(days=AVERAGE_DAYS)
    result = {}
    for provider, granted in credits.items():
        costs = daily[provider] if provider in daily else pd.Series(dtype="float64", index=daily.index)
        left = max(0.0, granted - float(costs.sum()))
        recent = costs[(costs.index >= first) & (costs.index < midnight)]
        average = float(recent.sum()) / AVERAGE_DAYS
        days = 0.0 if left == 0 else (left / average if average > 0 else None)
        result[provider] = CreditsLeft(provider, granted, left, average, days)
    return result


def table_markdown(rows: pd.DataFrame) -> str:
    """Cost by provider and service, dearest first, with promotional credits in a column of their own."""
    if rows.empty:
        return "No charges in this period.\n"
    currency = ", ".join(sorted(rows["BillingCurrency"].unique()))
    first, last = rows["ChargePeriodStart"].min(), rows["ChargePeriodEnd"].max() - timedelta(days=1)
    keys = ["ProviderName", "ServiceName"]
    cost = rows[~rows["x_PromotionalCredit"]].groupby(keys)["BilledCost"].sum()
    paid = rows[rows["x_PromotionalCredit"]].groupby(keys)["BilledCost"].sum()
    table = pd.DataFrame({"cost": cost, "credit": paid}).fillna(0.0)
    table = table.sort_values("cost", ascending=False).sort_index(level=0, sort_remaining=False)
    lines = [
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d} (UTC days), {currency}",
        "",
        "| provider | service | cost | paid by credits |",
        "| --- | --- | ---: | ---: |",
    ]
    lines += [
        f"| {provider} | {service} | {row.cost:.2f} | {row.credit:.2f} |"
        for (provider, service), row in zip(table.index, table.itertuples(index=False), strict=True)
    ]
    lines.append(f"| **total** | | **{table['cost'].sum():.2f}** | **{table['credit'].sum():.2f}** |")
    return "\n".join([*lines, ""])


def chart(rows: pd.DataFrame, monthly_budget: float | None = None) -> bytes:
    """Daily costs as a PNG: a bar a day, stacked by provider, and the budget's share of a day as a line.

    Args:
        rows: the billing table.
        monthly_budget: of all providers together; a thirtieth of it is the line.
    """
    # The figure's own canvas, not pyplot: pyplot's state is global, and flows run in threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import DateFormatter
    from matplotlib.figure import Figure

    daily = daily_costs(rows)
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    above, below = (pd.Series(0.0, index=daily.index) for _ in range(2))  # refunds stack downwards
    for provider in sorted(daily.columns, reverse=True):
        costs = daily[provider]
        bottom = above.where(costs >= 0, below)
        axes.bar(daily.index, costs, bottom=bottom, width=0.8, label=provider, color=_COLOURS.get(provider))
        above, below = above + costs.clip(lower=0), below + costs.clip(upper=0)
    if monthly_budget is not None:
        axes.axhline(
            monthly_budget / 30, color="#c5221f", linewidth=1.5, linestyle="--", label="budget a day"
        )
    if daily.empty:
        axes.text(0.5, 0.5, "no charges", ha="center", va="center", transform=axes.transAxes)
    currency = ", ".join(sorted(rows["BillingCurrency"].unique())) or "USD"
    axes.set_ylabel(f"{currency} a day")
    axes.set_title("Daily cost, credits not counted", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e0e0e0", linewidth=0.8)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    axes.xaxis.set_major_formatter(DateFormatter("%d %b"))  # type: ignore[no-untyped-call]
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
