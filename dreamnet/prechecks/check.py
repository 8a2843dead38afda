"""All checks of both accounts, side by side, as one report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import CredentialsError, GameplanError
from dreamnet.prechecks import (
    aws_offers,
    aws_permissions,
    aws_quotas,
    google_offers,
    google_permissions,
    google_quotas,
    google_services,
    identity,
    names,
)
from dreamnet.prechecks.findings import Finding, Report, not_found_out
from dreamnet.prechecks.scope import Scope, make_scope
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.google.driver import GoogleDriver
from dreamnet.resources.model import Cloud, Live, Resource
from dreamnet.resources.references import Unknown

#: Checks at once; each sends its own calls side by side.
PARALLEL = 12

_UNCHECKED = (
    *names.UNCHECKED,
    *aws_quotas.UNCHECKED,
    *google_quotas.UNCHECKED,
    *aws_offers.UNCHECKED,
    *google_offers.UNCHECKED,
    "Conditions of IAM grants: what is granted on some resources only may be refused on others.",
)

Look = Callable[[], Iterable[Finding]]


def check(
    catalogue: Catalogue,
    google: GoogleAccount,
    aws: AwsAccount,
    variables: Mapping[str, Any],
) -> Report:
    """Look at everything that must be true before the catalogue can be created. Changes nothing.

    Args:
        catalogue: what is to be created.
        google, aws: where.
        variables: values of the references, as `make_plan` takes them.

    Returns:
        The report. A check that fails is a finding: nothing is raised for what the clouds answer.
    """
    started = time.monotonic()
    scope = make_scope(catalogue, google, aws, variables)
    findings = list(scope.unresolved)
    with ThreadPoolExecutor(max_workers=PARALLEL, thread_name_prefix="prechecks") as pool:
        sides = [pool.submit(side, scope, pool) for side in (_google, _aws)]
        for side in sides:
            findings += [finding for look in side.result() for finding in look.result()]
    return Report(tuple(findings), _UNCHECKED, time.monotonic() - started)


Looks = list[Future[list[Finding]]]


def _google(scope: Scope, pool: ThreadPoolExecutor) -> Looks:
    resources, account = scope.of("google"), scope.google
    if not resources:
        return []
    try:
        known = list(identity.check_project(account))
    except GameplanError as error:
        known = [identity.google_refused(account, error)]
        if not _disabled(error):
            return [pool.submit(lambda: known)]
    looks: dict[str, Look] = {
        "billing": lambda: identity.check_billing(account),
        "APIs": lambda: google_services.check_services(account, resources),
        "permissions": lambda: google_permissions.check_permissions(account, resources),
        "names": lambda: names.check_google_buckets(account, resources),
        "regions": lambda: google_offers.check_locations(account, resources),
        "quotas": lambda: _google_compute(account, resources),
    }
    return [pool.submit(lambda: known), *_submitted("google", looks, pool)]


def _google_compute(account: GoogleAccount, resources: Sequence[Resource]) -> Iterator[Finding]:
    """Everything that begins with Compute Engine's list of regions."""
    places = google_offers.read_places(account)
    yield from google_offers.check_places(resources, places)
    vcpus, missing = google_offers.read_machines(account, resources, places)
    yield from missing
    counted = google_quotas.demanding(resources)
    existing = _existing(account, counted)
    yield from filter(None, (names.foreign(one, existing.get(one.id)) for one in counted))
    yield from google_quotas.check_quotas(account, counted, places.quotas, vcpus, existing)


def _existing(account: GoogleAccount, resources: Sequence[Resource]) -> dict[str, Live]:
    """Those of these that are there already, by id: they are in the usage, so they must be read."""
    driver = GoogleDriver(account)

    def read(resource: Resource) -> Live | None:
        if isinstance(resource.name, Unknown) or isinstance(resource.parent, Unknown):
            return None
        try:
            return driver.read(resource)
        except CredentialsError:  # its API is off, which is a finding of its own: there is nothing yet
            return None

    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="existing") as pool:
        found = pool.map(read, resources)
        return {one.id: live for one, live in zip(resources, found, strict=True) if live}


def _aws(scope: Scope, pool: ThreadPoolExecutor) -> Looks:
    resources, account = scope.of("aws"), scope.aws
    if not resources:
        return []
    try:
        caller = account.check()
    except GameplanError as error:
        refused = [identity.aws_refused(error)]
        return [pool.submit(lambda: refused)]
    known = [Finding("aws", "credentials", "fine", f"{caller} in account {account.account_id}.")]
    looks: dict[str, Look] = {
        "permissions": lambda: aws_permissions.check_permissions(account, caller, resources),
        "names": lambda: names.check_aws_buckets(account, resources),
        "regions": lambda: aws_offers.check_regions(account, resources),
        "versions": lambda: aws_offers.check_versions(account, resources),
        "quotas": lambda: _aws_capacity(account, resources),
    }
    return [pool.submit(lambda: known), *_submitted("aws", looks, pool)]


def _aws_capacity(account: AwsAccount, resources: Sequence[Resource]) -> Iterator[Finding]:
    vcpus, missing = aws_offers.vcpus(account, resources)
    yield from missing
    yield from aws_quotas.check_quotas(account, resources, vcpus)


def _submitted(cloud: Cloud, looks: Mapping[str, Look], pool: ThreadPoolExecutor) -> Looks:
    return [pool.submit(_tried, cloud, area, look) for area, look in looks.items()]


def _tried(cloud: Cloud, area: str, look: Look) -> list[Finding]:
    """What a look found, and where it failed a finding that says why."""
    found = []
    try:
        for finding in look():
            found.append(finding)
    except GameplanError as error:
        found.append(not_found_out(cloud, area, error))
    return found


def _disabled(error: GameplanError) -> bool:
    """Whether the project could not be read only because Cloud Resource Manager is off: that says nothing
    about the identity."""
    return "it is disabled" in error.problem
