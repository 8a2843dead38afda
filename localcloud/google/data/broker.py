"""Pub/Sub's message store: at least once, leases with deadlines, redelivery with back-off, dead letters.

Messages live in memory: what was published and not yet acknowledged is lost when the control-plane server
stops.
Topics and subscriptions are resources of the control plane and survive.
"""

from __future__ import annotations

import heapq
import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: Pub/Sub's default acknowledgement deadline, and the longest it allows, in seconds
#: (https://cloud.google.com/pubsub/quotas, November 2026).
ACK_DEADLINE_S, MAX_ACK_DEADLINE_S = 10, 600

#: Messages waiting in one subscription; beyond it the oldest would go in days, here publishing is refused.
MAX_BACKLOG = 1_000_000


class BrokerError(Exception):
    """No such subscription, or its backlog is full. `code` is an HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Message:
    """One published message. `published` is in seconds since 1970."""

    id: str
    data: bytes
    attributes: Mapping[str, str]
    published: float
    ordering_key: str = ""


@dataclass(frozen=True)
class Delivery:
    """One message on loan to a subscriber; `attempt` counts from 1."""

    ack_id: str
    message: Message
    attempt: int


@dataclass(frozen=True)
class Policy:
    """How a subscription treats what is not acknowledged.

    Attributes:
        ack_deadline: seconds of a lease.
        minimum_backoff, maximum_backoff: seconds before the next attempt; doubles with each; 0: at once.
        dead_letter_topic: where a message goes after `max_attempts`; empty: never.
    """

    ack_deadline: float = ACK_DEADLINE_S
    minimum_backoff: float = 0.0
    maximum_backoff: float = 600.0
    dead_letter_topic: str = ""
    max_attempts: int = 5

    @classmethod
    def from_body(cls, body: Mapping[str, object]) -> Policy:
        """From a subscription's REST body."""
        retry, dead = _section(body, "retryPolicy"), _section(body, "deadLetterPolicy")
        return cls(
            ack_deadline=float(str(body.get("ackDeadlineSeconds") or ACK_DEADLINE_S)),
            minimum_backoff=seconds(retry.get("minimumBackoff", "10s")) if retry is not None else 0.0,
            maximum_backoff=seconds(retry.get("maximumBackoff", "600s")) if retry is not None else 0.0,
            dead_letter_topic=str((dead or {}).get("deadLetterTopic", "")),
            max_attempts=int(str((dead or {}).get("maxDeliveryAttempts") or 5)),
        )


def _section(body: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    found = body.get(name)
    return found if isinstance(found, Mapping) else None


def seconds(duration: object) -> float:
    """A protobuf JSON duration (`600s`, `1.5s`) in seconds."""
    return float(str(duration).removesuffix("s") or 0)


@dataclass(order=True)
class _Waiting:
    due: float
    sequence: int
    message: Message = field(compare=False)
    attempt: int = field(compare=False)


@dataclass
class _Lease:
    message: Message
    attempt: int
    deadline: float


@dataclass
class _Queue:
    topic: str
    policy: Policy
    ready: deque[_Waiting] = field(default_factory=deque)
    delayed: list[_Waiting] = field(default_factory=list)
    leases: dict[str, _Lease] = field(default_factory=dict)


class Broker:
    """All subscriptions' messages. Thread-safe."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count(int(time.time() * 1000))

    def attach(self, subscription: str, topic: str, policy: Policy) -> None:
        """Begin to keep a topic's messages for a subscription, or give it another topic or policy."""
        with self._changed:
            queue = self._queues.get(subscription)
            if queue:
                queue.topic, queue.policy = topic, policy
            else:
                self._queues[subscription] = _Queue(topic, policy)

    def detach(self, subscription: str) -> None:
        """Forget a subscription and its messages."""
        with self._changed:
            self._queues.pop(subscription, None)
            self._changed.notify_all()

    def subscriptions(self, topic: str) -> list[str]:
        """Who gets a topic's messages."""
        with self._changed:
            return sorted(name for name, queue in self._queues.items() if queue.topic == topic)

    def publish(self, topic: str, messages: Iterable[tuple[bytes, Mapping[str, str], str]]) -> list[str]:
        """Give each subscription of the topic each message (data, attributes, ordering key); returns ids."""
        now = time.time()
        with self._changed:
            made = [Message(str(next(self._numbers)), d, dict(a), now, key) for d, a, key in messages]
            self._spread(topic, made)
            self._changed.notify_all()
        return [one.id for one in made]

    def _spread(self, topic: str, messages: list[Message]) -> None:
        for name, queue in self._queues.items():
            if queue.topic != topic:
                continue
            if len(queue.ready) + len(messages) > MAX_BACKLOG:
                raise BrokerError(429, f"The rehearsal keeps at most {MAX_BACKLOG} messages for {name}.")
            queue.ready.extend(_Waiting(0.0, next(self._numbers), one, 1) for one in messages)

    def pull(self, subscription: str, limit: int, wait: float, deadline: float = 0.0) -> list[Delivery]:
        """Lease up to `limit` messages; wait up to `wait` seconds for the first.

        Args:
            deadline: seconds of the leases; 0: the subscription's own.

        Raises:
            BrokerError: there is no such subscription.
        """
        until = time.monotonic() + wait
        with self._changed:
            while True:
                queue = self._queue(subscription)
                now = time.monotonic()
                self._redeliver(subscription, queue, now)
                if queue.ready:
                    return self._lease(queue, limit, now + (deadline or queue.policy.ack_deadline))
                if now >= until:
                    return []
                self._changed.wait(max(0.001, min(until, self._next_event(queue, until)) - now))

    def acknowledge(self, subscription: str, ack_ids: Iterable[str]) -> None:
        """These are done. An ack id whose lease has ended is no error, and does nothing."""
        with self._changed:
            queue = self._queue(subscription)
            for one in ack_ids:
                queue.leases.pop(one, None)

    def modify(self, subscription: str, ack_ids: Iterable[str], deadline: float) -> None:
        """Lend these for so many seconds from now; 0 gives them back."""
        with self._changed:
            queue = self._queue(subscription)
            until = time.monotonic() + deadline
            for one in ack_ids:
                if one in queue.leases:
                    queue.leases[one].deadline = until
            self._changed.notify_all()

    def outstanding(self, subscription: str) -> int:
        """Messages on loan."""
        with self._changed:
            return len(self._queue(subscription).leases)

    def backlog(self, subscription: str) -> int:
        """Messages not acknowledged."""
        with self._changed:
            queue = self._queue(subscription)
            return len(queue.ready) + len(queue.delayed) + len(queue.leases)

    def _queue(self, subscription: str) -> _Queue:
        found = self._queues.get(subscription)
        if found is None:
            raise BrokerError(404, f"Resource not found (resource={subscription.rsplit('/', 1)[-1]}).")
        return found

    def _lease(self, queue: _Queue, limit: int, deadline: float) -> list[Delivery]:
        taken = []
        while queue.ready and len(taken) < limit:
            one = queue.ready.popleft()
            ack_id = secrets.token_urlsafe(16)
            queue.leases[ack_id] = _Lease(one.message, one.attempt, deadline)
            taken.append(Delivery(ack_id, one.message, one.attempt))
        return taken

    def _redeliver(self, name: str, queue: _Queue, now: float) -> None:
        """Move what has waited long enough to `ready`, and leases that have ended to where they belong."""
        for ack_id in [one for one, lease in queue.leases.items() if lease.deadline <= now]:
            lease = queue.leases.pop(ack_id)
            policy = queue.policy
            if policy.dead_letter_topic and lease.attempt >= policy.max_attempts:
                self._bury(name, policy.dead_letter_topic, lease)
                continue
            pause = min(policy.minimum_backoff * 2 ** (lease.attempt - 1), policy.maximum_backoff)
            waiting = _Waiting(now + pause, next(self._numbers), lease.message, lease.attempt + 1)
            heapq.heappush(queue.delayed, waiting)
        while queue.delayed and queue.delayed[0].due <= now:
            queue.ready.append(heapq.heappop(queue.delayed))

    def _bury(self, name: str, topic: str, lease: _Lease) -> None:
        attributes = {
            **lease.message.attributes,
            "CloudPubSubDeadLetterSourceSubscription": name.rsplit("/", 1)[-1],
            "CloudPubSubDeadLetterSourceDeliveryCount": str(lease.attempt),
        }
        dead = Message(str(next(self._numbers)), lease.message.data, attributes, time.time())
        self._spread(topic, [dead])
        self._changed.notify_all()

    def _next_event(self, queue: _Queue, otherwise: float) -> float:
        due = [queue.delayed[0].due] if queue.delayed else []
        due += [lease.deadline for lease in queue.leases.values()]
        return min(due, default=otherwise)
