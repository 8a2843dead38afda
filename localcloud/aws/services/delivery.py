"""EventBridge's deliveries: to functions, queues, streams, topics, logs and other buses, with retries."""

from __future__ import annotations

import base64
import copy
import fnmatch
import json
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.functions import Lambda
from localcloud.aws.wire import AwsError

_LOG = logging.getLogger(__name__)

#: What is delivered here; queues, log groups, archives and buses are moto's to deliver.
_OURS = frozenset({"lambda", "kinesis", "sns"})

#: How often a target is tried again where it does not say (AWS tries for a day), and seconds between.
_RETRIES, _PAUSE = 2, 0.5


@dataclass(frozen=True)
class Delivery:
    """Brings events to their targets.

    Attributes:
        functions: what invokes.
        changed: called when something was delivered.
    """

    account_id: str
    functions: Lambda
    pool: ThreadPoolExecutor
    changed: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)

    def install(self) -> None:
        """Take the targets that moto can't reach over from it."""
        from moto.events.models import Rule

        moto_sends = Rule.send_to_targets

        def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
            if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original_event):
                return
            for target in list(rule.targets):
                service = target["Arn"].split(":")[2]
                event = copy.deepcopy(original_event)  # moto changes what it sends
                if service in _OURS:
                    self.later(rule.region_name, target, _input(target, _shown(event)), rule.arn)
                else:
                    single = copy.copy(rule)
                    single.targets = [target]
                    moto_sends(single, event, transform_input)

        Rule.send_to_targets = send_to_targets

    def announce(
        self, region: str, source: str, kind: str, resources: list[str], detail: dict[str, Any]
    ) -> None:
        """Put a service's own event on the region's default bus."""
        from moto.events.models import events_backends

        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": source,
            "account": self.account_id,
            "time": datetime.now(UTC).timestamp(),
            "region": region,
            "resources": resources,
            "detail": detail,
            "ingestion-time": datetime.now(UTC).timestamp(),
        }
        bus = events_backends[self.account_id][region].event_buses["default"]
        for rule in list(bus.rules.values()):
            rule.send_to_targets(event)

    def later(self, region: str, target: dict[str, Any], content: Any, source_arn: str) -> None:
        """Deliver in the background, again after a failure, and to the dead letters in the end."""
        retries = int(target.get("RetryPolicy", {}).get("MaximumRetryAttempts", _RETRIES))

        def run() -> None:
            problem = ""
            for attempt in range(min(retries, 5) + 1):
                if attempt and self.stopped.wait(_PAUSE * attempt):
                    return
                try:
                    self._deliver(region, target, content, source_arn)
                    self.changed()
                    return
                except (AwsError, KeyError, ValueError) as error:
                    problem = str(error)
                except Exception as error:  # noqa: BLE001 - whatever moto's backends refuse with
                    problem = f"{type(error).__name__}: {error}"
            self._give_up(region, target, content, source_arn, problem)

        self.pool.submit(run)

    def _deliver(self, region: str, target: dict[str, Any], content: Any, source_arn: str) -> None:
        arn = target["Arn"]
        service, name = arn.split(":")[2], arn.split(":")[-1]
        if service == "lambda":
            principal = "scheduler.amazonaws.com" if "RoleArn" in target else "events.amazonaws.com"
            self._invoke(region, arn, content, source_arn, principal)
        elif service == "sqs":
            self._send(region, name, content, target.get("SqsParameters", {}).get("MessageGroupId"))
        elif service == "sns":
            from moto.sns.models import sns_backends

            sns_backends[self.account_id][region].publish(_text(content), arn=arn)
        elif service == "kinesis":
            self._put(region, name.removeprefix("stream/"), target, content)
        elif service == "events":
            self._put_event(region, name, target, content)
        else:
            raise AwsError.not_in_rehearsal("events", f"a target of {service}")

    def _invoke(self, region: str, arn: str, content: Any, source_arn: str, principal: str) -> None:
        function = self.functions.found(region, arn)
        if principal == "events.amazonaws.com":
            require_permission(function, principal, source_arn)
        if self.functions.invoke(function, content).failed:
            raise ValueError(f"{arn} failed")

    def _send(self, region: str, queue: str, content: Any, group: str | None) -> None:
        from moto.sqs.models import sqs_backends

        sqs_backends[self.account_id][region].send_message(queue, _text(content), group_id=group)

    def _put(self, region: str, stream: str, target: dict[str, Any], content: Any) -> None:
        """The partition key is the one that the target names in the event, or else the event's id."""
        from moto.kinesis.models import kinesis_backends

        path = target.get("KinesisParameters", {}).get("PartitionKeyPath")
        key = _at(content, path) if path else content.get("id", "") if isinstance(content, dict) else ""
        data = base64.b64encode(_text(content).encode()).decode()
        kinesis_backends[self.account_id][region].put_record(None, stream, str(key or uuid.uuid4()), "", data)

    def _put_event(self, region: str, name: str, target: dict[str, Any], content: Any) -> None:
        from moto.events.models import events_backends

        given = target.get("EventBridgeParameters", {})
        entry = {
            "Source": given.get("Source", "dreamnet.scheduler"),
            "DetailType": given.get("DetailType", "Scheduled Event"),
            "Detail": _text(content),
            "EventBusName": name.removeprefix("event-bus/"),
        }
        events_backends[self.account_id][region].put_events([entry])

    def _give_up(
        self, region: str, target: dict[str, Any], content: Any, source_arn: str, problem: str
    ) -> None:
        _LOG.warning("%s could not be delivered to %s: %s", source_arn, target["Arn"], problem)
        dead = target.get("DeadLetterConfig", {}).get("Arn")
        if dead:
            self._send(region, dead.rsplit(":", 1)[-1], content, None)
            self.changed()


def require_permission(function: Any, principal: str, source_arn: str) -> None:
    """A function is called by a service only where its policy says so.

    Raises:
        AwsError: no statement of the function's policy allows it.
    """
    for statement in list(function.policy.statements):
        who = statement.get("Principal", {})
        allowed = who.get("Service", who) if isinstance(who, dict) else who
        source = next(iter(statement.get("Condition", {}).get("ArnLike", {}).values()), "*")
        if allowed in (principal, "*") and fnmatch.fnmatchcase(source_arn, source):
            return
    raise AwsError(
        "AccessDeniedException",
        f"The policy of {function.function_name} does not let {principal} call it for {source_arn}",
        403,
    )


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    """The event as a target sees it: the time as text, without moto's own additions."""
    shown = {key: value for key, value in event.items() if key != "ingestion-time"}
    when = shown.get("time")
    if isinstance(when, int | float):
        shown["time"] = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return shown


def _input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """What the target gets: its constant, a part of the event, a template filled from it, or all of it."""
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return _at(event, target["InputPath"])
    if "InputTransformer" not in target:
        return event
    transformer = target["InputTransformer"]
    text = str(transformer["InputTemplate"])
    for name, path in transformer.get("InputPathsMap", {}).items():
        value = _at(event, path)
        text = text.replace(f"<{name}>", value if isinstance(value, str) else json.dumps(value))
    try:
        return json.loads(text)
    except ValueError:
        return text


def _at(event: Any, path: str) -> Any:
    """The value at `$.detail.id`; None where there is none."""
    found = event
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
