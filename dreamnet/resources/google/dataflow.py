"""Dataflow's pipelines (datapipelines.v1). Deleting one leaves the jobs that it launched running, and paid
for: they are cancelled (cloud.google.com/dataflow/docs/guides/data-pipelines, November 2026)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import Live, Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

PIPELINES = "datapipelines/projects.locations.pipelines"


def cancel_jobs(resource: Resource, live: Live, send: Send) -> None:
    """Cancel what runs under the pipeline's job name."""
    name = _job_name(live.body.get("workload", {}))
    if not name:
        return
    jobs = load_type("dataflow.v1b3/projects.locations.jobs")
    assert jobs.list
    assert jobs.update
    path, page = f"v1b3/{resource.parent}/jobs", ""
    while True:
        query = {"filter": "ACTIVE", **({"pageToken": page} if page else {})}
        answer = send(jobs, Request(jobs.list, path, query), resource.id)
        for job in answer.get("jobs", []):
            # The service appends the time to the name: NAME, or NAME-20261125...
            if job["name"] == name or job["name"].startswith(f"{name}-"):
                body = {"requestedState": "JOB_STATE_CANCELLED"}
                send(jobs, Request(jobs.update, f"{path}/{job['id']}", {}, body), resource.id)
        page = answer.get("nextPageToken", "")
        if not page:
            return


def _job_name(workload: dict[str, Any]) -> str:
    flex = workload.get("dataflowFlexTemplateRequest", {}).get("launchParameter", {})
    classic = workload.get("dataflowLaunchTemplateRequest", {}).get("launchParameters", {})
    return str(flex.get("jobName") or classic.get("jobName") or "")
