"""Subscriptions, and policies on topics, queues and buckets. Policies are shown, never enforced."""

from __future__ import annotations

import json

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick
from localcloud.aws.types.shapes import again

_SUBSCRIPTION = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy")


def _attributes(properties: Properties) -> dict[str, str]:
    return {
        name: str(properties[name]).lower()
        if isinstance(properties[name], bool)
        else document(properties[name])
        for name in _SUBSCRIPTION
        if name in properties
    }


def _subscribe(aws: Clients, properties: Properties) -> Properties:
    made = aws("sns").subscribe(
        **pick(properties, "TopicArn Protocol Endpoint"),
        Attributes=_attributes(properties),
        ReturnSubscriptionArn=True,
    )
    return {"Arn": made["SubscriptionArn"]}


def _read_subscription(aws: Clients, properties: Properties) -> Properties:
    aws("sns").get_subscription_attributes(SubscriptionArn=properties["Arn"])
    return {}


def _update_subscription(aws: Clients, before: Properties, after: Properties) -> None:
    for name, value in _attributes(after).items():
        aws("sns").set_subscription_attributes(
            SubscriptionArn=after["Arn"], AttributeName=name, AttributeValue=value
        )


def _unsubscribe(aws: Clients, properties: Properties) -> None:
    aws("sns").unsubscribe(SubscriptionArn=properties["Arn"])


def _put_topic_policy(aws: Clients, properties: Properties) -> Properties:
    aws("sns").set_topic_attributes(
        TopicArn=properties["TopicArn"],
        AttributeName="Policy",
        AttributeValue=document(properties["PolicyDocument"]),
    )
    return {}


def _read_topic_policy(aws: Clients, properties: Properties) -> Properties:
    found = aws("sns").get_topic_attributes(TopicArn=properties["TopicArn"])["Attributes"]
    return {"PolicyDocument": json.loads(found["Policy"])}


def _delete_topic_policy(aws: Clients, properties: Properties) -> None:
    empty = {"Version": "2012-10-17", "Statement": []}
    _put_topic_policy(aws, {**properties, "PolicyDocument": empty})


def _put_queue_policy(aws: Clients, properties: Properties) -> Properties:
    aws("sqs").set_queue_attributes(
        QueueUrl=properties["Queue"], Attributes={"Policy": document(properties["PolicyDocument"])}
    )
    return {}


def _read_queue_policy(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("sqs").get_queue_attributes(QueueUrl=properties["Queue"], AttributeNames=["Policy"])
    policy = found.get("Attributes", {}).get("Policy")
    return {"PolicyDocument": json.loads(policy)} if policy else None


def _delete_queue_policy(aws: Clients, properties: Properties) -> None:
    aws("sqs").set_queue_attributes(QueueUrl=properties["Queue"], Attributes={"Policy": ""})


def _put_bucket_policy(aws: Clients, properties: Properties) -> Properties:
    aws("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=document(properties["PolicyDocument"]))
    return {}


def _read_bucket_policy(aws: Clients, properties: Properties) -> Properties:
    found = aws("s3").get_bucket_policy(Bucket=properties["Bucket"])
    return {"PolicyDocument": json.loads(found["Policy"])}


def _delete_bucket_policy(aws: Clients, properties: Properties) -> None:
    aws("s3").delete_bucket_policy(Bucket=properties["Bucket"])


TYPES: dict[str, TypeHandler] = {
    "AWS::SNS::Subscription": ServiceType(
        "moto", _subscribe, _unsubscribe, _update_subscription, _read_subscription
    ),
    "AWS::SNS::TopicInlinePolicy": ServiceType(
        "simulated", _put_topic_policy, _delete_topic_policy, again(_put_topic_policy), _read_topic_policy
    ),
    "AWS::SQS::QueueInlinePolicy": ServiceType(
        "simulated", _put_queue_policy, _delete_queue_policy, again(_put_queue_policy), _read_queue_policy
    ),
    "AWS::S3::BucketPolicy": ServiceType(
        "simulated",
        _put_bucket_policy,
        _delete_bucket_policy,
        again(_put_bucket_policy),
        _read_bucket_policy,
    ),
}
