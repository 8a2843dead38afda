"""Pub/Sub's BigQuery subscriptions: messages become rows of a table, without anybody who pulls.

Columns as Google writes them: `data`, and with `writeMetadata` `subscription_name`, `message_id`,
`publish_time` and `attributes` (cloud.google.com/pubsub/docs/bigquery, November 2026). Schemas of tables or
topics aren't used.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

from localcloud.google.data.broker import Broker, BrokerError, Delivery
from localcloud.google.hooks import Refusal, invalid, not_in_the_rehearsal

if TYPE_CHECKING:
    from localcloud.google.calls import Context

log = logging.getLogger("localcloud.google.warehouse")

#: Messages written at once, seconds between two looks at whether to stop, and before another attempt.
BATCH, LOOK_S, AGAIN_S = 100, 0.5, 2.0


def check(context: Context, body: dict[str, Any]) -> None:
    """Refuse a BigQuery subscription whose table isn't there, or that wants what is not rehearsed.

    Raises:
        Refusal: 404, or 501.
    """
    config = body.get("bigqueryConfig")
    if not config:
        return
    for name in ("useTopicSchema", "useTableSchema"):
        if config.get(name):
            raise not_in_the_rehearsal(f"A BigQuery subscription with {name}")
    parts = str(config.get("table", "")).replace(":", ".").split(".")
    if len(parts) != 3:
        raise invalid("bigquery_config.table must read PROJECT.DATASET.TABLE.")
    _send(context, "GET", _path(config))
    config.setdefault("state", "ACTIVE")


#: The writers of all servers of this process, by server and subscription.
_WRITERS: dict[tuple[str, str], Writer] = {}


def follow(context: Context, broker: Broker, subscription: str, body: dict[str, Any]) -> None:
    """Write a BigQuery subscription's messages from now on; for another kind do nothing."""
    key = (context.base_url, subscription)
    known = _WRITERS.get(key)
    if body.get("bigqueryConfig") and not (known and known.running):
        _WRITERS[key] = Writer(context, broker, subscription, body["bigqueryConfig"])


def stop_all(context: Context) -> None:
    """Write nothing more for this server."""
    for key in [key for key in _WRITERS if key[0] == context.base_url]:
        _WRITERS.pop(key).stop()


class Writer:
    """Writes one subscription's messages until it is stopped.

    Args:
        context: the server.
        broker: gives the messages.
        subscription: full name.
        config: its `bigqueryConfig`.
    """

    def __init__(self, context: Context, broker: Broker, subscription: str, config: dict[str, Any]) -> None:
        self._context, self._broker = context, broker
        self._subscription, self._config = subscription, config
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"rows of {subscription}")
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Write nothing more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                deliveries = self._broker.pull(self._subscription, BATCH, LOOK_S)
                identifiers = [one.ack_id for one in deliveries]
                if deliveries and self._write(deliveries):
                    self._broker.acknowledge(self._subscription, identifiers)
                elif deliveries:
                    self._broker.modify(self._subscription, identifiers, 0)
                    self._ended.wait(AGAIN_S)
            except BrokerError:  # the subscription is gone
                return

    def _write(self, deliveries: list[Delivery]) -> bool:
        """Whether the table took the rows."""
        rows = [{"insertId": one.message.id, "json": self._row(one)} for one in deliveries]
        try:
            answer = _send(self._context, "POST", f"{_path(self._config)}/insertAll", {"rows": rows})
        except Refusal as refusal:
            log.warning("%s: %s", self._subscription, refusal.message)
            return False
        if answer.get("insertErrors"):
            log.warning("%s: %s", self._subscription, answer["insertErrors"])
        return not answer.get("insertErrors")

    def _row(self, delivery: Delivery) -> dict[str, Any]:
        message = delivery.message
        row: dict[str, Any] = {"data": message.data.decode("utf-8", "replace")}
        if self._config.get("writeMetadata"):
            published = dt.datetime.fromtimestamp(message.published, dt.UTC)
            row.update(
                subscription_name=self._subscription,
                message_id=message.id,
                publish_time=published.isoformat(),
                attributes=json.dumps(dict(message.attributes)),
            )
        return row


def _path(config: dict[str, Any]) -> str:
    project, dataset, table = str(config["table"]).replace(":", ".").split(".")
    return f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}"


def _send(context: Context, method: str, path: str, body: Any = None) -> dict[str, Any]:
    from localcloud.google.data import BIGQUERY
    from localcloud.google.data.upstream import send

    return send(context, BIGQUERY, method, path, body)
