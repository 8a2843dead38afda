"""What ended Pods mean for their Job: indexes, the failure policy, the success policy and limits.

As kubernetes.io/docs/concepts/workloads/controllers/job and tasks/job/pod-failure-policy describe them, with
the job controller's reasons and sentences (pkg/controller/job; all read November 2026).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from localcloud.kubernetes.controllers.runtime import is_active
from localcloud.kubernetes.storage import Object

INDEX = "batch.kubernetes.io/job-completion-index"


def index_of(pod: Object) -> int | None:
    """A Pod's completion index."""
    text = pod["metadata"].get("annotations", {}).get(INDEX, "")
    return int(text) if text.isdigit() else None


def ranges(numbers: Iterable[int]) -> str:
    """``1,3-5`` of 1, 3, 4, 5."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(str(n) for n in part) for part in parts)


def numbers_of(text: str) -> set[int]:
    """The numbers of ``1,3-5``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@dataclass(frozen=True)
class Matched:
    """A rule of the failure policy that a failed Pod fits."""

    action: str
    message: str


def matched(job: Object, pod: Object) -> Matched | None:
    """The first rule of the Job's ``podFailurePolicy`` that a failed Pod fits."""
    metadata = pod["metadata"]
    for place, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules", ())):
        action = rule["action"]
        ending = f"matching {action} rule at index {place}"
        for status in pod["status"].get("containerStatuses", ()) if "onExitCodes" in rule else ():
            code = status.get("state", {}).get("terminated", {}).get("exitCode", 0)
            if code and _on_exit(rule["onExitCodes"], status["name"], code):
                where = f"Container {status['name']} for pod {metadata['namespace']}/{metadata['name']}"
                return Matched(action, f"{where} failed with exit code {code} {ending}")
        for pattern in rule.get("onPodConditions", ()):
            for condition in pod["status"].get("conditions", ()):
                if (condition["type"], condition["status"]) == (
                    pattern["type"],
                    pattern.get("status", "True"),
                ):
                    where = f"Pod {metadata['namespace']}/{metadata['name']}"
                    return Matched(action, f"{where} has condition {condition['type']} {ending}")
    return None


def _on_exit(requirement: Object, container: str, code: int) -> bool:
    if requirement.get("containerName") not in (None, container):
        return False
    return (code in requirement["values"]) == (requirement["operator"] == "In")


@dataclass
class Outcome:
    """What has come of a Job's Pods so far.

    Attributes:
        active: Pods that have not ended.
        failures: Pods that failed and count.
        completed, failed: indexes, of an Indexed Job.
        fatal: reason and message of what ends the Job at once.
    """

    succeeded: int = 0
    active: int = 0
    failures: int = 0
    completed: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    counts: Counter[int] = field(default_factory=Counter)
    fatal: tuple[str, str] | None = None


def _count_failure(job: Object, pod: Object, found: Outcome) -> None:
    rule, index = matched(job, pod), index_of(pod)
    action = rule.action if rule else "Count"
    if action == "Ignore":
        return
    if rule and action == "FailJob":
        found.fatal = found.fatal or ("PodFailurePolicy", rule.message)
    found.failures += 1
    if index is not None:
        found.counts[index] += 1
        if action == "FailIndex":
            found.failed.add(index)


def outcome(job: Object, pods: list[Object]) -> Outcome:
    """Count what has ended, by the Job's rules."""
    spec, status = job["spec"], job.get("status", {})
    found = Outcome(active=sum(is_active(p) for p in pods))
    for pod in pods:
        if pod["status"].get("phase") == "Succeeded":
            found.succeeded += 1
            found.completed |= {index} if (index := index_of(pod)) is not None else set()
        elif pod["status"].get("phase") == "Failed":
            _count_failure(job, pod, found)
    if spec["completionMode"] == "Indexed":
        # What had completed counts though its Pod has gone since.
        known = numbers_of(status.get("completedIndexes", "")) | found.completed
        found.completed = {i for i in known if i < spec["completions"]}
        found.succeeded = len(found.completed)
        most = spec.get("backoffLimitPerIndex")
        if most is not None:
            found.failed |= {i for i, n in found.counts.items() if n > most}
            found.failed |= numbers_of(status.get("failedIndexes", ""))
        found.failed -= found.completed
    return found


def success(job: Object, found: Outcome) -> tuple[str, str] | None:
    """Reason and message where the Job has succeeded."""
    spec = job["spec"]
    for place, rule in enumerate((spec.get("successPolicy") or {}).get("rules", ())):
        wanted = numbers_of(rule["succeededIndexes"]) if "succeededIndexes" in rule else None
        done = found.completed if wanted is None else found.completed & wanted
        needed = rule.get("succeededCount", len(wanted) if wanted is not None else spec["completions"])
        if len(done) >= needed:
            return "SuccessPolicy", f"Matched rules at index {place}"
    # A work queue's Pods know by themselves when all is done: then each of them ends.
    queue_done = "completions" not in spec and found.succeeded > 0 and not found.active
    if queue_done or found.succeeded >= spec.get("completions", found.succeeded + 1):
        return "CompletionsReached", "Reached expected number of succeeded pods"
    return None


def failure(job: Object, found: Outcome, restarts: int) -> tuple[str, str] | None:
    """Reason and message where the Job has failed."""
    spec = job["spec"]
    if found.fatal:
        return found.fatal
    if found.failures + restarts > spec["backoffLimit"]:
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if spec.get("maxFailedIndexes") is not None and len(found.failed) > spec["maxFailedIndexes"]:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return "MaxFailedIndexesExceeded", text
    if found.failed and len(found.failed) + len(found.completed) >= spec["completions"]:
        return "FailedIndexes", "Job has failed indexes"
    return None
