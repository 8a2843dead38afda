"""Cloud Logging's settings: buckets, views, sinks, metrics. No log is routed or kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.credentials import GOOGLE_PROJECT_NUMBER
from localcloud.google.hooks import Hook, Refusal, invalid
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: What a sink writes to (cloud.google.com/logging/docs/export/configure_export_v2, November 2026).
DESTINATIONS = ("storage", "bigquery", "pubsub", "logging")


class Buckets(Hook):
    """Log buckets; a deleted one is kept for seven days."""

    collection: ClassVar[str] = "logging/projects.locations.buckets"
    kept_as: ClassVar[tuple[str, Any]] = ("lifecycleState", "DELETE_REQUESTED")

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        body.setdefault("retentionDays", 30)
        if not 1 <= int(body["retentionDays"]) <= 3650:
            raise invalid("Retention must be between 1 and 3650 days.")
        body["lifecycleState"] = "ACTIVE"

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Analytics stay once they are on; a locked bucket stays as it is."""
        if resource.body.get("locked"):
            raise Refusal(400, "The bucket is locked.", "FAILED_PRECONDITION")
        if resource.body.get("analyticsEnabled") and not body.get("analyticsEnabled"):
            raise invalid("Log Analytics can't be turned off again.")

    def deleting(self, call: Call, resource: Stored) -> None:
        """Not while a dataset is linked to it."""
        if any(one.type == Links.collection for one in call.context.store.children(resource.key)):
            raise Refusal(400, "The bucket has links: delete them first.", "FAILED_PRECONDITION")


class Links(Hook):
    """A bucket as a dataset of BigQuery."""

    collection: ClassVar[str] = "logging/projects.locations.buckets.links"
    ready: ClassVar[dict[str, Any]] = {"lifecycleState": "ACTIVE"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Only of a bucket with analytics."""
        bucket = call.required(call.path.rsplit("/", 1)[0])
        if not bucket.body.get("analyticsEnabled"):
            raise invalid("Only a bucket that is upgraded to Log Analytics can be linked.")

    def created(self, call: Call, resource: Stored) -> None:
        """The dataset's name."""
        identifier = f"bigquery.googleapis.com/projects/{call.context.project}/datasets/{resource.name}"
        resource.body["bigqueryDataset"] = {"datasetId": identifier}


class Sinks(Hook):
    """Sinks; each has an identity of its own that must be let in where it writes to."""

    collection: ClassVar[str] = "logging/projects.sinks"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        _check_destination(str(body.get("destination", "")))
        inside = str(body["destination"]).startswith("logging.googleapis.com/")
        if not inside and call.query.get("uniqueWriterIdentity", "").lower() == "true":
            account = f"service-{GOOGLE_PROJECT_NUMBER}@gcp-sa-logging.iam.gserviceaccount.com"
            body["writerIdentity"] = f"serviceAccount:{account}"
        elif not inside:
            body["writerIdentity"] = "serviceAccount:cloud-logs@system.gserviceaccount.com"
        body["resourceName"] = f"projects/{call.context.project}/sinks/{body['name']}"

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        _check_destination(str(body.get("destination", "")))


def _check_destination(destination: str) -> None:
    service = destination.split(".googleapis.com/")[0]
    if service not in DESTINATIONS or not destination.partition("/")[2]:
        raise invalid(f"Unsupported sink destination '{destination}'.")


class Metrics(Hook):
    """Metrics made of logs."""

    collection: ClassVar[str] = "logging/projects.metrics"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        descriptor = body.setdefault("metricDescriptor", {})
        descriptor.setdefault("metricKind", "DELTA")
        descriptor.setdefault("valueType", "INT64")
        if descriptor["valueType"] == "DISTRIBUTION" and not body.get("valueExtractor"):
            raise invalid("A distribution needs a value extractor.")
        declared = {label.get("key") for label in descriptor.get("labels", [])}
        if declared != set(body.get("labelExtractors") or {}):
            raise invalid("Each label needs an extractor, and each extractor a label.")
        kind = f"logging.googleapis.com/user/{body['name']}"
        descriptor.update(type=kind, name=f"projects/{call.context.project}/metricDescriptors/{kind}")
        body.update(createTime=now(), resourceName=f"projects/{call.context.project}/metrics/{body['name']}")

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        body["name"] = resource.name
        self.default(call, body)
