"""Overlays on any number of clusters: applied side by side, shown while it goes on, reported as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes import manifests
from dreamnet.kubernetes.apply import Settings
from dreamnet.kubernetes.batch import prepare
from dreamnet.kubernetes.fleet import FleetReport, Target, apply_everywhere
from dreamnet.report import Clock, Step
from dreamnet.serving.application import PART_OF
from tasks.kubernetes import NAMES, Where, cluster, region_of
from tasks.support import CLOUD_TASK, INFRASTRUCTURE, load_profile, progress, publish

KUBERNETES = INFRASTRUCTURE / "kubernetes"


@task(task_run_name="apply manifests", **CLOUD_TASK)
def apply_overlays(
    profile: str,
    run: str,
    overlays: Mapping[str, str],
    values: Mapping[str, str],
    plan_only: bool,
    consents: tuple[str, ...],
) -> Step:
    """Apply an overlay to each of some clusters, prune what they no longer have, wait for the rollouts.

    Raises:
        ConfigurationError: a cluster or an overlay is unknown, or a manifest invalid; nothing was applied.
        GameplanError: what went wrong, on every cluster where something did. The artifact tells all of it.
    """
    clock = Clock("Manifests")
    settings = load_profile(profile)
    known = {**settings.variables(), **values}
    targets = [_target(profile, where, name, known) for where, name in overlays.items()]
    shown = create_progress_artifact(0.0, f"apply-manifests-{profile}-progress", "Applied and rolled out")

    def advance(done: float) -> None:
        update_progress_artifact(shown, 100 * done)  # type: ignore[arg-type]  # no coroutine in a sync task

    report = apply_everywhere(
        targets,
        Settings(prune=PART_OF, consents=consents, dry_run=plan_only),
        progress(),
        advance,
        settings.grace_seconds,
    )
    _publish(profile, report, plan_only)
    if report.failure is not None:
        raise report.failure
    return clock.done(report.summary()) if report.changed else clock.unchanged(report.summary())


def _target(profile: str, where: str, overlay: str, values: Mapping[str, str]) -> Target:
    known = sorted(file.parent.name for file in KUBERNETES.glob("*/kustomization.yaml"))
    if where not in NAMES or overlay not in known:
        raise ConfigurationError(
            f"There is no cluster {where} or no overlay {overlay}.",
            f"Clusters: {', '.join(NAMES)}; overlays: {', '.join(known)}.",
        )
    place: Where = where
    rendered = manifests.render(KUBERNETES / overlay, {**values, "region": region_of(profile, place)})
    return Target(where, lambda: cluster(profile, place), prepare(rendered))


def _publish(profile: str, report: FleetReport, plan_only: bool) -> None:
    title = f"Dry run, nothing was changed. {report.summary()}" if plan_only else report.summary()
    text = "\n".join([f"# Manifests, profile {profile}", "", title, "", *report.table()])
    publish(f"apply manifests {profile}", text, title)
