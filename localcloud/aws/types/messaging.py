"""EventBridge, SNS, CloudWatch and its logs."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick, tags_map


def _create_bus(aws: Clients, properties: Properties) -> Properties:
    made = aws("events").create_event_bus(Name=properties["Name"], Tags=properties.get("Tags") or [])
    return {"Arn": made["EventBusArn"]}


def _read_bus(aws: Clients, properties: Properties) -> Properties:
    aws("events").describe_event_bus(Name=properties["Name"])
    return {}


def _retag_events(aws: Clients, before: Properties, after: Properties) -> None:
    if before.get("Tags") != after.get("Tags"):
        aws("events").tag_resource(ResourceARN=after["Arn"], Tags=after.get("Tags") or [])


def _delete_bus(aws: Clients, properties: Properties) -> None:
    aws("events").delete_event_bus(Name=properties["Name"])


def _put_rule(aws: Clients, properties: Properties, before: Properties | None = None) -> Properties:
    events, bus = aws("events"), pick(properties, "EventBusName")
    arguments = pick(properties, "Name ScheduleExpression State Description RoleArn") | bus
    if "EventPattern" in properties:
        arguments["EventPattern"] = document(properties["EventPattern"])
    tags = {} if before else {"Tags": properties.get("Tags") or []}
    arn = events.put_rule(**arguments, **tags)["RuleArn"]
    wanted = properties.get("Targets") or []
    gone = {t["Id"] for t in (before or {}).get("Targets") or ()} - {t["Id"] for t in wanted}
    if gone:
        events.remove_targets(Rule=properties["Name"], Ids=sorted(gone), **bus)
    if wanted:
        events.put_targets(Rule=properties["Name"], Targets=wanted, **bus)
    return {"Arn": arn, "RuleName": properties["Name"]}


def _create_rule(aws: Clients, properties: Properties) -> Properties:
    return {"EventBusName": "default", "State": "ENABLED", **properties, **_put_rule(aws, properties)}


def _read_rule(aws: Clients, properties: Properties) -> Properties:
    found = aws("events").describe_rule(**pick(properties, "Name EventBusName"))
    return pick(found, "State")


def _update_rule(aws: Clients, before: Properties, after: Properties) -> None:
    _put_rule(aws, after, before)
    _retag_events(aws, before, after)


def _delete_rule(aws: Clients, properties: Properties) -> None:
    events, bus = aws("events"), pick(properties, "EventBusName")
    targets = properties.get("Targets") or []
    if targets:
        events.remove_targets(Rule=properties["Name"], Ids=[target["Id"] for target in targets], **bus)
    events.delete_rule(Name=properties["Name"], **bus)


def _create_topic(aws: Clients, properties: Properties) -> Properties:
    made = aws("sns").create_topic(Name=properties["TopicName"], Tags=properties.get("Tags") or [])
    for one in properties.get("Subscription") or ():
        aws("sns").subscribe(TopicArn=made["TopicArn"], Protocol=one["Protocol"], Endpoint=one["Endpoint"])
    return {"TopicArn": made["TopicArn"]}


def _delete_topic(aws: Clients, properties: Properties) -> None:
    aws("sns").delete_topic(TopicArn=properties["TopicArn"])


_ALARM = (
    "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions MetricName "
    "Namespace Statistic ExtendedStatistic Dimensions Period Unit EvaluationPeriods DatapointsToAlarm "
    "Threshold ComparisonOperator TreatMissingData Metrics Tags"
)


def _put_alarm(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("cloudwatch"), properties["AlarmName"]
    client.put_metric_alarm(**pick(properties, _ALARM))
    return {"Arn": client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]}


def _delete_alarm(aws: Clients, properties: Properties) -> None:
    aws("cloudwatch").delete_alarms(AlarmNames=[properties["AlarmName"]])


def _read_alarm(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("cloudwatch").describe_alarms(AlarmNames=[properties["AlarmName"]])
    return {} if found["MetricAlarms"] else None


def _put_dashboard(aws: Clients, properties: Properties) -> Properties:
    aws("cloudwatch").put_dashboard(**pick(properties, "DashboardName DashboardBody"))
    return {}


def _read_dashboard(aws: Clients, properties: Properties) -> Properties:
    return pick(aws("cloudwatch").get_dashboard(DashboardName=properties["DashboardName"]), "DashboardBody")


def _delete_dashboard(aws: Clients, properties: Properties) -> None:
    aws("cloudwatch").delete_dashboards(DashboardNames=[properties["DashboardName"]])


def _create_log_group(aws: Clients, properties: Properties) -> Properties:
    logs, name = aws("logs"), properties["LogGroupName"]
    logs.create_log_group(logGroupName=name, tags=tags_map(properties))
    _retention(aws, {}, properties)
    return {"Arn": logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["arn"]}


def _retention(aws: Clients, before: Properties, after: Properties) -> None:
    if after.get("RetentionInDays"):
        aws("logs").put_retention_policy(
            logGroupName=after["LogGroupName"], retentionInDays=after["RetentionInDays"]
        )


def _delete_log_group(aws: Clients, properties: Properties) -> None:
    aws("logs").delete_log_group(logGroupName=properties["LogGroupName"])


def _again(put: Any) -> Any:
    """An update that is the creation again."""

    def update(aws: Clients, before: Properties, after: Properties) -> Properties:
        return dict(put(aws, after))

    return update


TYPES: dict[str, TypeHandler] = {
    "AWS::Events::EventBus": ServiceType("moto", _create_bus, _delete_bus, _retag_events, _read_bus),
    "AWS::Events::Rule": ServiceType("moto", _create_rule, _delete_rule, _update_rule, _read_rule),
    "AWS::SNS::Topic": ServiceType("moto", _create_topic, _delete_topic),
    "AWS::CloudWatch::Alarm": ServiceType(
        "simulated", _put_alarm, _delete_alarm, _again(_put_alarm), _read_alarm
    ),
    "AWS::CloudWatch::Dashboard": ServiceType(
        "simulated", _put_dashboard, _delete_dashboard, _again(_put_dashboard), _read_dashboard
    ),
    "AWS::Logs::LogGroup": ServiceType("moto", _create_log_group, _delete_log_group, _retention),
}
