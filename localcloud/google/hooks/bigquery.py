"""BigQuery: datasets are resources of the control plane, created in the emulator as well; tables, jobs,
queries and uploads are the emulator's alone, but for the tables' IAM policies, which it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.data import BIGQUERY
from localcloud.google.data.upstream import root, send
from localcloud.google.hooks import Hook, Proxy, Refusal
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

proxies = [
    Proxy(
        r"bigquery/(upload/|bigquery/v2/projects/[^/]+/(jobs|queries|datasets/[^/]+/)(?!\S*Iam))",
        lambda context: root(context, BIGQUERY),
        strip="bigquery/",
    ),
]


class Datasets(Hook):
    """Datasets. A dataset that SQL makes (`CREATE SCHEMA`) is the emulator's only: the catalogue makes
    ours."""

    collection: ClassVar[str] = "bigquery/datasets"
    backing: ClassVar[str] = "bqemulator"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete the body as BigQuery does."""
        reference = body["datasetReference"]
        reference.setdefault("projectId", call.context.project)
        body["id"] = f"{reference['projectId']}:{reference['datasetId']}"
        body.setdefault("location", "US")
        body.setdefault("type", "DEFAULT")
        body.setdefault("maxTimeTravelHours", "168")

    def created(self, call: Call, resource: Stored) -> None:
        """Make it in the emulator."""
        path = f"/bigquery/v2/projects/{call.context.project}/datasets"
        given = {"datasetReference": resource.body["datasetReference"], "location": resource.body["location"]}
        try:
            send(call.context, BIGQUERY, "POST", path, given)
        except Refusal as refusal:
            if refusal.code != 409:  # there already: SQL made it, or a create that was cut off
                raise

    def deleting(self, call: Call, resource: Stored) -> None:
        """Only an empty dataset goes, unless its contents may go too."""
        path = f"/bigquery/v2/projects/{call.context.project}/datasets/{resource.name}"
        contents = call.query.get("deleteContents", "false").lower()
        if contents != "true" and send(call.context, BIGQUERY, "GET", f"{path}/tables").get("tables"):
            raise Refusal(400, f"Dataset {resource.body['id']} is still in use", "INVALID_ARGUMENT")
        try:
            send(call.context, BIGQUERY, "DELETE", f"{path}?deleteContents={contents}")
        except Refusal as refusal:
            if refusal.code != 404:
                raise


class Tables(Hook):
    """Tables and views live in the emulator; what is kept here is who may use them."""

    collection: ClassVar[str] = "bigquery/tables"
    backing: ClassVar[str] = "bqemulator"

    def about(self, call: Call, path: str) -> Stored | None:
        """The table's record, as long as the emulator has the table."""
        key = call.key(path)
        try:
            send(call.context, BIGQUERY, "GET", f"/bigquery/v2/{path}")
        except Refusal as refusal:
            if refusal.code == 404:
                call.context.store.remove(key)
                return None
            raise
        return call.context.store.get(key) or Stored(key, self.collection, {}, backing=self.backing)
