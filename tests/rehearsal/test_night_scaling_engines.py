"""Night scaling on real engines: a cluster with nodes, PostgreSQL behind Cloud SQL, the state in a bucket."""

import subprocess
import sys
import time

import httpx
import psycopg
import pytest

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import PrecheckFailed
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.connect import find_gke
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down, scale_up
from dreamnet.scaling.store import BucketStore
from dreamnet.scaling.waiting import Patience
from localcloud.engines import Engines
from localcloud.google.data import start_storage
from localcloud.ports import free_port
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

FAST = Patience(timeout=60, poll=0.3)
ZONE = "us-central1-a"
POOL = f"gke/{ZONE}/dreamnet/nodepool/default"
DEPLOYMENT = f"gke/{ZONE}/dreamnet/deployment/dreamnet/web"


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


class Google:
    """The local Google as its own process, with a cluster, a database and a bucket in it."""

    def __init__(self, directory):
        self.state = State(directory)
        self.engines = Engines(self.state)
        start_storage(self.state)
        port = free_port()
        command = [sys.executable, "-m", "localcloud.google", "--state", str(directory), "--port", str(port)]
        self.process = subprocess.Popen(
            command, stdout=self.state.log("google").open("w"), stderr=subprocess.STDOUT
        )
        self._wait(port)
        endpoints = self.state.endpoints()
        self.account = GoogleAccount.from_service_account(
            endpoints["credentials"]["google"]["service_account"],
            project=endpoints["credentials"]["google"]["project"],
            region="us-central1",
            zone=ZONE,
            second_region="us-east4",
            endpoints=endpoints["google"],
        )

    def _wait(self, port):
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.state.log("google").read_text()
            assert time.monotonic() < deadline, "the local Google does not start"
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                return
            except httpx.TransportError:
                time.sleep(0.1)

    def call(self, api, method, path, body=None):
        root = self.account.root(api, "")
        return google_rest.call(self.account, method, root + path, what=path, body=body)

    def wait(self, api, path):
        deadline = time.monotonic() + 60
        while self.call(api, "GET", path)["status"] != "DONE":
            assert time.monotonic() < deadline, f"{path} does not end"
            time.sleep(0.1)

    def make(self):
        place = f"v1/projects/{self.account.project}"
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
        bucket = f"{self.account.project}-state"
        self.call("storage", "POST", f"storage/v1/b?project={self.account.project}", {"name": bucket})
        self.wait("container", f"{location}/operations/{made['name']}")
        self.wait("sqladmin", f"{place}/operations/{operation['name']}")
        self.address = self.call("sqladmin", "GET", f"{place}/instances/dreamnet")["ipAddresses"][0][
            "ipAddress"
        ]
        self.cluster = find_gke(self.account, "dreamnet", ZONE)
        self.store = BucketStore(self.account.storage(), bucket, "test")

    @property
    def fleet(self):
        return fleet([self.cluster], self.account, None, FAST)

    def snapshot(self):
        return {item.id: dict(item.state) for item in self.fleet.snapshot().items.values()}

    def database_answers(self):
        try:
            with psycopg.connect(
                host=self.address, user="postgres", password="local", connect_timeout=2
            ) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def nodes(self):
        return len(self.cluster.items("/api/v1/nodes"))

    def close(self):
        self.process.terminate()
        self.process.wait(15)
        for endpoint in self.engines.list():
            self.engines.delete(endpoint.name)


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    made = Google(tmp_path_factory.mktemp("google"))
    try:
        made.make()
        apply(made.cluster, manifests(), progress=quiet)
        yield made
    finally:
        made.close()


def replicas(google):
    return google.snapshot()[DEPLOYMENT]["replicas"]


def test_a_night_on_real_engines(google):
    before = google.snapshot()
    assert before[POOL]["nodes"] == 2
    assert google.database_answers()
    down = scale_down(google.fleet, google.store, progress=quiet)
    assert down.count("slept") == 3
    assert (google.nodes(), replicas(google), google.database_answers()) == (0, 0, False)
    again = scale_down(google.fleet, google.store, progress=quiet)
    assert not again.changed
    up = scale_up(google.fleet, google.store, progress=quiet)
    assert up.count("woken") == 3
    assert google.snapshot() == before
    assert google.nodes() == 2
    assert google.database_answers()
    assert scale_up(google.fleet, google.store, progress=quiet).nothing_saved


def test_kill_9_in_the_middle_loses_no_original(google, tmp_path):
    before = google.snapshot()
    program = tmp_path / "night.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(google.state.dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if "workloads asleep" in line:
                run.kill()
                break
        run.wait(30)
    assert replicas(google) == 0
    night, _ = google.store.load()
    assert night.phase == "going-down"
    assert google.database_answers(), "killed before the databases"
    scale_down(google.fleet, google.store, progress=quiet)
    assert (google.nodes(), google.database_answers()) == (0, False)
    scale_up(google.fleet, google.store, progress=quiet)
    assert google.snapshot() == before


def test_an_evening_that_a_morning_overtakes_stops(google):
    before = google.snapshot()

    def overtake(text):
        if text == "workloads asleep":
            scale_up(google.fleet, google.store, progress=quiet)

    with pytest.raises(PrecheckFailed, match="Another run has changed gs://"):
        scale_down(google.fleet, google.store, progress=overtake)
    assert google.snapshot() == before


PROGRAM = f"""
import sys
from dreamnet.clouds.google import GoogleAccount
from dreamnet.kubernetes.connect import find_gke
from dreamnet.scaling.inventory import fleet
from dreamnet.scaling.night import scale_down
from dreamnet.scaling.store import BucketStore
from dreamnet.scaling.waiting import Patience
from localcloud.state import State

endpoints = State(sys.argv[1]).endpoints()
given = endpoints["credentials"]["google"]
account = GoogleAccount.from_service_account(
    given["service_account"], project=given["project"], region="us-central1", zone="{ZONE}",
    second_region="us-east4", endpoints=endpoints["google"],
)
cluster = find_gke(account, "dreamnet", "{ZONE}")
store = BucketStore(account.storage(), given["project"] + "-state", "test")
waits = Patience(timeout=60, poll=0.3)
scale_down(fleet([cluster], account, None, waits), store, progress=lambda text: print(text, flush=True))
"""
