"""Jobs and CronJobs: completion, failure, deadlines, suspension, schedules and history."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from localcloud.kubernetes.controllers.jobs import ending
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.schedules import check_schedule
from tests.localcloud.kubernetes_requests import running

BATCH = "/apis/batch/v1/namespaces/default"
FAULTS = "/_rehearsal/faults"
STUCK = {"fault": "image", "name": "job:*"}


def job_spec(restart="Never", **spec):
    pod = {"restartPolicy": restart, "containers": [{"name": "m", "image": "job:1"}]}
    return {"template": {"spec": pod}} | spec


async def make_job(requests, name="work", **spec):
    await requests.call("POST", f"{BATCH}/jobs", {"metadata": {"name": name}, "spec": job_spec(**spec)})


def stored(requests, kind, name):
    return requests.cluster.store.get(f"{kind}.batch", "default", name)


def condition(requests, kind, name="work"):
    conditions = stored(requests, "jobs", name).get("status", {}).get("conditions", ())
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), None)


def pods(requests):
    return requests.cluster.store.list("pods", "default")


def events(requests, reason):
    return [e for e in requests.cluster.store.list("events") if e["reason"] == reason]


def test_a_job_completes_and_goes_after_its_time_to_live(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await make_job(requests, completions=3, parallelism=2, ttlSecondsAfterFinished=1)
            await requests.until(lambda: condition(requests, "Complete"))
            status = stored(requests, "jobs", "work")["status"]
            assert (status["succeeded"], status["active"], len(pods(requests))) == (3, 0, 3)
            await requests.until(lambda: not stored(requests, "jobs", "work"))
            await requests.until(lambda: not pods(requests))

    asyncio.run(check())


@pytest.mark.parametrize(("restart", "made"), [("Never", 3), ("OnFailure", 1)])
def test_a_job_fails_after_its_retries(tmp_path, restart, made):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", FAULTS, {"fault": "crash", "name": "work-*"})
            await make_job(requests, restart=restart, backoffLimit=2 if restart == "Never" else 0)
            await requests.until(lambda: condition(requests, "Failed"))
            assert condition(requests, "Failed") == ("True", "BackoffLimitExceeded")
            assert len(events(requests, "SuccessfulCreate")) == made
            assert events(requests, "BackoffLimitExceeded")[0]["type"] == "Warning"

    asyncio.run(check())


def test_a_job_that_takes_too_long_fails_and_loses_its_pods(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", FAULTS, STUCK)
            await make_job(requests, activeDeadlineSeconds=1)
            await requests.until(lambda: len(pods(requests)) == 1)
            await requests.until(lambda: condition(requests, "Failed") == ("True", "DeadlineExceeded"))
            await requests.until(lambda: not pods(requests))

    asyncio.run(check())


def test_a_suspended_job_has_no_pods_until_it_is_resumed(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", FAULTS, STUCK)
            await make_job(requests)
            await requests.until(lambda: len(pods(requests)) == 1)
            patch = {"content_type": "application/merge-patch+json"}
            await requests.call("PATCH", f"{BATCH}/jobs/work", {"spec": {"suspend": True}}, **patch)
            await requests.until(lambda: not pods(requests))
            assert condition(requests, "Suspended") == ("True", "JobSuspended")
            assert "startTime" not in stored(requests, "jobs", "work")["status"]
            await requests.call("DELETE", FAULTS)
            await requests.call("PATCH", f"{BATCH}/jobs/work", {"spec": {"suspend": False}}, **patch)
            await requests.until(lambda: condition(requests, "Complete"))
            assert condition(requests, "Suspended") == ("False", "JobResumed")

    asyncio.run(check())


async def make_cron(requests, minutes_ago, **spec):
    """A CronJob of every minute, made so long ago."""
    store = requests.cluster.store
    body = {
        "metadata": {"name": "tick"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job_spec()}},
    }
    body["spec"] |= spec | {"suspend": True}
    await requests.call("POST", f"{BATCH}/cronjobs", body)
    cron = stored(requests, "cronjobs", "tick")
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    metadata = cron["metadata"] | {"creationTimestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ")}
    store.put("cronjobs.batch", cron | {"metadata": metadata, "spec": cron["spec"] | {"suspend": False}})


def this_minute():
    """A schedule whose last run is this minute's, and whose next one is in an hour."""
    return f"{datetime.datetime.now(datetime.UTC).minute} * * * *"


def jobs(requests):
    return requests.cluster.store.list("jobs.batch", "default")


def test_of_missed_runs_the_newest_alone_is_made_up_for(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await make_cron(requests, 10_000, schedule=this_minute())
            await requests.until(
                lambda: stored(requests, "cronjobs", "tick").get("status", {}).get("lastSuccessfulTime")
            )
            (job,) = jobs(requests)
            assert ending(job) == "Complete"
            last = datetime.datetime.fromisoformat(
                stored(requests, "cronjobs", "tick")["status"]["lastScheduleTime"]
            )
            assert datetime.datetime.now(datetime.UTC) - last < datetime.timedelta(seconds=90)
            assert job["metadata"]["name"] == f"tick-{int(last.timestamp() // 60)}"
            assert events(requests, "TooManyMissedTimes")

    asyncio.run(check())


def test_a_run_is_not_started_after_its_deadline(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            # The 29th of February: the last one is years away.
            await make_cron(requests, 3_000_000, schedule="0 0 29 2 *", startingDeadlineSeconds=60)
            await requests.until(lambda: events(requests, "MissSchedule"))
            assert not jobs(requests)

    asyncio.run(check())


@pytest.mark.parametrize(("policy", "count"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_run_meets_the_one_before(tmp_path, policy, count):
    async def check():
        async with running(tmp_path) as requests:
            await requests.call("POST", FAULTS, STUCK)
            await make_cron(requests, 10, concurrencyPolicy=policy, schedule="0 0 29 2 *")
            cron = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True, "name": "tick"}
            cron["uid"] = stored(requests, "cronjobs", "tick")["metadata"]["uid"]
            body = {"metadata": {"name": "before", "ownerReferences": [cron]}, "spec": job_spec()}
            await requests.call("POST", f"{BATCH}/jobs", body)
            patch = {"content_type": "application/merge-patch+json"}
            await requests.call(
                "PATCH", f"{BATCH}/cronjobs/tick", {"spec": {"schedule": this_minute()}}, **patch
            )
            expected = {
                "Allow": "SuccessfulCreate",
                "Forbid": "JobAlreadyActive",
                "Replace": "SuccessfulDelete",
            }
            await requests.until(lambda: events(requests, expected[policy]))
            await requests.until(lambda: len(jobs(requests)) == count)
            names = [j["metadata"]["name"] for j in jobs(requests)]
            assert ("before" in names) == (policy != "Replace")

    asyncio.run(check())


def test_only_as_many_ended_jobs_are_kept_as_asked_for(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await make_cron(requests, 10, successfulJobsHistoryLimit=1, schedule="0 0 29 2 *")
            cron = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True, "name": "tick"}
            cron["uid"] = stored(requests, "cronjobs", "tick")["metadata"]["uid"]
            for name in ("a", "b", "c"):
                body = {"metadata": {"name": name, "ownerReferences": [cron]}, "spec": job_spec()}
                await requests.call("POST", f"{BATCH}/jobs", body)
            await requests.until(lambda: len(jobs(requests)) == 1 and ending(jobs(requests)[0]) == "Complete")

    asyncio.run(check())


def test_schedules_and_time_zones_are_checked(tmp_path):
    assert check_schedule({"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}) == []

    async def check():
        async with running(tmp_path) as requests:
            spec = {"schedule": "every day", "timeZone": "Mars/Base", "jobTemplate": {"spec": job_spec()}}
            with pytest.raises(ApiError) as refused:
                await requests.call("POST", f"{BATCH}/cronjobs", {"metadata": {"name": "x"}, "spec": spec})
            assert refused.value.code == 422
            fields = [c["field"] for c in refused.value.details["causes"]]
            assert fields == ["spec.schedule", "spec.timeZone"]

    asyncio.run(check())
