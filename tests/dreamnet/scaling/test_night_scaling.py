"""Down and up over both clouds: exact restoration, interruption anywhere, clashes, marks, proof."""

import json
from dataclasses import replace

import pytest
from fake_cluster import Answer, autoscaler, cluster, deployment, namespace, node
from moto import mock_aws
from night_fakes import (
    FakeGoogle,
    MemoryStore,
    empty_rds,
    make_eks,
    make_rds,
    moto_account,
    rds_status,
    scaling_of,
)

from dreamnet.errors import (
    ConfigurationError,
    CredentialsError,
    PrecheckFailed,
    ResourceError,
    VerificationError,
)
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down, scale_up
from dreamnet.scaling.nodes import GkePools
from dreamnet.scaling.snapshot import Item
from dreamnet.scaling.waiting import Patience
from dreamnet.scaling.workloads import ORIGINAL

AUTO = {"enabled": True, "minNodeCount": 1, "maxNodeCount": 4}
FAST = Patience(timeout=5, poll=0)
API = "/apis/apps/v1/namespaces/dreamnet/deployments/api"


class Killed(BaseException):
    """kill -9, as far as a process can tell another."""


class World:
    """One GKE cluster with two pools, one EKS cluster, Cloud SQL and RDS."""

    def __init__(self):
        self.said = []
        self.gke, self.gke_api = cluster("gke")
        self.eks, self.eks_api = cluster("eks", "aws", "us-east-1")
        self.google, self.aws, self.store = FakeGoogle(self.gke_api), moto_account(), MemoryStore()
        for api in (self.gke_api, self.eks_api):
            api.put(namespace())
            api.put(deployment("api", replicas=3))
            api.put(autoscaler("api"))
        self.gke_api.put(namespace("kube-system"))
        self.gke_api.put(deployment("coredns", namespace="kube-system"))
        self.google.pool("default", 2, AUTO)
        self.google.pool("gpu", 1)
        make_eks(self.aws, self.eks_api, {"workers": (1, 2, 3)})
        self.google.instance("dreamnet")
        self.google.instance("archive", policy="NEVER")
        make_rds(self.aws, "dreamnet")

    @property
    def fleet(self):
        return fleet([self.gke, self.eks], self.google, self.aws, FAST)

    def down(self, **options):
        return scale_down(self.fleet, self.store, progress=self.said.append, **options)

    def up(self, **options):
        return scale_up(self.fleet, self.store, progress=self.said.append, **options)

    def state(self):
        return {item.id: dict(item.state) for item in self.fleet.snapshot().items.values()}

    def replicas(self, api=None):
        return (api or self.gke_api).objects[API]["spec"]["replicas"]


@pytest.fixture(scope="module")
def aws():
    with mock_aws():
        yield


@pytest.fixture
def world(aws):
    yield World()
    empty_rds(moto_account())


ASLEEP = {
    "gke/us-central1/gke/deployment/dreamnet/api": ("replicas", 0),
    "eks/us-east-1/eks/deployment/dreamnet/api": ("replicas", 0),
    "gke/us-central1/gke/nodepool/default": ("nodes", 0),
    "gke/us-central1/gke/nodepool/gpu": ("nodes", 0),
    "eks/us-east-1/eks/nodegroup/workers": ("desired", 0),
    "cloudsql/p/dreamnet": ("running", False),
    "cloudsql/p/archive": ("running", False),
    "rds/us-east-1/dreamnet": ("running", False),
}


def test_down_and_up_restore_exactly_what_was_there(world):
    before = world.state()
    down = world.down()
    night = world.state()
    assert set(night) == set(ASLEEP), "system namespaces are no business of ours"
    assert {key: night[key][field] for key, (field, _) in ASLEEP.items()} == {
        k: v for k, (_, v) in ASLEEP.items()
    }
    assert scaling_of(world.aws, "workers") == {"minSize": 0, "desiredSize": 0, "maxSize": 3}
    assert rds_status(world.aws, "dreamnet") == "stopped"
    assert world.store.phase == "down"
    assert (down.count("slept"), down.count("unchanged")) == (7, 1)
    assert "RDS starts a stopped instance by itself" in down.markdown()
    up = world.up()
    assert world.state() == before
    assert (up.count("woken"), up.count("unchanged")) == (7, 1)
    assert world.store.phase == "up"
    assert ORIGINAL not in json.dumps(world.gke_api.objects[API])
    assert world.google.instances["archive"]["settings"]["activationPolicy"] == "NEVER", "was off before"


def test_the_order_is_workloads_nodes_databases_and_back(world):
    world.down()
    first = {kind: next(i for i, t in enumerate(world.said) if t.startswith(kind)) for kind in STARTS}
    assert sorted(first, key=first.get) == list(STARTS)
    world.said.clear()
    world.up()
    woken = [text for text in world.said if text.endswith("awake")]
    assert [
        text for text in woken if " " in text and text.split()[0] in ("databases", "nodes", "workloads")
    ] == [
        "databases awake",
        "nodes awake",
        "workloads awake",
    ]


STARTS = ("workloads asleep", "nodes asleep", "databases asleep")


def test_the_state_is_saved_before_anything_changes(world):
    seen = []
    world.store.before_save = lambda night: seen.append((night.phase, world.replicas()))
    world.down()
    assert seen[0] == ("going-down", 3)


def test_gke_autoscaling_is_off_before_the_pool_shrinks_and_back_after_it_grew(world):
    world.down()
    assert world.google.log[:2] == ["autoscaling default False", "size default 0"]
    world.google.log.clear()
    world.up()
    pools = [entry for entry in world.google.log if "default" in entry]
    assert pools == ["size default 2", "autoscaling default True"]


def test_down_twice_is_a_no_op(world):
    world.down()
    saved, writes = world.store.text, len(world.gke_api.writes())
    again = world.down()
    assert not again.changed
    assert world.store.text == saved
    assert len(world.gke_api.writes()) == writes


def test_up_without_a_night_says_so(world):
    report = world.up()
    assert report.nothing_saved
    assert "nothing to wake" in report.notes[0]
    world.down()
    world.up()
    assert world.up().nothing_saved


@pytest.mark.parametrize("saves", [1, 2, 3, 4])
def test_killed_on_the_way_down_then_again_then_up(world, saves):
    before, count = world.state(), [0]

    def kill(night):
        count[0] += 1
        if count[0] == saves:
            raise Killed

    world.store.before_save = kill
    with pytest.raises(Killed):
        world.down()
    world.store.before_save = lambda night: None
    world.down()
    assert world.store.phase == "down"
    assert world.replicas() == 0
    world.up()
    assert world.state() == before


@pytest.mark.parametrize("saves", [1, 2, 3, 4])
def test_killed_on_the_way_up_then_again(world, saves):
    before, count = world.state(), [0]
    world.down()

    def kill(night):
        count[0] += 1
        if count[0] == saves:
            raise Killed

    world.store.before_save = kill
    with pytest.raises(Killed):
        world.up()
    assert world.store.phase != "up"
    world.store.before_save = lambda night: None
    world.up()
    assert world.state() == before


def test_down_again_after_a_half_morning_keeps_the_originals(world):
    before = world.state()
    world.down()
    world.gke_api.refuse["PATCH", API] = Answer(500, {"message": "boom"})
    with pytest.raises(ResourceError, match="boom"):
        world.up()
    assert world.replicas(world.eks_api) == 3, "the other cloud is awake all the same"
    world.gke_api.refuse.clear()
    world.down()
    world.up()
    assert world.state() == before


def test_a_cluster_that_cannot_be_read_does_not_keep_the_rest_asleep(world):
    before = world.state()
    world.down()
    world.gke_api.refuse["GET", "/apis/apps/v1"] = Answer(401, {})
    world.gke._kinds.clear()
    with pytest.raises(CredentialsError, match="refused the token"):
        world.up()
    assert world.replicas(world.eks_api) == 3
    assert rds_status(world.aws, "dreamnet") == "available"
    assert world.store.phase == "going-up"
    world.gke_api.refuse.clear()
    world.up()
    assert world.state() == before


def test_what_is_new_since_the_evening_is_added(world):
    world.down()
    world.gke_api.put(deployment("late", replicas=4))
    world.down()
    late = "/apis/apps/v1/namespaces/dreamnet/deployments/late"
    assert world.gke_api.objects[late]["spec"]["replicas"] == 0
    world.up()
    assert world.gke_api.objects[late]["spec"]["replicas"] == 4
    assert world.replicas() == 3


def test_of_two_runs_at_once_one_is_refused_and_changes_nothing(world):
    def overtake(night):
        world.store.before_save = lambda night: None
        world.down(run="first")

    world.store.before_save = overtake
    with pytest.raises(PrecheckFailed, match="Another run"):
        world.down(run="second")
    assert json.loads(world.store.text)["run"] == "first"


def test_an_overtaken_run_stops_before_its_next_step(world):
    count = [0]

    def overtake(night):
        count[0] += 1
        if count[0] == 2:
            world.store.before_save = lambda night: None
            world.up(run="morning")

    world.store.before_save = overtake
    with pytest.raises(PrecheckFailed):
        world.down(run="evening")
    assert rds_status(world.aws, "dreamnet") == "available"
    assert world.replicas() == 3


def test_a_lost_state_is_made_up_for_by_the_workloads_own_notes(world):
    world.down()
    world.store.text, world.store.generation = None, 0
    report = world.up()
    assert world.replicas() == 3
    assert "restored from their own notes" in report.notes[0]


def test_a_lost_state_does_not_make_zeros_the_original(world):
    world.down()
    world.store.text, world.store.generation = None, 0
    world.down()
    saved = {item["id"]: item["state"] for item in json.loads(world.store.text)["originals"]}
    assert saved["gke/us-central1/gke/deployment/dreamnet/api"]["replicas"] == 3


def test_a_dry_run_changes_and_saves_nothing(world):
    before = world.state()
    report = world.down(dry_run=True, price=lambda item: 0.5 if "nodepool" in item.id else None)
    assert report.count("would sleep") == 7
    assert report.saving == 1.0
    assert world.state() == before
    assert world.store.text is None
    assert world.gke_api.writes() == []


def test_marks_of_workload_and_namespace(world):
    keep, sleep = {"dreamnet/night": "keep"}, {"dreamnet/night": "sleep"}
    world.gke_api.put(deployment("billing", annotations=keep))
    world.gke_api.put(namespace("shared", labels=keep))
    world.gke_api.put(deployment("one", namespace="shared"))
    world.gke_api.put(deployment("two", namespace="shared", labels=sleep))
    report = world.down()
    rows = {row.item.split("/gke/")[-1]: row for row in report.rows}
    assert rows["deployment/dreamnet/billing"].outcome == "kept"
    assert "namespace is marked" in rows["deployment/shared/one"].reason
    assert rows["deployment/shared/two"].outcome == "slept"
    assert rows["nodepool/default"].outcome == "kept", "billing needs a node"
    assert "dreamnet/billing runs on it" in rows["nodepool/default"].reason
    assert world.google.log == ["sql dreamnet NEVER"]
    world.up()


def test_databases_with_or_as_replicas_stay_and_say_so(world):
    world.google.instance("primary", replicaNames=["standby"])
    world.google.instance("standby", instanceType="READ_REPLICA_INSTANCE", masterInstanceName="p:primary")
    world.google.instance("books", settings={"userLabels": {"dreamnet-night": "keep"}})
    world.aws.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="reader", SourceDBInstanceIdentifier="dreamnet"
    )
    report = world.down()
    reasons = {row.item: row.reason for row in report.rows if row.outcome == "kept"}
    assert "which Cloud SQL cannot stop" in reasons["cloudsql/p/primary"]
    assert "cannot stop a read replica" in reasons["cloudsql/p/standby"]
    assert "dreamnet-night: keep" in reasons["cloudsql/p/books"]
    assert "has a read replica" in reasons["rds/us-east-1/dreamnet"]
    assert "cannot stop a read replica" in reasons["rds/us-east-1/reader"]
    assert rds_status(world.aws, "dreamnet") == "available"


def test_what_is_in_use_stays_and_says_why_until_it_is_not(world):
    why = "the migration neon_acme is not finished"
    ids = ["cloudsql/p/dreamnet", "rds/us-east-1/dreamnet"]
    used = replace(world.fleet, in_use=dict.fromkeys(ids, why))
    before = world.state()
    report = scale_down(used, world.store, progress=world.said.append)
    assert {row.item: row.reason for row in report.rows if row.outcome == "kept"} == dict.fromkeys(ids, why)
    assert f"| running True | running True | kept: {why} |" in report.markdown()
    assert (world.google.log[-1], rds_status(world.aws, "dreamnet")) == ("size gpu 0", "available")
    world.up()
    assert world.state() == before
    assert {row.outcome for row in world.down().rows if row.item in ids} == {"slept"}
    world.up()
    assert world.state() == before


def test_what_is_marked_during_the_night_is_woken_all_the_same(world):
    before = world.state()
    world.down()
    world.gke_api.objects[API]["metadata"]["annotations"]["dreamnet/night"] = "keep"
    world.down()
    world.up()
    assert world.state() == before


def test_the_proof_lists_what_is_not_as_before(world):
    world.down()
    scaler = world.gke_api.objects[world.gke_api.path(autoscaler("api"))]
    scaler["spec"]["maxReplicas"] = 9
    del world.eks_api.objects[API]
    with pytest.raises(VerificationError) as caught:
        world.up()
    assert "eks/us-east-1/eks/deployment/dreamnet/api is gone" in caught.value.problem
    assert "autoscaler" in caught.value.problem
    assert world.store.phase == "going-up"
    scaler["spec"]["maxReplicas"] = 6
    world.up(forget=["eks/us-east-1/eks/deployment/dreamnet/api"])
    assert world.store.phase == "up"


def test_an_autoscaler_may_move_replicas_within_its_bounds_only(world):
    world.down()

    def quiet_morning(path, item):
        if path == API and item["spec"]["replicas"] == 3:
            item["spec"]["replicas"] = 2

    world.gke_api.controllers.insert(0, quiet_morning)
    world.up()
    assert world.replicas() == 2
    world.down()
    world.gke_api.controllers[0] = lambda path, item: (
        item["spec"].update(replicas=1) if path == API and item["spec"]["replicas"] == 2 else None
    )
    with pytest.raises(VerificationError, match="replicas 2 are now 1"):
        world.up()


def test_pools_are_sized_by_their_instance_groups_where_they_have_some(world):
    for zone, size in (("a", 3), ("b", 2)):
        path = f"p/zones/us-central1-{zone}/instanceGroupManagers/g"
        world.google.groups[path] = size
    world.google.pools["gpu"]["instanceGroupUrls"] = [
        f"https://www.googleapis.com/compute/v1/projects/{path}" for path in world.google.groups
    ]
    assert world.state()["gke/us-central1/gke/nodepool/gpu"]["nodes"] == 3


def test_a_pool_of_several_zones_counts_nodes_a_zone(world):
    world.google.pools["wide"] = {"name": "wide", "status": "RUNNING", "locations": ["a", "b", "c"]}
    for number in range(5):
        world.gke_api.put(node(f"wide-{number}", {"cloud.google.com/gke-nodepool": "wide"}))
    assert world.state()["gke/us-central1/gke/nodepool/wide"]["nodes"] == 2, "no zone gets fewer than it had"


def test_pods_that_do_not_end_hold_the_nodes(world):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api-1", "namespace": "dreamnet", "labels": {"app": "api"}},
    }
    world.gke_api.put(pod)
    impatient = fleet([world.gke], world.google, None, Patience(timeout=0.1, poll=0))
    with pytest.raises(ResourceError, match="waiting for api") as caught:
        scale_down(impatient, world.store, progress=world.said.append)
    assert "finalizers" in caught.value.remedy
    assert world.google.log == [], "the nodes stay under them"


def test_autopilot_has_no_pools_of_ours(world):
    world.google.autopilot = True
    assert not any("nodepool" in key for key in world.state())


def test_nodes_that_do_not_come_are_an_error_with_a_remedy(world):
    world.down()
    world.google._nodes = lambda name, count: None
    target(world, "default", 2)
    impatient = fleet([world.gke], world.google, None, Patience(timeout=0.3, poll=0))
    with pytest.raises(ResourceError, match="0 of 2 nodes") as caught:
        scale_up(impatient, world.store, progress=world.said.append)
    assert "quota" in caught.value.remedy
    assert world.store.phase == "going-up"


def target(world, pool, size):
    """What a pool's instance group is to have."""
    path = f"p/zones/us-central1-a/instanceGroupManagers/{pool}"
    world.google.groups[path] = size
    world.google.pools[pool]["instanceGroupUrls"] = [f"https://compute/projects/{path}"]


def test_the_morning_waits_for_no_node_that_the_autoscaler_has_taken_away_again(world):
    world.down()
    world.google._nodes("default", 1)
    target(world, "default", 1)
    world.up()
    assert world.state()["gke/us-central1/gke/nodepool/default"]["nodes"] == 1
    assert world.store.phase == "up"


@pytest.mark.parametrize(
    ("before", "now", "fits"), [(0, 0, True), (0, 2, True), (0, 4, False), (2, 1, True), (2, 0, False)]
)
def test_an_autoscaled_pool_may_have_any_size_within_its_bounds(world, before, now, fits):
    (pools,) = [one for one in world.fleet.sleepers if isinstance(one, GkePools)]
    scaling = {"enabled": True, "minNodeCount": 0, "maxNodeCount": 3}
    first, after = (Item("spot", {"nodes": nodes, "autoscaling": scaling}) for nodes in (before, now))
    assert (pools.differences(first, after) == []) is fits
    fixed = Item("spot", {"nodes": before, "autoscaling": None})
    other = Item("spot", {"nodes": now, "autoscaling": None})
    assert (pools.differences(fixed, other) == []) is (before == now)


def test_a_cluster_without_its_account_is_refused(world):
    with pytest.raises(ConfigurationError, match="no AWS account"):
        fleet([world.eks], world.google, None)
