"""A part of the catalogue as an operator has it: planned, brought up, left alone, watched, taken down."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest
from operator_shell import Rehearsal

#: The project itself, which holds its access policy, and its enabled APIs.
STAYS = {"cloudresourcemanager/projects", "serviceusage/services"}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def held(rehearsal: Rehearsal) -> Counter[tuple[str, str]]:
    """What exists on both clouds, by cloud and type."""
    google = rehearsal.endpoints["google"]["container"].rsplit("/", 1)[0]
    found: Counter[tuple[str, str]] = Counter()
    for cloud, url in (("google", google), ("aws", rehearsal.endpoints["aws"].rstrip("/"))):
        answer = httpx.get(f"{url}/_rehearsal/resources", timeout=30, trust_env=False).raise_for_status()
        for resource in answer.json():
            kind = resource.get("collection") or resource["type"]
            if kind not in STAYS:
                found[cloud, kind] += 1
    return found


def report(rehearsal: Rehearsal) -> str:
    """The newest report of the command."""
    return str(rehearsal.artifacts("deploy-multi-cloud-rehearsal")[-1]["data"])


@pytest.fixture(scope="module")
def empty(rehearsal: Rehearsal) -> Counter[tuple[str, str]]:
    """What both clouds hold before anything is created: the bills."""
    return held(rehearsal)


@pytest.fixture(scope="module")
def deployed(rehearsal: Rehearsal, empty: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """What both clouds hold with the starter selection up."""
    rehearsal.run("deploy-multi-cloud/rehearsal")
    return held(rehearsal)


def test_starter_comes_up_with_dreamnet_on_its_cluster(
    rehearsal: Rehearsal, empty: Counter[tuple[str, str]], deployed: Counter[tuple[str, str]]
) -> None:
    assert (deployed - empty).total() >= 40
    assert "DreamNet on gke | done | " in report(rehearsal)
    (plan,) = rehearsal.artifacts("plan-rehearsal-selection-starter")
    assert "USD" in plan["data"], "a plan shows its price"


def test_second_run_changes_nothing(rehearsal: Rehearsal, deployed: Counter[tuple[str, str]]) -> None:
    rehearsal.run("deploy-multi-cloud/rehearsal")
    assert "| done |" not in report(rehearsal)
    assert held(rehearsal) == deployed


def test_destroy_leaves_both_clouds_empty(
    rehearsal: Rehearsal, empty: Counter[tuple[str, str]], deployed: Counter[tuple[str, str]]
) -> None:
    rehearsal.run("destroy/rehearsal")
    assert held(rehearsal) == empty
