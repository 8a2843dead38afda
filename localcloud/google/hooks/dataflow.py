"""Dataflow: pipelines and the jobs that they launch, as resources. No pipeline runs: Beam's work isn't
rehearsed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid, precondition, verb
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call

JOBS = "dataflow/projects.locations.jobs"

_ENDED = frozenset({"JOB_STATE_CANCELLED", "JOB_STATE_DONE", "JOB_STATE_DRAINED", "JOB_STATE_FAILED"})


class Pipelines(Hook):
    """Data pipelines: a streaming one launches its job at once, a batch one when it is run."""

    collection: ClassVar[str] = "datapipelines/projects.locations.pipelines"
    ready: ClassVar[dict[str, Any]] = {"state": "STATE_ACTIVE"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse what can't be launched."""
        if not _job_name(body):
            raise invalid("The workload needs a job name.")
        if body.get("type") == "PIPELINE_TYPE_STREAMING" and body.get("scheduleInfo"):
            raise invalid("A streaming pipeline has no schedule.")

    def created(self, call: Call, resource: Stored) -> None:
        """Launch a streaming pipeline's job."""
        resource.body["jobCount"] = 0
        if resource.body.get("type") == "PIPELINE_TYPE_STREAMING":
            _launch(call, resource)

    @verb("run")
    def run(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Launch one job more."""
        pipeline = resource or call.resource()
        job = _launch(call, pipeline)
        call.context.store.put(pipeline)
        return {"job": {"name": pipeline.path, "id": job.body["id"], "createTime": job.body["createTime"]}}

    @verb("stop")
    def stop(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """No further jobs; those that run go on."""
        pipeline = resource or call.resource()
        pipeline.body["state"] = "STATE_ARCHIVED"
        call.context.store.put(pipeline)
        return pipeline.body


class Jobs(Hook):
    """Jobs: their states can be asked to change."""

    collection: ClassVar[str] = JOBS

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """All, the active or the terminated ones."""
        wanted = call.query.get("filter", "ALL")
        if wanted not in ("ALL", "ACTIVE", "TERMINATED"):
            raise invalid(f"The filter {wanted} is none.")
        found = call.context.store.of_type(JOBS, call.path.rsplit("/", 1)[0])
        jobs = [
            one.body
            for one in found
            if wanted == "ALL" or (one.body["currentState"] in _ENDED) is (wanted == "TERMINATED")
        ]
        return {"jobs": jobs} if jobs else {}

    @verb("update")
    def update(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Cancel or drain."""
        job = resource or call.resource()
        wanted = call.body.get("requestedState", "")
        if wanted not in ("JOB_STATE_CANCELLED", "JOB_STATE_DRAINED"):
            raise Refusal(400, f"The state {wanted} can't be requested.")
        if job.body["currentState"] in _ENDED:
            raise precondition(f"Cannot modify a terminated job: {job.body['id']}.")
        job.body.update(currentState=wanted, requestedState=wanted)
        call.context.store.put(job)
        return job.body


def _launch(call: Call, pipeline: Stored) -> Stored:
    location = pipeline.path.rsplit("/", 2)[0]
    pipeline.body["jobCount"] = int(pipeline.body.get("jobCount") or 0) + 1
    streaming = pipeline.body.get("type") == "PIPELINE_TYPE_STREAMING"
    identifier = f"rehearsal-{uuid.uuid4().hex[:16]}"
    body = {
        "id": identifier,
        "projectId": call.context.project,
        "name": _job_name(pipeline.body),
        "type": "JOB_TYPE_STREAMING" if streaming else "JOB_TYPE_BATCH",
        "currentState": "JOB_STATE_RUNNING",
        "createTime": now(),
        "location": location.rsplit("/", 1)[-1],
    }
    job = Stored(f"dataflow/{location}/jobs/{identifier}", JOBS, body)
    call.context.store.put(job)
    return job


def _job_name(body: dict[str, Any]) -> str:
    workload = body.get("workload", {})
    flex = workload.get("dataflowFlexTemplateRequest", {}).get("launchParameter", {})
    classic = workload.get("dataflowLaunchTemplateRequest", {}).get("launchParameters", {})
    return str(flex.get("jobName") or classic.get("jobName") or "")
