"""Composite alarms, metric filters, X-Ray and CloudTrail."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list
from localcloud.aws.types.cloudwatch import retag_alarm
from localcloud.aws.types.shapes import declared_tags, lower, retag, shown_tags, upper

_COMPOSITE = (
    "AlarmName AlarmRule AlarmDescription ActionsEnabled AlarmActions OKActions InsufficientDataActions "
    "ActionsSuppressor ActionsSuppressorWaitPeriod ActionsSuppressorExtensionPeriod Tags"
)


def _composite(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("cloudwatch").describe_alarms(
        AlarmNames=[properties["AlarmName"]], AlarmTypes=["CompositeAlarm"]
    )
    alarms: list[Properties] = found["CompositeAlarms"]
    return alarms[0] if alarms else None


def _put_composite(aws: Clients, properties: Properties) -> Properties:
    aws("cloudwatch").put_composite_alarm(**pick(properties, _COMPOSITE))
    found = _composite(aws, properties) or {}
    return {"Arn": found["AlarmArn"]}


def _read_composite(aws: Clients, properties: Properties) -> Properties | None:
    found = _composite(aws, properties)
    if found is None:
        return None
    tags = aws("cloudwatch").list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    return {**pick(found, "AlarmRule AlarmDescription ActionsEnabled"), **shown_tags(tags)}


def _update_composite(aws: Clients, before: Properties, after: Properties) -> Properties:
    made = _put_composite(aws, after)
    retag_alarm(aws, before, after)
    return made


def _delete_composite(aws: Clients, properties: Properties) -> None:
    aws("cloudwatch").delete_alarms(AlarmNames=[properties["AlarmName"]])


def _put_filter(aws: Clients, properties: Properties) -> Properties:
    aws("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=properties["FilterName"],
        filterPattern=properties["FilterPattern"],
        metricTransformations=lower(properties["MetricTransformations"]),
    )
    return {}


def _update_filter(aws: Clients, before: Properties, after: Properties) -> None:
    _delete_filter(aws, before)  # moto would keep both
    _put_filter(aws, after)


def _read_filter(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("logs").describe_metric_filters(
        logGroupName=properties["LogGroupName"], filterNamePrefix=properties["FilterName"]
    )["metricFilters"]
    for one in found:
        if one["filterName"] == properties["FilterName"]:
            transformations = upper(one["metricTransformations"])
            return {"FilterPattern": one["filterPattern"], "MetricTransformations": transformations}
    return None


def _delete_filter(aws: Clients, properties: Properties) -> None:
    aws("logs").delete_metric_filter(
        logGroupName=properties["LogGroupName"], filterName=properties["FilterName"]
    )


# -- X-Ray ------------------------------------------------------------------------------------------------


def _retag_xray(aws: Clients, before: Properties, after: Properties, arn: str) -> None:
    client = aws("xray")
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
    )


def _xray_tags(aws: Clients, arn: str) -> Properties:
    return shown_tags(aws("xray").list_tags_for_resource(ResourceARN=arn)["Tags"])


def _create_group(aws: Clients, properties: Properties) -> Properties:
    names = "GroupName FilterExpression InsightsConfiguration"
    made = aws("xray").create_group(**pick(properties, names), Tags=declared_tags(properties))["Group"]
    return {"GroupARN": made["GroupARN"]}


def _read_group(aws: Clients, properties: Properties) -> Properties | None:
    for one in aws("xray").get_groups()["Groups"]:
        if one["GroupARN"] == properties["GroupARN"]:
            shown = pick(one, "GroupName FilterExpression InsightsConfiguration")
            return {**shown, **_xray_tags(aws, properties["GroupARN"])}
    return None


def _update_group(aws: Clients, before: Properties, after: Properties) -> None:
    aws("xray").update_group(**pick(after, "GroupARN FilterExpression InsightsConfiguration"))
    _retag_xray(aws, before, after, after["GroupARN"])


def _delete_group(aws: Clients, properties: Properties) -> None:
    aws("xray").delete_group(GroupARN=properties["GroupARN"])


def _create_rule(aws: Clients, properties: Properties) -> Properties:
    made = aws("xray").create_sampling_rule(
        SamplingRule={"Version": 1, **properties["SamplingRule"]}, Tags=declared_tags(properties)
    )
    return {"RuleARN": made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]}


def _read_rule(aws: Clients, properties: Properties) -> Properties | None:
    for one in aws("xray").get_sampling_rules()["SamplingRuleRecords"]:
        rule = one["SamplingRule"]
        if rule["RuleARN"] == properties["RuleARN"]:
            shown = {key: value for key, value in rule.items() if key != "RuleARN"}
            return {"SamplingRule": shown, **_xray_tags(aws, properties["RuleARN"])}
    return None


def _update_rule(aws: Clients, before: Properties, after: Properties) -> None:
    fixed = ("Version", "RuleName", "RuleARN")
    update = {key: value for key, value in after["SamplingRule"].items() if key not in fixed}
    aws("xray").update_sampling_rule(SamplingRuleUpdate={"RuleARN": after["RuleARN"], **update})
    _retag_xray(aws, before, after, after["RuleARN"])


def _delete_rule(aws: Clients, properties: Properties) -> None:
    aws("xray").delete_sampling_rule(RuleARN=properties["RuleARN"])


# -- CloudTrail -------------------------------------------------------------------------------------------

_TRAIL = (
    "TrailName:Name S3BucketName S3KeyPrefix SnsTopicName IncludeGlobalServiceEvents IsMultiRegionTrail "
    "EnableLogFileValidation:EnableLogFileValidation CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn "
    "KMSKeyId:KmsKeyId IsOrganizationTrail"
)


def _logging(aws: Clients, properties: Properties) -> None:
    client, name = aws("cloudtrail"), properties["TrailName"]
    (client.start_logging if properties["IsLogging"] else client.stop_logging)(Name=name)


def _create_trail(aws: Clients, properties: Properties) -> Properties:
    made = aws("cloudtrail").create_trail(**pick(properties, _TRAIL), TagsList=declared_tags(properties))
    _logging(aws, properties)
    return {"Arn": made["TrailARN"]}


def _read_trail(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("cloudtrail"), properties["TrailName"]
    found = client.get_trail(Name=name)["Trail"]
    tags = client.list_tags(ResourceIdList=[properties["Arn"]])["ResourceTagList"][0]["TagsList"]
    status = client.get_trail_status(Name=name)
    shown = pick(found, "S3BucketName IsMultiRegionTrail IncludeGlobalServiceEvents")
    return {**shown, "IsLogging": status["IsLogging"], **shown_tags(tags)}


def _update_trail(aws: Clients, before: Properties, after: Properties) -> None:
    client = aws("cloudtrail")
    client.update_trail(**pick(after, _TRAIL))
    _logging(aws, after)
    retag(
        before,
        after,
        lambda tags: client.add_tags(ResourceId=after["Arn"], TagsList=tag_list(tags)),
        lambda keys: client.remove_tags(ResourceId=after["Arn"], TagsList=[{"Key": key} for key in keys]),
    )


def _delete_trail(aws: Clients, properties: Properties) -> None:
    aws("cloudtrail").delete_trail(Name=properties["TrailName"])


TYPES: dict[str, TypeHandler] = {
    "AWS::CloudWatch::CompositeAlarm": ServiceType(
        "process", _put_composite, _delete_composite, _update_composite, _read_composite
    ),
    "AWS::Logs::MetricFilter": ServiceType(
        "process", _put_filter, _delete_filter, _update_filter, _read_filter
    ),
    "AWS::XRay::Group": ServiceType("simulated", _create_group, _delete_group, _update_group, _read_group),
    "AWS::XRay::SamplingRule": ServiceType("simulated", _create_rule, _delete_rule, _update_rule, _read_rule),
    "AWS::CloudTrail::Trail": ServiceType(
        "simulated", _create_trail, _delete_trail, _update_trail, _read_trail
    ),
}
