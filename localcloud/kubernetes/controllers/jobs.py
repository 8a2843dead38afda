"""Jobs: Pods that run to completion.

As kubernetes.io/docs/concepts/workloads/controllers describes job (read November 2026). What a
container would do is simulated: it succeeds at once and says so, unless a fault makes it crash or its image
cannot be pulled.
"""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.job_outcomes import (
    INDEX,
    Outcome,
    failure,
    index_of,
    outcome,
    ranges,
    success,
)
from localcloud.kubernetes.controllers.pods import delete_pod, make_pod
from localcloud.kubernetes.controllers.runtime import (
    Recorder,
    age,
    controller_of,
    is_active,
    is_ready,
    set_condition,
)
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import DeleteOptions, Verbs, random_suffix

JOBS = "jobs.batch"


def ending(job: Object) -> str:
    """``Complete`` or ``Failed`` of a Job that has ended, else empty."""
    ended = (c for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True")
    return next((str(c["type"]) for c in ended if c["type"] in ("Complete", "Failed")), "")


def _ended(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _condition(job: Object, kind: str) -> str:
    conditions = job.get("status", {}).get("conditions", ())
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


class Jobs:
    """The Job controller."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed Jobs, and owners of changed Pods."""
        if change.resource == JOBS and not change.deleted:
            yield change.key
        elif change.resource == "pods":
            owner = controller_of(change.new)
            if owner and owner["kind"] == "Job":
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Start what is missing, count what ended; seconds until a deadline."""
        job = self._verbs.store.get(JOBS, *key)
        if job is None or job["metadata"].get("deletionTimestamp"):
            return None
        if ending(job):
            return self._expire(job)
        pods = [p for _, p in self._verbs.store.owned_by(job["metadata"]["uid"], "pods")]
        active = [p for p in pods if is_active(p)]
        found = outcome(job, pods)
        leaving = [p for p in pods if p["metadata"].get("deletionTimestamp") and not _ended(p)]
        status: Object = job.get("status", {}) | {
            "active": len(active),
            "ready": sum(is_ready(p) for p in active),
            "terminating": len(leaving),
            "succeeded": found.succeeded,
            "failed": found.failures,
        }
        if job["spec"]["completionMode"] == "Indexed":
            status["completedIndexes"] = ranges(found.completed)
            if "backoffLimitPerIndex" in job["spec"]:
                status["failedIndexes"] = ranges(found.failed)
        if job["spec"]["suspend"]:
            self._suspend(job, status, active)
            return None
        if _condition(job, "Suspended") == "True":
            text = "Job resumed"
            status["conditions"] = set_condition(
                status["conditions"], "Suspended", "False", "JobResumed", text
            )
            self._recorder.record(job, "Resumed", text, "job-controller")
        status.setdefault("startTime", server_side.timestamp())
        return self._advance(job, status, active, found)

    def _advance(self, job: Object, status: Object, active: list[Object], found: Outcome) -> float | None:
        """Fail, complete or go on."""
        spec = job["spec"]
        deadline = spec.get("activeDeadlineSeconds")
        left = None if deadline is None else deadline - age(status["startTime"])
        restarts = sum(s["restartCount"] for p in active for s in p["status"].get("containerStatuses", ()))
        failed = failure(job, found, restarts)
        if failed is None and left is not None and left <= 0:
            failed = ("DeadlineExceeded", "Job was active longer than specified deadline")
        done = success(job, found)
        if failed:
            self._end(job, status, active, ("Failed", *failed))
        elif done:
            status["completionTime"] = server_side.timestamp()
            self._end(job, status, active, ("Complete", *done))
        else:
            self._fill(job, status, active, found)
        return left

    def _fill(self, job: Object, status: Object, active: list[Object], found: Outcome) -> None:
        """Start what is missing, and stop what is too much."""
        spec = job["spec"]
        wanted = spec["parallelism"]
        if "completions" in spec:
            wanted = min(wanted, spec["completions"] - found.succeeded - len(found.failed))
        elif found.succeeded:
            # A work queue that one Pod has found empty gets no more of them.
            wanted = len(active)
        for pod in active[max(0, wanted) :]:
            self._delete(job, pod)
        missing = max(0, wanted - len(active))
        if spec.get("podReplacementPolicy") == "Failed":
            missing = max(0, missing - status["terminating"])
        for index in self._free_indexes(job, active, found)[:missing]:
            name = self._make(job, index, found)["metadata"]["name"]
            self._recorder.record(job, "SuccessfulCreate", f"Created pod: {name}", "job-controller")
        now = min(len(active), max(0, wanted)) + missing
        self._verbs.set_status(JOBS, job, status | {"active": now})

    @staticmethod
    def _free_indexes(job: Object, active: list[Object], found: Outcome) -> list[int | None]:
        """Indexes that no Pod has or has done, the lowest first; None as often as may be without indexes."""
        spec = job["spec"]
        if spec["completionMode"] != "Indexed":
            return [None] * int(spec["parallelism"])
        taken = {index_of(p) for p in active} | found.completed | found.failed
        return [i for i in range(spec["completions"]) if i not in taken]

    def _make(self, job: Object, index: int | None, found: Outcome) -> Object:
        if index is None:
            return make_pod(self._verbs, job)
        template, name = copy(job["spec"]["template"]), job["metadata"]["name"]
        notes = {INDEX: str(index)}
        if "backoffLimitPerIndex" in job["spec"]:
            notes["batch.kubernetes.io/job-index-failure-count"] = str(found.counts[index])
        metadata = template.setdefault("metadata", {})
        metadata["annotations"] = metadata.get("annotations", {}) | notes
        template["spec"].setdefault("hostname", f"{name}-{index}")
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        for container in (*template["spec"]["containers"], *template["spec"].get("initContainers", ())):
            known = [v for v in container.get("env", ()) if v["name"] != "JOB_COMPLETION_INDEX"]
            container["env"] = [*known, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]
        owner = job | {"spec": job["spec"] | {"template": template}}
        return make_pod(self._verbs, owner, f"{name}-{index}-{random_suffix()}", labels={INDEX: str(index)})

    def _delete(self, job: Object, pod: Object) -> None:
        delete_pod(self._verbs, pod)
        text = f"Deleted pod: {pod['metadata']['name']}"
        self._recorder.record(job, "SuccessfulDelete", text, "job-controller")

    def _end(self, job: Object, status: Object, active: list[Object], why: tuple[str, str, str]) -> None:
        kind, reason, message = why
        for pod in active:
            self._delete(job, pod)
        if kind == "Failed":
            status["failed"] += len(active)
        before = "FailureTarget" if kind == "Failed" else "SuccessCriteriaMet"
        for condition in (before, kind):
            old = status.get("conditions", [])
            status["conditions"] = set_condition(old, condition, "True", reason, message)
        self._verbs.set_status(JOBS, job, status | {"active": 0, "ready": 0})
        word, text = ("Completed", "Job completed") if kind == "Complete" else (reason, message)
        self._recorder.record(job, word, text, "job-controller", warning=kind == "Failed")

    def _suspend(self, job: Object, status: Object, active: list[Object]) -> None:
        """A suspended Job has no Pods, and its deadline starts anew when it goes on."""
        for pod in active:
            self._delete(job, pod)
        status.pop("startTime", None)
        if _condition(job, "Suspended") != "True":
            text = "Job suspended"
            old = status.get("conditions", [])
            status["conditions"] = set_condition(old, "Suspended", "True", "JobSuspended", text)
            self._recorder.record(job, "Suspended", text, "job-controller")
        self._verbs.set_status(JOBS, job, status | {"active": 0, "ready": 0})

    def _expire(self, job: Object) -> float | None:
        """An ended Job goes ttlSecondsAfterFinished later."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return None
        ended = next(c for c in job["status"]["conditions"] if c["type"] == ending(job))
        left = float(ttl - age(ended["lastTransitionTime"]))
        if left > 0:
            return left
        delete_job(self._verbs, job)
        return None


def delete_job(verbs: Verbs, job: Object) -> None:
    """Delete a Job, and with it its Pods."""
    kind = verbs.kinds.find("batch", "v1", "jobs")
    assert kind is not None
    metadata = job["metadata"]
    verbs.delete(kind, metadata["namespace"], metadata["name"], DeleteOptions())
