"""The message store: leases, deadlines, redelivery, back-off and dead letters."""

from __future__ import annotations

import threading
import time

import pytest

from localcloud.google.data.broker import Broker, BrokerError, Policy, seconds

TOPIC, SUB = "projects/p/topics/t", "projects/p/subscriptions/s"


def made(policy: Policy | None = None) -> Broker:
    broker = Broker()
    broker.attach(SUB, TOPIC, policy or Policy())
    return broker


def publish(broker: Broker, *texts: str, topic: str = TOPIC) -> list[str]:
    return broker.publish(topic, [(one.encode(), {}, "") for one in texts])


def texts(broker: Broker, name: str = SUB, wait: float = 0.0) -> list[str]:
    return [one.message.data.decode() for one in broker.pull(name, 100, wait)]


def test_each_subscription_gets_each_message_in_order() -> None:
    broker = made()
    broker.attach("other", TOPIC, Policy())
    ids = publish(broker, "a", "b")
    assert len(set(ids)) == 2
    assert texts(broker) == texts(broker, "other") == ["a", "b"]
    broker.attach("late", TOPIC, Policy())
    assert texts(broker, "late") == [], "what was published before is not delivered"


def test_an_acknowledged_message_is_gone_and_a_leased_one_is_not_given_twice() -> None:
    broker = made()
    publish(broker, "a", "b")
    first, second = broker.pull(SUB, 2, 0)
    assert texts(broker) == []
    assert broker.outstanding(SUB) == 2
    broker.acknowledge(SUB, [first.ack_id, "of another time"])
    broker.modify(SUB, [first.ack_id, second.ack_id], 0)
    assert texts(broker) == ["b"]


def test_an_expired_lease_is_redelivered_with_the_next_attempt() -> None:
    broker = made(Policy(ack_deadline=0.05))
    publish(broker, "a")
    (first,) = broker.pull(SUB, 1, 0)
    (second,) = broker.pull(SUB, 1, 2.0)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.ack_id != second.ack_id
    broker.acknowledge(SUB, [first.ack_id])
    assert broker.backlog(SUB) == 1, "an old ack id acknowledges nothing"


def test_a_lease_can_be_prolonged() -> None:
    broker = made(Policy(ack_deadline=0.1))
    publish(broker, "a")
    (lease,) = broker.pull(SUB, 1, 0)
    broker.modify(SUB, [lease.ack_id], 30)
    assert texts(broker, wait=0.3) == []


def test_back_off_doubles_up_to_the_longest() -> None:
    broker = made(Policy(minimum_backoff=0.1, maximum_backoff=0.2))
    publish(broker, "a")
    pauses = []
    for _ in range(4):
        began = time.monotonic()
        (lease,) = broker.pull(SUB, 1, 2.0)
        pauses.append(time.monotonic() - began)
        broker.modify(SUB, [lease.ack_id], 0)
    assert pauses[0] < 0.05
    assert 0.1 <= pauses[1] < 0.2 <= pauses[2]
    assert pauses[3] < 0.4


def test_a_message_goes_to_the_dead_letters_after_the_last_attempt() -> None:
    broker = made(Policy(dead_letter_topic="dead", max_attempts=2))
    broker.attach("graves", "dead", Policy())
    publish(broker, "a")
    for _ in range(2):
        (lease,) = broker.pull(SUB, 1, 1.0)
        broker.modify(SUB, [lease.ack_id], 0)
    assert texts(broker) == []
    (dead,) = broker.pull("graves", 1, 0)
    assert dead.message.data == b"a"
    assert dead.message.attributes == {
        "CloudPubSubDeadLetterSourceSubscription": "s",
        "CloudPubSubDeadLetterSourceDeliveryCount": "2",
    }


def test_a_waiting_pull_wakes_when_something_is_published() -> None:
    broker = made()
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.extend(texts(broker, wait=10.0)))
    thread.start()
    time.sleep(0.05)
    publish(broker, "a")
    thread.join(2)
    assert got == ["a"]


def test_a_waiting_pull_ends_when_its_subscription_goes() -> None:
    broker = made()
    said: list[int] = []

    def wait() -> None:
        try:
            broker.pull(SUB, 1, 10.0)
        except BrokerError as error:
            said.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    broker.detach(SUB)
    thread.join(2)
    assert said == [404]


def test_policy_from_the_rest_body() -> None:
    body = {
        "ackDeadlineSeconds": 60,
        "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
        "deadLetterPolicy": {"deadLetterTopic": "dead", "maxDeliveryAttempts": 7},
    }
    assert Policy.from_body(body) == Policy(60, 10, 600, "dead", 7)
    assert Policy.from_body({}) == Policy(10, 0, 0, "", 5), "without a retry policy: at once"
    assert seconds("1.5s") == pytest.approx(1.5)


def test_thousands_of_messages_pass_in_a_second() -> None:
    broker = made()
    began = time.monotonic()
    for start in range(0, 20_000, 100):
        publish(broker, *(str(n) for n in range(start, start + 100)))
    taken = 0
    while leases := broker.pull(SUB, 1000, 0):
        broker.acknowledge(SUB, [one.ack_id for one in leases])
        taken += len(leases)
    assert taken == 20_000
    assert time.monotonic() - began < 5
