"""Cloud Storage: buckets are resources of the control plane (labels, lifecycle, IAM settings and all); their
objects lie in fake-gcs-server, which gets every request below a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.credentials import GOOGLE_PROJECT_NUMBER
from localcloud.google.data import STORAGE
from localcloud.google.data.upstream import root, send
from localcloud.google.hooks import Hook, Proxy, Refusal

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

proxies = [
    Proxy(
        r"storage/((upload|download|resumable)/|storage/v1/b/[^/]+/o(/|$))",
        lambda context: root(context, STORAGE),
        strip="storage/",
    ),
]


class Buckets(Hook):
    """Buckets. What Cloud Storage adds to a new one: docs of `buckets` (storage v1, November 2026)."""

    collection: ClassVar[str] = "storage/buckets"
    backing: ClassVar[str] = "fake-gcs-server"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete the body as Cloud Storage does."""
        body["location"] = str(body.get("location", "US")).upper()
        multi = body["location"] in ("US", "EU", "ASIA")
        body.setdefault("locationType", "multi-region" if multi else "region")
        body.setdefault("storageClass", "STANDARD")
        body.setdefault("id", body["name"])
        body.setdefault("projectNumber", GOOGLE_PROJECT_NUMBER)
        access = body.setdefault("iamConfiguration", {})
        access.setdefault("publicAccessPrevention", "inherited")
        access.setdefault("uniformBucketLevelAccess", {"enabled": False})
        body.setdefault("softDeletePolicy", {"retentionDurationSeconds": "604800"})

    def created(self, call: Call, resource: Stored) -> None:
        """Make the folder of its objects."""
        given = {"name": resource.name, "location": resource.body["location"]}
        send(call.context, STORAGE, "POST", f"/storage/v1/b?project={call.context.project}", given)

    def deleting(self, call: Call, resource: Stored) -> None:
        """Only an empty bucket goes."""
        try:
            send(call.context, STORAGE, "DELETE", f"/storage/v1/b/{resource.name}")
        except Refusal as refusal:
            if refusal.code == 412:
                raise Refusal(409, "The bucket you tried to delete is not empty.") from refusal
            if refusal.code != 404:
                raise
