"""Deployments that an operator starts by hand, through the worker; a promotion survives being killed."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import yaml
from operator_shell import PROJECT, Rehearsal, eventually, kill
from prefect.flows import load_flow_from_entrypoint

from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.rollout import deployment_path
from dreamnet.serving.application import DEPLOYMENT, NAMESPACE
from dreamnet.serving.promotion import PREVIOUS, PROMOTED, TAKEN_BACK

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

#: One that no cluster runs yet.
NEW = f"localcloud/dreamnet-backend@sha256:{secrets.token_hex(32)}"
#: Seconds after the first change of a cluster within which a promotion is killed; undisturbed it takes 8.
WINDOW = 6.0
#: What has no default in a deployment: only the operator knows it.
ASKED: dict[str, dict[str, Any]] = {
    "flows.promote.promote": {"image": NEW},
    "flows.adopt.adopt": {"resources": ["google/gke-cluster"]},
}
DECLARED = [
    one
    for one in yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    if one["parameters"]["profile"] == "rehearsal"
]


# ---- what the server has of prefect.yaml


def name_of(declared: dict[str, Any]) -> str:
    """As `prefect deployment run` wants it."""
    return f"{declared['entrypoint'].rpartition('.')[2].replace('_', '-')}/{declared['name']}"


@pytest.mark.parametrize("declared", DECLARED, ids=name_of)
def test_the_worker_finds_what_it_is_to_run(rehearsal: Rehearsal, declared: dict[str, Any]) -> None:
    deployed = rehearsal.get(f"deployments/name/{name_of(declared)}")
    assert (deployed["entrypoint"], deployed["work_pool_name"]) == (declared["entrypoint"], "dreamnet")
    assert deployed["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": str(PROJECT)}}
    ]
    flow = load_flow_from_entrypoint(deployed["entrypoint"], use_placeholder_flow=False)
    schema = deployed["parameter_openapi_schema"]
    assert {"definitions": {}, **schema} == flow.parameters.model_dump_for_openapi()
    good = deployed["parameters"] | ASKED.get(declared["entrypoint"], {})
    flow.validate_parameters(good)
    schedules = [(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in deployed["schedules"]]
    assert schedules == [(one["cron"], one["timezone"]) for one in declared.get("schedules", [])]
    later = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    path = f"deployments/{deployed['id']}/create_flow_run"
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": later}}
    run = rehearsal.post(path, {"state": state, "parameters": good})
    httpx.delete(f"{rehearsal.endpoints['prefect']['api']}/flow_runs/{run['id']}", trust_env=False)
    unasked = [deployed["parameters"]] if good != deployed["parameters"] else []
    for wrong in ({**good, "profile": 7}, *unasked):
        with pytest.raises(httpx.HTTPStatusError, match="409"):
            rehearsal.post(path, {"state": state, "parameters": wrong})


# ---- run through the worker


def backend(cluster: Cluster) -> tuple[str, dict[str, str]]:
    """The image that a cluster runs, and what promotions have noted there."""
    found = cluster.get(deployment_path(cluster, NAMESPACE, DEPLOYMENT))
    notes = found["metadata"].get("annotations", {})
    noted = {key: notes[key] for key in (PROMOTED, PREVIOUS, TAKEN_BACK) if key in notes}
    return found["spec"]["template"]["spec"]["containers"][0]["image"], noted


@pytest.fixture(scope="module")
def clusters(rehearsal: Rehearsal) -> list[Cluster]:
    """Both clouds' clusters with DreamNet on them."""
    from tasks.kubernetes import cluster

    if not rehearsal.artifacts("week-1-rehearsal"):
        rehearsal.run("week1-kubernetes/rehearsal")
    with rehearsal.here():
        return [cluster("rehearsal", "gke"), cluster("rehearsal", "eks")]


@pytest.fixture(scope="module")
def runs(
    rehearsal: Rehearsal, clusters: list[Cluster], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """All of them, side by side; the promotion is killed at a random moment and started a second time."""
    seed = random.SystemRandom().randrange(10**6)
    after = random.Random(seed).uniform(0, WINDOW)
    folder = tmp_path_factory.mktemp("hand-over")
    old = [backend(cluster)[0] for cluster in clusters]
    killed = rehearsal.begin("promote/rehearsal", image=NEW)
    begun = {
        "adopt": rehearsal.begin("adopt/rehearsal", **ASKED["flows.adopt.adopt"]),
        "hand-over": rehearsal.begin("hand-over/rehearsal", folder=str(folder)),
        "refresh-prices": rehearsal.begin("refresh-prices/rehearsal"),
    }
    print(f"\nthe promotion is killed {after:.2f} s after its first change (seed {seed})")
    kill(rehearsal, killed, lambda: backend(clusters[0])[0] == NEW, after)
    begun["promote"] = rehearsal.begin("promote/rehearsal", image=NEW)
    mistaken = rehearsal.begin("promote/rehearsal", image="localcloud/dreamnet-backend:2")
    for run in begun.values():
        rehearsal.wait(run, "Completed")
    rehearsal.wait(mistaken, "Failed")
    return {"old": old, "folder": folder, "mistaken": mistaken, **begun}


def test_a_killed_promotion_is_finished_by_the_next(
    rehearsal: Rehearsal, clusters: list[Cluster], runs: dict[str, Any]
) -> None:
    from tasks.support import load_profile

    for cluster, old in zip(clusters, runs["old"], strict=True):
        assert backend(cluster) == (NEW, {PROMOTED: NEW, PREVIOUS: old})
    with rehearsal.here():
        assert load_profile("rehearsal").image == NEW
    told = rehearsal.artifacts("promote-rehearsal")[-1]
    assert told["description"] == f"{NEW} runs on gke, eks"
    assert told["flow_run_id"] == runs["promote"]
    assert "names the new image" in told["data"] + "".join(
        one["data"] for one in rehearsal.artifacts("promote-rehearsal")
    )


def test_adoption_says_what_was_ours(rehearsal: Rehearsal, runs: dict[str, Any]) -> None:
    (told,) = (one for one in rehearsal.artifacts("adopted-rehearsal") if one["flow_run_id"] == runs["adopt"])
    assert "google/gke-cluster" in told["data"]
    assert "0 adopted, 1 were ours" in rehearsal.log_of(runs["adopt"])


def test_hand_over_writes_what_it_says(rehearsal: Rehearsal, runs: dict[str, Any]) -> None:
    told = rehearsal.artifacts("hand-over-rehearsal-gameplan")[-1]
    assert str(runs["folder"]) in told["description"]
    imports = (runs["folder"] / "terraform/gcp/imports.tf").read_text()
    assert "clusters/dreamnet" in imports
    assert (runs["folder"] / "pulumi/aws/import.json").exists()


def test_prices_say_whom_they_asked(rehearsal: Rehearsal, runs: dict[str, Any]) -> None:
    told = rehearsal.artifacts("prices-rehearsal")[-1]
    assert told["description"].endswith(f"answers of {rehearsal.endpoints['aws']}, not of AWS.")
    assert "0 prices changed" in told["data"]


def test_a_mistake_is_one_sentence_in_the_log(rehearsal: Rehearsal, runs: dict[str, Any]) -> None:
    # That it changed nothing is seen above: every cluster has the other promotion's image and notes.
    def told() -> str | None:
        log = rehearsal.log_of(runs["mistaken"])
        return log if "is not named by a digest. Remedy: " in log and "Flow run encountered" in log else None

    assert "Traceback" not in eventually(told, "the run's log")
