"""Budgets, anomaly detection and bill exports, behind their own APIs. Nothing is billed or exported."""

from __future__ import annotations

import json
from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list
from localcloud.aws.types.shapes import declared_tags, retag, shown_tags


def _account(aws: Clients) -> str:
    return str(aws("sts").get_caller_identity()["Account"])


# -- budgets ----------------------------------------------------------------------------------------------


def _budget(properties: Properties) -> dict[str, Any]:
    """CloudFormation's amounts are numbers, the API's are text."""
    budget = dict(properties["Budget"])
    if "BudgetLimit" in budget:
        limit = budget["BudgetLimit"]
        budget["BudgetLimit"] = {"Amount": f"{limit['Amount']:g}", "Unit": limit["Unit"]}
    return budget


def _budget_arn(aws: Clients, name: str) -> str:
    return f"arn:aws:budgets::{_account(aws)}:budget/{name}"


def _create_budget(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("budgets"), properties["Budget"]["BudgetName"]
    client.create_budget(
        AccountId=_account(aws),
        Budget=_budget(properties),
        NotificationsWithSubscribers=properties.get("NotificationsWithSubscribers") or [],
    )
    client.tag_resource(
        ResourceARN=_budget_arn(aws, name), ResourceTags=declared_tags(properties, "ResourceTags")
    )
    return {"Id": name}


def _read_budget(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("budgets"), properties["Budget"]["BudgetName"]
    found = client.describe_budget(AccountId=_account(aws), BudgetName=name)["Budget"]
    limit = found["BudgetLimit"]
    budget = {**properties["Budget"], **pick(found, "BudgetType TimeUnit")}
    budget["BudgetLimit"] = {"Amount": float(limit["Amount"]), "Unit": limit["Unit"]}
    tags = client.list_tags_for_resource(ResourceARN=_budget_arn(aws, name))["ResourceTags"]
    return {"Budget": budget, **shown_tags(tags, "ResourceTags")}


def _update_budget(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("budgets"), _budget_arn(aws, after["Budget"]["BudgetName"])
    client.update_budget(AccountId=_account(aws), NewBudget=_budget(after))
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceARN=arn, ResourceTags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceARN=arn, ResourceTagKeys=keys),
        "ResourceTags",
    )


def _delete_budget(aws: Clients, properties: Properties) -> None:
    aws("budgets").delete_budget(AccountId=_account(aws), BudgetName=properties["Budget"]["BudgetName"])


# -- anomaly detection ------------------------------------------------------------------------------------


def _retag(aws: Clients, service: str, before: Properties, after: Properties, arn: str, name: str) -> None:
    client = aws(service)
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, ResourceTags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceArn=arn, ResourceTagKeys=keys),
        name,
    )


def _tags(aws: Clients, service: str, arn: str, name: str) -> Properties:
    return shown_tags(aws(service).list_tags_for_resource(ResourceArn=arn)["ResourceTags"], name)


def _create_monitor(aws: Clients, properties: Properties) -> Properties:
    monitor = pick(properties, "MonitorName MonitorType MonitorDimension")
    if "MonitorSpecification" in properties:
        monitor["MonitorSpecification"] = json.loads(properties["MonitorSpecification"])
    made = aws("ce").create_anomaly_monitor(
        AnomalyMonitor=monitor, ResourceTags=declared_tags(properties, "ResourceTags")
    )
    found = _monitor(aws, made["MonitorArn"])
    return pick(found, "MonitorArn CreationDate LastUpdatedDate DimensionalValueCount")


def _monitor(aws: Clients, arn: str) -> Properties:
    return dict(aws("ce").get_anomaly_monitors(MonitorArnList=[arn])["AnomalyMonitors"][0])


def _read_monitor(aws: Clients, properties: Properties) -> Properties | None:
    listed = [one["MonitorArn"] for one in aws("ce").get_anomaly_monitors()["AnomalyMonitors"]]
    if properties["MonitorArn"] not in listed:
        return None
    found = _monitor(aws, properties["MonitorArn"])
    return {**pick(found, "MonitorName"), **_tags(aws, "ce", properties["MonitorArn"], "ResourceTags")}


def _update_monitor(aws: Clients, before: Properties, after: Properties) -> None:
    aws("ce").update_anomaly_monitor(**pick(after, "MonitorArn MonitorName"))
    _retag(aws, "ce", before, after, after["MonitorArn"], "ResourceTags")


def _delete_monitor(aws: Clients, properties: Properties) -> None:
    aws("ce").delete_anomaly_monitor(MonitorArn=properties["MonitorArn"])


def _subscription(properties: Properties) -> Properties:
    given = pick(properties, "SubscriptionName Frequency MonitorArnList Threshold")
    given["Subscribers"] = [pick(one, "Type Address") for one in properties["Subscribers"]]
    if "ThresholdExpression" in properties:
        given["ThresholdExpression"] = json.loads(properties["ThresholdExpression"])
    return given


def _create_subscription(aws: Clients, properties: Properties) -> Properties:
    made = aws("ce").create_anomaly_subscription(
        AnomalySubscription=_subscription(properties), ResourceTags=declared_tags(properties, "ResourceTags")
    )
    return {"SubscriptionArn": made["SubscriptionArn"], "AccountId": _account(aws)}


def _read_subscription(aws: Clients, properties: Properties) -> Properties | None:
    arn = properties["SubscriptionArn"]
    for one in aws("ce").get_anomaly_subscriptions()["AnomalySubscriptions"]:
        if one["SubscriptionArn"] == arn:
            shown = pick(one, "SubscriptionName Frequency MonitorArnList Subscribers")
            if "ThresholdExpression" in one:
                shown["ThresholdExpression"] = json.dumps(one["ThresholdExpression"])
            return {**shown, **_tags(aws, "ce", arn, "ResourceTags")}
    return None


def _update_subscription(aws: Clients, before: Properties, after: Properties) -> None:
    arn = after["SubscriptionArn"]
    aws("ce").update_anomaly_subscription(SubscriptionArn=arn, **_subscription(after))
    _retag(aws, "ce", before, after, arn, "ResourceTags")


def _delete_subscription(aws: Clients, properties: Properties) -> None:
    aws("ce").delete_anomaly_subscription(SubscriptionArn=properties["SubscriptionArn"])


# -- exports ----------------------------------------------------------------------------------------------


def _create_export(aws: Clients, properties: Properties) -> Properties:
    made = aws("bcm-data-exports").create_export(
        Export=properties["Export"], ResourceTags=declared_tags(properties)
    )
    return pick(made, "ExportArn")


def _read_export(aws: Clients, properties: Properties) -> Properties:
    arn = properties["ExportArn"]
    found = aws("bcm-data-exports").get_export(ExportArn=arn)["Export"]
    return {"Export": found, **_tags(aws, "bcm-data-exports", arn, "Tags")}


def _update_export(aws: Clients, before: Properties, after: Properties) -> None:
    export = {key: value for key, value in after["Export"].items() if key != "ExportArn"}
    aws("bcm-data-exports").update_export(ExportArn=after["ExportArn"], Export=export)
    _retag(aws, "bcm-data-exports", before, after, after["ExportArn"], "Tags")


def _delete_export(aws: Clients, properties: Properties) -> None:
    aws("bcm-data-exports").delete_export(ExportArn=properties["ExportArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::Budgets::Budget": ServiceType(
        "simulated", _create_budget, _delete_budget, _update_budget, _read_budget
    ),
    "AWS::CE::AnomalyMonitor": ServiceType(
        "simulated", _create_monitor, _delete_monitor, _update_monitor, _read_monitor
    ),
    "AWS::CE::AnomalySubscription": ServiceType(
        "simulated", _create_subscription, _delete_subscription, _update_subscription, _read_subscription
    ),
    "AWS::BCMDataExports::Export": ServiceType(
        "simulated", _create_export, _delete_export, _update_export, _read_export
    ),
}
