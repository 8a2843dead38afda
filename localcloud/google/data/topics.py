"""Topics and subscriptions: the one set that REST and gRPC both work on, kept in the control plane's
store."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from localcloud.google.data import warehouse
from localcloud.google.data.broker import (
    ACK_DEADLINE_S,
    MAX_ACK_DEADLINE_S,
    Broker,
    Policy,
)
from localcloud.google.hooks import Refusal, invalid, not_in_the_rehearsal
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Context

TOPICS, SUBSCRIPTIONS = "pubsub/projects.topics", "pubsub/projects.subscriptions"

#: What `/_rehearsal/resources` says of both.
BACKING = "pubsub"

#: What Pub/Sub calls the topic of a subscription whose topic is gone.
DELETED_TOPIC = "_deleted-topic_"

#: Fields of a subscription that would change who gets which message, and how: refused rather than ignored.
NOT_REHEARSED = (
    "filter",
    "enableMessageOrdering",
    "enableExactlyOnceDelivery",
    "bigtableConfig",
    "cloudStorageConfig",
    "messageTransforms",
)

#: One broker a server, by its URL; a process normally has one.
_BROKERS: dict[str, Broker] = {}


def broker(context: Context) -> Broker:
    """The server's broker; made on the first call, with a queue for each stored subscription."""
    key = context.base_url
    with context.lock:
        if key not in _BROKERS:
            made = Broker()
            for one in context.store.everything():
                if one.type == SUBSCRIPTIONS:
                    made.attach(one.path, one.body["topic"], Policy.from_body(one.body))
                    warehouse.follow(context, made, one.path, one.body)
            _BROKERS[key] = made
        return _BROKERS[key]


def forget(context: Context) -> None:
    """Drop the broker and its messages: the server stops."""
    warehouse.stop_all(context)
    _BROKERS.pop(context.base_url, None)


def require_topic(context: Context, path: str) -> Stored:
    """The topic of that path.

    Raises:
        Refusal: 404.
    """
    return _require(context, path, TOPICS)


def require_subscription(context: Context, path: str) -> Stored:
    """The subscription of that path.

    Raises:
        Refusal: 404.
    """
    return _require(context, path, SUBSCRIPTIONS)


def _require(context: Context, path: str, type_name: str) -> Stored:
    found = context.store.get(f"pubsub/{path}")
    if found is None or found.type != type_name:
        raise Refusal(404, f"Resource not found (resource={path.rsplit('/', 1)[-1]}).")
    return found


def complete_subscription(context: Context, body: dict[str, Any]) -> None:
    """Complete a new subscription's body as Pub/Sub does.

    Raises:
        Refusal: its topic is missing, its deadline is out of range, or it wants what is not rehearsed.
    """
    for name in NOT_REHEARSED:
        if body.get(name):
            raise not_in_the_rehearsal(f"A subscription with {name}")
    if (body.get("pushConfig") or {}).get("pushEndpoint"):
        raise not_in_the_rehearsal("A push subscription")
    require_topic(context, str(body.get("topic", "")))
    warehouse.check(context, body)
    deadline = body.get("ackDeadlineSeconds") or ACK_DEADLINE_S
    if not ACK_DEADLINE_S <= deadline <= MAX_ACK_DEADLINE_S:
        raise invalid(f"Invalid ack deadline given: ackDeadlineSeconds={deadline}.")
    body["ackDeadlineSeconds"] = deadline
    body.setdefault("pushConfig", {})
    body.setdefault("messageRetentionDuration", "604800s")
    body.setdefault("expirationPolicy", {"ttl": "2678400s"})
    body["state"] = "ACTIVE"


def add(context: Context, type_name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a topic or subscription from its body (with its full `name`).

    Raises:
        Refusal: 409, the name is taken; or what `complete_subscription` refuses.
    """
    if type_name == SUBSCRIPTIONS:
        complete_subscription(context, body)
    stored = Stored(f"pubsub/{body['name']}", type_name, body, backing=BACKING)
    if not context.store.add(stored):
        raise Refusal(409, f"Resource already exists in the project (resource={stored.name}).")
    if type_name == SUBSCRIPTIONS:
        attach(context, stored)
    return body


def attach(context: Context, subscription: Stored) -> None:
    """Keep messages for a stored subscription from now on."""
    body = subscription.body
    broker(context).attach(subscription.path, body["topic"], Policy.from_body(body))
    warehouse.follow(context, broker(context), subscription.path, body)


def remove_subscription(context: Context, path: str) -> None:
    """Delete a subscription and its messages; an absent one is no error."""
    context.store.remove(f"pubsub/{path}")
    broker(context).detach(path)


def orphan(context: Context, topic: str) -> None:
    """The topic is gone: its subscriptions keep what they have and get no more."""
    for path in broker(context).subscriptions(topic):
        found = context.store.get(f"pubsub/{path}")
        if found:
            found.body["topic"] = DELETED_TOPIC
            context.store.put(found)
            attach(context, found)


def publish_json(context: Context, topic: str, messages: list[Mapping[str, Any]]) -> list[str]:
    """Publish messages of the REST form; returns their ids.

    Raises:
        Refusal: a message has neither data nor attributes, or its data is not base64.
    """
    parsed = []
    for one in messages:
        if not one.get("data") and not one.get("attributes"):
            raise invalid("One or more messages in the publish request is empty.")
        try:
            data = base64.b64decode(one.get("data", ""), validate=True)
        except ValueError as error:
            raise invalid("Invalid value at 'messages.data': it is not base64.") from error
        parsed.append((data, one.get("attributes", {}), one.get("orderingKey", "")))
    return broker(context).publish(topic, parsed)
