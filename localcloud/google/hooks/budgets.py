"""Cloud Billing's budgets of the one account there is. No bill is watched: the cost report reads the
rehearsal's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.data import topics
from localcloud.google.hooks import Hook, invalid

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored


class Budgets(Hook):
    """Budgets."""

    collection: ClassVar[str] = "billingbudgets/billingAccounts.budgets"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        _check(call, body)
        spent = body.setdefault("amount", {}).get("specifiedAmount")
        if spent is not None:
            spent.setdefault("currencyCode", "USD")
        body.setdefault("budgetFilter", {}).setdefault("calendarPeriod", "MONTH")
        body["budgetFilter"].setdefault("creditTypesTreatment", "INCLUDE_ALL_CREDITS")

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        self.default(call, body)


def _check(call: Call, body: dict[str, Any]) -> None:
    amount = body.get("amount") or {}
    if bool(amount.get("specifiedAmount")) is ("lastPeriodAmount" in amount):
        raise invalid("A budget has a specified amount, or the last period's.")
    if (amount.get("specifiedAmount") or {}).get("currencyCode", "USD") != "USD":
        raise invalid("The currency code must be that of the billing account, USD.")
    for rule in body.get("thresholdRules", []):
        if float(rule.get("thresholdPercent") or 0) < 0:
            raise invalid("A threshold can't be below zero.")
    topic = (body.get("notificationsRule") or {}).get("pubsubTopic")
    if topic:
        topics.require_topic(call.context, topic)
        if body["notificationsRule"].get("schemaVersion") != "1.0":
            raise invalid("schema_version must be 1.0 where there is a Pub/Sub topic.")
