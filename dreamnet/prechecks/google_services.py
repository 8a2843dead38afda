"""Which of Google's APIs the declared types need, which are enabled, and enabling those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ResourceError
from dreamnet.prechecks.findings import Finding, listed
from dreamnet.resources.google.discovery import load_api
from dreamnet.resources.google.waiting import failure, pauses
from dreamnet.resources.model import Progress, Resource

#: APIs that one call can enable (serviceusage.v1 discovery document, BatchEnableServicesRequest.serviceIds,
#: November 2026).
BATCH = 20

#: Seconds that enabling a batch may take; a minute is usual.
LIMIT = 600.0

#: What the gameplan itself calls before it creates anything, and to read the bills.
OWN = ("bigquery", "cloudbilling", "cloudresourcemanager", "compute", "serviceusage", "storage")

#: APIs behind another one's back, by the API's name: the service agents and builds that it starts need them
#: (each product's "Before you begin" page, read November 2026).
COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "aiplatform": ("compute", "storage"),
    "cloudfunctions": ("artifactregistry", "cloudbuild", "eventarc", "pubsub", "run", "storage"),
    "cloudscheduler": ("pubsub",),
    "container": ("artifactregistry", "compute", "logging", "monitoring"),
    "dataflow": ("compute", "storage"),
    "datapipelines": ("cloudscheduler", "compute", "dataflow", "storage"),
    "eventarc": ("pubsub", "run"),
    "run": ("artifactregistry",),
    "sqladmin": ("compute",),
}

#: A service account's keys and workload identity exchange tokens here.
_WITH_IDENTITIES = ("iam", "iamcredentials")

_ROOT = "https://serviceusage.googleapis.com/"


def needed_services(resources: Iterable[Resource]) -> dict[str, tuple[str, ...]]:
    """The services that must be enabled, such as `container.googleapis.com`, each with the types that need
    it (none: the gameplan itself does).

    An API's service is the host that its discovery document names.
    """
    found: dict[str, set[str]] = {service(name): set() for name in (*OWN, *_WITH_IDENTITIES)}
    for type_name in sorted({resource.type for resource in resources if resource.cloud == "google"}):
        api, _, version = type_name.partition("/")[0].partition(".")
        host = load_api(api, version).root.removeprefix("https://").rstrip("/")
        for one in (host, *map(service, COMPANIONS.get(api, ()))):
            found.setdefault(one, set()).add(type_name)
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def service(api: str) -> str:
    """The service of an API, such as `run.googleapis.com`."""
    return f"{api}.googleapis.com"


def enabled_services(account: GoogleAccount) -> frozenset[str]:
    """The services that are enabled in the project.

    Raises:
        GameplanError: Google does not say.
    """
    url = f"{account.root('serviceusage', _ROOT)}v1/projects/{account.project}/services"
    names: set[str] = set()
    token = ""
    while True:
        parameters = {"filter": "state:ENABLED", "pageSize": 200, **({"pageToken": token} if token else {})}
        page = google_rest.call(account, "GET", url, what="Enabled APIs", parameters=parameters)
        names |= {one["config"]["name"] for one in page.get("services", [])}
        token = page.get("nextPageToken", "")
        if not token:
            return frozenset(names)


def check_services(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether every API that the types need is enabled."""
    needed = needed_services(resources)
    missing = sorted(set(needed) - enabled_services(account))
    if not missing:
        yield Finding("google", "APIs", "fine", f"All {len(needed)} APIs that are needed are enabled.")
        return
    yield Finding(
        "google",
        "APIs",
        "blocks",
        f"{len(missing)} of the {len(needed)} APIs that are needed are not enabled in {account.project}: "
        f"{listed(missing, len(missing))}.",
        f"https://console.cloud.google.com/apis/enableflow?apiid={quote(','.join(missing))}"
        f"&project={account.project}",
        f"gcloud services enable {' '.join(missing)} --project={account.project}",
    )


def enable_services(account: GoogleAccount, services: Iterable[str], progress: Progress) -> tuple[str, ...]:
    """Enable those of the services that are not enabled yet, and wait until they are.

    Returns:
        What was enabled.

    Raises:
        ResourceError: Google could not enable a batch; nothing of that batch was enabled.
        GameplanError: as `google_rest.call` raises.
    """
    missing = sorted(set(services) - enabled_services(account))
    root = account.root("serviceusage", _ROOT)
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        progress(f"enabling {listed(batch, BATCH)}")
        url = f"{root}v1/projects/{account.project}/services:batchEnable"
        operation = google_rest.call(account, "POST", url, what="Enabling APIs", body={"serviceIds": batch})
        _wait(account, root, operation, batch, progress)
    return tuple(missing)


def _wait(
    account: GoogleAccount, root: str, operation: dict[str, object], batch: list[str], progress: Progress
) -> None:
    for _ in pauses(LIMIT):
        if operation.get("done"):
            break
        progress(f"waiting until {len(batch)} APIs are enabled")
        operation = google_rest.call(account, "GET", f"{root}v1/{operation['name']}", what="Enabling APIs")
    reason = failure(operation) if operation.get("done") else f"not done after {LIMIT:.0f} seconds"
    if reason:
        raise ResourceError(
            f"Google did not enable {listed(batch, BATCH)}: {reason}.",
            "Accept their terms or grant the role Service Usage Admin, then run again.",
        )
