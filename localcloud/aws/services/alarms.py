"""CloudWatch alarms that are evaluated and act ("Evaluating an alarm", CloudWatch guide)."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.services.metrics import datapoints
from localcloud.aws.services.modelled import parsed, serialized
from localcloud.aws.services.rules import Rule
from localcloud.aws.wire import Answer, AwsError, Call

_LOG = logging.getLogger(__name__)
_EVERY = 0.5  # seconds; CloudWatch looks once a period

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}

#: Announces an event of a service on a region's default bus: region, source, detail type, ARNs, detail.
Announce = Callable[[str, str, str, list[str], dict[str, Any]], None]


@dataclass(frozen=True)
class Alarms:
    """moto's alarms, brought to life.

    Attributes:
        call_function: invokes a Lambda function in the background: region, ARN, event.
        announce: puts a state change on the default bus.
        changed: called when a state has changed.
    """

    account_id: str
    call_function: Callable[[str, str, Any], None]
    announce: Announce
    changed: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    operations: frozenset[str] = frozenset(
        {"monitoring:PutCompositeAlarm", "monitoring:PutMetricAlarm", "monitoring:SetAlarmState"}
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Put an alarm, or set its state by hand."""
        given = parsed(call)
        name, alarms = given["AlarmName"], self._alarms(call.region)
        if call.operation == "SetAlarmState":
            if name not in alarms:
                raise AwsError("ResourceNotFound", f"The alarm {name} does not exist.", 404)
            self._change(alarms[name], given["StateValue"], given["StateReason"])
            return serialized(call, {})
        before = alarms.get(name)
        if call.operation == "PutCompositeAlarm":
            answer = self._put_composite(call, given)
        else:
            _refuse_other_kinds(given)
            answer = moto(call)
        if answer.status < 300:
            after = alarms[name]
            # A new alarm has seen nothing; a changed one keeps its state until it is evaluated.
            after.state_value = before.state_value if before else "INSUFFICIENT_DATA"
        return answer

    def start(self) -> None:
        """Begin to evaluate."""
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def stop(self) -> None:
        """Evaluate no more."""
        self.stopped.set()

    def _alarms(self, region: str) -> dict[str, Any]:
        from moto.cloudwatch.models import cloudwatch_backends

        found: dict[str, Any] = cloudwatch_backends[self.account_id][region].alarms
        return found

    def _put_composite(self, call: Call, given: dict[str, Any]) -> Answer:
        from moto.cloudwatch.models import cloudwatch_backends

        rule = Rule(given["AlarmRule"])
        unknown = sorted(rule.alarms - set(self._alarms(call.region)))
        if unknown:
            raise AwsError("ValidationError", f"The rule names alarms that do not exist: {unknown}")
        if "ActionsSuppressor" in given:
            raise AwsError.not_in_rehearsal("monitoring", "PutCompositeAlarm with ActionsSuppressor")
        cloudwatch_backends[self.account_id][call.region].put_metric_alarm(
            name=given["AlarmName"],
            namespace=None,
            metric_name=None,
            comparison_operator=None,
            evaluation_periods=None,
            period=None,
            threshold=None,
            statistic=None,
            description=given.get("AlarmDescription"),
            dimensions=[],
            alarm_actions=given.get("AlarmActions") or [],
            ok_actions=given.get("OKActions") or [],
            insufficient_data_actions=given.get("InsufficientDataActions") or [],
            actions_enabled=given.get("ActionsEnabled", True),
            rule=given["AlarmRule"],
            tags=given.get("Tags"),
        )
        return serialized(call, {})

    # -- evaluation ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        while not self.stopped.wait(_EVERY):
            for region in list(cloudwatch_backends[self.account_id]):
                alarms = self._alarms(region)
                # Composite ones last: they look at the others.
                for alarm in sorted(alarms.values(), key=lambda one: one.rule is not None):
                    self._look(alarm, alarms)

    def _look(self, alarm: Any, alarms: dict[str, Any]) -> None:
        try:
            if alarm.rule is not None:
                self._look_at_rule(alarm, alarms)
            else:
                state, reason = _state(alarm, datapoints(self.account_id, alarm, _now()))
                if state != alarm.state_value:
                    self._change(alarm, state, reason)
        except (AwsError, KeyError, TypeError, ValueError):
            _LOG.exception("alarm %s", alarm.name)

    def _look_at_rule(self, alarm: Any, alarms: dict[str, Any]) -> None:
        holds = Rule(alarm.rule).holds(lambda name: alarms[name].state_value if name in alarms else "")
        state = "ALARM" if holds else "OK"
        if state != alarm.state_value:
            self._change(alarm, state, f"The rule {alarm.rule} is {'true' if holds else 'false'}")

    def _change(self, alarm: Any, state: str, reason: str) -> None:
        old = alarm.state_value
        alarm.update_state(reason, "{}", state)
        self.changed()
        detail = {
            "alarmName": alarm.name,
            "state": {"value": state, "reason": reason},
            "previousState": {"value": old},
        }
        kind = "CloudWatch Alarm State Change"
        self.announce(alarm.region_name, "aws.cloudwatch", kind, [alarm.alarm_arn], detail)
        if not alarm.actions_enabled or state == old:
            return
        actions = {
            "ALARM": alarm.alarm_actions,
            "OK": alarm.ok_actions,
            "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
        }
        for arn in actions[state] or ():
            self._act(alarm, arn, old)

    def _act(self, alarm: Any, arn: str, old: str) -> None:
        """Do an action: publish to a topic or call a function; others are named in the log."""
        service = arn.split(":")[2]
        if service == "lambda":
            event = {
                "source": "aws.cloudwatch",
                "alarmArn": alarm.alarm_arn,
                "alarmData": _message(alarm, old),
            }
            self.call_function(alarm.region_name, arn, event)
        elif service == "sns":
            from moto.sns.models import sns_backends

            message = json.dumps({**_message(alarm, old), "AWSAccountId": self.account_id})
            subject = f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'
            topics = sns_backends[self.account_id][arn.split(":")[3]]
            topics.publish(message, arn=arn, subject=subject[:100])
        else:
            _LOG.warning("alarm %s: the action %s is not in the rehearsal", alarm.name, arn)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _refuse_other_kinds(given: dict[str, Any]) -> None:
    """Metric math and anomaly bands would be stored and never evaluated."""
    if "Metrics" in given or "ThresholdMetricId" in given:
        raise AwsError.not_in_rehearsal("monitoring", "PutMetricAlarm on metric math")
    if given.get("ComparisonOperator") not in _COMPARE:
        raise AwsError.not_in_rehearsal(
            "monitoring", f"PutMetricAlarm with {given.get('ComparisonOperator')}"
        )


def _state(alarm: Any, points: list[float | None]) -> tuple[str, str]:
    """The state that these datapoints make, newest first, and why."""
    limit, compare = float(alarm.threshold), _COMPARE[alarm.comparison_operator]
    needed = int(alarm.datapoints_to_alarm or alarm.evaluation_periods)
    treatment = alarm.treat_missing_data or "missing"
    known = [point for point in points if point is not None]
    if not known and treatment == "ignore":
        return alarm.state_value, alarm.state_reason
    if not known and treatment == "missing":
        return "INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received"
    breaching = sum(compare(point, limit) for point in known)
    if treatment == "breaching":
        breaching += len(points) - len(known)
    shown = ", ".join(f"{point:g}" for point in known) or "no datapoints"
    said = f"{breaching} of {len(points)} periods breach the threshold {limit:g} [{shown}]"
    return ("ALARM" if breaching >= needed else "OK"), f"Threshold Crossed: {said}"


def _message(alarm: Any, old: str) -> dict[str, Any]:
    """What CloudWatch publishes of a change, as far as there is something to say."""
    trigger = {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": [{"name": one.name, "value": one.value} for one in alarm.dimensions],
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
    }
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": datetime.now(UTC).isoformat(),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "Trigger": {"AlarmRule": alarm.rule} if alarm.rule else trigger,
    }
