"""EventBridge's buses and rules, and SNS's topics: what is sent is delivered."""

from __future__ import annotations

import json

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick, tag_list
from localcloud.aws.types.shapes import declared_tags, retag, shown_tags


def _events_tags(aws: Clients, arn: str) -> Properties:
    return shown_tags(aws("events").list_tags_for_resource(ResourceARN=arn)["Tags"])


def _retag_events(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("events"), after["Arn"]
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
    )


def _create_bus(aws: Clients, properties: Properties) -> Properties:
    made = aws("events").create_event_bus(Name=properties["Name"], Tags=declared_tags(properties))
    return {"Arn": made["EventBusArn"]}


def _read_bus(aws: Clients, properties: Properties) -> Properties:
    found = aws("events").describe_event_bus(Name=properties["Name"])
    return _events_tags(aws, found["Arn"])


def _delete_bus(aws: Clients, properties: Properties) -> None:
    aws("events").delete_event_bus(Name=properties["Name"])


# -- rules ------------------------------------------------------------------------------------------------


def _put_rule(aws: Clients, properties: Properties, before: Properties | None = None) -> Properties:
    events, bus = aws("events"), pick(properties, "EventBusName")
    arguments = pick(properties, "Name ScheduleExpression State Description RoleArn") | bus
    if "EventPattern" in properties:
        arguments["EventPattern"] = document(properties["EventPattern"])
    tags = {} if before else {"Tags": declared_tags(properties)}
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
    events, bus = aws("events"), pick(properties, "EventBusName")
    found = events.describe_rule(Name=properties["Name"], **bus)
    shown = pick(found, "State Description ScheduleExpression RoleArn")
    if found.get("EventPattern"):
        shown["EventPattern"] = json.loads(found["EventPattern"])
    targets = events.list_targets_by_rule(Rule=properties["Name"], **bus)["Targets"]
    return {**shown, "Targets": targets, **_events_tags(aws, properties["Arn"])}


def _update_rule(aws: Clients, before: Properties, after: Properties) -> None:
    _put_rule(aws, after, before)
    _retag_events(aws, before, after)


def _delete_rule(aws: Clients, properties: Properties) -> None:
    events, bus = aws("events"), pick(properties, "EventBusName")
    targets = events.list_targets_by_rule(Rule=properties["Name"], **bus)["Targets"]
    if targets:
        events.remove_targets(Rule=properties["Name"], Ids=[target["Id"] for target in targets], **bus)
    events.delete_rule(Name=properties["Name"], **bus)


# -- topics -----------------------------------------------------------------------------------------------


def _create_topic(aws: Clients, properties: Properties) -> Properties:
    made = aws("sns").create_topic(
        Name=properties["TopicName"],
        Attributes=pick(properties, "DisplayName KmsMasterKeyId"),
        Tags=declared_tags(properties),
    )
    for one in properties.get("Subscription") or ():
        aws("sns").subscribe(TopicArn=made["TopicArn"], Protocol=one["Protocol"], Endpoint=one["Endpoint"])
    return {"TopicArn": made["TopicArn"]}


def _read_topic(aws: Clients, properties: Properties) -> Properties:
    client, arn = aws("sns"), properties["TopicArn"]
    found = client.get_topic_attributes(TopicArn=arn)["Attributes"]
    tags = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    return {**pick(found, "DisplayName KmsMasterKeyId"), **shown_tags(tags)}


def _update_topic(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("sns"), after["TopicArn"]
    for name in ("DisplayName", "KmsMasterKeyId"):
        if before.get(name) != after.get(name):
            client.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=after.get(name, ""))
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _delete_topic(aws: Clients, properties: Properties) -> None:
    aws("sns").delete_topic(TopicArn=properties["TopicArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::Events::EventBus": ServiceType("moto", _create_bus, _delete_bus, _retag_events, _read_bus),
    "AWS::Events::Rule": ServiceType("process", _create_rule, _delete_rule, _update_rule, _read_rule),
    "AWS::SNS::Topic": ServiceType("moto", _create_topic, _delete_topic, _update_topic, _read_topic),
}
