"""EventBridge's schedules, archives and schema registries: schedules fire, archives fill."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick, tags_map
from localcloud.aws.types.shapes import retag, shown_tags

_SCHEDULE = (
    "Name GroupName Description ScheduleExpression ScheduleExpressionTimezone State FlexibleTimeWindow "
    "Target StartDate EndDate KmsKeyArn"
)


def _create_schedule(aws: Clients, properties: Properties) -> Properties:
    return {"Arn": aws("scheduler").create_schedule(**pick(properties, _SCHEDULE))["ScheduleArn"]}


def _read_schedule(aws: Clients, properties: Properties) -> Properties:
    found = aws("scheduler").get_schedule(**pick(properties, "Name GroupName"))
    return pick(found, "ScheduleExpression State Description FlexibleTimeWindow Target")


def _update_schedule(aws: Clients, before: Properties, after: Properties) -> None:
    aws("scheduler").update_schedule(**pick(after, _SCHEDULE))


def _delete_schedule(aws: Clients, properties: Properties) -> None:
    aws("scheduler").delete_schedule(**pick(properties, "Name GroupName"))


def _archive(properties: Properties) -> Properties:
    pattern = properties.get("EventPattern")
    given = pick(properties, "ArchiveName Description RetentionDays")
    return {**given, "EventPattern": document(pattern)} if pattern else given


def _create_archive(aws: Clients, properties: Properties) -> Properties:
    made = aws("events").create_archive(EventSourceArn=properties["SourceArn"], **_archive(properties))
    return {"Arn": made["ArchiveArn"]}


def _read_archive(aws: Clients, properties: Properties) -> Properties:
    found = aws("events").describe_archive(ArchiveName=properties["ArchiveName"])
    return pick(found, "RetentionDays Description")


def _update_archive(aws: Clients, before: Properties, after: Properties) -> None:
    aws("events").update_archive(**_archive(after))


def _delete_archive(aws: Clients, properties: Properties) -> None:
    aws("events").delete_archive(ArchiveName=properties["ArchiveName"])


def _create_registry(aws: Clients, properties: Properties) -> Properties:
    made = aws("schemas").create_registry(
        **pick(properties, "RegistryName Description"), Tags=tags_map(properties)
    )
    return pick(made, "RegistryArn")


def _read_registry(aws: Clients, properties: Properties) -> Properties:
    found = aws("schemas").describe_registry(RegistryName=properties["RegistryName"])
    return {**pick(found, "Description"), **shown_tags(found.get("Tags"))}


def _update_registry(aws: Clients, before: Properties, after: Properties) -> None:
    aws("schemas").update_registry(**pick(after, "RegistryName Description"))
    _retag(aws, before, after, after["RegistryArn"])


def _retag(aws: Clients, before: Properties, after: Properties, arn: str) -> None:
    client = aws("schemas")
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tags),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _delete_registry(aws: Clients, properties: Properties) -> None:
    aws("schemas").delete_registry(RegistryName=properties["RegistryName"])


def _create_schema(aws: Clients, properties: Properties) -> Properties:
    made = aws("schemas").create_schema(
        **pick(properties, "RegistryName SchemaName Type Content Description"), Tags=tags_map(properties)
    )
    return {**pick(made, "SchemaArn SchemaVersion"), "LastModified": made["LastModified"].isoformat()}


def _read_schema(aws: Clients, properties: Properties) -> Properties:
    found = aws("schemas").describe_schema(**pick(properties, "RegistryName SchemaName"))
    return {**pick(found, "Content Type Description SchemaVersion"), **shown_tags(found.get("Tags"))}


def _update_schema(aws: Clients, before: Properties, after: Properties) -> None:
    changed = "Type Description Content" if before["Content"] != after["Content"] else "Type Description"
    aws("schemas").update_schema(**pick(after, f"RegistryName SchemaName {changed}"))
    _retag(aws, before, after, after["SchemaArn"])


def _delete_schema(aws: Clients, properties: Properties) -> None:
    aws("schemas").delete_schema(**pick(properties, "RegistryName SchemaName"))


TYPES: dict[str, TypeHandler] = {
    "AWS::Scheduler::Schedule": ServiceType(
        "process", _create_schedule, _delete_schedule, _update_schedule, _read_schedule
    ),
    "AWS::Events::Archive": ServiceType(
        "moto", _create_archive, _delete_archive, _update_archive, _read_archive
    ),
    "AWS::EventSchemas::Registry": ServiceType(
        "simulated", _create_registry, _delete_registry, _update_registry, _read_registry
    ),
    "AWS::EventSchemas::Schema": ServiceType(
        "simulated", _create_schema, _delete_schema, _update_schema, _read_schema
    ),
}
