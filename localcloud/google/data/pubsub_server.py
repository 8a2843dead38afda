"""Pub/Sub over gRPC, on the messages of google-cloud-pubsub itself, so that its clients notice no difference.

google-cloud-pubsub ships messages and client stubs but no server stubs; the handlers are registered by name.
Client libraries open an insecure channel to a local endpoint, over which no token travels: this port
listens on
loopback only and asks for none.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2, json_format
from google.pubsub_v1 import types

from localcloud.google.data import topics
from localcloud.google.data.broker import Broker, BrokerError, Delivery
from localcloud.google.hooks import Refusal

if TYPE_CHECKING:
    from localcloud.google.calls import Context

#: Streams and calls at once; each StreamingPull holds one thread.
THREADS = 64

#: Messages in one answer of a stream, and seconds between two looks at whether the client is still there.
BATCH, LOOK_S = 100, 1.0

#: Seconds that a Pull without `return_immediately` waits for a message.
PULL_WAIT_S = 5.0

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
}


def serve(context: Context, port: int) -> grpc.Server:
    """Start serving on 127.0.0.1:port.

    Raises:
        RuntimeError: the port is taken.
    """
    server = grpc.server(
        ThreadPoolExecutor(THREADS, thread_name_prefix="pubsub"), options=[("grpc.so_reuseport", 0)]
    )
    handlers = _Handlers(context)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", handlers.publisher()),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", handlers.subscriber()),
        )
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


def _unary(function: Callable[[Any], Any], request: Any, answer_type: Any = None) -> grpc.RpcMethodHandler:
    """A handler; `request` and `answer_type` are proto-plus classes (None: Empty)."""

    def handle(message: Any, call: grpc.ServicerContext) -> Any:
        try:
            return function(message)
        except (Refusal, BrokerError) as refused:
            call.abort(_CODES.get(refused.code, grpc.StatusCode.UNKNOWN), refused.message)

    serializer = answer_type.pb().SerializeToString if answer_type else empty_pb2.Empty.SerializeToString
    return grpc.unary_unary_rpc_method_handler(handle, request.pb().FromString, serializer)


class _Handlers:
    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def _broker(self) -> Broker:
        return topics.broker(self._context)

    def publisher(self) -> dict[str, grpc.RpcMethodHandler]:
        return {
            "CreateTopic": _unary(
                lambda r: self._add(topics.TOPICS, r, types.Topic), types.Topic, types.Topic
            ),
            "GetTopic": _unary(
                lambda r: self._get(topics.TOPICS, r.topic), types.GetTopicRequest, types.Topic
            ),
            "ListTopics": _unary(self._list_topics, types.ListTopicsRequest, types.ListTopicsResponse),
            "ListTopicSubscriptions": _unary(
                self._topic_subscriptions,
                types.ListTopicSubscriptionsRequest,
                types.ListTopicSubscriptionsResponse,
            ),
            "DeleteTopic": _unary(self._delete_topic, types.DeleteTopicRequest),
            "Publish": _unary(self._publish, types.PublishRequest, types.PublishResponse),
        }

    def subscriber(self) -> dict[str, grpc.RpcMethodHandler]:
        subscription = types.Subscription
        return {
            "CreateSubscription": _unary(
                lambda r: self._add(topics.SUBSCRIPTIONS, r, subscription), subscription, subscription
            ),
            "GetSubscription": _unary(
                lambda r: self._get(topics.SUBSCRIPTIONS, r.subscription),
                types.GetSubscriptionRequest,
                subscription,
            ),
            "ListSubscriptions": _unary(
                self._list_subscriptions, types.ListSubscriptionsRequest, types.ListSubscriptionsResponse
            ),
            "DeleteSubscription": _unary(self._delete_subscription, types.DeleteSubscriptionRequest),
            "Acknowledge": _unary(self._acknowledge, types.AcknowledgeRequest),
            "ModifyAckDeadline": _unary(self._modify, types.ModifyAckDeadlineRequest),
            "Pull": _unary(self._pull, types.PullRequest, types.PullResponse),
            "StreamingPull": grpc.stream_stream_rpc_method_handler(
                self._streaming_pull,
                types.StreamingPullRequest.pb().FromString,
                types.StreamingPullResponse.pb().SerializeToString,
            ),
        }

    def _add(self, type_name: str, message: Any, kind: Any) -> Any:
        body = topics.add(self._context, type_name, json_format.MessageToDict(message))
        return _message(body, kind)

    def _get(self, type_name: str, path: str) -> Any:
        if type_name == topics.TOPICS:
            return _message(topics.require_topic(self._context, path).body, types.Topic)
        return _message(topics.require_subscription(self._context, path).body, types.Subscription)

    def _list(self, type_name: str, project: str) -> list[Any]:
        kind = types.Topic if type_name == topics.TOPICS else types.Subscription
        found = [one for one in self._context.store.everything() if one.type == type_name]
        return [_message(one.body, kind) for one in found if one.path.startswith(f"{project}/")]

    def _list_topics(self, request: Any) -> Any:
        return types.ListTopicsResponse.pb()(topics=self._list(topics.TOPICS, request.project))

    def _list_subscriptions(self, request: Any) -> Any:
        found = self._list(topics.SUBSCRIPTIONS, request.project)
        return types.ListSubscriptionsResponse.pb()(subscriptions=found)

    def _topic_subscriptions(self, request: Any) -> Any:
        topics.require_topic(self._context, request.topic)
        names = self._broker.subscriptions(request.topic)
        return types.ListTopicSubscriptionsResponse.pb()(subscriptions=names)

    def _delete_topic(self, request: Any) -> Any:
        topics.require_topic(self._context, request.topic)
        topics.orphan(self._context, request.topic)
        self._context.store.remove(f"pubsub/{request.topic}")
        return empty_pb2.Empty()

    def _delete_subscription(self, request: Any) -> Any:
        topics.require_subscription(self._context, request.subscription)
        topics.remove_subscription(self._context, request.subscription)
        return empty_pb2.Empty()

    def _publish(self, request: Any) -> Any:
        topics.require_topic(self._context, request.topic)
        messages = [(one.data, one.attributes, one.ordering_key) for one in request.messages]
        if any(not data and not attributes for data, attributes, _ in messages):
            raise Refusal(400, "One or more messages in the publish request is empty.")
        return types.PublishResponse.pb()(message_ids=self._broker.publish(request.topic, messages))

    def _acknowledge(self, request: Any) -> Any:
        self._broker.acknowledge(request.subscription, request.ack_ids)
        return empty_pb2.Empty()

    def _modify(self, request: Any) -> Any:
        self._broker.modify(request.subscription, request.ack_ids, request.ack_deadline_seconds)
        return empty_pb2.Empty()

    def _pull(self, request: Any) -> Any:
        wait = 0.0 if request.return_immediately else PULL_WAIT_S
        found = self._broker.pull(request.subscription, max(1, request.max_messages), wait)
        return types.PullResponse.pb()(received_messages=[_received(one) for one in found])

    def _streaming_pull(self, requests: Iterator[Any], call: grpc.ServicerContext) -> Iterator[Any]:
        first = next(requests)
        name, deadline = first.subscription, float(first.stream_ack_deadline_seconds)
        ended = threading.Event()
        call.add_callback(ended.set)
        reader = threading.Thread(target=self._read, args=(name, requests, ended), daemon=True)
        reader.start()
        try:
            while not ended.is_set():
                room = (first.max_outstanding_messages or BATCH) - self._broker.outstanding(name)
                if room <= 0:
                    ended.wait(0.05)
                    continue
                found = self._broker.pull(name, min(room, BATCH), LOOK_S, deadline)
                if found and ended.is_set():
                    self._broker.modify(name, [one.ack_id for one in found], 0)
                elif found:
                    yield types.StreamingPullResponse.pb()(
                        received_messages=[_received(one) for one in found]
                    )
        except BrokerError as error:
            call.abort(_CODES[error.code], error.message)

    def _read(self, name: str, requests: Iterator[Any], ended: threading.Event) -> None:
        """Take the acknowledgements that arrive on the stream, until the client closes it."""
        # A client closes the stream by cancelling it; of a deleted subscription the sending side tells.
        with contextlib.suppress(grpc.RpcError, BrokerError):
            for one in requests:
                self._broker.acknowledge(name, one.ack_ids)
                pairs = zip(one.modify_deadline_ack_ids, one.modify_deadline_seconds, strict=False)
                for ack_id, seconds in pairs:
                    self._broker.modify(name, [ack_id], seconds)
        ended.set()


def _message(body: dict[str, Any], kind: Any) -> Any:
    return json_format.ParseDict(body, kind.pb()(), ignore_unknown_fields=True)


def _received(delivery: Delivery) -> Any:
    message = delivery.message
    pb = types.ReceivedMessage.pb()(ack_id=delivery.ack_id, delivery_attempt=delivery.attempt)
    pb.message.data = message.data
    pb.message.message_id = message.id
    pb.message.ordering_key = message.ordering_key
    pb.message.attributes.update(message.attributes)
    pb.message.publish_time.FromDatetime(dt.datetime.fromtimestamp(message.published, dt.UTC))
    return pb
