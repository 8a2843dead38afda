"""Messages of a topic, sent to a function as CloudEvents over HTTP."""

from __future__ import annotations

import datetime as dt
import logging
import threading

import httpx

from localcloud.google.data.broker import Broker, BrokerError, Delivery
from localcloud.google.hooks.pubsub import message_json

log = logging.getLogger("localcloud.google.triggers")

#: Seconds between two looks at whether to stop, and seconds to wait for a server to accept a connection.
LOOK_S, CONNECT_S = 0.5, 5.0


class Triggers:
    """One delivering thread a function."""

    def __init__(self) -> None:
        self._threads: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._lock = threading.Lock()

    def follow(
        self,
        key: str,
        broker: Broker,
        *,
        subscription: str,
        topic: str,
        url: str,
        timeout: float,
        retry: bool,
    ) -> None:
        """Deliver a subscription's messages to `url`, one after the other, until `stop`.

        Args:
            key: names the function.
            timeout: seconds that the function may take.
            retry: deliver a failed message again; else it is given up after one attempt.
        """
        self.stop(key)
        ended = threading.Event()
        arguments = (broker, subscription, topic, url, timeout, retry, ended)
        thread = threading.Thread(target=_deliver, args=arguments, daemon=True, name=f"trigger {key}")
        with self._lock:
            self._threads[key] = (thread, ended)
        thread.start()

    def stop(self, key: str) -> None:
        """Deliver nothing more to this function; waits for the message that is being delivered."""
        with self._lock:
            found = self._threads.pop(key, None)
        if found:
            found[1].set()
            found[0].join(timeout=60)

    def stop_all(self) -> None:
        """Deliver nothing more to any."""
        with self._lock:
            found = list(self._threads.values())
            self._threads.clear()
        for _, ended in found:
            ended.set()


def _deliver(
    broker: Broker,
    subscription: str,
    topic: str,
    url: str,
    timeout: float,
    retry: bool,
    ended: threading.Event,
) -> None:
    with httpx.Client(timeout=httpx.Timeout(timeout, connect=CONNECT_S)) as client:
        while not ended.is_set():
            try:
                for delivery in broker.pull(subscription, 1, LOOK_S):
                    done = _send(client, url, topic, subscription, delivery)
                    if done or not retry:
                        broker.acknowledge(subscription, [delivery.ack_id])
                    else:
                        broker.modify(subscription, [delivery.ack_id], 0)
            except BrokerError as error:
                log.warning("%s: %s", subscription, error.message)
                return


def _send(client: httpx.Client, url: str, topic: str, subscription: str, delivery: Delivery) -> bool:
    """Whether the function answered 2xx."""
    message = delivery.message
    # Binary content mode, as Eventarc sends it:
    # https://cloud.google.com/eventarc/docs/cloudevents (November 2026).
    headers = {
        "ce-id": message.id,
        "ce-source": f"//pubsub.googleapis.com/{topic}",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-time": dt.datetime.fromtimestamp(message.published, dt.UTC).isoformat().replace("+00:00", "Z"),
    }
    body = {"message": message_json(delivery), "subscription": subscription}
    try:
        answer = client.post(url, json=body, headers=headers)
    except httpx.TransportError as error:
        log.warning("message %s, attempt %d: %s", message.id, delivery.attempt, error)
        return False
    if not answer.is_success:
        log.warning("message %s, attempt %d: HTTP %d", message.id, delivery.attempt, answer.status_code)
    return bool(answer.is_success)
