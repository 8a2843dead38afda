"""Vertex AI, Document AI, and BigQuery's connections and scheduled queries, as resources: nothing is
trained, deployed, read or queried here. Their names hold the project's number, as Google's do."""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.credentials import GOOGLE_PROJECT_NUMBER
from localcloud.google.hooks import Hook, Refusal, invalid, verb

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: What Document AI processes (cloud.google.com/document-ai/docs/processors-list, November 2026), in part.
PROCESSORS = frozenset(
    {
        "BANK_STATEMENT_PROCESSOR",
        "CUSTOM_CLASSIFICATION_PROCESSOR",
        "CUSTOM_EXTRACTION_PROCESSOR",
        "CUSTOM_SPLITTING_PROCESSOR",
        "EXPENSE_PROCESSOR",
        "FORM_PARSER_PROCESSOR",
        "ID_PROOFING_PROCESSOR",
        "INVOICE_PROCESSOR",
        "LAYOUT_PARSER_PROCESSOR",
        "OCR_PROCESSOR",
        "SUMMARY_PROCESSOR",
        "US_DRIVER_LICENSE_PROCESSOR",
        "US_PASSPORT_PROCESSOR",
    }
)


class Numbered(Hook):
    """Resources whose names hold the project's number."""

    def created(self, call: Call, resource: Stored) -> None:
        """Name it so."""
        resource.body["name"] = resource.path.replace(call.context.project, GOOGLE_PROJECT_NUMBER, 1)


class Datasets(Numbered):
    """Vertex AI's managed datasets."""

    collection: ClassVar[str] = "aiplatform/projects.locations.datasets"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse a schema that isn't Google's."""
        if not str(body.get("metadataSchemaUri", "")).startswith(
            "gs://google-cloud-aiplatform/schema/dataset/"
        ):
            raise invalid("metadata_schema_uri must be one of Google's published schemas.")


class Endpoints(Numbered):
    """Endpoints, to which nothing is deployed."""

    collection: ClassVar[str] = "aiplatform/projects.locations.endpoints"


class Indexes(Numbered):
    """Vector indexes."""

    collection: ClassVar[str] = "aiplatform/projects.locations.indexes"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """An index has dimensions."""
        config = (body.get("metadata") or {}).get("config") or {}
        if not config.get("dimensions"):
            raise invalid("metadata.config.dimensions is required.")
        body.setdefault("indexUpdateMethod", "BATCH_UPDATE")


class IndexEndpoints(Numbered):
    """Where indexes answer, once deployed."""

    collection: ClassVar[str] = "aiplatform/projects.locations.indexEndpoints"

    def created(self, call: Call, resource: Stored) -> None:
        """With a name of its own where it is public."""
        super().created(call, resource)
        if resource.body.get("publicEndpointEnabled"):
            location = resource.path.split("/")[3]
            digest = zlib.crc32(resource.path.encode())
            resource.body["publicEndpointDomainName"] = (
                f"{digest}.{location}-{GOOGLE_PROJECT_NUMBER}.vdb.vertexai.goog"
            )


class Tensorboards(Numbered):
    """Tensorboards."""

    collection: ClassVar[str] = "aiplatform/projects.locations.tensorboards"


class FeatureGroups(Hook):
    """Feature groups, over a table that must be there."""

    collection: ClassVar[str] = "aiplatform/projects.locations.featureGroups"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse a source that is no table."""
        uri = str(((body.get("bigQuery") or {}).get("bigQuerySource") or {}).get("inputUri", ""))
        if not uri.startswith("bq://") or uri.count(".") != 2:
            raise invalid("big_query_source.input_uri must be bq://PROJECT.DATASET.TABLE.")
        dataset = uri.split(".")[1]
        if call.sibling(f"projects/{call.context.project}/datasets/{dataset}", "bigquery") is None:
            raise Refusal(404, f"Not found: Dataset {call.context.project}:{dataset}")


class Processors(Numbered):
    """Document AI's processors."""

    collection: ClassVar[str] = "documentai/projects.locations.processors"
    ready: ClassVar[dict[str, Any]] = {"state": "ENABLED"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Of a type that there is, in `us` or `eu`."""
        if body.get("type") not in PROCESSORS:
            raise invalid(f"The processor type {body.get('type')} is not known.")
        if call.path.split("/")[3] not in ("us", "eu"):
            raise invalid("Processors live in the locations us and eu.")

    def created(self, call: Call, resource: Stored) -> None:
        """Its address and version."""
        super().created(call, resource)
        location = resource.path.split("/")[3]
        name = resource.body["name"]
        resource.body["processEndpoint"] = f"https://{location}-documentai.googleapis.com/v1/{name}:process"
        resource.body["defaultProcessorVersion"] = f"{name}/processorVersions/pretrained"

    @verb("process")
    def process(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Documents aren't read here."""
        raise Refusal(501, f"{call.method.id} is not in the rehearsal: no document is read.")


class Connections(Numbered):
    """BigQuery's connections, each with an account of its own."""

    collection: ClassVar[str] = "bigqueryconnection/projects.locations.connections"

    def created(self, call: Call, resource: Stored) -> None:
        """The account that Google makes for it."""
        super().created(call, resource)
        kinds = ("cloudResource", "cloudSql", "cloudSpanner", "spark", "aws", "azure", "configuration")
        if not any(kind in resource.body for kind in kinds):
            raise invalid("A connection needs properties of one kind.")
        if "cloudResource" in resource.body:
            account = f"bqcx-{GOOGLE_PROJECT_NUMBER}-{uuid.uuid4().hex[:4]}@gcp-sa-bigquery-condel"
            resource.body["cloudResource"] = {"serviceAccountId": f"{account}.iam.gserviceaccount.com"}


class TransferConfigs(Numbered):
    """Scheduled queries; they aren't run."""

    collection: ClassVar[str] = "bigquerydatatransfer/projects.locations.transferConfigs"
    ready: ClassVar[dict[str, Any]] = {"state": "PENDING"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """A query, and an account that is there."""
        if body.get("dataSourceId") == "scheduled_query" and not (body.get("params") or {}).get("query"):
            raise invalid("The parameter query is required.")
        account = call.query.get("serviceAccountName", "")
        known = call.sibling(f"projects/{call.context.project}/serviceAccounts/{account}", "iam")
        if account and known is None and account != call.context.identity.email:
            raise invalid(f"Service account {account} does not exist.")

    def created(self, call: Call, resource: Stored) -> None:
        """What the service adds."""
        super().created(call, resource)
        resource.body["datasetRegion"] = resource.path.split("/")[3]
        if call.query.get("serviceAccountName"):
            resource.body["ownerInfo"] = {"email": call.query["serviceAccountName"]}
