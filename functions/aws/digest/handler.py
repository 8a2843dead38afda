"""Lambda: says each night what waits in the dead-letter queues, if anything does.

Environment:
    QUEUES: names of the queues to look at, separated by commas.
    ALERTS_TOPIC: the SNS topic that gets the digest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Look at every queue and publish once; an empty night is no message.

    Returns:
        The number of waiting messages by queue.
    """
    waiting = {name: _waiting(name) for name in os.environ["QUEUES"].split(",")}
    if any(waiting.values()):
        _client("sns").publish(
            TopicArn=os.environ["ALERTS_TOPIC"], Subject="DreamNet: dead letters", Message=digest(waiting)
        )
    return {"waiting": waiting}


def digest(waiting: Mapping[str, int]) -> str:
    """The message: one line a queue that holds something."""
    lines = [f"{name}: {count} could not be processed" for name, count in sorted(waiting.items()) if count]
    return "\n".join(lines)


def _waiting(name: str) -> int:
    client = _client("sqs")
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return int(found[wanted[0]])


@cache
def _client(name: str) -> Any:
    import boto3

    return boto3.client(name)
