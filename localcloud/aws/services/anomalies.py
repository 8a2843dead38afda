"""Cost Explorer's anomaly monitors, anomalies and forecast, over the bill that the rehearsal has seeded."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from statistics import mean, pstdev
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation, page, tags_of
from localcloud.aws.wire import AwsError, Call

#: How far beyond its usual days a service's day must be to count: a choice of the rehearsal's; AWS's model is
#: not published.
_DEVIATIONS, _LEAST = 3.0, 1.0


class Anomalies(Kept):
    """Monitors and subscriptions are kept; anomalies and forecasts are computed from the seeded days."""

    missing = "UnknownMonitorException"
    worldwide = True

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateAnomalyMonitor": self._create_monitor,
            "GetAnomalyMonitors": self._monitors,
            "UpdateAnomalyMonitor": self._update_monitor,
            "DeleteAnomalyMonitor": self._delete_monitor,
            "CreateAnomalySubscription": self._create_subscription,
            "GetAnomalySubscriptions": self._subscriptions,
            "UpdateAnomalySubscription": self._update_subscription,
            "DeleteAnomalySubscription": self._delete_subscription,
            "GetAnomalies": self._anomalies,
            "GetCostForecast": self._forecast,
            **self.tagging(tags="ResourceTags", keys="ResourceTagKeys"),
        }

    # -- monitors and subscriptions -----------------------------------------------------------------------

    def _create_monitor(self, call: Call, given: Given) -> Given:
        arn = f"arn:aws:ce::{self.account_id}:anomalymonitor/{uuid.uuid4()}"
        today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {
            **given["AnomalyMonitor"],
            "MonitorArn": arn,
            "CreationDate": today,
            "LastUpdatedDate": today,
            "DimensionalValueCount": 0,
        }
        self.shelf(call, "monitor")[arn] = made
        self.tags(call, arn).update(tags_of(given.get("ResourceTags")))
        return {"MonitorArn": arn}

    def _monitors(self, call: Call, given: Given) -> Given:
        wanted = given.get("MonitorArnList") or list(self.shelf(call, "monitor"))
        found = [self.found(call, "monitor", arn) for arn in wanted]
        shown, rest = page(found, given, "NextPageToken")
        return {"AnomalyMonitors": shown, **rest}

    def _update_monitor(self, call: Call, given: Given) -> Given:
        record = self.found(call, "monitor", given["MonitorArn"])
        record["MonitorName"] = given.get("MonitorName", record["MonitorName"])
        return {"MonitorArn": given["MonitorArn"]}

    def _delete_monitor(self, call: Call, given: Given) -> Given:
        self.found(call, "monitor", given["MonitorArn"])
        self.shelf(call, "monitor").pop(given["MonitorArn"])
        self.shelf(call, "tags").pop(given["MonitorArn"], None)
        return {}

    def _create_subscription(self, call: Call, given: Given) -> Given:
        asked = given["AnomalySubscription"]
        for monitor in asked["MonitorArnList"]:
            self.found(call, "monitor", monitor)
        arn = f"arn:aws:ce::{self.account_id}:anomalysubscription/{uuid.uuid4()}"
        subscribers = [{**one, "Status": "CONFIRMED"} for one in asked["Subscribers"]]
        made = {**asked, "SubscriptionArn": arn, "AccountId": self.account_id, "Subscribers": subscribers}
        self.shelf(call, "subscription")[arn] = made
        self.tags(call, arn).update(tags_of(given.get("ResourceTags")))
        return {"SubscriptionArn": arn}

    def _subscription(self, call: Call, arn: str) -> dict[str, Any]:
        record: dict[str, Any] | None = self.shelf(call, "subscription").get(arn)
        if record is None:
            raise AwsError("UnknownSubscriptionException", f"{arn} does not exist.")
        return record

    def _subscriptions(self, call: Call, given: Given) -> Given:
        wanted = given.get("SubscriptionArnList") or list(self.shelf(call, "subscription"))
        found = [self._subscription(call, arn) for arn in wanted]
        if "MonitorArn" in given:
            found = [one for one in found if given["MonitorArn"] in one["MonitorArnList"]]
        shown, rest = page(found, given, "NextPageToken")
        return {"AnomalySubscriptions": shown, **rest}

    def _update_subscription(self, call: Call, given: Given) -> Given:
        record = self._subscription(call, given["SubscriptionArn"])
        record |= {key: value for key, value in given.items() if key != "SubscriptionArn"}
        return {"SubscriptionArn": given["SubscriptionArn"]}

    def _delete_subscription(self, call: Call, given: Given) -> Given:
        self._subscription(call, given["SubscriptionArn"])
        self.shelf(call, "subscription").pop(given["SubscriptionArn"])
        self.shelf(call, "tags").pop(given["SubscriptionArn"], None)
        return {}

    # -- what the bill says -------------------------------------------------------------------------------

    def _anomalies(self, call: Call, given: Given) -> Given:
        interval = given["DateInterval"]
        monitors = [given["MonitorArn"]] if "MonitorArn" in given else list(self.shelf(call, "monitor"))
        for arn in monitors:
            self.found(call, "monitor", arn)
        last = interval.get("EndDate", "9999-12-31")
        found = [
            _anomaly(monitor, service, day, cost, usual)
            for monitor in monitors
            for service, day, cost, usual in _outliers(self._days())
            if interval["StartDate"] <= day <= last
        ]
        shown, rest = page(found, given, "NextPageToken")
        return {"Anomalies": shown, **rest}

    def _forecast(self, call: Call, given: Given) -> Given:
        """The mean of the seeded days, carried on; the band is their spread (AWS publishes no model)."""
        totals: dict[str, float] = {}
        for day, _, cost in self._days():
            totals[day] = totals.get(day, 0.0) + cost
        if not totals:
            raise AwsError("DataUnavailableException", "There are no past days to forecast from.")
        if given["Granularity"] not in ("DAILY", "MONTHLY"):
            raise AwsError("ValidationException", "Granularity is DAILY or MONTHLY.")
        average, spread = mean(totals.values()), pstdev(totals.values())
        periods = list(_periods(given["TimePeriod"], given["Granularity"]))
        if not periods:
            raise AwsError("ValidationException", "The start date must be before the end date.")
        results = [
            {
                "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
                "MeanValue": f"{average * (end - start).days:.4f}",
                "PredictionIntervalLowerBound": f"{max(0.0, average - spread) * (end - start).days:.4f}",
                "PredictionIntervalUpperBound": f"{(average + spread) * (end - start).days:.4f}",
            }
            for start, end in periods
        ]
        total = sum(float(one["MeanValue"]) for one in results)
        return {"Total": {"Amount": f"{total:.4f}", "Unit": "USD"}, "ForecastResultsByTime": results}

    def _days(self) -> Iterator[tuple[str, str, float]]:
        """Day, service and cost of all that was seeded: moto keeps it as answers given and to come."""
        from moto.ce.models import ce_backends

        backend = ce_backends[self.account_id]["aws"]
        costs: dict[tuple[str, str], float] = {}
        for answer in (*backend.cost_usage_results.values(), *backend.cost_usage_results_queue):
            for result in answer.get("ResultsByTime", ()):
                day = result["TimePeriod"]["Start"]
                groups = [(group["Keys"][0], group["Metrics"]) for group in result.get("Groups", ())]
                for service, metrics in groups or [("", result.get("Total", {}))]:
                    for metric in list(metrics.values())[:1]:
                        costs[day, service] = float(metric["Amount"])
        for (day, service), cost in sorted(costs.items()):
            yield day, service, cost


def _outliers(days: Iterator[tuple[str, str, float]]) -> Iterator[tuple[str, str, float, float]]:
    """Service, day, cost and usual cost of the days that stand out of their service's other days."""
    by_service: dict[str, dict[str, float]] = {}
    for day, service, cost in days:
        by_service.setdefault(service, {})[day] = cost
    for service, costs in by_service.items():
        for day, cost in sorted(costs.items()):
            others = [value for other, value in costs.items() if other != day]
            if len(others) < 3:
                continue
            usual = mean(others)
            if cost - usual > max(_LEAST, _DEVIATIONS * pstdev(others)):
                yield service, day, cost, usual


def _anomaly(monitor: str, service: str, day: str, cost: float, usual: float) -> dict[str, Any]:
    name = f"{monitor}|{service}|{day}"
    return {
        "AnomalyId": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "AnomalyStartDate": f"{day}T00:00:00Z",
        "AnomalyEndDate": f"{day}T00:00:00Z",
        "DimensionValue": service,
        "RootCauses": [{"Service": service}],
        "AnomalyScore": {"MaxScore": 1.0, "CurrentScore": 1.0},
        "Impact": {
            "MaxImpact": cost - usual,
            "TotalImpact": cost - usual,
            "TotalActualSpend": cost,
            "TotalExpectedSpend": usual,
        },
        "MonitorArn": monitor,
    }


def _periods(period: dict[str, str], granularity: str) -> Iterator[tuple[date, date]]:
    start, end = date.fromisoformat(period["Start"]), date.fromisoformat(period["End"])
    while start < end:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        until = min(end, following if granularity == "MONTHLY" else start + timedelta(days=1))
        yield start, until
        start = until
