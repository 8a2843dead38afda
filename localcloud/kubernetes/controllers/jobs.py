"""Jobs and CronJobs: Pods that run to completion, once or on a schedule.

As kubernetes.io/docs/concepts/workloads/controllers describes job and cron-jobs (read November 2026). What a
container would do is simulated: it succeeds at once and says so, unless a fault makes it crash or its image
cannot be pulled.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterable

from cronsim import CronSim

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.pods import delete_pod, make_pod
from localcloud.kubernetes.controllers.runtime import (
    MANAGER,
    Recorder,
    age,
    controller_of,
    is_active,
    is_ready,
    owner_reference,
    set_condition,
)
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import DeleteOptions, Verbs

JOBS, CRON_JOBS = "jobs.batch", "cronjobs.batch"
#: A CronJob that missed more runs than this (and has no starting deadline) says so in an event.
MANY_MISSED = 100


def ending(job: Object) -> str:
    """``Complete`` or ``Failed`` of a Job that has ended, else empty."""
    ended = (c for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True")
    return next((str(c["type"]) for c in ended if c["type"] in ("Complete", "Failed")), "")


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
        status: Object = job.get("status", {}) | {
            "active": len(active),
            "ready": sum(is_ready(p) for p in active),
            "succeeded": sum(p["status"].get("phase") == "Succeeded" for p in pods),
            "failed": sum(p["status"].get("phase") == "Failed" for p in pods),
        }
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
        return self._advance(job, status, active)

    def _advance(self, job: Object, status: Object, active: list[Object]) -> float | None:
        """Fail, complete or go on."""
        spec = job["spec"]
        deadline = spec.get("activeDeadlineSeconds")
        left = None if deadline is None else deadline - age(status["startTime"])
        restarts = sum(s["restartCount"] for p in active for s in p["status"].get("containerStatuses", ()))
        if left is not None and left <= 0:
            text = "Job was active longer than specified deadline"
            self._end(job, status, active, ("Failed", "DeadlineExceeded", text))
        elif status["failed"] + restarts > spec["backoffLimit"]:
            text = "Job has reached the specified backoff limit"
            self._end(job, status, active, ("Failed", "BackoffLimitExceeded", text))
        elif status["succeeded"] >= spec["completions"]:
            status["completionTime"] = server_side.timestamp()
            text = "Reached expected number of succeeded pods"
            self._end(job, status, active, ("Complete", "CompletionsReached", text))
        else:
            wanted = min(spec["parallelism"], spec["completions"] - status["succeeded"])
            for _ in range(max(0, wanted - len(active))):
                name = make_pod(self._verbs, job)["metadata"]["name"]
                self._recorder.record(job, "SuccessfulCreate", f"Created pod: {name}", "job-controller")
            for pod in active[max(0, wanted) :]:
                self._delete(job, pod)
            self._verbs.set_status(JOBS, job, status | {"active": max(0, wanted)})
        return left

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
        status["conditions"] = set_condition(status.get("conditions", []), kind, "True", reason, message)
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
        _delete_job(self._verbs, job)
        return None


def _delete_job(verbs: Verbs, job: Object) -> None:
    kind = verbs.kinds.find("batch", "v1", "jobs")
    assert kind is not None
    metadata = job["metadata"]
    verbs.delete(kind, metadata["namespace"], metadata["name"], DeleteOptions())


class CronJobs:
    """The CronJob controller."""

    def __init__(self, verbs: Verbs, recorder: Recorder) -> None:
        self._verbs, self._recorder = verbs, recorder
        kind = verbs.kinds.find("batch", "v1", "jobs")
        assert kind is not None
        self._kind = kind

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed CronJobs, and owners of changed Jobs."""
        if change.resource == CRON_JOBS and not change.deleted:
            yield change.key
        elif change.resource == JOBS:
            owner = controller_of(change.new)
            if owner and owner["kind"] == "CronJob":
                yield change.key[0], owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Make the Job that is due; seconds until the next one."""
        cron = self._verbs.store.get(CRON_JOBS, *key)
        if cron is None or cron["metadata"].get("deletionTimestamp"):
            return None
        cron = self._report(cron, {})
        if cron["spec"]["suspend"]:
            return None
        spec, zone = cron["spec"], zoneinfo.ZoneInfo(cron["spec"].get("timeZone") or "UTC")
        now = datetime.datetime.now(zone)
        text = cron["status"].get("lastScheduleTime") or cron["metadata"]["creationTimestamp"]
        last = datetime.datetime.fromisoformat(text).astimezone(zone)
        # Of several missed runs the newest alone is made up for.
        due = next(CronSim(spec["schedule"], now + datetime.timedelta(seconds=1), reverse=True))
        if due > last:
            self._catch_up(cron, due, last, now)
        return max(0.1, (next(CronSim(spec["schedule"], now)) - now).total_seconds())

    def _catch_up(
        self, cron: Object, due: datetime.datetime, last: datetime.datetime, now: datetime.datetime
    ) -> None:
        """Start the run that is due, unless it is too late for it or another one forbids it."""
        spec, component = cron["spec"], "cronjob-controller"
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and (now - due).total_seconds() > deadline:
            text = f"Missed scheduled time to start a job: {_time(due)}"
            self._recorder.record(cron, "MissSchedule", text, component, warning=True)
            return
        if deadline is None and self._missed(spec["schedule"], last, now) > MANY_MISSED:
            text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds"
            self._recorder.record(cron, "TooManyMissedTimes", text, component, warning=True)
        running = [j for j in self._jobs(cron) if not ending(j)]
        if running and spec["concurrencyPolicy"] == "Forbid":
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._recorder.record(cron, "JobAlreadyActive", text, component)
            return
        if spec["concurrencyPolicy"] == "Replace":
            for job in running:
                _delete_job(self._verbs, job)
                name = job["metadata"]["name"]
                self._recorder.record(cron, "SuccessfulDelete", f"Deleted job {name}", component)
        self._make(cron, due)

    @staticmethod
    def _missed(schedule: str, last: datetime.datetime, now: datetime.datetime) -> int:
        runs = CronSim(schedule, last)
        count = 0
        while count <= MANY_MISSED and next(runs) <= now:
            count += 1
        return count

    def _jobs(self, cron: Object) -> list[Object]:
        return [
            j
            for _, j in self._verbs.store.owned_by(cron["metadata"]["uid"], JOBS)
            if not j["metadata"].get("deletionTimestamp")
        ]

    def _make(self, cron: Object, due: datetime.datetime) -> None:
        template, name = copy(cron["spec"]["jobTemplate"]), cron["metadata"]["name"]
        given = template.get("metadata", {})
        metadata = given | {
            "name": f"{name}-{int(due.timestamp() // 60)}",
            "annotations": given.get("annotations", {})
            | {"batch.kubernetes.io/cronjob-scheduled-timestamp": due.isoformat()},
            "ownerReferences": [owner_reference(cron)],
        }
        self._report(cron, {"lastScheduleTime": _time(due)})
        try:
            body = {"metadata": metadata, "spec": template["spec"]}
            self._verbs.create(self._kind, cron["metadata"]["namespace"], body, MANAGER)
        except ApiError as error:
            self._recorder.record(
                cron,
                "FailedCreate",
                f"Error creating job: {error.message}",
                "cronjob-controller",
                warning=True,
            )
            return
        text = f"Created job {metadata['name']}"
        self._recorder.record(cron, "SuccessfulCreate", text, "cronjob-controller")

    def _report(self, cron: Object, more: Object) -> Object:
        """Forget old Jobs, then name those that run and the last success."""
        jobs = self._jobs(cron)
        for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [j for j in jobs if ending(j) == kind]
            ended.sort(key=lambda j: (j["status"].get("startTime", ""), j["metadata"]["name"]))
            for job in ended[: max(0, len(ended) - cron["spec"][limit])]:
                _delete_job(self._verbs, job)
        status: Object = {k: v for k, v in cron.get("status", {}).items() if k != "active"} | more
        active = [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": j["metadata"]["name"],
                "namespace": j["metadata"]["namespace"],
                "uid": j["metadata"]["uid"],
                "resourceVersion": j["metadata"]["resourceVersion"],
            }
            for j in jobs
            if not ending(j)
        ]
        times = [j["status"]["completionTime"] for j in jobs if "completionTime" in j.get("status", {})]
        if times:
            status["lastSuccessfulTime"] = max(times)
        if active:
            status["active"] = active
        return self._verbs.set_status(CRON_JOBS, cron, status)


def _time(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
