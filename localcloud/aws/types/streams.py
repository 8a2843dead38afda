"""Kinesis, Firehose, Managed Flink and the lake's catalogue (Glue), in moto."""

from __future__ import annotations

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
    tags_map,
)

# -- Kinesis ----------------------------------------------------------------------------------------------


def _create_stream(aws: Clients, properties: Properties) -> Properties:
    kinesis, name = aws("kinesis"), properties["Name"]
    mode = properties.get("StreamModeDetails")
    kinesis.create_stream(
        StreamName=name,
        **pick(properties, "ShardCount"),
        **({"StreamModeDetails": mode} if mode else {}),
    )
    if properties.get("Tags"):
        kinesis.add_tags_to_stream(StreamName=name, Tags=tags_map(properties))
    _set_stream(aws, {"RetentionPeriodHours": 24}, properties)
    return {"Arn": _stream(aws, name)["StreamARN"]}


def _stream(aws: Clients, name: str) -> Any:
    return aws("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def _set_stream(aws: Clients, before: Properties, after: Properties) -> None:
    kinesis, name = aws("kinesis"), after["Name"]
    old, new = before.get("RetentionPeriodHours", 24), after.get("RetentionPeriodHours", 24)
    if new > old:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=new)
    elif new < old:
        kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=new)
    was, wanted = before.get("StreamEncryption"), after.get("StreamEncryption")
    if wanted and wanted != was:
        kinesis.start_stream_encryption(StreamName=name, **pick(wanted, "EncryptionType KeyId"))
    elif was and not wanted:
        kinesis.stop_stream_encryption(StreamName=name, **pick(was, "EncryptionType KeyId"))


def _read_stream(aws: Clients, properties: Properties) -> Properties:
    name = properties["Name"]
    found = _stream(aws, name)
    mode = found.get("StreamModeDetails") or {"StreamMode": "PROVISIONED"}
    shown = {**pick(found, "RetentionPeriodHours"), "StreamModeDetails": mode}
    if mode["StreamMode"] == "PROVISIONED":
        shown["ShardCount"] = found["OpenShardCount"]
    if found.get("EncryptionType", "NONE") != "NONE":
        shown["StreamEncryption"] = pick(found, "EncryptionType KeyId")
    else:
        shown["StreamEncryption"] = {}
    tags = aws("kinesis").list_tags_for_stream(StreamName=name)["Tags"]
    return {**shown, "Tags": tags}


def _update_stream(aws: Clients, before: Properties, after: Properties) -> None:
    kinesis, name = aws("kinesis"), after["Name"]
    different = changed(before, after)
    if "StreamModeDetails" in different:
        kinesis.update_stream_mode(StreamARN=after["Arn"], StreamModeDetails=after["StreamModeDetails"])
    if "ShardCount" in different and after.get("ShardCount"):
        kinesis.update_shard_count(
            StreamName=name, TargetShardCount=after["ShardCount"], ScalingType="UNIFORM_SCALING"
        )
    _set_stream(aws, before, after)
    gone, new = tag_changes(before, after)
    if gone:
        kinesis.remove_tags_from_stream(StreamName=name, TagKeys=gone)
    if new:
        kinesis.add_tags_to_stream(StreamName=name, Tags={tag["Key"]: tag["Value"] for tag in new})


def _delete_stream(aws: Clients, properties: Properties) -> None:
    aws("kinesis").delete_stream(StreamName=properties["Name"])


# -- Firehose ---------------------------------------------------------------------------------------------

_S3 = "ExtendedS3DestinationConfiguration"
_DESTINATION = (
    "BucketARN RoleARN Prefix ErrorOutputPrefix CompressionFormat BufferingHints CloudWatchLoggingOptions"
)


def _create_delivery(aws: Clients, properties: Properties) -> Properties:
    if _S3 not in properties:
        raise HandlerError("InvalidRequest", "a delivery stream to anything but S3 is not in the rehearsal")
    names = f"DeliveryStreamName DeliveryStreamType KinesisStreamSourceConfiguration {_S3} Tags"
    made = aws("firehose").create_delivery_stream(**pick(properties, names))
    return {"Arn": made["DeliveryStreamARN"]}


def _delivery(aws: Clients, name: str) -> Any:
    client = aws("firehose")
    return client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


def _read_delivery(aws: Clients, properties: Properties) -> Properties:
    name = properties["DeliveryStreamName"]
    found = _delivery(aws, name)
    destination = found["Destinations"][0]["ExtendedS3DestinationDescription"]
    tags = aws("firehose").list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
    return {
        "DeliveryStreamType": found["DeliveryStreamType"],
        _S3: pick(destination, _DESTINATION),
        "Tags": tags,
    }


def _update_delivery(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("firehose"), after["DeliveryStreamName"]
    if before.get(_S3) != after.get(_S3):
        found = _delivery(aws, name)
        client.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=pick(after[_S3], _DESTINATION),
        )
    gone, new = tag_changes(before, after)
    if gone:
        client.untag_delivery_stream(DeliveryStreamName=name, TagKeys=gone)
    if new:
        client.tag_delivery_stream(DeliveryStreamName=name, Tags=new)


def _delete_delivery(aws: Clients, properties: Properties) -> None:
    aws("firehose").delete_delivery_stream(DeliveryStreamName=properties["DeliveryStreamName"])


# -- Managed Flink ----------------------------------------------------------------------------------------

_APPLICATION = "ApplicationDescription RuntimeEnvironment ServiceExecutionRole ApplicationMode"


def _create_application(aws: Clients, properties: Properties) -> Properties:
    aws("kinesisanalyticsv2").create_application(
        **pick(properties, f"ApplicationName ApplicationConfiguration {_APPLICATION} Tags")
    )
    return {}


def _application(aws: Clients, properties: Properties) -> Any:
    client = aws("kinesisanalyticsv2")
    return client.describe_application(ApplicationName=properties["ApplicationName"])["ApplicationDetail"]


def _read_application(aws: Clients, properties: Properties) -> Properties:
    found = _application(aws, properties)
    tags = aws("kinesisanalyticsv2").list_tags_for_resource(ResourceARN=found["ApplicationARN"])["Tags"]
    return {**pick(found, _APPLICATION), "Tags": tags}


def _update_application(aws: Clients, before: Properties, after: Properties) -> None:
    client, found = aws("kinesisanalyticsv2"), _application(aws, after)
    different = changed(before, after)
    other = different - {"Tags", "RuntimeEnvironment", "ServiceExecutionRole"}
    if other:
        raise HandlerError(
            "InvalidRequest", f"changing {sorted(other)} of an application is not in the rehearsal"
        )
    arguments = {}
    if "RuntimeEnvironment" in different:
        arguments["RuntimeEnvironmentUpdate"] = after["RuntimeEnvironment"]
    if "ServiceExecutionRole" in different:
        arguments["ServiceExecutionRoleUpdate"] = after["ServiceExecutionRole"]
    if arguments:
        client.update_application(
            ApplicationName=after["ApplicationName"],
            CurrentApplicationVersionId=found["ApplicationVersionId"],
            **arguments,
        )
    gone, new = tag_changes(before, after)
    if gone:
        client.untag_resource(ResourceARN=found["ApplicationARN"], TagKeys=gone)
    if new:
        client.tag_resource(ResourceARN=found["ApplicationARN"], Tags=new)


def _delete_application(aws: Clients, properties: Properties) -> None:
    created = _application(aws, properties)["CreateTimestamp"]
    aws("kinesisanalyticsv2").delete_application(
        ApplicationName=properties["ApplicationName"], CreateTimestamp=created
    )


# -- the lake's catalogue ---------------------------------------------------------------------------------


def _create_database(aws: Clients, properties: Properties) -> Properties:
    name = properties["DatabaseName"]
    content = {**properties["DatabaseInput"], "Name": properties["DatabaseInput"].get("Name", name)}
    aws("glue").create_database(CatalogId=properties["CatalogId"], DatabaseInput=content)
    return {"DatabaseInput": content}


def _read_database(aws: Clients, properties: Properties) -> Properties:
    found = aws("glue").get_database(Name=properties["DatabaseName"])["Database"]
    return {"DatabaseInput": pick(found, "Name Description LocationUri Parameters")}


def _update_database(aws: Clients, before: Properties, after: Properties) -> None:
    aws("glue").update_database(Name=after["DatabaseName"], DatabaseInput=after["DatabaseInput"])


def _delete_database(aws: Clients, properties: Properties) -> None:
    aws("glue").delete_database(Name=properties["DatabaseName"])


_TABLE_INPUT = (
    "Name Description Owner Retention StorageDescriptor PartitionKeys ViewOriginalText ViewExpandedText "
    "TableType Parameters"
)


def _create_glue_table(aws: Clients, properties: Properties) -> Properties:
    content = {"Name": properties["Name"], **properties.get("TableInput", {})}
    aws("glue").create_table(DatabaseName=properties["DatabaseName"], TableInput=content)
    return {}


def _read_glue_table(aws: Clients, properties: Properties) -> Properties:
    found = aws("glue").get_table(**pick(properties, "DatabaseName Name"))["Table"]
    return {"TableInput": pick(found, _TABLE_INPUT)}


def _update_glue_table(aws: Clients, before: Properties, after: Properties) -> None:
    content = {"Name": after["Name"], **after["TableInput"]}
    aws("glue").update_table(DatabaseName=after["DatabaseName"], TableInput=content)


def _delete_glue_table(aws: Clients, properties: Properties) -> None:
    aws("glue").delete_table(**pick(properties, "DatabaseName Name"))


TYPES: dict[str, TypeHandler] = {
    "AWS::Kinesis::Stream": ServiceType("moto", _create_stream, _delete_stream, _update_stream, _read_stream),
    "AWS::KinesisFirehose::DeliveryStream": ServiceType(
        "moto", _create_delivery, _delete_delivery, _update_delivery, _read_delivery
    ),
    "AWS::KinesisAnalyticsV2::Application": ServiceType(
        "simulated", _create_application, _delete_application, _update_application, _read_application
    ),
    "AWS::Glue::Database": ServiceType(
        "simulated", _create_database, _delete_database, _update_database, _read_database
    ),
    "AWS::Glue::Table": ServiceType(
        "simulated", _create_glue_table, _delete_glue_table, _update_glue_table, _read_glue_table
    ),
}
