"""Pub/Sub over REST, and the start of its gRPC server: both work on the same topics, subscriptions and
messages."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.data import topics
from localcloud.google.data.broker import BrokerError, Delivery
from localcloud.google.hooks import Hook, Refusal, verb

if TYPE_CHECKING:
    import grpc

    from localcloud.google.calls import Call, Context
    from localcloud.google.store import Stored

_SERVERS: dict[str, grpc.Server] = {}


def start(context: Context) -> None:
    """Serve gRPC, and write its address into the endpoints: the same as before where that is free."""
    from localcloud.google.data.pubsub_server import serve
    from localcloud.ports import can_bind, free_port

    before = str(context.state.endpoints().get("google", {}).get("pubsub", ""))
    host, _, port = before.partition(":")
    chosen = (
        int(port) if host == "127.0.0.1" and port.isdecimal() and can_bind(host, int(port)) else free_port()
    )
    _SERVERS[context.base_url] = serve(context, chosen)
    addresses = {"pubsub": f"127.0.0.1:{chosen}", "pubsub_rest": f"{context.base_url}/pubsub"}
    context.state.update_endpoints({"google": addresses})


def stop(context: Context) -> None:
    """Stop serving gRPC; messages that wait are lost."""
    server = _SERVERS.pop(context.base_url, None)
    if server:
        server.stop(grace=1).wait()
    topics.forget(context)


class Topics(Hook):
    """Topics."""

    collection: ClassVar[str] = topics.TOPICS
    backing: ClassVar[str] = topics.BACKING

    def deleting(self, call: Call, resource: Stored) -> None:
        """Its subscriptions stay, without a topic."""
        topics.orphan(call.context, resource.path)

    @verb("publish")
    def publish(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Publish messages."""
        topics.require_topic(call.context, call.item_path)
        return {"messageIds": _told(topics.publish_json, call.context, call.item_path, call.body["messages"])}


class Subscriptions(Hook):
    """Subscriptions that pull."""

    collection: ClassVar[str] = topics.SUBSCRIPTIONS
    backing: ClassVar[str] = topics.BACKING

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        topics.complete_subscription(call.context, body)

    def created(self, call: Call, resource: Stored) -> None:
        """Keep messages from now on."""
        topics.attach(call.context, resource)

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """Follow a new deadline, retry policy or dead-letter policy."""
        topics.attach(call.context, resource)

    def deleted(self, call: Call, resource: Stored) -> None:
        """Its messages go with it."""
        topics.broker(call.context).detach(resource.path)

    @verb("pull")
    def pull(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Lease messages."""
        broker = topics.broker(call.context)
        wait = 0.0 if call.body.get("returnImmediately") else 2.0
        limit = int(call.body.get("maxMessages") or 1)
        found = _told(broker.pull, call.item_path, limit, wait)
        return {"receivedMessages": [received(one) for one in found]} if found else {}

    @verb("acknowledge")
    def acknowledge(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """End leases: done."""
        _told(topics.broker(call.context).acknowledge, call.item_path, call.body.get("ackIds", []))
        return {}

    @verb("modifyAckDeadline")
    def modify_ack_deadline(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Prolong leases, or give messages back."""
        deadline = float(call.body.get("ackDeadlineSeconds") or 0)
        _told(topics.broker(call.context).modify, call.item_path, call.body.get("ackIds", []), deadline)
        return {}


def received(delivery: Delivery) -> dict[str, Any]:
    """A ReceivedMessage in its REST form."""
    return {
        "ackId": delivery.ack_id,
        "deliveryAttempt": delivery.attempt,
        "message": message_json(delivery),
    }


def message_json(delivery: Delivery) -> dict[str, Any]:
    """A PubsubMessage in its REST form, as push deliveries and events carry it too."""
    message = delivery.message
    return {
        "data": base64.b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "messageId": message.id,
        "publishTime": dt.datetime.fromtimestamp(message.published, dt.UTC)
        .isoformat()
        .replace("+00:00", "Z"),
    }


def _told(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except BrokerError as error:
        raise Refusal(error.code, error.message) from error
