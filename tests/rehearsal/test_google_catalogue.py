"""Every Google resource of the catalogue on the local control plane: made, found equal, put right, deleted.

Buckets and tables lie in their real emulators; databases, clusters, caches and the front door have stand-ins.
"""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "localcloud"))

from google_server import PROJECT, FakeEndpoint, FakeEngines, Running, running

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import AwsAccount
from dreamnet.errors import ResourceError
from dreamnet.events.delivery import Delivery, code_versions
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.destroy import destroy, plan_destroy
from dreamnet.resources.google import GoogleDriver, iam
from dreamnet.resources.google.discovery import load_type
from dreamnet.resources.google.requests import set_path
from dreamnet.resources.model import Live, Resource
from dreamnet.resources.outcome import ApplyReport
from dreamnet.resources.plan import Plan, make_plan
from dreamnet.resources.references import Resolver
from localcloud.credentials import GOOGLE_BILLING_ACCOUNT, GOOGLE_PROJECT_NUMBER
from localcloud.engines import Engines
from localcloud.google.data import BIGQUERY, STORAGE, start_bigquery, start_storage
from localcloud.google.hooks import compute, container, sqladmin
from localcloud.google.server import APIS
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).parents[2]
SECRETS = {"database-password": "only-for-this-test"}
VARIABLES = {
    "google.project": PROJECT,
    "google.region": "us-central1",
    "google.zone": "us-central1-a",
    "google.second_region": "europe-west1",
    "google.project_number": GOOGLE_PROJECT_NUMBER,
    "google.billing_account": GOOGLE_BILLING_ACCOUNT,
    "aws.account_id": "1" * 12,
    "aws.region": "us-east-1",
    "aws.second_region": "us-west-2",
    "image": "ghcr.io/dreamnet/backend:1",
    "frontdoor.port": "8088",
    "operator.email": "ops@dreamnet.example",
    "domain": "dreamnet.example",
    **code_versions(),
}

#: What is protected against deletion.
PROTECTED = ("lift-protection:google/spanner-database", "lift-protection:google/bigtable-table-activity")

#: Types of which nothing that the catalogue declares can be changed in place, or only links, lists, names and
#: protection, which this test leaves alone.
NOT_SPOILT = frozenset(
    {
        "compute.v1/addresses",
        "compute.v1/globalAddresses",
        "compute.v1/networkEndpointGroups",
        "compute.v1/regionNetworkEndpointGroups",
        "compute.v1/targetHttpProxies",
        "documentai.v1/projects.locations.processors",
        "gkehub.v1/projects.locations.memberships",
        "logging.v2/projects.locations.buckets.links",
        "monitoring.v3/projects.alertPolicies",
        "pubsub.v1/projects.schemas",
        "secretmanager.v1/projects.secrets",
        "servicenetworking.v1/services.connections",
        "spanner.v1/projects.instances.databases",
        "sqladmin.v1/users",
    }
)


class Mixed:
    """Real engines for objects and tables, stand-ins for all others."""

    def __init__(self, real: Engines) -> None:
        self._real, self._fake = real, FakeEngines()

    def __getattr__(self, verb: str) -> Any:
        def ask(name: str, *others: Any, **options: Any) -> Any:
            engines: Any = self._real if name in (STORAGE, BIGQUERY) else self._fake
            return getattr(engines, verb)(name, *others, **options)

        return ask


@dataclass
class Cloud:
    google: Running
    catalogue: Catalogue
    driver: GoogleDriver
    deliver: Delivery
    made: ApplyReport | None = None

    @property
    def drivers(self) -> dict[str, GoogleDriver]:
        return {"google": self.driver}

    def plan(self) -> Plan:
        return make_plan(self.catalogue, self.drivers, VARIABLES)

    def apply(self, plan: Plan, catalogue: Catalogue | None = None) -> ApplyReport:
        chosen = catalogue or self.catalogue
        return apply_plan(
            plan, chosen, self.drivers, VARIABLES, SECRETS, lambda *_: None, deliver=self.deliver
        )

    def resolved(self) -> Iterator[tuple[Resource, Live]]:
        """Every resource with its references replaced, and what is live of it."""
        live: dict[str, Live | None] = {}
        resolver = Resolver(VARIABLES, live.get, SECRETS.__getitem__, strict=True)
        for declared in self.catalogue:
            resource = resolver.resolve(declared)
            found = live[declared.id] = self.driver.read(resource)
            assert found, f"{declared.id} is gone"
            yield resource, found


def failures(report: ApplyReport) -> list[str]:
    return [f"{one.id}: {one.message}" for one in report.outcomes if one.status not in ("done", "unchanged")]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state = State(tmp_path_factory.mktemp("google"))
    real = Engines(state)
    patched = pytest.MonkeyPatch()
    patched.setattr(compute, "set_frontdoor", lambda *_, **__: FakeEndpoint("frontdoor", "127.0.0.9", 80))
    patched.setattr(container, "_kubernetes", lambda *_: None)
    patched.setattr(sqladmin, "_execute", lambda *_: None)
    try:
        warehouse = threading.Thread(target=start_bigquery, args=(state,))
        warehouse.start()
        start_storage(state)
        warehouse.join()
        with running(state.dir, Mixed(real)) as google:
            yield _built(google)
    finally:
        patched.undo()
        for engine in real.list():
            real.delete(engine.name)


def _built(google: Running) -> Cloud:
    account = google.account()
    amazon = AwsAccount.from_keys(
        account_id="1" * 12,
        region="us-east-1",
        second_region="us-west-2",
        access_key_id="none",
        secret_access_key="none",
    )
    catalogue = load_catalogue(ROOT / "infrastructure").select(["google"])
    cloud = Cloud(google, catalogue, GoogleDriver(account), Delivery(account, amazon))
    cloud.made = cloud.apply(cloud.plan())
    return cloud


def test_every_api_of_the_catalogue_is_announced(cloud: Cloud) -> None:
    """Else a rehearsal would ask Google itself."""
    assert {one.type.split(".")[0] for one in cloud.catalogue} - {"pubsub"} <= set(APIS)


def test_everything_is_made_and_a_second_plan_changes_nothing(cloud: Cloud) -> None:
    assert cloud.made
    assert failures(cloud.made) == []
    again = cloud.plan()
    assert {step.id: [change.path for change in step.changes] for step in again.changes} == {}
    assert again.counts()["none"] == len(cloud.catalogue)


def test_a_message_becomes_a_row_of_the_subscriptions_table(cloud: Cloud) -> None:
    account = cloud.google.account()
    topic = f"projects/{PROJECT}/topics/analytics-events"
    message = {"data": "eyJkcmVhbSI6IDF9", "attributes": {"kind": "seen"}}
    account.api("pubsub", "v1").projects().topics().publish(
        topic=topic, body={"messages": [message]}
    ).execute()
    table = {"projectId": PROJECT, "datasetId": "dreamnet_events", "tableId": "analytics_events"}
    data = account.api("bigquery", "v2").tabledata()
    deadline = time.monotonic() + 20
    while not (found := data.list(**table).execute()).get("rows"):
        assert time.monotonic() < deadline, "no row came"
        time.sleep(0.2)
    values = [cell["v"] for cell in found["rows"][0]["f"]]
    assert '{"dream": 1}' in values
    assert f"projects/{PROJECT}/subscriptions/analytics-events-bigquery" in values


def test_a_transfer_job_really_copies(cloud: Cloud) -> None:
    storage = cloud.google.account().storage()
    storage.bucket(f"{PROJECT}-media").blob("a/b.txt").upload_from_string("dream")
    jobs = cloud.google.account().api("storagetransfer", "v1").transferJobs()
    jobs.run(jobName="transferJobs/dreamnet-media", body={"projectId": PROJECT}).execute()
    copy = storage.bucket(f"{PROJECT}-media-second").blob("a/b.txt")
    deadline = time.monotonic() + 20
    while not copy.exists():
        assert time.monotonic() < deadline, "nothing was copied"
        time.sleep(0.1)
    assert copy.download_as_bytes() == b"dream"


def test_a_scheduled_job_publishes_when_it_is_run(cloud: Cloud) -> None:
    account = cloud.google.account()
    jobs = account.api("cloudscheduler", "v1").projects().locations().jobs()
    name = f"projects/{PROJECT}/locations/us-central1/jobs/agents-hourly"
    assert jobs.run(name=name, body={}).execute()["status"] == {}
    subscription = f"projects/{PROJECT}/subscriptions/agent-messages-workers"
    pulled = account.api("pubsub", "v1").projects().subscriptions()
    answer = pulled.pull(subscription=subscription, body={"maxMessages": 1}).execute()
    assert answer["receivedMessages"][0]["message"]["attributes"] == {"source": "scheduler"}


def test_one_resource_of_each_type_is_put_right_in_place(cloud: Cloud) -> None:
    spoilt: dict[str, str] = {}
    for resource, live in cloud.resolved():
        if resource.type in spoilt or iam.is_member(resource.type):
            continue
        path = _spoil(cloud, resource, live)
        if path:
            spoilt[resource.type] = resource.id
    types = {one.type for one in cloud.catalogue if not iam.is_member(one.type)}
    assert types - set(spoilt) == NOT_SPOILT
    plan = cloud.plan()
    assert {step.id: step.action for step in plan.changes} == dict.fromkeys(spoilt.values(), "update")
    assert failures(cloud.apply(plan)) == []
    assert cloud.plan().changes == ()


def _spoil(cloud: Cloud, resource: Resource, live: Live) -> str | None:
    """Change one declared value through the API so that it can be put right in place; its path, or None."""
    found_by_name = load_type(resource.type).id_place[0] == "server"
    for path, value in sorted(_leaves(resource.body), key=_suitable):
        if found_by_name and path == ("displayName",):
            continue
        body = copy.deepcopy(dict(resource.body))
        set_path(body, ".".join(path), _other(value))
        changed = resource.with_values(name=resource.name, parent=resource.parent, body=body)
        changes = cloud.driver.diff(changed, live)
        if not changes or any(change.replacement for change in changes):
            continue
        try:
            cloud.driver.update(changed, live, changes, "spoilt", lambda _: None)
        except (google_rest.Refused, ResourceError):  # no such value: try another field
            continue
        return "/".join(path)
    return None


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _leaves(value[key], (*path, str(key)))
    elif not isinstance(value, list) and "rotection" not in path[-1] and "." not in "".join(path):
        yield path, value


def _suitable(leaf: tuple[tuple[str, ...], Any]) -> tuple[bool, bool]:
    """Words for people first, then numbers and switches: names of things seldom have another value."""
    path, value = leaf
    return path[-1] not in ("description", "displayName", "friendlyName", "title"), isinstance(value, str)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return str(int(value) + 1) if str(value).isdecimal() else f"{value} changed"


def test_everything_goes_again(cloud: Cloud) -> None:
    plan = plan_destroy(cloud.catalogue, cloud.drivers, VARIABLES)
    report = destroy(plan, plan.id, cloud.catalogue, cloud.drivers, VARIABLES, lambda *_: None, PROTECTED)
    assert failures(report) == []
    assert cloud.plan().counts()["create"] == len(cloud.catalogue)
    kept = cloud.google.server.context.store.everything()
    left = {one.type for one in kept if "operation" not in one.private}
    # The project itself, what Google keeps for some days, and the cancelled job.
    assert left == {
        "cloudresourcemanager/projects",
        "dataflow/projects.locations.jobs",
        "iam/projects.locations.workloadIdentityPools",
        "iam/projects.locations.workloadIdentityPools.providers",
        "iam/projects.roles",
        "logging/projects.locations.buckets",
        "storagetransfer/transferJobs",
    }


def test_what_is_kept_after_its_deletion_comes_back(cloud: Cloud) -> None:
    """Roles, pools, log buckets and transfer jobs: their ids are taken, and they are undeleted."""
    kept = ["google/role-operator", "google/federation-aws", "google/log-bucket", "google/transfer-media"]
    chosen = cloud.catalogue.select(kept)
    plan = make_plan(chosen, cloud.drivers, VARIABLES)
    assert failures(cloud.apply(plan, chosen)) == []
    assert make_plan(chosen, cloud.drivers, VARIABLES).changes == ()
