"""The permissions on Google Cloud that the declared types need, and whether the identity has them.

Discovery documents name no permissions. Google's naming rule does (cloud.google.com/iam/docs/permissions-
reference): `service.resource.verb`, after the API and the collection. Every derived name, and those that keep
to no rule below, were held against the permissions of all predefined roles, November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.prechecks.findings import Finding, listed
from dreamnet.prechecks.google_offers import located
from dreamnet.resources.google import iam
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.model import Resource

#: Permissions that one testIamPermissions may ask about (cloudresourcemanager.v3, Cloud Resource Manager
#: "Testing permissions", November 2026).
BATCH = 100

#: What the gameplan itself does: these checks, bills, the cut-over, night scaling, drills and pipelines.
OPERATIONS = (
    "bigquery.jobs.create",
    "bigquery.readsessions.create",
    "bigquery.readsessions.getData",
    "bigquery.tables.getData",
    "bigquery.tables.updateData",
    "cloudsql.instances.get",
    "cloudsql.instances.promoteReplica",
    "cloudsql.instances.update",
    "compute.acceleratorTypes.get",
    "compute.machineTypes.get",
    "compute.projects.get",
    "compute.regions.list",
    "container.clusters.get",
    "container.clusters.update",
    "monitoring.timeSeries.list",
    "pubsub.topics.publish",
    "resourcemanager.projects.get",
    "serviceusage.services.enable",
    "serviceusage.services.list",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
)

_SERVICES: Mapping[str, str] = {
    "bigqueryconnection": "bigquery",
    "bigquerydatatransfer": "bigquery",
    "billingbudgets": "billing",
    "bigtableadmin": "bigtable",
    "cloudresourcemanager": "resourcemanager",
    "sqladmin": "cloudsql",
}

#: The resource's word in permissions where it isn't the collection's last part.
_RESOURCES: Mapping[str, str] = {
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
_OWN: Mapping[str, tuple[str, ...]] = {
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
_BESIDE: Mapping[str, tuple[str, ...]] = {
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
_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "cloudfunctions": ("cloudfunctions.operations.get",),
    "compute": ("compute.globalOperations.get", "compute.regionOperations.get", "compute.zoneOperations.get"),
    "container": ("container.operations.get",),
    "eventarc": ("eventarc.operations.get",),
    "redis": ("redis.operations.get",),
    "run": ("run.operations.get",),
    "spanner": ("spanner.databaseOperations.get", "spanner.instanceOperations.get"),
}

_VERBS: Mapping[str, tuple[str, ...]] = {
    "create": ("create", "insert"),
    "get": ("get",),
    "list": ("list",),
    "update": ("patch", "update"),
    "delete": ("delete",),
    "setLabels": ("setLabels",),
}

#: APIs that list their locations and have no permission for it.
_LISTS_FREELY = frozenset({"bigqueryconnection", "bigquerydatatransfer", "datapipelines"})

#: Asked of the billing account, not of the project.
_ON_BILLING_ACCOUNT = "billing.budgets."

_INVALID = re.compile(r"[Pp]ermission '?([\w./]+?)'? is not valid")


def needed_permissions(resources: Iterable[Resource]) -> tuple[str, ...]:
    """Every permission that creating, reading, changing and deleting these takes, and the gameplan's own."""
    found = set(OPERATIONS)
    for type_name in {resource.type for resource in resources if resource.cloud == "google"}:
        found |= set(of_type(type_name))
    return tuple(sorted(found))


def of_type(type_name: str) -> tuple[str, ...]:
    """The permissions that one type takes.

    Raises:
        ConfigurationError: Google has no such type.
    """
    access = iam.is_member(type_name)
    collection = load_type(type_name.removesuffix(iam.SUFFIX))
    prefix = _prefix(collection)
    if access:
        return f"{prefix}.getIamPolicy", f"{prefix}.setIamPolicy"
    own = _OWN.get(collection.key) or tuple(
        f"{prefix}.{verb}"
        for verb, methods in _VERBS.items()
        if any(method in collection.methods for method in methods)
    )
    api = collection.api
    places = [f"{_service(collection)}.locations.list"] if located(api.name, api.version) else []
    beside = (*_BESIDE.get(collection.key, ()), *_OPERATIONS.get(api.name, ()))
    return (*own, *beside, *(places if api.name not in _LISTS_FREELY else ()))


def _service(collection: Collection) -> str:
    return _SERVICES.get(collection.api.name, collection.api.name)


def _prefix(collection: Collection) -> str:
    return f"{_service(collection)}.{_RESOURCES.get(collection.key, collection.name.rsplit('.', 1)[-1])}"


def check_permissions(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether the identity has every permission that the selection takes, on the project and, for budgets,
    on their billing account."""
    resources = [resource for resource in resources if resource.cloud == "google"]
    needed = needed_permissions(resources)
    on_project = [one for one in needed if not one.startswith(_ON_BILLING_ACCOUNT)]
    yield from _tested(account, f"projects/{account.project}", on_project)
    budgets = [one for one in needed if one.startswith(_ON_BILLING_ACCOUNT)]
    for parent in sorted({r.parent for r in resources if r.type.startswith("billingbudgets.")}):
        yield from _tested(account, parent, budgets)


def _tested(account: GoogleAccount, target: str, needed: list[str]) -> Iterator[Finding]:
    batches = [needed[start : start + BATCH] for start in range(0, len(needed), BATCH)]
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="permissions") as pool:
        answers = list(pool.map(lambda batch: _held(account, target, batch), batches))
    held = {one for answer, _ in answers for one in answer}
    untestable = sorted({one for _, unknown in answers for one in unknown})
    missing = [one for one in needed if one not in held and one not in untestable]
    if untestable:
        yield Finding(
            "google", "permissions", "to do", f"Google does not test on {target}: {listed(untestable)}."
        )
    if not missing:
        yield Finding(
            "google",
            "permissions",
            "fine",
            f"All {len(needed) - len(untestable)} permissions are granted on {target}.",
        )
        return
    sentence = (
        f"{len(missing)} of the {len(needed)} permissions needed on {target} are missing: {listed(missing)}."
    )
    yield Finding("google", "permissions", "blocks", sentence, *_remedy(account, target))


def _remedy(account: GoogleAccount, target: str) -> tuple[str, str]:
    member = f"serviceAccount:{getattr(account.credentials, 'service_account_email', 'EMAIL')}"
    if not target.startswith("projects/"):
        name = target.rsplit("/", 1)[-1]
        return (
            f"https://console.cloud.google.com/billing/{name}/manage",
            f"gcloud billing accounts add-iam-policy-binding {name} --member={member}"
            " --role=roles/billing.costsManager",
        )
    project = account.project
    return (
        f"https://console.cloud.google.com/iam-admin/roles?project={project}",
        "python -m dreamnet.prechecks policies policies && gcloud iam roles create dreamnetGameplan"
        f" --project={project} --file=policies/google-role.yaml && gcloud projects add-iam-policy-binding"
        f" {project} --member={member} --role=projects/{project}/roles/dreamnetGameplan",
    )


def _held(account: GoogleAccount, target: str, permissions: list[str]) -> tuple[set[str], set[str]]:
    """(those that the identity has, those that can't be tested there) of at most a hundred."""
    if target.startswith("projects/"):
        root = account.root("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com/")
        url = f"{root}v3/{target}:testIamPermissions"
    else:
        root = account.root("cloudbilling", "https://cloudbilling.googleapis.com/")
        url = f"{root}v1/{target}:testIamPermissions"
    asked, untestable = list(permissions), set[str]()
    while asked:
        try:
            answer = google_rest.call(account, "POST", url, what="Permissions", body={"permissions": asked})
            return set(answer.get("permissions", [])), untestable
        except Refused as refused:  # one unknown name refuses them all
            unknown = _INVALID.search(refused.problem)
            if not unknown or unknown[1] not in asked:
                raise
            untestable.add(unknown[1])
            asked.remove(unknown[1])
    return set(), untestable
