"""CloudWatch's metric alarms, dashboards and log groups: alarms are evaluated, dashboards only shown."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list, tags_map
from localcloud.aws.types.shapes import again, retag, shown_tags

_ALARM = (
    "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions MetricName "
    "Namespace Statistic ExtendedStatistic Dimensions Period Unit EvaluationPeriods DatapointsToAlarm "
    "Threshold ComparisonOperator TreatMissingData Metrics"
)


def _alarm(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("cloudwatch").describe_alarms(
        AlarmNames=[properties["AlarmName"]], AlarmTypes=["MetricAlarm"]
    )["MetricAlarms"]
    return dict(found[0]) if found else None


def _create_alarm(aws: Clients, properties: Properties) -> Properties:
    aws("cloudwatch").put_metric_alarm(**pick(properties, f"{_ALARM} Tags"))
    return pick(_alarm(aws, properties) or {}, "AlarmArn:Arn")


def _read_alarm(aws: Clients, properties: Properties) -> Properties | None:
    found = _alarm(aws, properties)
    if found is None:
        return None
    tags = aws("cloudwatch").list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    shown = {name: value for name, value in pick(found, _ALARM).items() if name in properties}
    return {**shown, **shown_tags(tags)}


def _update_alarm(aws: Clients, before: Properties, after: Properties) -> None:
    aws("cloudwatch").put_metric_alarm(**pick(after, _ALARM))
    retag_alarm(aws, before, after)


def retag_alarm(aws: Clients, before: Properties, after: Properties) -> None:
    """Bring an alarm's tags to those of `after`: putting an alarm that exists leaves them as they are."""
    client, arn = aws("cloudwatch"), after["Arn"]
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
    )


def _delete_alarm(aws: Clients, properties: Properties) -> None:
    aws("cloudwatch").delete_alarms(AlarmNames=[properties["AlarmName"]])


def _put_dashboard(aws: Clients, properties: Properties) -> Properties:
    aws("cloudwatch").put_dashboard(**pick(properties, "DashboardName DashboardBody"))
    return {}


def _read_dashboard(aws: Clients, properties: Properties) -> Properties:
    return pick(aws("cloudwatch").get_dashboard(DashboardName=properties["DashboardName"]), "DashboardBody")


def _delete_dashboard(aws: Clients, properties: Properties) -> None:
    aws("cloudwatch").delete_dashboards(DashboardNames=[properties["DashboardName"]])


def _create_group(aws: Clients, properties: Properties) -> Properties:
    logs, name = aws("logs"), properties["LogGroupName"]
    logs.create_log_group(logGroupName=name, tags=tags_map(properties))
    _retention(aws, properties)
    found = _group(aws, name) or {}
    return pick(found, "arn:Arn")


def _group(aws: Clients, name: str) -> Properties | None:
    for one in aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        if one["logGroupName"] == name:
            return dict(one)
    return None


def _retention(aws: Clients, properties: Properties) -> None:
    name, days = properties["LogGroupName"], properties.get("RetentionInDays")
    if days:
        aws("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
    else:
        aws("logs").delete_retention_policy(logGroupName=name)


def _read_group(aws: Clients, properties: Properties) -> Properties | None:
    found = _group(aws, properties["LogGroupName"])
    if found is None:
        return None
    tags = aws("logs").list_tags_for_resource(resourceArn=properties["Arn"].removesuffix(":*"))["tags"]
    return {"RetentionInDays": found.get("retentionInDays"), **shown_tags(tags)}


def _update_group(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("logs"), after["Arn"].removesuffix(":*")
    _retention(aws, after)
    retag(
        before,
        after,
        lambda tags: client.tag_resource(resourceArn=arn, tags=tags),
        lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
    )


def _delete_group(aws: Clients, properties: Properties) -> None:
    aws("logs").delete_log_group(logGroupName=properties["LogGroupName"])


TYPES: dict[str, TypeHandler] = {
    "AWS::CloudWatch::Alarm": ServiceType(
        "process", _create_alarm, _delete_alarm, _update_alarm, _read_alarm
    ),
    "AWS::CloudWatch::Dashboard": ServiceType(
        "simulated", _put_dashboard, _delete_dashboard, again(_put_dashboard), _read_dashboard
    ),
    "AWS::Logs::LogGroup": ServiceType("moto", _create_group, _delete_group, _update_group, _read_group),
}
