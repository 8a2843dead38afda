"""Budgets as far as moto lacks them, and Data Exports: kept and shown, nothing is ever exported."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation, page, tags_of
from localcloud.aws.wire import AwsError, Call


class Budgets(Kept):
    """What moto's Budgets lack: changes, subscribers and tags. The budgets themselves are moto's."""

    missing = "NotFoundException"
    worldwide = True

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "UpdateBudget": self._update,
            "CreateSubscriber": self._subscribe,
            "DescribeSubscribersForNotification": lambda _, given: {
                "Subscribers": self._notification(given).subscribers
            },
            **self.tagging("ResourceARN", "ResourceTags", "ResourceTagKeys"),
        }

    def _budget(self, name: str) -> Any:
        from moto.budgets.models import budgets_backends

        budgets = budgets_backends[self.account_id]["aws"].budgets[self.account_id]
        if name not in budgets:
            raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return budgets[name]

    def _update(self, call: Call, given: Given) -> Given:
        new = call.json()["NewBudget"]
        found = self._budget(new["BudgetName"])
        if "BudgetLimit" not in new and "PlannedBudgetLimits" not in new:
            raise AwsError("InvalidParameterException", "Unable to update budget - it needs a limit.")
        new.setdefault("TimePeriod", found.budget["TimePeriod"])
        found.budget = {**new, "LastUpdatedTime": time.time()}
        return {}

    def _notification(self, given: Given) -> Any:
        for one in self._budget(given["BudgetName"]).notifications:
            asked = given["Notification"]
            if all(one.details.get(key) == value for key, value in asked.items()):
                return one
        raise AwsError("NotFoundException", "The budget has no such notification.")

    def _subscribe(self, call: Call, given: Given) -> Given:
        found = self._notification(given)
        if given["Subscriber"] in found.subscribers:
            raise AwsError("DuplicateRecordException", "The subscriber exists already.")
        found.subscribers.append(given["Subscriber"])
        return {}


class DataExports(Kept):
    """Exports of the bill, by ARN."""

    worldwide = True

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateExport": self._create,
            "GetExport": self._get,
            "ListExports": self._list,
            "UpdateExport": self._update,
            "DeleteExport": self._delete,
            **self.tagging(tags="ResourceTags", keys="ResourceTagKeys"),
        }

    def _create(self, call: Call, given: Given) -> Given:
        asked = given["Export"]
        exports = self.shelf(call, "export").values()
        if any(one["Export"]["Name"] == asked["Name"] for one in exports):
            raise AwsError("ValidationException", f"The export {asked['Name']} exists already.")
        arn = f"arn:aws:bcm-data-exports:us-east-1:{self.account_id}:export/{asked['Name']}-{uuid.uuid4()}"
        now = datetime.now(UTC)
        status = {"StatusCode": "HEALTHY", "CreatedAt": now, "LastUpdatedAt": now}
        self.shelf(call, "export")[arn] = {"Export": {**asked, "ExportArn": arn}, "ExportStatus": status}
        self.tags(call, arn).update(tags_of(given.get("ResourceTags")))
        return {"ExportArn": arn}

    def _get(self, call: Call, given: Given) -> Given:
        return self.found(call, "export", given["ExportArn"])

    def _list(self, call: Call, given: Given) -> Given:
        listed = [
            {"ExportArn": arn, "ExportName": one["Export"]["Name"], "ExportStatus": one["ExportStatus"]}
            for arn, one in self.shelf(call, "export").items()
        ]
        shown, rest = page(listed, given)
        return {"Exports": shown, **rest}

    def _update(self, call: Call, given: Given) -> Given:
        found = self.found(call, "export", given["ExportArn"])
        if given["Export"]["Name"] != found["Export"]["Name"]:
            raise AwsError("ValidationException", "The name of an export can't be changed.")
        found["Export"] = {**given["Export"], "ExportArn": given["ExportArn"]}
        found["ExportStatus"]["LastUpdatedAt"] = datetime.now(UTC)
        return {"ExportArn": given["ExportArn"]}

    def _delete(self, call: Call, given: Given) -> Given:
        self.found(call, "export", given["ExportArn"])
        self.shelf(call, "export").pop(given["ExportArn"])
        self.shelf(call, "tags").pop(given["ExportArn"], None)
        return {"ExportArn": given["ExportArn"]}
