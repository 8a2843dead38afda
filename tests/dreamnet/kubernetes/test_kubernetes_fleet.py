"""Many clusters at once: bounded, one failing hides no other, one report over all of them."""

import threading
import time

import pytest
from fake_cluster import Answer, cluster, deployment, namespace, pods_follow

from dreamnet.errors import CredentialsError, ResourceError, UnreachableError
from dreamnet.kubernetes import fleet
from dreamnet.kubernetes.apply import Settings
from dreamnet.kubernetes.batch import prepare
from dreamnet.kubernetes.fleet import AT_ONCE, Target, apply_everywhere

BATCH = prepare([namespace(), deployment("api")])
PATH = "/apis/apps/v1/namespaces/dreamnet/deployments/api"


def quiet(text):
    pass


def never(path, item):
    """A Deployment controller that gave up on the newest template."""
    pods_follow(path, item)
    if item.get("kind") == "Deployment":
        condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        item["status"] |= {"availableReplicas": 0, "conditions": [condition]}


def target(made, connect=None):
    return Target(made.name, connect or (lambda: made), BATCH)


def test_one_report_tells_what_became_of_every_cluster():
    good, _ = cluster("good")
    stuck, _ = cluster("stuck", controllers=(never,))
    refused, api = cluster("refused")
    api.refuse["PATCH", PATH] = Answer(403, {"message": "no | no"})

    def gone():
        raise UnreachableError("Cluster gone does not answer.", "Start it.")

    seen = []
    report = apply_everywhere(
        [target(good), target(stuck), target(refused), Target("gone", gone, BATCH)],
        Settings(),
        quiet,
        lambda done: seen.append((done, threading.current_thread())),
        rollout_timeout=5,
    )
    assert [one.name for one in report.clusters] == ["good", "stuck", "refused", "gone"]
    assert [len(one.rolled_out) for one in report.clusters] == [1, 0, 0, 0]
    assert [bool(one.failures) for one in report.clusters] == [False, True, True, True]
    assert report.summary() == (
        "4 clusters: 5 created, 1 failed, 2 not reached; failed on stuck, refused, gone."
    )
    error = report.failure
    assert isinstance(error, ResourceError)
    for words in ("has not rolled out", "not allowed to PATCH", "gone does not answer", "Done on good."):
        assert words in error.problem
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {thread for _, thread in seen} == {threading.current_thread()}
    table = "\n".join(report.table())
    assert "| good | 2 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |  |" in table
    assert "| Deployment dreamnet/api | failed: " in table
    assert "no / no" in table, "a bar would end the cell"


def test_the_one_failure_is_told_as_it_is():
    good, _ = cluster("good")
    bad, api = cluster("bad")
    api.refuse["GET", "/api/v1"] = Answer(401, {})
    report = apply_everywhere([target(good), target(bad)], Settings(), quiet, lambda done: None)
    assert isinstance(report.failure, CredentialsError)
    assert report.clusters[0].failures == ()
    assert report.changed


def test_a_dry_run_waits_for_nothing_and_names_what_needs_consent():
    made, api = cluster("one", controllers=(never,))
    labels = {"app.kubernetes.io/part-of": "dreamnet"}
    claim = {"name": "dreams", "namespace": "dreamnet", "labels": labels}
    api.put(namespace())
    api.put_applied({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim})
    settings = Settings(dry_run=True, prune="app.kubernetes.io/part-of=dreamnet")
    report = apply_everywhere([target(made)], settings, quiet, lambda done: None, rollout_timeout=60)
    assert report.failure is None
    assert PATH not in api.objects
    assert "kept: needs the consent `PersistentVolumeClaim dreamnet/dreams`" in "\n".join(report.table())


def test_few_are_applied_to_at_a_time_and_all_are_watched(monkeypatch):
    applying, watching, most = [], [], {"applying": 0, "watching": 0}
    all_watched = threading.Event()

    def attempt(made, batch, progress, settings):
        applying.append(made)
        most["applying"] = max(most["applying"], len(applying))
        time.sleep(0.01)
        applying.remove(made)
        return fleet.ApplyReport(made.name, (), 0.0)

    def roll_out(made, space, name, timeout, progress):
        watching.append(made)
        if len(watching) == 10:
            all_watched.set()
        assert all_watched.wait(5), "a rollout waits for another's end"
        return None

    monkeypatch.setattr(fleet, "attempt", attempt)
    monkeypatch.setattr(fleet, "roll_out", roll_out)
    targets = [target(cluster(f"c{number}")[0]) for number in range(10)]
    report = apply_everywhere(targets, Settings(), quiet, lambda done: None, rollout_timeout=60)
    assert [len(one.rolled_out) for one in report.clusters] == [1] * 10
    assert 1 < most["applying"] <= AT_ONCE


def test_no_cluster_no_report():
    report = apply_everywhere([], Settings(), quiet, lambda done: None)
    assert (report.clusters, report.failure, report.changed) == ((), None, False)


@pytest.mark.parametrize("controllers", [(pods_follow,), (never,)])
def test_nothing_is_waited_for_unless_asked(controllers):
    made, _ = cluster("one", controllers=controllers)
    report = apply_everywhere([target(made)], Settings(), quiet, lambda done: None)
    assert report.failure is None
