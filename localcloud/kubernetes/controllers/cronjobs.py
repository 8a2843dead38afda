"""CronJobs: Jobs on a schedule.

As kubernetes.io/docs/concepts/workloads/controllers/cron-jobs describes them (read November 2026).
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterable

from cronsim import CronSim

from localcloud.kubernetes.controllers.jobs import JOBS, delete_job, ending
from localcloud.kubernetes.controllers.runtime import MANAGER, Recorder, controller_of, owner_reference
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import Verbs

CRON_JOBS = "cronjobs.batch"
#: A CronJob that missed more runs than this (and has no starting deadline) says so in an event.
MANY_MISSED = 100


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
                delete_job(self._verbs, job)
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
                delete_job(self._verbs, job)
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
