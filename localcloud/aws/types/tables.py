"""DynamoDB's types, in moto; a global table's replicas hold the same items in both regions."""

from __future__ import annotations

import uuid
from typing import Any

from localcloud.aws.types import (
    Clients,
    HandlerError,
    Properties,
    ServiceType,
    TypeHandler,
    changed,
    pick,
    tag_changes,
)

_TABLE = (
    "TableName KeySchema AttributeDefinitions BillingMode ProvisionedThroughput GlobalSecondaryIndexes "
    "LocalSecondaryIndexes DeletionProtectionEnabled TableClass Tags"
)
_SHOWN = "KeySchema AttributeDefinitions DeletionProtectionEnabled TableClass"
_CHANGEABLE = {
    "BillingMode",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
    "StreamSpecification",
    "TimeToLiveSpecification",
    "PointInTimeRecoverySpecification",
    "Replicas",
    "Tags",
}


def _create(aws: Clients, properties: Properties) -> Properties:
    arguments = pick(properties, _TABLE)
    stream, encryption = properties.get("StreamSpecification"), properties.get("SSESpecification")
    if stream:
        arguments["StreamSpecification"] = {"StreamEnabled": True, **pick(stream, "StreamViewType")}
    if encryption:
        names = "SSEEnabled:Enabled SSEType KMSMasterKeyId"
        arguments["SSESpecification"] = pick(encryption, names)
    made = aws("dynamodb").create_table(**arguments)["TableDescription"]
    _time_to_live(aws, properties)
    _recovery(aws, properties)
    return {
        "Arn": made["TableArn"],
        **pick(made, "LatestStreamArn:StreamArn"),
    }


def _time_to_live(aws: Clients, properties: Properties) -> None:
    wanted = properties.get("TimeToLiveSpecification")
    if wanted:
        aws("dynamodb").update_time_to_live(
            TableName=properties["TableName"], TimeToLiveSpecification=pick(wanted, "Enabled AttributeName")
        )


def _recovery(aws: Clients, properties: Properties) -> None:
    wanted = properties.get("PointInTimeRecoverySpecification")
    if wanted:
        aws("dynamodb").update_continuous_backups(
            TableName=properties["TableName"], PointInTimeRecoverySpecification=wanted
        )


def _recovery_now(client: Any, name: str) -> Properties:
    found = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    status = found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return {"PointInTimeRecoveryEnabled": status == "ENABLED"}


def _throughput(found: Properties) -> Properties:
    return pick(found, "ReadCapacityUnits WriteCapacityUnits")


def _indexes(found: Properties) -> list[Properties]:
    return [
        {
            **pick(one, "IndexName KeySchema Projection"),
            **_index_throughput(one.get("ProvisionedThroughput") or {}),
        }
        for one in found.get("GlobalSecondaryIndexes") or ()
    ]


def _index_throughput(found: Properties) -> Properties:
    return {"ProvisionedThroughput": _throughput(found)} if found.get("ReadCapacityUnits") else {}


def _read(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("dynamodb"), properties["TableName"]
    found = client.describe_table(TableName=name)["Table"]
    live = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    shown = {
        **pick(found, _SHOWN),
        "BillingMode": (found.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
        "GlobalSecondaryIndexes": _indexes(found),
        "TimeToLiveSpecification": {
            "Enabled": live["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
            **pick(live, "AttributeName"),
        },
        "PointInTimeRecoverySpecification": _recovery_now(client, name),
        "Tags": client.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"],
    }
    if shown["BillingMode"] == "PROVISIONED":
        shown["ProvisionedThroughput"] = _throughput(found["ProvisionedThroughput"])
    if (found.get("StreamSpecification") or {}).get("StreamEnabled"):
        shown["StreamSpecification"] = pick(found["StreamSpecification"], "StreamViewType")
    return shown


def _update(aws: Clients, before: Properties, after: Properties) -> None:
    client, name, different = aws("dynamodb"), after["TableName"], changed(before, after)
    other = different - _CHANGEABLE
    if other:
        raise HandlerError("InvalidRequest", f"changing {sorted(other)} of a table is not in the rehearsal")
    arguments = {
        key: after[key]
        for key in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")
        if key in different and key in after
    }
    if "StreamSpecification" in different:
        stream = after.get("StreamSpecification")
        arguments["StreamSpecification"] = {"StreamEnabled": bool(stream), **(stream or {})}
    if arguments:
        client.update_table(TableName=name, **arguments)
    if "TimeToLiveSpecification" in different:
        _time_to_live(aws, after)
    if "PointInTimeRecoverySpecification" in different:
        _recovery(aws, after)
    _retag(client, after["Arn"], before, after)


def _retag(client: Any, arn: str, before: Properties, after: Properties) -> None:
    gone, new = tag_changes(before, after)
    if gone:
        client.untag_resource(ResourceArn=arn, TagKeys=gone)
    if new:
        client.tag_resource(ResourceArn=arn, Tags=new)


def _delete(aws: Clients, properties: Properties) -> None:
    aws("dynamodb").delete_table(TableName=properties["TableName"])


# -- global tables ----------------------------------------------------------------------------------------


def _create_global(aws: Clients, properties: Properties) -> Properties:
    here = aws("dynamodb").meta.region_name
    others = [one["Region"] for one in properties["Replicas"] if one["Region"] != here]
    if len(others) == len(properties["Replicas"]):
        raise HandlerError("InvalidRequest", f"Replicas must name the region of the request, {here}")
    # Replicas need a stream with both images (CloudFormation's reference of AWS::DynamoDB::GlobalTable).
    made = _create(
        aws, {key: value for key, value in properties.items() if key != "DeletionProtectionEnabled"}
    )
    _replicate(aws, properties["TableName"], set(), set(others))
    _set_replicas(aws, properties)
    return made | {"TableId": str(uuid.uuid5(uuid.NAMESPACE_URL, made["Arn"]))}


def _replicate(aws: Clients, name: str, old: set[str], new: set[str]) -> None:
    for region in sorted(new - old):
        create = [{"Create": {"RegionName": region}}]
        aws("dynamodb").update_table(TableName=name, ReplicaUpdates=create)
    for region in sorted(old - new):
        delete = [{"Delete": {"RegionName": region}}]
        aws("dynamodb").update_table(TableName=name, ReplicaUpdates=delete)


def _set_replicas(aws: Clients, properties: Properties) -> None:
    """What each replica has for itself."""
    name = properties["TableName"]
    for replica in properties["Replicas"]:
        client = aws("dynamodb", replica["Region"])
        recovery = replica.get("PointInTimeRecoverySpecification")
        if recovery:
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
        if "DeletionProtectionEnabled" in replica:
            client.update_table(
                TableName=name, DeletionProtectionEnabled=replica["DeletionProtectionEnabled"]
            )
        if replica.get("Tags"):
            arn = client.describe_table(TableName=name)["Table"]["TableArn"]
            client.tag_resource(ResourceArn=arn, Tags=replica["Tags"])


def _read_global(aws: Clients, properties: Properties) -> Properties:
    client, name = aws("dynamodb"), properties["TableName"]
    shown = _read(aws, properties)
    here = client.meta.region_name
    found = client.describe_table(TableName=name)["Table"].get("Replicas") or []
    regions = [here, *(one["RegionName"] for one in found)]
    declared = [one["Region"] for one in properties.get("Replicas") or ()]
    regions.sort(key=lambda region: declared.index(region) if region in declared else len(declared))
    shown["Replicas"] = [_replica(aws("dynamodb", region), name, region) for region in regions]
    for own in ("PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags", "TableClass"):
        shown.pop(own, None)
    return shown


def _replica(client: Any, name: str, region: str) -> Properties:
    found = client.describe_table(TableName=name)["Table"]
    return {
        "Region": region,
        "PointInTimeRecoverySpecification": _recovery_now(client, name),
        "DeletionProtectionEnabled": found.get("DeletionProtectionEnabled", False),
        "Tags": client.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"],
    }


def _update_global(aws: Clients, before: Properties, after: Properties) -> None:
    here = aws("dynamodb").meta.region_name
    old, new = ({one["Region"] for one in some["Replicas"]} - {here} for some in (before, after))
    _update(aws, _without_tags(before), _without_tags(after))
    _replicate(aws, after["TableName"], old, new)
    _set_replicas(aws, after)


def _without_tags(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Tags"}


def _delete_global(aws: Clients, properties: Properties) -> None:
    here, name = aws("dynamodb").meta.region_name, properties["TableName"]
    others = {one["Region"] for one in _read_global(aws, properties)["Replicas"]} - {here}
    _replicate(aws, name, others, set())
    _delete(aws, properties)


TYPES: dict[str, TypeHandler] = {
    "AWS::DynamoDB::Table": ServiceType("moto", _create, _delete, _update, _read),
    "AWS::DynamoDB::GlobalTable": ServiceType(
        "moto", _create_global, _delete_global, _update_global, _read_global
    ),
}
