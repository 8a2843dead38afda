"""Google's permissions that follow from no discovery document: irregular names, what else is needed.

Everything here, and every name derived by the rule for a declared type, was held against the permissions of
all predefined roles (cloud.google.com/iam/docs/permissions-reference), November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

#: What the gameplan itself does, whatever is declared: these checks, bills and measurements.
OPERATIONS = (
    "bigquery.jobs.create",
    "bigquery.tables.getData",
    "compute.acceleratorTypes.get",
    "compute.machineTypes.get",
    "compute.projects.get",
    "compute.regions.list",
    "monitoring.timeSeries.create",
    "monitoring.timeSeries.list",
    "resourcemanager.projects.get",
    "serviceusage.services.enable",
    "serviceusage.services.list",
)

#: Kinds that the manifests hold, and those that are only looked at.
_APPLIED = (
    "configMaps",
    "deployments",
    "horizontalPodAutoscalers",
    "namespaces",
    "networkPolicies",
    "podDisruptionBudgets",
    "secrets",
    "serviceAccounts",
    "services",
    "statefulSets",
)
_LOOKED_AT = ("events", "nodes", "pods", "replicaSets")

#: What the gameplan does with resources once they are there, by collection: manifests, night scaling, drills,
#: pipelines, new secrets' values, emptying what is destroyed.
AFTERWARDS: Mapping[str, tuple[str, ...]] = {
    "bigquery/datasets": (
        *(f"bigquery.tables.{verb}" for verb in ("create", "delete", "get", "list", "update", "updateData")),
        "bigquery.readsessions.create",
        "bigquery.readsessions.getData",
    ),
    "container/projects.locations.clusters": (
        *(
            f"container.{one}.{verb}"
            for one in _APPLIED
            for verb in ("create", "delete", "get", "list", "update")
        ),
        *(f"container.{one}.{verb}" for one in _LOOKED_AT for verb in ("get", "list")),
        *(
            f"container.{one}.{verb}Scale"
            for one in ("deployments", "statefulSets")
            for verb in ("get", "update")
        ),
        "container.selfSubjectAccessReviews.create",
    ),
    "pubsub/projects.topics": ("pubsub.topics.publish",),
    "secretmanager/projects.secrets": ("secretmanager.versions.access", "secretmanager.versions.add"),
    "sqladmin/instances": ("cloudsql.instances.promoteReplica",),
    "storage/buckets": tuple(f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list")),
}

#: The service's word in permissions where it isn't the API's name.
SERVICES: Mapping[str, str] = {
    "bigqueryconnection": "bigquery",
    "bigquerydatatransfer": "bigquery",
    "billingbudgets": "billing",
    "bigtableadmin": "bigtable",
    "cloudresourcemanager": "resourcemanager",
    "sqladmin": "cloudsql",
}

#: The resource's word in permissions where it isn't the collection's last part.
RESOURCES: Mapping[str, str] = {
    "bigquerydatatransfer/projects.locations.transferConfigs": "transfers",
    "bigtableadmin/projects.instances.clusters.backups": "backups",
    "certificatemanager/projects.locations.certificateMaps": "certmaps",
    "certificatemanager/projects.locations.certificateMaps.certificateMapEntries": "certmapentries",
    "certificatemanager/projects.locations.certificates": "certs",
    "certificatemanager/projects.locations.dnsAuthorizations": "dnsauthorizations",
    "iam/projects.locations.workloadIdentityPools": "googleapis.com/workloadIdentityPools",
    "iam/projects.locations.workloadIdentityPools.providers": "googleapis.com/workloadIdentityPoolProviders",
    "logging/projects.metrics": "logMetrics",
    "monitoring/services.serviceLevelObjectives": "slos",
    "storagetransfer/transferJobs": "jobs",
}

_BUILDS = tuple(f"cloudbuild.builds.{verb}" for verb in ("create", "get", "list", "update"))

#: All that a collection needs, where single permissions follow no rule.
OWN: Mapping[str, tuple[str, ...]] = {
    "aiplatform/projects.locations.models": tuple(
        f"aiplatform.models.{verb}" for verb in ("upload", "get", "list", "update", "delete")
    ),
    "bigquery/datasets": tuple(f"bigquery.datasets.{verb}" for verb in ("create", "get", "update", "delete")),
    "bigquerydatatransfer/projects.locations.transferConfigs": (
        "bigquery.transfers.get",
        "bigquery.transfers.update",
    ),
    "cloudbuild/projects.locations.triggers": _BUILDS,
    "cloudbuild/projects.triggers": _BUILDS,
    "container/projects.locations.clusters.nodePools": (
        "container.clusters.get",
        "container.clusters.update",
    ),
    "servicenetworking/services.connections": (
        "servicenetworking.services.addPeering",
        "servicenetworking.services.get",
        "servicenetworking.services.deleteConnection",
        "compute.networks.get",
        "compute.networks.list",
    ),
    "spanner/projects.instances.databases": tuple(
        f"spanner.databases.{verb}"
        for verb in ("create", "get", "getDdl", "list", "update", "updateDdl", "drop")
    ),
    "bigtableadmin/projects.instances": (
        *(f"bigtable.instances.{verb}" for verb in ("create", "get", "list", "update", "delete")),
        *(f"bigtable.clusters.{verb}" for verb in ("create", "get", "list", "update", "delete")),
    ),
}

#: What creating a resource of a collection asks for on others: those it refers to, and those it acts as
#: (each method's "IAM permissions" in the products' REST references, November 2026).
BESIDE: Mapping[str, tuple[str, ...]] = {
    "cloudfunctions/projects.locations.functions": ("iam.serviceAccounts.actAs", "run.services.setIamPolicy"),
    "cloudscheduler/projects.locations.jobs": ("iam.serviceAccounts.actAs",),
    "compute/backendBuckets": ("compute.securityPolicies.use",),
    "compute/backendServices": (
        "compute.healthChecks.useReadOnly",
        "compute.networkEndpointGroups.use",
        "compute.securityPolicies.use",
    ),
    "compute/firewalls": ("compute.networks.updatePolicy",),
    "compute/globalForwardingRules": (
        "compute.globalAddresses.use",
        "compute.targetHttpProxies.use",
        "compute.targetHttpsProxies.use",
    ),
    "compute/networkEndpointGroups": (
        "compute.networkEndpointGroups.attachNetworkEndpoints",
        "compute.networkEndpointGroups.detachNetworkEndpoints",
        "compute.networks.use",
        "compute.subnetworks.use",
    ),
    "compute/routers": ("compute.networks.updatePolicy", "compute.subnetworks.use"),
    "compute/routes": ("compute.networks.updatePolicy",),
    "compute/subnetworks": ("compute.networks.updatePolicy",),
    "compute/targetHttpProxies": ("compute.urlMaps.use",),
    "compute/targetHttpsProxies": (
        "compute.sslCertificates.get",
        "compute.sslPolicies.use",
        "compute.urlMaps.use",
    ),
    "compute/urlMaps": ("compute.backendBuckets.use", "compute.backendServices.use"),
    "container/projects.locations.clusters": (
        "compute.networks.get",
        "compute.subnetworks.get",
        "iam.serviceAccounts.actAs",
    ),
    "container/projects.locations.clusters.nodePools": ("iam.serviceAccounts.actAs",),
    "datapipelines/projects.locations.pipelines": (
        "cloudscheduler.jobs.create",
        "dataflow.jobs.cancel",
        "dataflow.jobs.create",
        "dataflow.jobs.list",
        "iam.serviceAccounts.actAs",
    ),
    "eventarc/projects.locations.triggers": ("iam.serviceAccounts.actAs",),
    "iam/projects.roles": ("iam.roles.undelete",),
    "run/projects.locations.jobs": ("iam.serviceAccounts.actAs",),
    "run/projects.locations.services": ("iam.serviceAccounts.actAs", "run.services.setIamPolicy"),
    "workflows/projects.locations.workflows": ("iam.serviceAccounts.actAs",),
}

#: Looking at a long-running operation, by API; the others ask for none beyond the resource's own.
WAITING: Mapping[str, tuple[str, ...]] = {
    "cloudfunctions": ("cloudfunctions.operations.get",),
    "compute": ("compute.globalOperations.get", "compute.regionOperations.get", "compute.zoneOperations.get"),
    "container": ("container.operations.get",),
    "eventarc": ("eventarc.operations.get",),
    "redis": ("redis.operations.get",),
    "run": ("run.operations.get",),
    "spanner": ("spanner.databaseOperations.get", "spanner.instanceOperations.get"),
}

#: APIs that list their locations and have no permission for it.
LISTS_FREELY = frozenset({"bigqueryconnection", "bigquerydatatransfer", "datapipelines"})
