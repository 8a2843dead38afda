"""Overlays on clusters as a task: what is applied where, what the operator sees, what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from desk import Desk

from dreamnet.errors import ConfigurationError, UnreachableError
from dreamnet.kubernetes.apply import Applied, ApplyReport
from dreamnet.kubernetes.fleet import ClusterReport, FleetReport, Target
from tasks import manifests


@pytest.fixture
def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Targets, settings and shown progress; on EKS nothing answers where the profile is `cut-off`."""
    calls: list[Any] = []

    def apply_everywhere(
        targets: list[Target], settings: Any, progress: Any, advance: Any, timeout: float
    ) -> FleetReport:
        calls.append((targets, settings, timeout))
        advance(0.5)
        reports = []
        for target in targets:
            row = Applied("Namespace", "", "dreamnet", "created" if target.name == "gke" else "unchanged")
            cut = target.name == "eks" and "cut-off" in desk.lines
            failures = (UnreachableError("EKS does not answer.", "Look."),) if cut else ()
            reports.append(ClusterReport(target.name, ApplyReport(target.name, (row,), 1.0), (), failures))
        return FleetReport(tuple(reports))

    def load_profile(name: str) -> SimpleNamespace:
        desk.lines.append(name)
        return SimpleNamespace(grace_seconds=90.0, variables=lambda: {"image": "dreamnet/backend:1"})

    monkeypatch.setattr(manifests, "apply_everywhere", apply_everywhere)
    monkeypatch.setattr(manifests, "load_profile", load_profile)
    monkeypatch.setattr(manifests, "region_of", lambda profile, where: f"region of {where}")
    monkeypatch.setattr(manifests, "create_progress_artifact", lambda *given: uuid4())
    monkeypatch.setattr(manifests, "update_progress_artifact", lambda shown, share: calls.append(share))
    return calls


def test_every_cluster_gets_its_overlay_with_its_region(asked: list[Any], desk: Desk) -> None:
    step = manifests.apply_overlays.fn("acme", "r", {"gke": "gke", "eks": "eks"}, {}, False, ("Secret a/b",))
    (targets, settings, timeout), shown = asked
    assert (timeout, shown) == (90.0, 50.0)
    assert (settings.dry_run, settings.consents) == (False, ("Secret a/b",))
    assert settings.prune == "app.kubernetes.io/part-of=dreamnet"
    regions = [
        item["data"]["REGION"]
        for target in targets
        for item in target.batch.manifests
        if item["kind"] == "ConfigMap"
    ]
    assert regions == ["region of gke", "region of eks"]
    assert step.outcome == "done"
    assert step.detail == "2 clusters: 1 created, 1 unchanged."
    assert "| Namespace dreamnet | created |" in desk.artifacts["apply-manifests-acme"]


def test_a_plan_says_that_it_changed_nothing(asked: list[Any], desk: Desk) -> None:
    manifests.apply_overlays.fn("acme", "r", {"eks": "eks"}, {}, True, ())
    assert asked[0][1].dry_run
    assert "Dry run, nothing was changed." in desk.artifacts["apply-manifests-acme"]


def test_a_failure_is_raised_after_the_report_on_all_clusters(asked: list[Any], desk: Desk) -> None:
    with pytest.raises(UnreachableError, match="EKS does not answer"):
        manifests.apply_overlays.fn("cut-off", "r", {"gke": "gke", "eks": "eks"}, {}, False, ())
    text = desk.artifacts["apply-manifests-cut-off"]
    assert "failed on eks" in text
    assert "| gke | 1 |" in text
    assert "EKS does not answer." in text


@pytest.mark.parametrize("chosen", [{"aks": "gke"}, {"gke": "gke-fuller"}, {"gke": "../kubernetes"}])
def test_what_is_not_there_is_refused_before_anything_is_applied(
    asked: list[Any], chosen: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="no cluster"):
        manifests.apply_overlays.fn("acme", "r", chosen, {}, False, ())
    assert asked == []


def test_a_variable_without_value_is_named(asked: list[Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"\$\{[a-z_]+\} has no value"):
        manifests.apply_overlays.fn("acme", "r", {"gke": "gke-full"}, {}, False, ())
