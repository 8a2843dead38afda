"""The order of a promotion, where it stops, and who gets the old image back."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk
from prefect.exceptions import ParameterTypeError

from dreamnet.errors import ConfigurationError, PrecheckFailed, ResourceError, UnreachableError
from dreamnet.report import Step
from dreamnet.serving.promotion import PromotionFailed
from flows import promote as module
from tasks import promotion

IMAGE = f"dreamnet/backend@sha256:{'a' * 64}"
BROKEN = f"dreamnet/broken@sha256:{'b' * 64}"
run: Callable[..., list[Step]] = module.promote.fn


@pytest.fixture
def called(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Calls of tasks, in order; EKS, the last cluster, refuses the broken image."""
    calls: list[tuple[str, ...]] = []

    def promote_to(profile: str, where: str, image: str, rate: float) -> Step:
        calls.append(("promote", where))
        if where == "eks" and image == BROKEN:
            raise PromotionFailed("dreamnet (EKS, us-east-1): its image can't be pulled.", "Push it.")
        return Step(f"DreamNet on {where}", "done", "2 replicas ready", 1.0)

    def promote_by_weight(profile: str, where: str, image: str, rate: float, canary: list[int]) -> Step:
        calls.append(("canary", where, *map(str, canary)))
        return Step(f"DreamNet on {where}", "done", "2 replicas ready", 1.0)

    def put_back_on(profile: str, where: str) -> Step:
        calls.append(("back", where))
        if profile == "cut-off":
            raise UnreachableError(f"{where} does not answer.", "Look.")
        return Step(f"DreamNet on {where}, back", "done", "dreamnet/backend:1 runs again", 1.0)

    def keep_image(profile: str, image: str) -> Step:
        calls.append(("keep", image))
        return Step(f"Profile {profile}", "done", "names the new image", 0.0)

    monkeypatch.setattr(module, "promotion_order", promotion.promotion_order.fn)
    monkeypatch.setattr(module, "promote_to", promote_to)
    monkeypatch.setattr(module, "promote_by_weight", promote_by_weight)
    monkeypatch.setattr(module, "keep_image", keep_image)
    monkeypatch.setattr(promotion, "put_back_on", put_back_on)
    monkeypatch.setattr(promotion, "cluster", lambda profile, where: serving(where, profile == "big"))
    return calls


def serving(where: str, second: bool = False) -> Any:
    """DreamNet runs on the first GKE cluster and on EKS; a second GKE cluster exists where said."""
    if where == "gke-second" and not second:
        raise ResourceError("There is no GKE cluster dreamnet-second.", "Apply it.")
    kind = SimpleNamespace(path=lambda *parts: "/".join(part for part in parts if part))
    deployment = {"metadata": {}, "spec": {"replicas": 0 if where == "asleep" else 2}}
    return SimpleNamespace(
        kind=lambda *names: kind, find=lambda path: deployment, get=lambda path: deployment, key=where
    )


def test_one_cluster_after_the_other_then_the_profile(called: list[Any], desk: Desk) -> None:
    steps = run("acme", IMAGE)
    assert called == [("promote", "gke"), ("promote", "eks"), ("keep", IMAGE)]
    assert [step.outcome for step in steps] == ["done"] * 3
    assert f"{IMAGE} runs on gke, eks" in desk.artifacts["promote-acme"]


def test_named_clusters_come_in_the_plans_order_and_leave_the_profile(called: list[Any]) -> None:
    run("big", IMAGE, clusters=["eks", "gke-second"])
    assert called == [("promote", "gke-second"), ("promote", "eks")]


def test_a_canary_goes_before_the_image_on_each_cluster(called: list[Any]) -> None:
    run("acme", IMAGE, canary=[5, 50])
    assert called == [("canary", "gke", "5", "50"), ("canary", "eks", "5", "50"), ("keep", IMAGE)]


def test_where_one_fails_those_before_go_back(called: list[Any], desk: Desk) -> None:
    with pytest.raises(
        PromotionFailed, match=r"stopped at eks: .*can't be pulled.*gke: .*:1 runs again"
    ) as caught:
        run("acme", BROKEN)
    assert caught.value.remedy == "Push it."
    assert called == [("promote", "gke"), ("promote", "eks"), ("back", "gke")]
    assert "DreamNet on gke, back" in desk.artifacts["promote-acme"]
    assert (
        "stopped at eks: dreamnet (EKS, us-east-1): its image can't be pulled"
        in desk.artifacts["promote-acme"]
    )
    assert "DreamNet on eks | unchanged" not in desk.artifacts["promote-acme"], (
        "it has been changed, and back"
    )


def test_no_cluster_named_means_all(called: list[Any]) -> None:
    run("acme", IMAGE, clusters=[])
    assert called[-1] == ("keep", IMAGE)


def test_a_cluster_that_cannot_be_checked_stops_it_before_the_first_change(
    called: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ResourceError, match="no GKE cluster dreamnet-second"):
        run("acme", IMAGE, clusters=["gke", "gke-second"])
    monkeypatch.setattr(
        promotion, "cluster", lambda profile, where: serving("asleep" if where == "eks" else where)
    )
    with pytest.raises(PrecheckFailed, match="sleeps"):
        run("acme", IMAGE, clusters=["gke", "eks"])
    assert called == []


def test_those_before_go_back_last_one_first(called: list[Any]) -> None:
    with pytest.raises(PromotionFailed):
        run("big", BROKEN, clusters=["gke", "gke-second", "eks"])
    assert called[-2:] == [("back", "gke-second"), ("back", "gke")]


def test_those_before_keep_the_image_where_asked(called: list[Any]) -> None:
    with pytest.raises(PromotionFailed, match="before it keep the new image"):
        run("acme", BROKEN, keep_earlier=True)
    assert called == [("promote", "gke"), ("promote", "eks")]


def test_a_cluster_that_cannot_go_back_is_named(called: list[Any]) -> None:
    with pytest.raises(PromotionFailed, match="gke could not be put back: gke does not answer"):
        run("cut-off", BROKEN)


def test_bad_parameters_are_one_sentence(called: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="not named by a digest"):
        run("acme", "dreamnet/backend:latest")
    for wrong in ({"clusters": ["aks"]}, {"max_error_rate": 7}):
        with pytest.raises(ParameterTypeError, match=f"{next(iter(wrong))}"):
            module.promote.validate_parameters({"profile": "acme", "image": IMAGE, **wrong})
    monkeypatch.setattr(promotion, "cluster", lambda profile, where: serving("gke-second"))
    with pytest.raises(ResourceError, match="runs on no cluster"):
        run("acme", IMAGE)
    assert called == []
