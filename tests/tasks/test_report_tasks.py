"""Pipelines, nights, bills and the final report as tasks."""

from __future__ import annotations

import base64
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from desk import Desk
from google.api_core.exceptions import NotFound

from blocks import Budget
from blocks.budget import SpendingApproval
from dreamnet.cost.billing import COLUMNS
from dreamnet.cost.estimate import Estimate, Line
from dreamnet.cost.price_apis import NoPrice
from dreamnet.cost.prices import load_prices
from dreamnet.errors import ConfigurationError, PrecheckFailed, ResourceError
from dreamnet.report import Step, WeekReport
from dreamnet.scaling.report import NightReport, Row
from dreamnet.scaling.snapshot import Fleet
from dreamnet.warehouse.model import Figures, PipelineResult, TableResult
from tasks import costs, pipelines, report, scaling, support

# ---- pipelines


class Warehouse:
    """When each table was loaded last; a table that is not listed does not exist."""

    def __init__(self) -> None:
        self.hours: dict[str, float] = {}

    def get_table(self, name: str) -> SimpleNamespace:
        table = name.rsplit(".", 1)[1]
        if table not in self.hours:
            raise NotFound("no such table")
        return SimpleNamespace(modified=datetime.now(UTC) - timedelta(hours=self.hours[table]))


@pytest.fixture
def warehouse(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    warehouse = Warehouse()
    google = SimpleNamespace(project="dreamnet", bigquery=lambda: warehouse)
    result = PipelineResult(
        "dreams_to_bigquery",
        "20261125T000000_abc",
        "2026-11-25T00:00:00Z",
        tuple(
            TableResult(name, f"dreamnet.dreamnet.{name}", Figures(1500, 1500, 7), (), 1, 0.1, 0.1)
            for name in ("agents", "dreams")
        ),
        ("every dream has a title",),
    )
    monkeypatch.setattr(pipelines, "google_account", lambda name: google)
    monkeypatch.setattr(pipelines, "database_url", lambda profile: "postgresql://u:p@db.example/dreamnet")
    monkeypatch.setattr(pipelines, "run_pipeline", lambda *arguments: result)
    return warehouse


def load(fresh_hours: float) -> Step:
    step: Step = pipelines.load_pipeline.fn("acme", "run-1", "dreams_to_bigquery", fresh_hours)
    return step


def test_fresh_tables_are_left_as_they_are(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    warehouse.hours = {"agents": 1.0, "dreams": 23.0, "events": 2.0}
    monkeypatch.setattr(pipelines, "run_pipeline", lambda *arguments: pytest.fail("it was loaded"))
    assert load(24.0).outcome == "unchanged"
    assert desk.artifacts == {}


@pytest.mark.parametrize(
    ("hours", "fresh_hours"),
    [
        ({"agents": 1.0, "dreams": 25.0, "events": 2.0}, 24.0),
        ({"agents": 1.0, "dreams": 1.0}, 24.0),
        ({"agents": 0.0, "dreams": 0.0, "events": 0.0}, 0.0),
    ],
    ids=["one is old", "one is missing", "the schedule loads always"],
)
def test_else_all_are_loaded(
    warehouse: Warehouse, desk: Desk, hours: dict[str, float], fresh_hours: float
) -> None:
    warehouse.hours = hours
    step = load(fresh_hours)
    assert (step.outcome, step.detail) == (
        "done",
        "3,000 rows in 2 tables, counts and checksums reconciled, 1 checks passed.",
    )
    assert "dreamnet.dreamnet.dreams: 1,500 rows" in desk.artifacts["pipeline-dreams-to-bigquery-acme"]


@pytest.mark.parametrize("name", pipelines.PIPELINES)
def test_named_pipelines_are_declared(name: str) -> None:
    assert pipelines.pipeline_named(name).name == name


# ---- nights


def told(report: NightReport, monkeypatch: pytest.MonkeyPatch) -> tuple[Step, list[dict[str, Any]]]:
    """A night's step, and how the core was called."""
    calls: list[dict[str, Any]] = []

    def scale(fleet: Any, store: Any, **options: Any) -> NightReport:
        calls.append({"in_use": fleet.in_use, **options})
        return report

    monkeypatch.setattr(scaling, "everything", lambda profile: Fleet(()))
    monkeypatch.setattr(scaling, "databases_in_use", lambda profile: {"rds/here/dreamnet": "it is needed"})
    monkeypatch.setattr(scaling, "store", lambda profile: None)
    monkeypatch.setattr(scaling, f"scale_{report.direction}", scale)
    if report.direction == "down":
        return scaling.sleep_fleet.fn("acme", "run-1", report.dry_run), calls
    return scaling.wake_fleet.fn("acme", "run-1"), calls


def rows(*outcomes: Any) -> tuple[Row, ...]:
    return tuple(Row(f"thing {number}", "3", "0", outcome) for number, outcome in enumerate(outcomes))


def test_night_counts_what_slept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = told(NightReport("down", rows("slept", "kept", "slept"), 1.0), monkeypatch)
    assert (step.outcome, step.detail) == ("done", "3 items looked at, 2 changed, 1 kept.")
    assert calls[0]["run"] == "run-1"
    assert calls[0]["dry_run"] is False
    assert calls[0]["in_use"] == {"rds/here/dreamnet": "it is needed"}
    assert "| thing 1 | 3 | 0 | kept |" in desk.artifacts["night-down-acme"]


def test_dry_run_says_so_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = told(NightReport("down", rows("would sleep"), 1.0, dry_run=True), monkeypatch)
    assert (step.outcome, step.detail) == ("unchanged", "1 items looked at, 1 would sleep, 0 kept.")
    assert calls[0]["dry_run"] is True


def test_morning_counts_what_woke(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = told(NightReport("up", rows("woken", "unchanged"), 1.0), monkeypatch)
    assert calls[0]["in_use"] == {}, "what sleeps is not asked"
    assert (step.outcome, step.detail) == ("done", "2 items looked at, 1 changed, 0 kept.")
    assert "night-up-acme" in desk.artifacts


def test_clusters_of_weeks_to_come_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def cluster(profile: str, where: str) -> str:
        if where == "gke-second":
            raise ResourceError("There is no cluster dreamnet-second.", "Run week 4.")
        return where

    monkeypatch.setattr(scaling, "cluster", cluster)
    monkeypatch.setattr(scaling, "google_account", lambda name: "google")
    monkeypatch.setattr(scaling, "aws_account", lambda name: "aws")
    monkeypatch.setattr(scaling, "fleet", lambda clusters, google, aws: (clusters, google, aws))
    found: Any = scaling.everything("acme")
    assert found == (["gke", "eks"], "google", "aws")


# ---- prices and bills


def priced(google: float, aws: float) -> Estimate:
    return Estimate(
        date(2026, 11, 1),
        "USD",
        (
            Line("google/gke", "google", "cluster", 1, "month", google),
            Line("aws/eks", "aws", "cluster", 1, "month", aws),
        ),
        (),
        ("730 hours a month",),
        {"google": 155.0, "aws": 89.0},
    )


@pytest.fixture
def budget(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Budget:
    """The budget of the profile: 430 and 200 USD a month."""
    budget = Budget(billing_table="billing.export", google_monthly=430, aws_monthly=200)
    for module in (costs, report):
        monkeypatch.setattr(module, "load_profile", lambda name: SimpleNamespace(budget=budget))
    return budget


def prices(module: Any, monkeypatch: pytest.MonkeyPatch, google: float, aws: float) -> None:
    """Let the selection cost that, and everything that the plan lists ten times as much."""
    month = {
        "gameplan": priced(google, aws),
        "starter": priced(90, 15),
        "full": priced(google * 10, aws * 10),
    }
    monkeypatch.setattr(module, "monthly_estimate", lambda profile, selection="gameplan": month[selection])


def test_price_within_the_budget(budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    prices(costs, monkeypatch, 400, 150)
    step = costs.check_price.fn("acme", "run-1")
    assert "Google Cloud needs USD 400.00 a month, the budget is 430.00: it fits." in step.detail
    assert "AWS 150.00 instead of 89 as planned" in step.detail
    text = desk.artifacts["estimate-acme-gameplan"]
    assert "| google/gke | cluster |" in text
    assert "| Google Cloud | 400.00 | 1300.00 | 3.2 | 155 | 4000.00 | 0.3 |" in text


def test_the_selection_that_is_named_is_priced(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices(costs, monkeypatch, 4000, 1500)
    assert "AWS needs USD 15.00" in costs.check_price.fn("acme", "run-1", "starter").detail
    assert "| 15.00 |" in desk.artifacts["estimate-acme-starter"]


def test_price_beyond_the_budget_stops_before_anything_is_created(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices(costs, monkeypatch, 431, 150)
    with pytest.raises(PrecheckFailed) as caught:
        costs.check_price.fn("acme", "run-1")
    assert "Google Cloud" in caught.value.problem
    assert "AWS" not in caught.value.problem
    assert "Budget block" in caught.value.remedy
    assert "google/gke" in desk.artifacts["estimate-acme-gameplan"]


def test_a_named_approval_lets_a_dearer_month_pass_until_its_day(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    given = {"approved_by": "Ada", "google_monthly": 500.0, "reason": "the launch"}
    prices(costs, monkeypatch, 431, 150)
    monkeypatch.setattr(budget, "approvals", [SpendingApproval(**given, until=today)])
    assert "Ada approved 500.00" in costs.check_price.fn("acme", "run-1").detail
    monkeypatch.setattr(budget, "approvals", [SpendingApproval(**given, until=today - timedelta(days=1))])
    with pytest.raises(PrecheckFailed):
        costs.check_price.fn("acme", "run-2")


@pytest.fixture
def apis(budget: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Price APIs that know one price each, and the repository's sheet in a folder of its own."""
    for name in ("prices.yaml", "price-lookups.yaml"):
        shutil.copy(support.INFRASTRUCTURE / name, tmp_path / name)
    sheet = load_prices(tmp_path / "prices.yaml")
    disk, key = sheet.prices["google"]["gce-pd-standard-gb"].usd, sheet.prices["aws"]["kms-key-month"].usd
    known = {"GooglePrices": ("^Storage PD Capacity$", disk * 1.25), "AwsPrices": ("-KMS-Keys$", key)}

    def api(kind: str) -> Any:
        pattern, figure = known[kind]

        def price(lookup: Any) -> float:
            if pattern not in str(lookup):
                raise NoPrice("no such price")
            return figure

        return lambda *arguments: SimpleNamespace(price=price)

    for kind in known:
        monkeypatch.setattr(costs, kind, api(kind))
    monkeypatch.setattr(costs, "INFRASTRUCTURE", tmp_path)
    monkeypatch.setattr(costs, "google_account", lambda name: None)
    real = SimpleNamespace(client=lambda *arguments: None, endpoint_url=None)
    monkeypatch.setattr(costs, "aws_account", lambda name: real)
    return tmp_path / "prices.yaml"


def test_prices_of_a_private_endpoint_are_not_written(
    apis: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = SimpleNamespace(client=lambda *arguments: None, endpoint_url="http://127.0.0.1:4")
    monkeypatch.setattr(costs, "aws_account", lambda name: local)
    before = apis.read_text()
    with pytest.raises(PrecheckFailed, match="instead of AWS"):
        costs.refresh_prices.fn("acme", "run-1", True)
    assert apis.read_text() == before
    step = costs.refresh_prices.fn("acme", "run-2", False)
    assert step.outcome == "unchanged"
    assert "answers of http://127.0.0.1:4, not of AWS" in step.detail
    assert "not of AWS" in desk.artifacts["prices-acme"]


def test_new_prices_are_told_and_written_only_when_asked(apis: Path, desk: Desk) -> None:
    before = apis.read_text()
    step = costs.refresh_prices.fn("acme", "run-1", False)
    assert step.outcome == "unchanged"
    assert step.detail.startswith("1 prices changed, 1 confirmed,")
    row = next(row for row in desk.artifacts["prices-acme"].splitlines() if "gce-pd-standard-gb" in row)
    assert row.endswith("| +25.0% |")
    assert apis.read_text() == before
    disk = load_prices(apis).prices["google"]["gce-pd-standard-gb"].usd
    assert costs.refresh_prices.fn("acme", "run-2", True).outcome == "done"
    sheet = load_prices(apis)
    assert sheet.prices["google"]["gce-pd-standard-gb"].usd == pytest.approx(disk * 1.25)
    assert sheet.prices["aws"]["kms-key-month"].source == "aws-api"
    assert costs.refresh_prices.fn("acme", "run-3", True).outcome == "unchanged", "written once"


def test_bills_become_a_table_a_chart_and_days(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = pd.Timestamp(datetime.now(UTC).date(), tz="UTC")

    def bills(provider: str, daily: float) -> pd.DataFrame:
        frame = pd.DataFrame([{"ProviderName": provider, "BilledCost": daily}] * 10, columns=list(COLUMNS))
        frame["ServiceName"], frame["BillingCurrency"] = "compute", "USD"
        frame["ChargePeriodStart"] = [today - pd.Timedelta(days=age) for age in range(1, 11)]
        frame["ChargePeriodEnd"] = frame["ChargePeriodStart"] + pd.Timedelta(days=1)
        frame["x_PromotionalCredit"] = False
        return frame

    monkeypatch.setattr(
        costs, "google_account", lambda name: SimpleNamespace(project="p", bigquery=lambda: 0)
    )
    monkeypatch.setattr(
        costs, "aws_account", lambda name: SimpleNamespace(account_id="1", client=lambda service: None)
    )
    asked: list[Any] = []
    monkeypatch.setattr(
        costs,
        "google_billing_rows",
        lambda client, table, *window: asked.append((table, *window)) or bills("Google Cloud", 13.0),
    )
    monkeypatch.setattr(costs, "aws_cost_rows", lambda *arguments: bills("AWS", 2.0))
    step = costs.report_costs.fn("acme", "run-1", 10)
    assert asked[0][0] == "p.billing.export"
    by_name = {row["provider"]: row for row in desk.tables["credits-acme"]}
    assert by_name["Google Cloud"]["left"] == pytest.approx(1300 - 130)
    assert by_name["Google Cloud"]["days"] == pytest.approx((1300 - 130) / 13, abs=0.1)
    assert by_name["AWS"]["left"] == pytest.approx(80)
    assert "AWS: 80.00 of 100 USD left, 40 days" in step.detail
    picture = desk.artifacts["costs-acme"].split("base64,")[1].split(")")[0]
    assert base64.b64decode(picture).startswith(b"\x89PNG")

    # Credits granted before the days that are shown: bills are added up from then on.
    granted = datetime.now(UTC).date() - timedelta(days=60)
    monkeypatch.setattr(budget, "credits_since", granted)
    costs.report_costs.fn("acme", "run-2", 5)
    assert asked[1][1] == granted
    by_name = {row["provider"]: row for row in desk.tables["credits-acme"]}
    assert by_name["AWS"]["left"] == pytest.approx(80)
    assert "20.00" not in desk.artifacts["costs-acme"]
    assert "10.00" in desk.artifacts["costs-acme"]


# ---- the report


def conclude(monkeypatch: pytest.MonkeyPatch, *outcomes: Any, aws: float = 150.0) -> str:
    prices(report, monkeypatch, 400, aws)
    steps = tuple(Step(f"step {number}", outcome, "a | b", 1.0) for number, outcome in enumerate(outcomes))
    weeks = [WeekReport(1, "Kubernetes", steps[:1]), WeekReport(2, "Data", steps[1:])]
    verdict: str = report.conclude.fn("acme", [Step("Accounts", "unchanged", "somebody", 0.1)], weeks)
    return verdict


def test_report_of_a_run_without_changes_says_so(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = conclude(monkeypatch, "unchanged", "unchanged", "unchanged")
    assert verdict == "No changes: all 3 steps found everything as it should be."
    assert f"**{verdict}**" in desk.artifacts["gameplan-acme"]


def test_report_counts_changes_and_shows_weeks_checks_and_costs(
    budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conclude(monkeypatch, "done", "unchanged", "done") == "2 of 3 steps changed or measured something."
    text = desk.artifacts["gameplan-acme"]
    order = [
        "# Gameplan, profile acme",
        "| Accounts |",
        "## Week 1: Kubernetes",
        "## Week 2: Data",
        "## Costs a month",
    ]
    assert sorted(order, key=text.index) == order
    assert "| step 2 | done | 1.0 | a / b |" in text
    assert "| Google Cloud | 400.00 | 1300.00 | 3.2 | 155 | 4000.00 | 0.3 |" in text
    assert "| AWS | 150.00 | 100.00 | 0.7 | 89 | 1500.00 | 0.1 |" in text


def test_what_costs_nothing_lasts_for_ever(budget: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    conclude(monkeypatch, "done", "done", aws=0.0)
    assert "| AWS | 0.00 | 100.00 | ∞ | 89 | 0.00 | ∞ |" in desk.artifacts["gameplan-acme"]


def test_unknown_profile_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import support

    def load(name: str) -> Any:
        raise ValueError(
            f"Unable to find block document named {name} for block type dreamnet-gameplan-profile"
        )

    monkeypatch.setattr(support, "GameplanProfile", SimpleNamespace(load=load))
    with pytest.raises(ConfigurationError) as caught:
        support.load_profile("acme")
    assert caught.value.problem == "There is no gameplan profile named 'acme'."
    assert "`prefect block ls`" in caught.value.remedy


def test_profile_with_an_unusable_key_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import support

    def load(name: str) -> Any:
        # What Prefect raises where a block that it refers to does not validate, such as half a Google key.
        raise RuntimeError(f"Unable to load '{name}' of block type 'x' due to failed validation.")

    monkeypatch.setattr(support, "GameplanProfile", SimpleNamespace(load=load))
    with pytest.raises(ConfigurationError, match="acme"):
        support.load_profile("acme")
