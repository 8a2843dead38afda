"""Deployments and the other sets, Jobs and CronJobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import (
    NOT_NEGATIVE,
    Cause,
    Object,
    forbidden,
    invalid,
    not_negative,
    one_of,
    unsupported,
)
from localcloud.kubernetes.checks.metadata import check_labels, check_selector
from localcloud.kubernetes.checks.pods import check_template
from localcloud.kubernetes.checks.resources import check_claim_spec
from localcloud.kubernetes.job_rules import check_job
from localcloud.kubernetes.schedules import check_schedule
from localcloud.kubernetes.selectors import matches_selector

_MISMATCH = "`selector` does not match template `labels`"
#: What each set says of a selector that selects all; a ReplicaSet's sentence names the Deployment.
_EMPTY = {
    "Deployment": "empty selector is invalid for deployment",
    "ReplicaSet": "empty selector is invalid for deployment",
    "StatefulSet": "empty selector is invalid for statefulset",
    "DaemonSet": "empty selector is invalid for daemonset",
}


def check_set(obj: Object) -> Iterator[Cause]:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    spec, kind = obj["spec"], obj["kind"]
    yield from not_negative(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    selector, template = spec["selector"], spec["template"]
    yield from check_selector(selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, _EMPTY[kind])
    else:
        labels = (template.get("metadata") or {}).get("labels") or {}
        if not matches_selector(selector, labels):
            yield invalid("spec.template.metadata.labels", labels, _MISMATCH)
    claims = spec.get("volumeClaimTemplates") or ()
    names = [claim["metadata"]["name"] for claim in claims]
    yield from check_template(template, "spec.template", names)
    restart = template["spec"].get("restartPolicy")
    if restart != "Always":
        yield unsupported("spec.template.spec.restartPolicy", restart, ("Always",))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        yield forbidden("spec.template.spec.activeDeadlineSeconds", text)
    for i, claim in enumerate(claims):
        yield from check_claim_spec(claim["spec"], f"spec.volumeClaimTemplates[{i}].spec")
    yield from _update_rules(spec, kind)


def _update_rules(spec: Object, kind: str) -> Iterator[Cause]:
    if kind == "Deployment":
        yield from not_negative(spec, "spec", "progressDeadlineSeconds")
        ready = spec.get("minReadySeconds", 0)
        if ready >= 0 and spec["progressDeadlineSeconds"] <= ready:
            text = "must be greater than minReadySeconds"
            yield invalid("spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], text)
        yield from _strategy(spec["strategy"])
    elif kind == "StatefulSet":
        if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
            text = "must be 'OrderedReady' or 'Parallel'"
            yield invalid("spec.podManagementPolicy", spec["podManagementPolicy"], text)
        update = spec["updateStrategy"]
        if update["type"] not in ("RollingUpdate", "OnDelete"):
            yield invalid("spec.updateStrategy", update, "must be 'RollingUpdate' or 'OnDelete'")
        elif update["type"] == "RollingUpdate":
            path = "spec.updateStrategy.rollingUpdate"
            yield from not_negative(update["rollingUpdate"], path, "partition")
    elif kind == "DaemonSet":
        update = spec["updateStrategy"]
        yield from one_of(update, "type", "spec.updateStrategy", ("RollingUpdate", "OnDelete"))
        if update["type"] == "RollingUpdate":
            yield from _rolling(update["rollingUpdate"], "spec.updateStrategy.rollingUpdate")


def _strategy(strategy: Object) -> Iterator[Cause]:
    match strategy["type"]:
        case "Recreate":
            if strategy.get("rollingUpdate") is not None:
                text = "may not be specified when strategy `type` is 'Recreate'"
                yield forbidden("spec.strategy.rollingUpdate", text)
        case "RollingUpdate":
            rolling, path = strategy["rollingUpdate"], "spec.strategy.rollingUpdate"
            yield from _rolling(rolling, path)
            if all(rolling[n] in (0, "0%") for n in ("maxSurge", "maxUnavailable")):
                text = "may not be 0 when `maxSurge` is 0"
                yield invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], text)
        case _:
            yield unsupported("spec.strategy", strategy, ("Recreate", "RollingUpdate"))


def _rolling(rolling: Object, path: str) -> Iterator[Cause]:
    for name in ("maxUnavailable", "maxSurge"):
        yield from check_share(rolling.get(name), f"{path}.{name}")
    unavailable = rolling.get("maxUnavailable")
    if isinstance(unavailable, str) and formats.percent(unavailable) and int(unavailable[:-1]) > 100:
        yield invalid(f"{path}.maxUnavailable", unavailable, "must not be greater than 100%")


def check_share(value: Any, field: str) -> Iterator[Cause]:
    """A number of Pods, or a percentage."""
    if isinstance(value, str):
        if not formats.percent(value):
            yield invalid(field, value, formats.PERCENT_TEXT)
    elif value is not None and value < 0:
        yield invalid(field, value, NOT_NEGATIVE)


def check_replication_controller(obj: Object) -> Iterator[Cause]:
    """A ReplicationController: its selector is a map of labels."""
    spec = obj["spec"]
    yield from not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from check_labels(spec.get("selector") or {}, "spec.selector")
    yield from check_template(spec["template"], "spec.template")


def check_whole_job(obj: Object) -> Iterator[Cause]:
    """A Job with its template."""
    yield from _job(obj["spec"], "spec")


def _job(spec: Object, path: str) -> Iterator[Cause]:
    yield from not_negative(spec, path, "parallelism", "completions", "activeDeadlineSeconds")
    yield from not_negative(spec, path, "backoffLimit", "ttlSecondsAfterFinished")
    yield from check_job(spec, path)
    yield from check_template(spec["template"], f"{path}.template")


def check_cron_job(obj: Object) -> Iterator[Cause]:
    """A CronJob's schedule, policies and template."""
    spec = obj["spec"]
    yield from check_schedule(spec)
    yield from not_negative(
        spec, "spec", "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"
    )
    yield from one_of(spec, "concurrencyPolicy", "spec", ("Allow", "Forbid", "Replace"))
    yield from _job(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")
