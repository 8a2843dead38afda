"""Readiness and enabling as tasks: what they publish, and when they stop."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from desk import Desk

from dreamnet.errors import PrecheckFailed
from dreamnet.prechecks import Finding, Report
from tasks import checks

BILLING = Finding("google", "billing", "blocks", "Billing is off for project p.", "https://x", "gcloud y")


FITS = Finding("aws", "quotas", "fine", "All fit.")


class Clouds:
    """Answers the check with `findings`, and notes what it was asked."""

    def __init__(self) -> None:
        self.findings = (FITS,)
        self.asked: list[tuple[set[str], Any]] = []

    def check(self, catalogue: Any, google: Any, aws: Any, variables: Any) -> Report:
        self.asked.append((set(catalogue.resources), variables))
        return Report(self.findings)


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Clouds:
    found = Clouds()
    for name in ("google_account", "aws_account"):
        monkeypatch.setattr(checks, name, lambda profile: SimpleNamespace())
    monkeypatch.setattr(checks, "load_profile", lambda profile: SimpleNamespace(variables=lambda: {"a": "b"}))
    monkeypatch.setattr(checks, "check", found.check)
    return found


def test_a_ready_account_lets_the_flow_go_on(clouds: Clouds, desk: Desk) -> None:
    step = checks.check_ready.fn("acme", "run", ("aws/data/sqs.yaml",))
    assert (step.outcome, step.detail) == ("unchanged", "aws/data/sqs.yaml: 0 blocks, 0 to do, 1 fine.")
    resources, variables = clouds.asked[0]
    assert resources
    assert all(one.startswith("aws/") for one in resources)
    assert variables == {"a": "b"}
    assert "All fit." in desk.artifacts["readiness-acme-aws-data-sqs-yaml"]


def test_what_blocks_stops_the_flow_after_the_report(clouds: Clouds, desk: Desk) -> None:
    clouds.findings = (FITS, BILLING)
    with pytest.raises(PrecheckFailed) as stopped:
        checks.check_ready.fn("acme", "run", selection="gameplan")
    assert "Billing is off for project p." in str(stopped.value)
    assert "gcloud y" in stopped.value.remedy
    assert "Billing is off" in desk.artifacts["readiness-acme-selection-gameplan"]


def test_apis_are_enabled_and_listed_with_what_needs_them(
    monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    on: set[str] = set()

    def enable(account: Any, services: Iterable[str], progress: Any) -> tuple[str, ...]:
        missing = sorted(set(services) - on)
        on.update(missing)
        progress("enabling")
        return tuple(missing)

    monkeypatch.setattr(checks, "google_account", lambda profile: SimpleNamespace())
    monkeypatch.setattr(checks, "enable_services", enable)
    first = checks.enable_google_apis.fn("acme", "run", "gameplan")
    assert first.outcome == "done"
    table = desk.artifacts["apis-acme"]
    assert "| container.googleapis.com | container.v1/projects.locations.clusters |" in table
    assert checks.enable_google_apis.fn("acme", "run", "gameplan").outcome == "unchanged"
