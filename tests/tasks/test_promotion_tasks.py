"""Promotion as tasks: what they tell the operator, where there is a way back and where not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.serving.canary import CanaryStep
from dreamnet.serving.promotion import Promoted
from tasks import promotion

IMAGE = f"dreamnet/backend@sha256:{'a' * 64}"


@pytest.fixture
def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the core was asked for; the second cluster runs the image already and has no earlier one."""
    calls: list[tuple[Any, ...]] = []

    def promote(cluster: str, image: str, timeout: float, progress: Any, rate: float) -> Promoted:
        calls.append((cluster, image, timeout, rate))
        return Promoted(cluster, image, changed=cluster == "acme gke", replicas=3, reads=201, failed=1)

    def put_back(cluster: str, timeout: float, progress: Any) -> str | None:
        calls.append((cluster, timeout))
        return "dreamnet/backend:1" if cluster == "acme gke" else None

    monkeypatch.setattr(promotion.promotion, "promote", promote)
    monkeypatch.setattr(promotion.promotion, "put_back", put_back)
    monkeypatch.setattr(promotion, "cluster", lambda profile, where: f"{profile} {where}")
    monkeypatch.setattr(promotion, "load_profile", lambda name: SimpleNamespace(grace_seconds=90.0))
    return calls


def test_a_promoted_cluster_says_its_replicas_and_reads(asked: list[Any]) -> None:
    first = promotion.promote_to.fn("acme", "gke", IMAGE, 0.02)
    second = promotion.promote_to.fn("acme", "eks", IMAGE, 0.02)
    assert (first.outcome, second.outcome) == ("done", "unchanged")
    assert first.detail == "3 replicas ready, 1 of 201 reads failed"
    assert asked == [("acme gke", IMAGE, 90.0, 0.02), ("acme eks", IMAGE, 90.0, 0.02)]


def test_each_step_of_a_canary_is_a_row_and_the_end_says_the_shares(
    asked: list[Any], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_weight(
        cluster: str, image: str, steps: list[int], patience: float, say: Any, tell: Any, rate: float
    ) -> Promoted:
        for percent in steps if "gke" in cluster else ():
            tell(CanaryStep(percent, 200, percent * 2, 1, 12.0, 11.0))
            assert (
                f"| {percent} % | {percent}.0 % | 200 | 1 | 12 ms | 11 ms |"
                in desk.artifacts["canary-acme-gke"]
            )
        return Promoted(cluster, image, changed="gke" in cluster, replicas=3, reads=200, failed=0)

    monkeypatch.setattr(promotion, "by_weight", by_weight)
    first = promotion.promote_by_weight.fn("acme", "gke", IMAGE, 0.02, [5, 50])
    assert (first.outcome, first.detail) == (
        "done",
        "canary with 5 % (5.0 % measured), 50 % (50.0 % measured); 3 replicas ready, 0 of 200 reads failed",
    )
    assert promotion.promote_by_weight.fn("acme", "eks", IMAGE, 0.02, [5]).outcome == "unchanged"


def test_a_cluster_put_back_says_what_runs_there(asked: list[Any]) -> None:
    assert promotion.put_back_on.fn("acme", "gke").detail == "dreamnet/backend:1 runs again"
    assert promotion.put_back_on.fn("acme", "eks").outcome == "unchanged"


def test_a_retry_looks_at_the_clusters_again() -> None:
    for task in (
        promotion.promotion_order,
        promotion.promote_to,
        promotion.promote_by_weight,
        promotion.put_back_on,
        promotion.keep_image,
    ):
        key = task.cache_policy.compute_key(SimpleNamespace(), {"profile": "acme"}, {})
        assert key is None, "an earlier attempt's result would hide that it was put back"
