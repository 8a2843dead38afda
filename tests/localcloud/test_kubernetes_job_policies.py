"""Jobs with indexes, failure and success policies and limits of each index; DaemonSets that surge."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kubernetes.controllers.job_outcomes import matched, numbers_of, ranges
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.job_rules import check_job
from tests.localcloud.kubernetes_requests import APPS, running
from tests.localcloud.test_kubernetes_jobs import (
    BATCH,
    FAULTS,
    condition,
    events,
    job_spec,
    make_job,
    pods,
    stored,
)

MERGE = {"content_type": "application/merge-patch+json"}
INDEXED = {"completionMode": "Indexed"}


def status(requests):
    return stored(requests, "jobs", "work").get("status", {})


async def crash(requests, name):
    await requests.call("POST", FAULTS, {"fault": "crash", "name": name})


def test_indexes_are_written_as_ranges():
    assert ranges([4, 3, 1, 5, 9]) == "1,3-5,9"
    assert ranges([0, 1]) == "0-1"
    assert ranges([]) == ""
    assert numbers_of("1,3-5,9") == {1, 3, 4, 5, 9}
    assert numbers_of("") == set()


def test_every_index_completes_once(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await make_job(requests, completions=4, parallelism=2, **INDEXED)
            await requests.until(lambda: condition(requests, "Complete") == ("True", "CompletionsReached"))
            assert condition(requests, "SuccessCriteriaMet") == ("True", "CompletionsReached")
            assert (status(requests)["completedIndexes"], status(requests)["succeeded"]) == ("0-3", 4)
            label = "batch.kubernetes.io/job-completion-index"
            assert sorted(p["metadata"]["labels"][label] for p in pods(requests)) == ["0", "1", "2", "3"]
            (first,) = (p for p in pods(requests) if p["metadata"]["annotations"][label] == "0")
            assert first["metadata"]["name"].startswith("work-0-")
            assert first["spec"]["hostname"] == "work-0"
            (variable,) = first["spec"]["containers"][0]["env"]
            assert variable["name"] == "JOB_COMPLETION_INDEX"
            assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{label}']"

    asyncio.run(check())


def test_an_index_fails_by_itself_after_its_own_retries(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await crash(requests, "work-1-*")
            await make_job(requests, completions=3, parallelism=3, backoffLimitPerIndex=1, **INDEXED)
            await requests.until(lambda: condition(requests, "Failed") == ("True", "FailedIndexes"))
            assert condition(requests, "FailureTarget") == ("True", "FailedIndexes")
            assert (status(requests)["completedIndexes"], status(requests)["failedIndexes"]) == ("0,2", "1")
            tried = [p for p in pods(requests) if p["metadata"]["name"].startswith("work-1-")]
            count = "batch.kubernetes.io/job-index-failure-count"
            assert sorted(p["metadata"]["annotations"][count] for p in tried) == ["0", "1"]

    asyncio.run(check())


def test_too_many_failed_indexes_end_the_job(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await crash(requests, "work-[12]-*")
            limits = {"backoffLimitPerIndex": 0, "maxFailedIndexes": 1}
            await make_job(requests, completions=5, parallelism=1, **limits, **INDEXED)
            await requests.until(lambda: condition(requests, "Failed"))
            assert condition(requests, "Failed") == ("True", "MaxFailedIndexesExceeded")
            assert status(requests)["completedIndexes"] == "0"

    asyncio.run(check())


def policy(action, **rule):
    return {"podFailurePolicy": {"rules": [{"action": action} | rule]}}


ONE = {"onExitCodes": {"operator": "In", "values": [1]}}


def test_a_failure_policy_ends_the_job_or_only_the_index(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await crash(requests, "*-1-*")
            spec = {"completions": 2, "parallelism": 2} | INDEXED
            await make_job(requests, **spec, **policy("FailJob", **ONE))
            await requests.until(lambda: condition(requests, "Failed") == ("True", "PodFailurePolicy"))
            (text,) = [c["message"] for c in status(requests)["conditions"] if c["type"] == "Failed"]
            assert text.startswith("Container m for pod default/work-1-")
            assert text.endswith(" failed with exit code 1 matching FailJob rule at index 0")
            await make_job(requests, "other", backoffLimitPerIndex=3, **spec, **policy("FailIndex", **ONE))
            await requests.until(lambda: condition(requests, "Failed", "other") == ("True", "FailedIndexes"))
            assert len([p for p in pods(requests) if p["metadata"]["name"].startswith("other-1-")]) == 1

    asyncio.run(check())


def test_what_is_ignored_counts_for_no_limit(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await crash(requests, "work-*")
            await make_job(requests, backoffLimit=0, **policy("Ignore", **ONE))
            await requests.until(lambda: len(events(requests, "SuccessfulCreate")) >= 4)
            await requests.call("DELETE", FAULTS)
            await requests.until(lambda: condition(requests, "Complete"))
            assert status(requests)["failed"] == 0

    asyncio.run(check())


def test_rules_by_conditions_and_by_other_codes():
    pod = {
        "metadata": {"namespace": "default", "name": "p"},
        "status": {
            "conditions": [{"type": "DisruptionTarget", "status": "True"}],
            "containerStatuses": [{"name": "m", "state": {"terminated": {"exitCode": 7}}}],
        },
    }

    def job(*rules):
        return {"spec": {"podFailurePolicy": {"rules": list(rules)}}}

    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    others = {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [7]}}
    found = matched(job(others, disrupted), pod)
    text = "Pod default/p has condition DisruptionTarget matching Ignore rule at index 1"
    assert (found.action, found.message) == ("Ignore", text)
    others["onExitCodes"] = {"operator": "NotIn", "values": [1], "containerName": "m"}
    assert matched(job(others, disrupted), pod).action == "FailJob"
    others["onExitCodes"]["containerName"] = "other"
    assert matched(job(others), pod) is None


def test_a_success_policy_ends_the_job_before_all_have_completed(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            rules = {"successPolicy": {"rules": [{"succeededIndexes": "0-1", "succeededCount": 1}]}}
            await make_job(requests, completions=3, parallelism=1, **INDEXED, **rules)
            await requests.until(lambda: condition(requests, "Complete") == ("True", "SuccessPolicy"))
            assert condition(requests, "SuccessCriteriaMet") == ("True", "SuccessPolicy")
            assert status(requests)["completedIndexes"] == "0"

    asyncio.run(check())


def test_a_work_queue_ends_when_all_of_its_pods_have(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            await make_job(requests, parallelism=3)
            assert "completions" not in stored(requests, "jobs", "work")["spec"]
            await requests.until(lambda: condition(requests, "Complete"))
            assert len(pods(requests)) == status(requests)["succeeded"] <= 3

    asyncio.run(check())


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (INDEXED | {"parallelism": 2}, "spec.completions: Required value: when completion mode is Indexed"),
        ({"backoffLimitPerIndex": 1}, "spec.backoffLimitPerIndex: Invalid value: requires indexed"),
        ({"successPolicy": {"rules": [{"succeededCount": 1}]}}, "spec.successPolicy: Invalid value"),
        ({"maxFailedIndexes": 1}, "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes"),
        ({"restart": "Always"}, 'Required value: valid values: "OnFailure", "Never"'),
        (policy("FailJob", **ONE) | {"restart": "OnFailure"}, 'only "Never" is supported'),
        (policy("FailIndex", **ONE), 'Invalid value: "FailIndex": requires the backoffLimitPerIndex'),
        (policy("FailJob"), "specifying one of OnExitCodes and OnPodConditions is required"),
        (policy("Count", onExitCodes={"operator": "In", "values": [0]}), "must not be 0 for the In"),
        (
            policy("Count", onExitCodes={"operator": "In", "values": [1], "containerName": "x"}),
            'Invalid value: "x": must be one of the container names',
        ),
    ],
)
def test_what_does_not_go_together_is_refused(spec, field):
    (cause,) = check_job(job_spec(**spec))
    assert field in f"{cause[0]}: {cause[2]}"


def test_a_cron_jobs_template_is_checked_too(tmp_path):
    async def check():
        async with running(tmp_path) as requests:
            spec = {"schedule": "* * * * *", "jobTemplate": {"spec": job_spec(maxFailedIndexes=1)}}
            with pytest.raises(ApiError) as refused:
                await requests.call("POST", f"{BATCH}/cronjobs", {"metadata": {"name": "c"}, "spec": spec})
            assert "spec.jobTemplate.spec.backoffLimitPerIndex" in refused.value.message

    asyncio.run(check())


def daemons(requests):
    return requests.cluster.store.get("daemonsets.apps", "default", "agent")


async def daemon_set(requests, **rolling):
    labels = {"app": "agent"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "m", "image": "agent:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    path = f"{APPS}/namespaces/default/daemonsets"
    await requests.call("POST", path, {"metadata": {"name": "agent"}, "spec": spec})
    await requests.until(lambda: (daemons(requests).get("status") or {}).get("numberReady") == 4)
    return f"{path}/agent"


@pytest.mark.parametrize(
    ("rolling", "fewest", "most"),
    [
        ({"maxUnavailable": 1}, 3, 4),
        ({"maxUnavailable": "50%"}, 2, 4),
        ({"maxSurge": 2, "maxUnavailable": 0}, 4, 6),
    ],
)
def test_a_rolling_update_replaces_as_many_at_once_as_it_may(tmp_path, rolling, fewest, most):
    async def check():
        async with running(tmp_path, "--node-group", "more=3:e2-standard-2") as requests:
            path = await daemon_set(requests, **rolling)
            alive, all_of_them = set(), set()

            def follow(change):
                active = [p for p in pods(requests) if not p["metadata"].get("deletionTimestamp")]
                conditions = [c for p in active for c in p["status"].get("conditions", ())]
                alive.add(sum((c["type"], c["status"]) == ("Ready", "True") for c in conditions))
                all_of_them.add(len(active))

            requests.cluster.store.listen(follow)
            change = {"spec": {"template": {"spec": {"containers": [{"name": "m", "image": "agent:2"}]}}}}
            await requests.call("PATCH", path, change, **MERGE)

            def done():
                now = daemons(requests)
                current = now["status"].get("observedGeneration") == now["metadata"]["generation"] == 2
                images = {p["spec"]["containers"][0]["image"] for p in pods(requests)}
                return current and now["status"]["numberAvailable"] == 4 and images == {"agent:2"}

            await requests.until(done, 10)
            assert (min(alive), max(all_of_them)) == (fewest, most)

    asyncio.run(check())
