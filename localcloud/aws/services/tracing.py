"""X-Ray's groups and sampling rules; segments are moto's."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation, tags_of
from localcloud.aws.wire import AwsError, Call


class Tracing(Kept):
    """Groups and sampling rules are kept and shown; nothing is sampled by them."""

    missing = "InvalidRequestException"

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateGroup": self._create_group,
            "GetGroup": lambda call, given: {"Group": self._group(call, given)},
            "GetGroups": lambda call, _: {"Groups": list(self.shelf(call, "group").values())},
            "UpdateGroup": self._update_group,
            "DeleteGroup": self._delete_group,
            "CreateSamplingRule": self._create_rule,
            "GetSamplingRules": lambda call, _: {
                "SamplingRuleRecords": list(self.shelf(call, "rule").values())
            },
            "UpdateSamplingRule": self._update_rule,
            "DeleteSamplingRule": self._delete_rule,
            **self.tagging("ResourceARN"),
        }

    def _create_group(self, call: Call, given: Given) -> Given:
        name = given["GroupName"]
        if any(one["GroupName"] == name for one in self.shelf(call, "group").values()):
            raise AwsError("InvalidRequestException", f"The group {name} exists already.")
        token = secrets.token_hex(16).upper()
        arn = f"arn:aws:xray:{call.region}:{self.account_id}:group/{name}/{token}"
        insights = {"InsightsEnabled": False, "NotificationsEnabled": False}
        insights |= given.get("InsightsConfiguration", {})
        made = {
            "GroupName": name,
            "GroupARN": arn,
            "FilterExpression": given.get("FilterExpression", ""),
            "InsightsConfiguration": insights,
        }
        self.shelf(call, "group")[arn] = made
        self.tags(call, arn).update(tags_of(given.get("Tags")))
        return {"Group": made}

    def _group(self, call: Call, given: Given) -> dict[str, Any]:
        for arn, group in self.shelf(call, "group").items():
            if (
                given.get("GroupARN", arn) == arn
                and given.get("GroupName", group["GroupName"]) == group["GroupName"]
            ):
                return dict(group)
        raise AwsError("InvalidRequestException", "Group not found")

    def _update_group(self, call: Call, given: Given) -> Given:
        group = self.shelf(call, "group")[self._group(call, given)["GroupARN"]]
        if "FilterExpression" in given:
            group["FilterExpression"] = given["FilterExpression"]
        group["InsightsConfiguration"] |= given.get("InsightsConfiguration", {})
        return {"Group": group}

    def _delete_group(self, call: Call, given: Given) -> Given:
        arn = self._group(call, given)["GroupARN"]
        self.shelf(call, "group").pop(arn)
        self.shelf(call, "tags").pop(arn, None)
        return {}

    def _create_rule(self, call: Call, given: Given) -> Given:
        rule = dict(given["SamplingRule"])
        name = rule.get("RuleName")
        if not name:
            raise AwsError("InvalidRequestException", "RuleName is required.")
        arn = f"arn:aws:xray:{call.region}:{self.account_id}:sampling-rule/{name}"
        now = datetime.now(UTC)
        made = {"SamplingRule": {**rule, "RuleARN": arn}, "CreatedAt": now, "ModifiedAt": now}
        self.new(call, "rule", arn, made, "InvalidRequestException")
        self.tags(call, arn).update(tags_of(given.get("Tags")))
        return {"SamplingRuleRecord": made}

    def _rule(self, call: Call, given: Given) -> dict[str, Any]:
        named = f"arn:aws:xray:{call.region}:{self.account_id}:sampling-rule/{given.get('RuleName')}"
        return self.found(call, "rule", given.get("RuleARN") or named)

    def _update_rule(self, call: Call, given: Given) -> Given:
        update = given["SamplingRuleUpdate"]
        record = self._rule(call, update)
        record["SamplingRule"] |= update
        record["ModifiedAt"] = datetime.now(UTC)
        return {"SamplingRuleRecord": record}

    def _delete_rule(self, call: Call, given: Given) -> Given:
        record = self._rule(call, given)
        arn = record["SamplingRule"]["RuleARN"]
        self.shelf(call, "rule").pop(arn)
        self.shelf(call, "tags").pop(arn, None)
        return {"SamplingRuleRecord": record}
