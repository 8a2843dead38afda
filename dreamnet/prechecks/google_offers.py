"""What Google offers where: regions and zones, each API's locations, machine types and accelerators."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.errors import GameplanError
from dreamnet.prechecks.findings import Finding, listed
from dreamnet.prechecks.google_nodes import Pool, pools
from dreamnet.prechecks.google_quotas import GLOBAL, Quotas
from dreamnet.resources.google import iam
from dreamnet.resources.google.discovery import load_api
from dreamnet.resources.model import Resource
from dreamnet.resources.references import Unknown

UNCHECKED = (
    "Whether a zone has capacity for GPUs and spot machines at the moment.",
    "Whether Google's regions offer the declared Cloud SQL tiers and database versions.",
)

#: APIs whose `projects.locations.list` says nothing about where their resources can be: everything of theirs
#: is global, or they answer without the gameplan's rights.
_PLACELESS = frozenset({"iam", "logging", "monitoring"})

_PLACE = re.compile(r"/(?:locations|regions|zones)/([^/]+)")
_REGION = re.compile(r"([a-z]+-[a-z]+\d+)(-[a-z])?")

_LOCATIONS_PAGE = "https://cloud.google.com/about/locations"


@dataclass(frozen=True)
class Places:
    """Compute Engine's regions, and what a project may have of them.

    Attributes:
        zones: by region.
        quotas: by region, and of the project as `global`.
    """

    zones: Mapping[str, frozenset[str]]
    quotas: Mapping[str, Quotas]

    def has(self, place: str) -> bool:
        """Whether there is such a region or zone."""
        return place in self.zones or any(place in zones for zones in self.zones.values())


def read_places(account: GoogleAccount) -> Places:
    """All regions with their zones and quotas, and the project's quotas: two calls."""
    root = (
        f"{account.root('compute', 'https://compute.googleapis.com/')}compute/v1/projects/{account.project}"
    )
    listed_regions = google_rest.call(account, "GET", f"{root}/regions", what="Google's regions")
    project = google_rest.call(account, "GET", root, what="The project's quotas")
    regions = [one for one in listed_regions.get("items", []) if one.get("status", "UP") == "UP"]
    zones = {one["name"]: frozenset(z.rsplit("/", 1)[-1] for z in one.get("zones", ())) for one in regions}
    quotas = {one["name"]: _by_metric(one) for one in regions}
    return Places(zones, {**quotas, GLOBAL: _by_metric(project)})


def _by_metric(holder: Mapping[str, Any]) -> Quotas:
    return {quota["metric"]: quota for quota in holder.get("quotas", ())}


def place_of(resource: Resource) -> str:
    """The region, zone or other location that a declaration names, or nothing where it names none."""
    found = _PLACE.search(resource.parent)
    if found and not isinstance(resource.parent, Unknown):
        return found[1]
    for name in ("region", "location"):
        value = resource.body.get(name)
        if isinstance(value, str) and _REGION.fullmatch(value.lower()):
            return value.lower()
    return ""


def check_places(resources: Sequence[Resource], places: Places) -> Iterator[Finding]:
    """Whether every region and zone that is named exists."""
    wanted: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        place = place_of(resource)
        if _REGION.fullmatch(place):
            wanted[place].append(resource)
    unknown = {place: found for place, found in wanted.items() if not places.has(place)}
    for place, found in sorted(unknown.items()):
        yield Finding(
            "google",
            "regions",
            "blocks",
            f"{found[0].source}: Google has no region or zone {place} for {listed(one.id for one in found)}.",
            _LOCATIONS_PAGE,
            "gcloud compute zones list",
        )
    if wanted and not unknown:
        yield Finding("google", "regions", "fine", f"{listed(sorted(wanted))} exist and are up.")


def located(api: str, version: str) -> bool:
    """Whether an API says where its resources can be."""
    return api not in _PLACELESS and "list" in load_api(api, version).methods.get("projects.locations", {})


def check_locations(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether the APIs that list their locations serve those that are declared."""
    declared: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for resource in resources:
        name, _, version = resource.type.partition("/")[0].partition(".")
        if not iam.is_member(resource.type) and "/locations/" in resource.parent and located(name, version):
            declared[name, version].append(resource)
    with ThreadPoolExecutor(max_workers=12, thread_name_prefix="locations") as pool:
        answers = dict(zip(declared, pool.map(lambda api: _locations(account, *api), declared), strict=True))
    served = {api: answer for api, answer in answers.items() if not isinstance(answer, GameplanError)}
    unserved = [
        _unserved(account, api[0], resource)
        for api, locations in served.items()
        for resource in declared[api]
        if place_of(resource) not in locations
    ]
    yield from unserved
    if served and not unserved:
        named = listed(sorted(name for name, _ in served), len(served))
        yield Finding("google", "regions", "fine", f"Offered where they are declared: {named}.")
    silent = [(api[0], answer) for api, answer in answers.items() if isinstance(answer, GameplanError)]
    if silent:
        sentence = (
            f"Not asked where they are offered: {listed(name for name, _ in silent)}: {silent[0][1].problem}"
        )
        yield Finding("google", "regions", "to do", sentence, _LOCATIONS_PAGE)


def _unserved(account: GoogleAccount, name: str, resource: Resource) -> Finding:
    return Finding(
        "google",
        "regions",
        "blocks",
        f"{resource.source}: {name} is not offered in {place_of(resource)} ({resource.id}).",
        _LOCATIONS_PAGE,
        f"gcloud {_GCLOUD.get(name, name)} locations list --project={account.project}",
    )


#: gcloud's word for an API where it is another than the API's own.
_GCLOUD: Mapping[str, str] = {
    "artifactregistry": "artifacts",
    "aiplatform": "ai",
    "bigtableadmin": "bigtable",
    "cloudfunctions": "functions",
    "cloudscheduler": "scheduler",
    "secretmanager": "secrets",
}


def _locations(account: GoogleAccount, name: str, version: str) -> frozenset[str] | GameplanError:
    """The locations that an API lists, or why it does not: it may be off, which is a finding of its own."""
    url = f"{account.root(name, load_api(name, version).root)}{version}/projects/{account.project}/locations"
    found: set[str] = set()
    token = ""
    while True:
        parameters = {"pageSize": 200, **({"pageToken": token} if token else {})}
        try:
            page = google_rest.call(account, "GET", url, what=f"Locations of {name}", parameters=parameters)
        except GameplanError as error:
            return error
        found |= {
            one.get("locationId") or one["name"].rsplit("/", 1)[-1] for one in page.get("locations", [])
        }
        token = page.get("nextPageToken", "")
        if not token:
            return frozenset(found)


def read_machines(
    account: GoogleAccount, resources: Iterable[Resource], places: Places
) -> tuple[dict[tuple[str, str], int], list[Finding]]:
    """The vCPUs of every machine type of the declared pools, by location and type, and a finding for each
    machine type or accelerator that its zone does not offer."""
    wanted = {(pool.location, pool.machine): pool for pool in pools(resources)}
    accelerators = {(pool.location, pool.accelerator): pool for pool in pools(resources) if pool.accelerators}
    with ThreadPoolExecutor(max_workers=12, thread_name_prefix="machines") as executor:
        machines = executor.map(
            lambda pool: _look(account, places, pool, "machineTypes", pool.machine), wanted.values()
        )
        graphics = executor.map(
            lambda pool: _look(account, places, pool, "acceleratorTypes", pool.accelerator),
            accelerators.values(),
        )
        found = dict(zip(wanted, machines, strict=True))
        cards = dict(zip(accelerators, graphics, strict=True))
    vcpus = {key: int(machine["guestCpus"]) for key, machine in found.items() if machine}
    missing = [key for key, machine in {**found, **cards}.items() if machine is None]
    return vcpus, [_not_offered(place, name) for place, name in missing]


def _not_offered(place: str, name: str) -> Finding:
    sentence = f"{place} offers no {name}, which a node pool asks for."
    command = "gcloud compute machine-types list && gcloud compute accelerator-types list"
    return Finding(
        "google",
        "regions",
        "blocks",
        sentence,
        "https://cloud.google.com/compute/docs/regions-zones",
        command,
    )


def _look(
    account: GoogleAccount, places: Places, pool: Pool, collection: str, name: str
) -> dict[str, Any] | None:
    """A machine or accelerator type in the pool's zone, or in the first zone of its region; None where that
    does not offer it."""
    zone = min(places.zones.get(pool.location, {pool.location}))
    root = account.root("compute", "https://compute.googleapis.com/")
    url = f"{root}compute/v1/projects/{account.project}/zones/{zone}/{collection}/{name}"
    try:
        return google_rest.call(account, "GET", url, what=f"{name} in {zone}")
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
