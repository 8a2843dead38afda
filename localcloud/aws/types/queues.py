"""SQS's queue, in moto."""

from __future__ import annotations

import json
from typing import Any

from localcloud.aws.types import (
    Clients,
    Properties,
    ServiceType,
    TypeHandler,
    document,
    tag_changes,
    tag_list,
    tags_map,
)

_NUMBERS = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "KmsDataKeyReusePeriodSeconds",
)
_SWITCHES = ("FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled")
_TEXTS = ("KmsMasterKeyId", "DeduplicationScope", "FifoThroughputLimit")
_DOCUMENTS = ("RedrivePolicy", "RedriveAllowPolicy")
_FIXED = ("FifoQueue", "QueueName")


def _attributes(properties: Properties) -> dict[str, str]:
    attributes = {name: str(properties[name]) for name in (*_NUMBERS, *_TEXTS) if name in properties}
    attributes |= {name: str(properties[name]).lower() for name in _SWITCHES if name in properties}
    return attributes | {name: document(properties[name]) for name in _DOCUMENTS if properties.get(name)}


def _create(aws: Clients, properties: Properties) -> Properties:
    sqs = aws("sqs")
    url = sqs.create_queue(
        QueueName=properties["QueueName"], Attributes=_attributes(properties), tags=tags_map(properties)
    )["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"QueueUrl": url, "Arn": arn}


def _read(aws: Clients, properties: Properties) -> Properties:
    sqs, url = aws("sqs"), properties["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    shown: dict[str, Any] = {name: int(found[name]) for name in _NUMBERS if name in found}
    shown |= {name: found[name] == "true" for name in _SWITCHES if name in found}
    shown |= {name: found[name] for name in _TEXTS if found.get(name)}
    shown |= {name: json.loads(found[name]) if found.get(name) else {} for name in _DOCUMENTS}
    return {**shown, "Tags": tag_list(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}))}


def _update(aws: Clients, before: Properties, after: Properties) -> None:
    sqs, url = aws("sqs"), after["QueueUrl"]
    attributes = _attributes({key: value for key, value in after.items() if key not in _FIXED})
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    gone, new = tag_changes(before, after)
    if gone:
        sqs.untag_queue(QueueUrl=url, TagKeys=gone)
    if new:
        sqs.tag_queue(QueueUrl=url, Tags={tag["Key"]: tag["Value"] for tag in new})


def _delete(aws: Clients, properties: Properties) -> None:
    aws("sqs").delete_queue(QueueUrl=properties["QueueUrl"])


TYPES: dict[str, TypeHandler] = {
    "AWS::SQS::Queue": ServiceType("moto", _create, _delete, _update, _read),
}
