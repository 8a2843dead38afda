"""Watch over what was applied: drift, and the adoption of what exists already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import task
from prefect.events import emit_event

from dreamnet.report import Clock, Step
from dreamnet.resources.adopt import adopt
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.drift import DriftReport, find_drift
from tasks.resources import catalogue, drivers
from tasks.support import CLOUD_TASK, INFRASTRUCTURE, load_profile, progress, publish

#: What a drift check emits where it found any.
DRIFT_FOUND = "dreamnet.drift.found"


@task(task_run_name="drift of {selection}", **CLOUD_TASK)
def check_drift(profile: str, run: str, selection: str) -> Step:
    """Compare what lives with what the files declare; changes nothing. The report is an artifact, and drift
    an event."""
    clock = Clock(f"Drift of selection {selection}")
    found = find_drift(
        catalogue((), selection),
        drivers(profile),
        load_profile(profile).variables(),
        whole=load_catalogue(INFRASTRUCTURE),
    )
    publish(f"drift {profile} {selection}", found.markdown(), found.summary())
    if not found.ok:
        emit_event(
            DRIFT_FOUND,
            resource={"prefect.resource.id": f"dreamnet.drift.{profile}", "dreamnet.profile": profile},
            payload={"selection": selection, **_named(found)},
        )
    return clock.unchanged(found.summary())


def _named(found: DriftReport) -> dict[str, Any]:
    """What an alert says: names, no values."""
    return {
        "summary": found.summary(),
        "changed": [f"{one.id} {', '.join(change.path for change in one.changes)}" for one in found.changed],
        "absent": [one.id for one in found.absent],
        "foreign": [one.id for one in found.foreign],
        "undeclared": [f"{one.type} {one.identifier}" for one in found.undeclared],
    }


@task(task_run_name="adopt", **CLOUD_TASK)
def adopt_resources(
    profile: str, run: str, resources: tuple[str, ...], identifiers: Mapping[str, str]
) -> Step:
    """Put our mark on what exists under the declared names; what differs besides is an artifact.

    Raises:
        PrecheckFailed: one of them does not exist, or belongs to somebody else; nothing was changed.
        ResourceError: what could not be marked, by name.
    """
    clock = Clock(f"Adoption of {', '.join(resources)}")
    say = progress()
    adoption = adopt(
        load_catalogue(INFRASTRUCTURE),
        resources,
        drivers(profile),
        load_profile(profile).variables(),
        lambda resource, words: say(f"{resource}: {words}"),
        identifiers=identifiers,
    )
    publish(f"adopted {profile}", adoption.markdown(), "What is ours now, and how it differs from the files")
    adoption.report.raise_for_failures()
    done = len(adoption.report.with_status("done"))
    said = f"{done} adopted, {len(resources) - done} were ours; {len(adoption.rows)} fields differ."
    return clock.done(said) if done else clock.unchanged(said)
