"""EKS's: prometheus-adapter, by its own rules, over CloudWatch's metrics of SQS as YACE exports them.

Rules: github.com/kubernetes-sigs/prometheus-adapter, docs/config.md (read November 2026).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from localcloud.kubernetes.adapters.base import Sample, Source, Unavailable
from localcloud.kubernetes.storage import Object, Store
from localcloud.state import State

logger = logging.getLogger("localcloud.kubernetes.adapters")
#: YACE's name for ApproximateNumberOfMessagesVisible of AWS/SQS.
SQS_VISIBLE = "aws_sqs_approximate_number_of_messages_visible_average"
_RENAMED = re.compile(r'label_replace\(<<\.Series>>, "(\w+)", "\$1", "dimension_QueueName", "\(\.\*\)"\)')


class PrometheusAdapter:
    """Knows what the rules of a ConfigMap ``...prometheus-adapter`` (key config.yaml) tell it."""

    def __init__(self, store: Store, state: State, region: str) -> None:
        self._store, self._state, self._region = store, state, region
        self._client: Any = None

    def _rules(self, part: str) -> list[Object]:
        found: list[Object] = []
        for config in self._store.list("configmaps"):
            if config["metadata"]["name"].endswith("prometheus-adapter"):
                found += _parsed((config.get("data") or {}).get("config.yaml", ""), part)
        return found

    def custom(self, series: Mapping[str, str]) -> dict[str, Source]:
        """The rules' names of series that were read."""
        named = {self._name(rule): _source(rule) for rule in self._rules("rules")}
        return {name: source for name, source in named.items() if source.series in series}

    def source(self, metric: str) -> Source | None:
        """By the rule of that name."""
        rules = (rule for rule in self._rules("rules") if self._name(rule) == metric)
        return next((_source(rule) for rule in rules), None)

    @staticmethod
    def _name(rule: Object) -> str:
        return str(rule.get("name", {}).get("as") or _series(rule))

    def external(self) -> Sequence[str]:
        """The external rules' names."""
        return [self._name(rule) for rule in self._rules("externalRules")]

    def read(self, metric: str, labels: Mapping[str, str]) -> list[Sample]:
        """Messages that wait in a queue of the local SQS.

        Of PromQL the rehearsal knows only a rule over YACE's ``..._messages_visible_average`` that renames
        its label ``dimension_QueueName``.
        """
        rule = next((r for r in self._rules("externalRules") if self._name(r) == metric), None)
        if rule is None:
            raise Unavailable(f"the server could not find the metric {metric} for ")
        renamed = _RENAMED.search(rule.get("metricsQuery", ""))
        label = renamed[1] if renamed else "dimension_QueueName"
        if _series(rule) != SQS_VISIBLE or set(labels) != {label}:
            raise Unavailable(f"{_series(rule)} by {sorted(labels)} is not in the rehearsal")
        depth = self._depth(labels[label])
        return [] if depth is None else [Sample(depth, dict(labels))]

    def _sqs(self) -> Any:
        """A client of the local SQS; made once, for it takes a while."""
        import boto3

        endpoint, issued = self._state.endpoints().get("aws"), self._state.credentials()
        if not endpoint:
            raise Unavailable("the local AWS does not run: start it with `python -m localcloud up`")
        if self._client is None or self._client.meta.endpoint_url != endpoint:
            self._client = boto3.client(
                "sqs",
                endpoint_url=endpoint,
                region_name=self._region,
                aws_access_key_id=issued.aws_access_key_id,
                aws_secret_access_key=issued.aws_secret_access_key,
            )
        return self._client

    def _depth(self, queue: str) -> float | None:
        """None for a queue that does not exist: CloudWatch has no such metric."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._sqs()
        try:
            url = client.get_queue_url(QueueName=queue)["QueueUrl"]
            name = "ApproximateNumberOfMessages"
            found = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
            return float(found["Attributes"][name])
        except client.exceptions.QueueDoesNotExist:
            return None
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(str(error)) from error


def _parsed(text: str, part: str) -> list[Object]:
    """A part's rules; none of a text that is no configuration: the real adapter would not start with it."""
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        logger.warning("config.yaml of prometheus-adapter: %s", error)
        return []
    rules = given.get(part) if isinstance(given, dict) else None
    return [
        rule
        for rule in rules or ()
        if isinstance(rule, dict) and all(isinstance(rule.get(k, {}), dict) for k in ("name", "resources"))
    ]


def _series(rule: Object) -> str:
    return str(rule.get("seriesQuery", "")).partition("{")[0]


def _source(rule: Object) -> Source:
    """Resources are those that the rule's overrides name."""
    named = [str(o["resource"]) for o in rule.get("resources", {}).get("overrides", {}).values()]
    plurals = tuple(f"{one.removesuffix('s')}s" for one in named if one != "namespace") or ("pods",)
    return Source(_series(rule), "rate(" in rule.get("metricsQuery", ""), plurals)
