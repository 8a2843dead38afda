"""A canary by weight on a local GKE cluster, through its Gateway: passes, fails, is slow, is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from test_promotion_clusters import DREAMS, image
from two_clusters import IMAGE, NAME, NAMESPACE, ROOT, Cloud, quiet

from dreamnet.errors import PrecheckFailed
from dreamnet.kubernetes import routing
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.manifests import render
from dreamnet.kubernetes.rollout import deployment_path
from dreamnet.serving import canary
from dreamnet.serving.application import deploy
from dreamnet.serving.canary import CANARY, promote_by_weight
from dreamnet.serving.promotion import PromotionFailed

pytestmark = pytest.mark.rehearsal

GOOD, BETTER, FAILING, SLOW = (
    f"localcloud/dreamnet-backend{tag}@sha256:{letter * 64}"
    for tag, letter in (("", "a"), ("", "b"), (":failing", "c"), (":slow", "d"))
)


def gateway():
    """What the manifests of week 1 have of a Gateway where the profile asks for one."""
    objects = render(ROOT / "gke-gateway", {"image": IMAGE, "region": "us-central1"})
    return [item for item in objects if item["kind"] in ("Gateway", "HTTPRoute", "HealthCheckPolicy")]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        with psycopg.connect(made.database.dsn) as connection:
            connection.execute(DREAMS)
        where = (made.gke, "us-central1", ROOT.parent, {"image": IMAGE}, made.database.dsn)
        deploy(*where, 60, quiet, gateway=True)
        yield made
    finally:
        made.close()


@contextmanager
def users(cluster, readers=3):
    """A constant load through the Gateway; how many were answered, and the statuses of the others."""
    route = routing.find_route(cluster, NAMESPACE, NAME)
    url = f"{routing.front(cluster, route, 30).url}/dreams?limit=1"
    counted, stop = {"answered": 0, "failed": []}, threading.Event()

    def read():
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not stop.wait(0.005):
                try:
                    try:
                        answer = client.get(url)
                    except (httpx.RemoteProtocolError, httpx.ReadError):
                        answer = client.get(url)  # the idle connection had been closed
                    status = answer.status_code
                except httpx.HTTPError as error:
                    status = repr(error)
                if status == 200:
                    counted["answered"] += 1
                else:
                    counted["failed"].append(status)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    try:
        yield counted
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture(autouse=True)
def _patience_with_a_busy_machine(monkeypatch, request):
    """Users, servers and judge share its processors, and its jitter is no good image's fault."""
    if "bad" not in request.fixturenames:
        monkeypatch.setattr(canary, "SLACK_SECONDS", 1.0)


def rules(cluster):
    route = next(item for item in gateway() if item["kind"] == "HTTPRoute")
    return cluster.get(cluster.path_of(route))["spec"]["rules"]


def untouched(cluster):
    """Nothing of a canary is left, and the manifests' next apply changes nothing."""
    kinds = (("apps/v1", "Deployment"), ("v1", "Service"), ("networking.k8s.io/v1", "NetworkPolicy"))
    kinds += (("networking.gke.io/v1", "HealthCheckPolicy"),)
    deadline = time.monotonic() + 5  # the garbage collector takes what the Deployment owned
    while left := [kind for kind in kinds if cluster.find(cluster.kind(*kind).path(NAMESPACE, CANARY))]:
        assert time.monotonic() < deadline, left
    assert [ref["weight"] for ref in rules(cluster)[0]["backendRefs"]] == [100]
    assert not apply(cluster, gateway(), progress=quiet).changed


def test_a_good_image_passes_all_weights_and_no_request_fails(cloud):
    steps = []
    with users(cloud.gke) as counted:
        done = promote_by_weight(cloud.gke, GOOD, [5, 25, 50], 60, quiet, steps.append)
    print(*steps, counted["answered"], sep="\n")
    assert counted["failed"] == []
    assert counted["answered"] > 200
    assert [step.percent for step in steps] == [5, 25, 50, 100]
    assert all(abs(step.share - step.percent) <= 10 for step in steps)
    assert (done.changed, image(cloud.gke)) == (True, GOOD)
    untouched(cloud.gke)
    assert not promote_by_weight(cloud.gke, GOOD, [50], 60, quiet, steps.append).changed
    assert len(steps) == 4, "what runs already needs no canary"


@pytest.mark.parametrize(("bad", "why"), [(FAILING, r"reads failed"), (SLOW, "is slow at weight 5 %")])
def test_a_bad_image_is_stopped_at_the_first_step(cloud, bad, why):
    steps, before = [], image(cloud.gke)
    with users(cloud.gke) as counted, pytest.raises(PromotionFailed, match=f"{why}.*canary is removed"):
        promote_by_weight(cloud.gke, bad, [5, 25], 60, quiet, steps.append)
    hit = len(counted["failed"])
    print(f"{hit} of {hit + counted['answered']} requests of users failed")
    assert set(counted["failed"]) <= {500}
    assert hit <= 0.05 * counted["answered"]
    assert (steps, image(cloud.gke)) == ([], before)
    untouched(cloud.gke)


def test_an_apply_meanwhile_leaves_the_weights(cloud):
    route = routing.find_route(cloud.gke, NAMESPACE, NAME)
    routing.share(cloud.gke, route, NAME, CANARY, 25)
    assert not apply(cloud.gke, gateway(), progress=quiet).changed
    assert [ref["weight"] for ref in rules(cloud.gke)[0]["backendRefs"]] == [75, 25]
    assert routing.unshare(cloud.gke, route)
    untouched(cloud.gke)


def test_a_cluster_without_a_route_says_what_to_do(cloud):
    with pytest.raises(PrecheckFailed, match=r"EKS.*serves no HTTPRoute: no weights can be set"):
        promote_by_weight(cloud.eks, GOOD, [5], 5, quiet, print)


def test_killed_at_any_moment_a_second_run_goes_on(cloud):
    seed = random.randrange(1000)
    wait = random.Random(seed).uniform(0.2, 6)
    program = (
        "import sys; sys.path[:0] = sys.argv[4:]\n"
        "from test_canary_clusters import resumed\nresumed(*sys.argv[1:4])"
    )
    server = cloud.gke_server
    arguments = [server.server, str(server.kubeconfig), BETTER, os.path.dirname(__file__), os.getcwd()]
    started = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
    assert started.stdout.readline() == b"ready\n"
    time.sleep(wait)
    started.send_signal(signal.SIGKILL)
    started.wait()
    running = cloud.gke.find(deployment_path(cloud.gke, NAMESPACE, CANARY))
    print(f"killed after {wait:.1f} s (seed {seed}); canary {'there' if running else 'not there'}")
    with users(cloud.gke) as counted:
        promote_by_weight(cloud.gke, BETTER, [5, 50], 60, quiet, print)
    assert counted["failed"] == []
    assert image(cloud.gke) == BETTER
    untouched(cloud.gke)


def resumed(server, kubeconfig, wanted):
    """What the killed process does."""
    from kubernetes.config import new_client_from_config

    from dreamnet.kubernetes.cluster import Cluster

    cluster = Cluster("gke", "google", "us-central1", new_client_from_config(kubeconfig))
    print("ready", flush=True)
    promote_by_weight(cluster, wanted, [5, 50], 60, quiet, quiet)
