"""Google's side: APIs, permissions, billing, quotas, regions and names, against a fake project."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from account_fakes import PROJECT, google

from dreamnet.errors import ResourceError
from dreamnet.prechecks import google_offers, google_quotas, identity, names
from dreamnet.prechecks.google_nodes import pools
from dreamnet.prechecks.google_permissions import check_permissions, needed_permissions, of_type
from dreamnet.prechecks.google_quotas import GLOBAL
from dreamnet.prechecks.google_services import check_services, enable_services, needed_services
from dreamnet.prechecks.quotas import Demand
from dreamnet.resources.catalogue import load_catalogue

INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure"
CLUSTER = "container.v1/projects.locations.clusters"
POOL = f"{CLUSTER}.nodePools"


def only(findings):
    found = list(findings)
    assert len(found) == 1, found
    return found[0]


def blocking(findings):
    return only(one for one in findings if one.level == "blocks")


# ---- APIs


def test_apis_follow_from_the_types_with_their_companions():
    needed = needed_services(
        [google("sqladmin.v1/instances"), google("datapipelines.v1/projects.locations.pipelines")]
    )
    assert needed["sqladmin.googleapis.com"] == ("sqladmin.v1/instances",)
    assert needed["dataflow.googleapis.com"] == ("datapipelines.v1/projects.locations.pipelines",)
    assert needed["serviceusage.googleapis.com"] == ()
    assert "redis.googleapis.com" not in needed


def test_an_api_that_is_off_blocks_with_the_command_that_enables_it(google_account):
    wanted = [google("redis.v1/projects.locations.instances")]
    google_account.enabled = set(needed_services(wanted)) - {"redis.googleapis.com"}
    found = blocking(check_services(google_account, wanted))
    assert "redis.googleapis.com" in found.sentence
    assert found.command == f"gcloud services enable redis.googleapis.com --project={PROJECT}"
    google_account.enabled.add("redis.googleapis.com")
    assert only(check_services(google_account, wanted)).level == "fine"
    assert not google_account.changes


def test_enabling_takes_at_most_twenty_a_call_and_only_what_is_off(google_account):
    services = [f"api{number:02}.googleapis.com" for number in range(45)]
    google_account.enabled = set(services[:3])
    said = []
    done = enable_services(google_account, services, said.append)
    assert done == tuple(services[3:])
    assert google_account.sizes == [20, 20, 2]
    assert any("waiting" in line for line in said)
    assert enable_services(google_account, services, said.append) == ()


def test_an_api_that_google_refuses_to_enable_is_an_error(google_account, monkeypatch):
    google_account.refused[r"/v1/operations/"] = (403, "terms of service not accepted")
    with pytest.raises(Exception, match="terms of service"):
        enable_services(google_account, ["redis.googleapis.com"], lambda _: None)
    google_account.refused.clear()
    google_account.enabled.clear()
    google_account.stuck = True
    monkeypatch.setattr("dreamnet.prechecks.google_services.LIMIT", 0.05)
    with pytest.raises(ResourceError, match=r"did not enable redis.googleapis.com: not done"):
        enable_services(google_account, ["redis.googleapis.com"], lambda _: None)


# ---- permissions


def test_permissions_have_googles_names():
    assert of_type("pubsub.v1/projects.subscriptions") == tuple(
        f"pubsub.subscriptions.{verb}" for verb in ("create", "get", "list", "update", "delete")
    )
    assert of_type("cloudresourcemanager.v3/projects.iamMembers") == (
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    )
    assert "container.clusters.update" in of_type(POOL)
    assert not any(one.startswith("container.nodePools") for one in of_type(POOL))
    assert "compute.networks.updatePolicy" in of_type("compute.v1/firewalls")
    assert "spanner.databases.drop" in of_type("spanner.v1/projects.instances.databases")


def test_what_happens_to_a_resource_afterwards_is_asked_for_with_it():
    assert "storage.objects.delete" in of_type("storage.v1/buckets")
    assert "secretmanager.versions.add" in of_type("secretmanager.v1/projects.secrets")
    cluster = set(of_type(CLUSTER))
    applied = [INFRASTRUCTURE / "kubernetes" / folder for folder in ("base", "gke")]  # by week 1
    manifests = [path for folder in applied for path in folder.rglob("*.yaml")]
    kinds = {one["kind"] for path in manifests for one in yaml.safe_load_all(path.read_text())} - {
        "Kustomization"
    }
    assert "NetworkPolicy" in kinds
    for kind in kinds:
        plural = f"{kind[0].lower()}{kind[1:]}s".replace("ys", "ies")
        assert {f"container.{plural}.{verb}" for verb in ("create", "get", "update")} <= cluster, kind


def test_every_declared_type_has_permissions():
    catalogue = load_catalogue(INFRASTRUCTURE)
    for type_name in {one.type for one in catalogue if one.cloud == "google"}:
        found = of_type(type_name)
        assert found
        assert all(len(one.split(".")) >= 3 for one in found), found


def test_permissions_are_asked_about_by_the_hundred_and_the_missing_ones_named(google_account):
    wanted = [one for one in load_catalogue(INFRASTRUCTURE) if one.cloud == "google"]
    wanted = [one for one in wanted if not one.type.startswith("billingbudgets.")]
    google_account.denied = {"container.clusters.create", "pubsub.topics.create"}
    found = blocking(check_permissions(google_account, wanted))
    assert "container.clusters.create, pubsub.topics.create" in found.sentence
    assert f"--member=serviceAccount:gameplan@{PROJECT}" in found.command
    assert max(google_account.sizes) == 100
    assert sum(google_account.sizes) == len(needed_permissions(wanted))


def test_a_permission_that_the_project_does_not_know_refuses_no_other(google_account):
    google_account.invalid = {"redis.operations.get"}
    google_account.denied = {"redis.instances.create"}
    found = list(check_permissions(google_account, [google("redis.v1/projects.locations.instances")]))
    assert [one.level for one in found] == ["to do", "blocks"]
    assert "redis.operations.get" in found[0].sentence
    assert "redis.instances.create" in found[1].sentence


def test_budgets_are_asked_about_at_their_billing_account(google_account):
    parent = "billingAccounts/000000-111111-222222"
    budget = google("billingbudgets.v1/billingAccounts.budgets", parent=parent)
    google_account.denied = {"billing.budgets.create"}
    found = blocking(check_permissions(google_account, [budget]))
    assert parent in found.sentence
    assert "gcloud billing accounts add-iam-policy-binding 000000-111111-222222" in found.command


# ---- billing


def test_billing_that_is_off_blocks(google_account):
    assert only(identity.check_billing(google_account)).level == "fine"
    google_account.billed = False
    found = only(identity.check_billing(google_account))
    assert (found.level, found.sentence) == ("blocks", f"Billing is off for project {PROJECT}.")
    assert found.command.startswith(f"gcloud billing projects link {PROJECT}")
    assert found.link.endswith(f"linkedaccount?project={PROJECT}")


# ---- quotas


def node_pool(name="pool", most=3, location="us-central1-a", first=1, **config):
    parent = f"projects/{PROJECT}/locations/{location}/clusters/dreamnet"
    body = {
        "initialNodeCount": first,
        "autoscaling": {"enabled": True, "maxNodeCount": most},
        "config": {"machineType": "e2-standard-2", "diskSizeGb": 50, **config},
    }
    return google(POOL, name, parent, **body)


def test_nodes_count_against_vcpus_disks_addresses_and_accelerators():
    card = {"acceleratorType": "nvidia-l4", "acceleratorCount": "1"}
    asked = google_quotas.demands(
        [node_pool(), node_pool("gpu", 2, machineType="g2-standard-4", accelerators=[card], spot=True)],
        {("us-central1-a", "e2-standard-2"): 2, ("us-central1-a", "g2-standard-4"): 4},
    )
    assert asked["CPUS", "us-central1"] == Demand(2, 6)
    assert asked["PREEMPTIBLE_CPUS", "us-central1"] == Demand(4, 8)
    assert asked["PREEMPTIBLE_NVIDIA_L4_GPUS", "us-central1"] == Demand(1, 2)
    assert asked["CPUS_ALL_REGIONS", GLOBAL] == Demand(6, 14)
    assert asked["SSD_TOTAL_GB", "us-central1"] == Demand(100, 250)


def test_a_regional_pool_has_nodes_in_three_zones_unless_it_names_them():
    one, other = pools(
        [node_pool(location="us-central1"), google(CLUSTER, initialNodeCount=1, locations=["a", "b"])]
    )
    assert (one.first, one.most, one.region) == (3, 9, "us-central1")
    assert (other.first, other.zones, other.machine) == (2, 2, "e2-medium")


@pytest.mark.parametrize(
    ("limit", "used", "level"), [(6, 0, "fine"), (6, 1, "to do"), (1, 0, "blocks"), (20, 19, "blocks")]
)
def test_a_quota_must_have_room_for_the_first_nodes(google_account, limit, used, level):
    quotas = {"us-central1": {"CPUS": {"limit": limit, "usage": used}}}
    vcpus = {("us-central1-a", "e2-standard-2"): 2}
    found = only(google_quotas.check_quotas(google_account, [node_pool()], quotas, vcpus, set()))
    assert found.level == level
    assert "CPUS in us-central1" in found.sentence
    if level != "fine":
        assert (
            f"--quota-id=CPUS-per-project-region --dimensions=region=us-central1 --preferred-value={used + 6}"
            in (found.command)
        )


def test_what_exists_already_asks_for_nothing_more(google_account):
    quotas = {"us-central1": {"CPUS": {"limit": 6, "usage": 6}}}
    vcpus = {("us-central1-a", "e2-standard-2"): 2}
    assert not list(google_quotas.check_quotas(google_account, [node_pool()], quotas, vcpus, {"google/pool"}))


def test_spot_nodes_count_as_others_where_they_have_no_quota_of_their_own(google_account):
    quotas = {"us-central1": {"CPUS": {"limit": 6}, "PREEMPTIBLE_CPUS": {"limit": 0}}}
    vcpus = {("us-central1-a", "e2-standard-2"): 2}
    wanted = [node_pool(), node_pool("spot", 2, spot=True)]
    assert (
        "CPUS in us-central1: autoscaling may need 10"
        in only(google_quotas.check_quotas(google_account, wanted, quotas, vcpus, set())).sentence
    )


# ---- regions and names


def test_a_region_that_is_none_blocks_at_its_line(google_account):
    places = google_offers.read_places(google_account)
    wanted = google(
        "redis.v1/projects.locations.instances", parent=f"projects/{PROJECT}/locations/us-middle7"
    )
    found = blocking(google_offers.check_places([wanted], places))
    assert found.sentence == "google/x.yaml:1: Google has no region or zone us-middle7 for google/dreamnet."
    assert only(google_offers.check_places([google(CLUSTER)], places)).level == "fine"


def test_a_region_without_the_service_blocks_at_its_line(google_account):
    wanted = google(
        "redis.v1/projects.locations.instances", parent=f"projects/{PROJECT}/locations/us-central1"
    )
    assert only(google_offers.check_locations(google_account, [wanted])).level == "fine"
    google_account.locations = ("us-east1",)
    found = only(google_offers.check_locations(google_account, [wanted]))
    assert found.level == "blocks"
    assert found.sentence == "google/x.yaml:1: redis is not offered in us-central1 (google/dreamnet)."


def test_an_api_that_is_off_hides_only_its_own_locations(google_account):
    google_account.refused[r"redis.*/locations$"] = (403, "Redis API has not been used")
    wanted = [
        google("redis.v1/projects.locations.instances", parent=f"projects/{PROJECT}/locations/us-central1"),
        google(
            "cloudfunctions.v2/projects.locations.functions",
            parent=f"projects/{PROJECT}/locations/us-central1",
        ),
    ]
    served, silent = google_offers.check_locations(google_account, wanted)
    assert (served.level, served.sentence) == ("fine", "Offered where they are declared: cloudfunctions.")
    assert silent.level == "to do"
    assert "redis" in silent.sentence


def test_a_machine_that_the_zone_lacks_blocks(google_account):
    places = google_offers.read_places(google_account)
    vcpus, missing = google_offers.read_machines(
        google_account, [node_pool(), node_pool("odd", machineType="zz-standard-9")], places
    )
    assert vcpus == {("us-central1-a", "e2-standard-2"): 2}
    assert only(missing).sentence == "us-central1-a offers no zz-standard-9, which a node pool asks for."


@pytest.mark.parametrize(("status", "level"), [(403, "blocks"), (404, "fine"), (None, "fine")])
def test_a_bucket_name_of_somebody_else_blocks(google_account, status, level):
    if status:
        google_account.refused[r"/b/dreams$"] = (status, "no")
    found = only(names.check_google_buckets(google_account, [google("storage.v1/buckets", "dreams")]))
    assert found.level == level
    if level == "blocks":
        assert found.sentence.startswith("google/x.yaml:1: the bucket name dreams")


def test_a_bucket_here_without_our_label_blocks(google_account):
    google_account.labels = {"team": "others"}
    found = only(names.check_google_buckets(google_account, [google("storage.v1/buckets", "dreams")]))
    assert (found.level, "does not carry our mark" in found.sentence) == ("blocks", True)


def test_permissions_are_in_order_and_without_doubles():
    found = needed_permissions(load_catalogue(INFRASTRUCTURE))
    assert all(one < other for one, other in pairwise(found))
