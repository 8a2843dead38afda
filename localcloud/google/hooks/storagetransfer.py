"""Storage Transfer: jobs are kept; `run` really copies, from one bucket to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from localcloud.google.data import STORAGE
from localcloud.google.data.upstream import send
from localcloud.google.hooks import Hook, Refusal, invalid, precondition, verb
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: What can be changed of a job (storagetransfer.v1, `transferJobs.patch`, November 2026).
CHANGEABLE = frozenset({"description", "transferSpec", "notificationConfig", "loggingConfig", "status"})


class Jobs(Hook):
    """Transfer jobs."""

    collection: ClassVar[str] = "storagetransfer/transferJobs"
    kept_as: ClassVar[tuple[str, Any]] = ("status", "DELETED")

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        if body.get("projectId") != call.context.project:
            raise Refusal(403, f"Permission denied on project {body.get('projectId')}.")
        if body.get("status") not in ("ENABLED", "DISABLED"):
            raise invalid("The status must be ENABLED or DISABLED.")
        for end in ("gcsDataSource", "gcsDataSink"):
            _require_bucket(call, (body.get("transferSpec") or {}).get(end))
        body["creationTime"] = body["lastModificationTime"] = now()

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Only five fields change."""
        other = [key for key in body if body[key] != resource.body.get(key) and key not in CHANGEABLE]
        if other:
            raise invalid(f"{', '.join(sorted(other))} can't be changed.")
        body["lastModificationTime"] = now()

    @verb("run")
    def run(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Copy now, every object."""
        job = resource or call.resource()
        if job.body["status"] != "ENABLED":
            raise precondition(f"The job {job.path} is not enabled.")
        spec = job.body["transferSpec"]
        source, sink = spec["gcsDataSource"]["bucketName"], spec["gcsDataSink"]["bucketName"]

        def work(draft: Stored) -> None:
            listed = send(call.context, STORAGE, "GET", f"/storage/v1/b/{source}/o")
            for one in listed.get("items", []):
                name = quote(one["name"], safe="")
                path = f"/storage/v1/b/{source}/o/{name}/rewriteTo/b/{sink}/o/{name}"
                send(call.context, STORAGE, "POST", path)

        return call.operation(job, work, seconds=self.seconds)


def _require_bucket(call: Call, end: Any) -> None:
    if not end:
        raise invalid("The rehearsal transfers from one bucket of Cloud Storage to another.")
    if call.sibling(f"b/{end['bucketName']}", "storage") is None:
        raise Refusal(404, f"The bucket {end['bucketName']} was not found.")
