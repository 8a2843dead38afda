"""A night over both clouds on real engines: clusters with nodes, PostgreSQL, the state in a bucket."""

import subprocess
import sys
import time

import psycopg
import pytest

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import PrecheckFailed
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.cluster import each_cluster
from dreamnet.kubernetes.connect import connect_eks, find_gke
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down, scale_up
from dreamnet.scaling.store import BucketStore
from dreamnet.scaling.waiting import Patience
from localcloud.engines import Engines
from localcloud.parts import PARTS, Context
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

FAST = Patience(timeout=60, poll=0.3)
ZONE = "us-central1-a"


def quiet(text):
    pass


def manifests():
    labels = {"app": "web"}
    container = {"name": "web", "image": "nginx:1.29", "resources": {"requests": {"cpu": "100m"}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dreamnet"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "dreamnet"},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
    ]


class Clouds:
    """The local Google and AWS as processes, each with a cluster and a database, and the bucket."""

    def __init__(self, directory):
        self.state = State(directory)
        self.engines = Engines(self.state)

    def start(self):
        context = Context(self.state, self.engines, {})
        for part in ("storage", "google", "aws"):  # the group `google` would start BigQuery too
            PARTS[part].start(context)
        endpoints = self.state.endpoints()
        given = endpoints["credentials"]
        self.google = GoogleAccount.from_service_account(
            given["google"]["service_account"],
            project=given["google"]["project"],
            region="us-central1",
            zone=ZONE,
            second_region="us-east4",
            endpoints=endpoints["google"],
        )
        self.aws = AwsAccount.from_keys(
            account_id=given["aws"]["account_id"],
            region="us-east-1",
            second_region="us-west-2",
            access_key_id=given["aws"]["access_key_id"],
            secret_access_key=given["aws"]["secret_access_key"],
            endpoint_url=endpoints["aws"],
        )

    def call(self, api, method, path, body=None):
        root = self.google.root(api, "")
        return google_rest.call(self.google, method, root + path, what=path, body=body)

    def wait(self, api, path):
        deadline = time.monotonic() + 60
        while self.call(api, "GET", path)["status"] != "DONE":
            assert time.monotonic() < deadline, f"{path} does not end"
            time.sleep(0.1)

    def make(self):
        self._make_aws()
        self._make_google()
        self.eks = self._ready_eks()

    def _make_aws(self):
        eks, rds = self.aws.client("eks"), self.aws.client("rds")
        role = f"arn:aws:iam::{self.aws.account_id}:role/eks"
        vpc = {"subnetIds": ["subnet-1"]}
        eks.create_cluster(name="dreamnet", version="1.35", roleArn=role, resourcesVpcConfig=vpc)
        rds.create_db_instance(
            DBInstanceIdentifier="dreamnet",
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            MasterUsername="dreamnet",
            MasterUserPassword="local-only",
            AllocatedStorage=20,
        )

    def _ready_eks(self):
        eks = self.aws.client("eks")
        eks.get_waiter("cluster_active").wait(name="dreamnet", WaiterConfig={"Delay": 1})
        eks.create_nodegroup(
            clusterName="dreamnet",
            nodegroupName="workers",
            nodeRole=f"arn:aws:iam::{self.aws.account_id}:role/node",
            subnets=["subnet-1"],
            instanceTypes=["t3.medium"],
            scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 3},
        )
        waiter = eks.get_waiter("nodegroup_active")
        waiter.wait(clusterName="dreamnet", nodegroupName="workers", WaiterConfig={"Delay": 1})
        waiter = self.aws.client("rds").get_waiter("db_instance_available")
        waiter.wait(DBInstanceIdentifier="dreamnet", WaiterConfig={"Delay": 1})
        return connect_eks(self.aws, "dreamnet", "us-east-1")

    def _make_google(self):
        place = f"v1/projects/{self.google.project}"
        cluster = {
            "name": "dreamnet",
            "nodePools": [
                {
                    "name": "default",
                    "initialNodeCount": 2,
                    "autoscaling": {"enabled": True, "minNodeCount": 1, "maxNodeCount": 3},
                    "config": {"machineType": "e2-standard-2"},
                }
            ],
        }
        location = f"{place}/locations/{ZONE}"
        made = self.call("container", "POST", f"{location}/clusters", {"cluster": cluster})
        instance = {
            "name": "dreamnet",
            "region": "us-central1",
            "databaseVersion": "POSTGRES_18",
            "rootPassword": "local",
            "settings": {"tier": "db-g1-small"},
        }
        operation = self.call("sqladmin", "POST", f"{place}/instances", instance)
        bucket = f"{self.google.project}-state"
        self.call("storage", "POST", f"storage/v1/b?project={self.google.project}", {"name": bucket})
        self.wait("container", f"{location}/operations/{made['name']}")
        self.wait("sqladmin", f"{place}/operations/{operation['name']}")
        self.address = self.call("sqladmin", "GET", f"{place}/instances/dreamnet")["ipAddresses"][0][
            "ipAddress"
        ]
        self.gke = find_gke(self.google, "dreamnet", ZONE)
        self.store = BucketStore(self.google.storage(), bucket, "test")

    @property
    def fleet(self):
        return fleet([self.gke, self.eks], self.google, self.aws, FAST)

    def snapshot(self):
        return {item.id: dict(item.state) for item in self.fleet.snapshot().items.values()}

    def databases(self):
        """Which databases answer: Cloud SQL's, RDS's."""
        found = self.aws.client("rds").describe_db_instances()["DBInstances"][0]
        rds = {"user": "dreamnet", "password": "local-only", "dbname": "postgres"}
        endpoint = {"host": found["Endpoint"]["Address"], "port": found["Endpoint"]["Port"]}
        sql = {"host": self.address, "user": "postgres", "password": "local"}
        return answers(**sql), answers(**rds, **endpoint)

    def nodes(self):
        return [len(cluster.items("/api/v1/nodes")) for cluster in (self.gke, self.eks)]

    def replicas(self):
        path = "/apis/apps/v1/namespaces/dreamnet/deployments/web"
        return [cluster.get(path)["spec"]["replicas"] for cluster in (self.gke, self.eks)]

    def close(self):
        for endpoint in self.engines.list():
            self.engines.delete(endpoint.name)


def answers(**address):
    try:
        with psycopg.connect(**address, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    made = Clouds(tmp_path_factory.mktemp("clouds"))
    try:
        made.start()
        made.make()
        each_cluster([made.gke, made.eks], lambda cluster: apply(cluster, manifests(), progress=quiet))
        yield made
    finally:
        made.close()


def test_a_night_over_both_clouds(clouds):
    before = clouds.snapshot()
    assert (clouds.nodes(), clouds.replicas(), clouds.databases()) == ([2, 2], [3, 3], (True, True))
    down = scale_down(clouds.fleet, clouds.store, progress=quiet)
    assert down.count("slept") == 6
    assert (clouds.nodes(), clouds.replicas(), clouds.databases()) == ([0, 0], [0, 0], (False, False))
    assert not scale_down(clouds.fleet, clouds.store, progress=quiet).changed
    up = scale_up(clouds.fleet, clouds.store, progress=quiet)
    assert up.count("woken") == 6
    assert clouds.snapshot() == before
    assert (clouds.nodes(), clouds.replicas(), clouds.databases()) == ([2, 2], [3, 3], (True, True))
    assert scale_up(clouds.fleet, clouds.store, progress=quiet).nothing_saved


def test_kill_9_in_the_middle_loses_no_original(clouds, tmp_path):
    before = clouds.snapshot()
    program = tmp_path / "night.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(clouds.state.dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if "workloads asleep" in line:
                run.kill()
                break
        run.wait(30)
    assert clouds.replicas() == [0, 0]
    night, _ = clouds.store.load()
    assert night.phase == "going-down"
    assert clouds.databases() == (True, True), "killed before the databases"
    scale_down(clouds.fleet, clouds.store, progress=quiet)
    assert (clouds.nodes(), clouds.databases()) == ([0, 0], (False, False))
    scale_up(clouds.fleet, clouds.store, progress=quiet)
    assert clouds.snapshot() == before


def test_an_evening_that_a_morning_overtakes_stops(clouds):
    before = clouds.snapshot()

    def overtake(text):
        if text == "workloads asleep":
            scale_up(clouds.fleet, clouds.store, progress=quiet)

    with pytest.raises(PrecheckFailed, match="Another run has changed gs://"):
        scale_down(clouds.fleet, clouds.store, progress=overtake)
    assert clouds.snapshot() == before


PROGRAM = f"""
import sys
from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.kubernetes.connect import connect_eks, find_gke
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down
from dreamnet.scaling.store import BucketStore
from dreamnet.scaling.waiting import Patience
from localcloud.state import State

endpoints = State(sys.argv[1]).endpoints()
given = endpoints["credentials"]["google"]
aws = AwsAccount.from_keys(
    region="us-east-1",
    second_region="us-west-2",
    endpoint_url=endpoints["aws"],
    **endpoints["credentials"]["aws"],
)
account = GoogleAccount.from_service_account(
    given["service_account"], project=given["project"], region="us-central1", zone="{ZONE}",
    second_region="us-east4", endpoints=endpoints["google"],
)
clusters = [find_gke(account, "dreamnet", "{ZONE}"), connect_eks(aws, "dreamnet", "us-east-1")]
store = BucketStore(account.storage(), given["project"] + "-state", "test")
waits = Patience(timeout=60, poll=0.3)
scale_down(fleet(clusters, account, aws, waits), store, progress=lambda text: print(text, flush=True))
"""
