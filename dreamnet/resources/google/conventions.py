"""Which of Google's collections keep to no convention, where the discovery documents don't tell.

Source: each API's own reference, under the method named, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

#: APIs and collections whose resources carry their short name in `name` although their URLs hold full ones.
SHORT_NAMES = frozenset(
    {"container", "logging/projects.sinks", "logging/projects.metrics", "logging/projects.exclusions"}
)

#: Collections whose names the server chooses, although `name` can be written, or an id be proposed (Vertex
#: AI's endpoints): their resources are found by the name that people see.
SERVER_NAMED = frozenset(
    {
        "aiplatform/projects.locations.datasets",
        "aiplatform/projects.locations.indexEndpoints",
        "aiplatform/projects.locations.indexes",
        "aiplatform/projects.locations.tensorboards",
        "bigquerydatatransfer/projects.locations.transferConfigs",
        "billingbudgets/billingAccounts.budgets",
        "documentai/projects.locations.processors",
        "monitoring/projects.alertPolicies",
        "monitoring/projects.dashboards",
        "monitoring/projects.groups",
        "monitoring/projects.notificationChannels",
        "monitoring/projects.uptimeCheckConfigs",
    }
)

#: The collection whose resources are addressed by an e-mail address made of the id and the project
#: (iam.v1, `projects.serviceAccounts`).
SERVICE_ACCOUNTS = "iam/projects.serviceAccounts"

#: Collections whose resources have an address of several parts, and how many: a record set has a name and a
#: type.
COMPOUND_NAMES: Mapping[str, int] = {"dns/resourceRecordSets": 2}

#: Query parameters of the create method that are a part of what is declared.
DECLARED_PARAMETERS: Mapping[str, frozenset[str]] = {
    "bigquerydatatransfer/projects.locations.transferConfigs": frozenset({"serviceAccountName"}),
}

#: Query parameters that writing a resource always takes: a sink's own identity, not one that all sinks share.
FIXED_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "logging/projects.sinks": {"uniqueWriterIdentity": "true"},
}

#: Fields that the documents call outputs, but that have a method that sets them.
SET_APART: Mapping[str, frozenset[str]] = {"compute/backendServices": frozenset({"securityPolicy"})}

#: Collections whose state is that of their last run, and says nothing of the resource itself.
STATE_OF_RUNS = frozenset({"bigquerydatatransfer/projects.locations.transferConfigs"})

#: Collections whose PATCH takes the whole resource although its description doesn't say so: it has no mask,
#: and what is missing is reset.
REPLACED = frozenset({"run/projects.locations.jobs"})

#: APIs whose masks name a resource's own fields and nothing below them (Pub/Sub's `subscriptions.patch`,
#: Storage Transfer's `transferJobs.patch`).
WHOLE_FIELDS = frozenset({"pubsub", "storagetransfer"})
