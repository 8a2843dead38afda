"""A bucket's announcements on the default bus: moto makes them, but does not show that they are on."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, Call

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class BucketEvents:
    """GetBucketNotificationConfiguration with EventBridge's part."""

    account_id: str
    #: Under both of its names: the older one has the same method and path.
    operations: frozenset[str] = frozenset(
        {"s3:GetBucketNotification", "s3:GetBucketNotificationConfiguration"}
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """moto's answer, with the part added where the bucket has it."""
        from moto.s3.models import s3_backends

        answer = moto(call)
        name = call.path.strip("/").partition("/")[0]
        bucket = s3_backends[self.account_id]["aws"].buckets.get(name)
        configuration = getattr(bucket, "notification_configuration", None)
        if answer.status != 200 or configuration is None or configuration.event_bridge is None:
            return answer
        root = (
            ElementTree.fromstring(answer.body)
            if answer.body
            else ElementTree.Element(f"{{{_NAMESPACE}}}NotificationConfiguration")
        )
        ElementTree.SubElement(root, f"{{{_NAMESPACE}}}EventBridgeConfiguration")
        return Answer(200, answer.headers, ElementTree.tostring(root))
