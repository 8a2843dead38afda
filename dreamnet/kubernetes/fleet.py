"""Many clusters at once: applies a few at a time, rollouts all at a time, and one report over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.kubernetes.apply import Applied, ApplyReport, Outcome, Settings, attempt
from dreamnet.kubernetes.batch import Batch
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.kubernetes.rollout import Rollout, roll_out
from dreamnet.resources.model import Progress

#: Clusters that are applied to at a time. A client makes some 500 calls a second with so many threads; more
#: threads make none of them faster.
AT_ONCE = 4
#: Rollouts that are watched at a time: they mostly sleep.
WATCHED = 32

_COUNTED: tuple[Outcome, ...] = (
    "created",
    "configured",
    "unchanged",
    "pruned",
    "kept",
    "failed",
    "not reached",
)


@dataclass(frozen=True)
class Target:
    """One cluster, and what it gets.

    Attributes:
        name: of the cluster, in the report.
        connect: gives the cluster; what it raises is this cluster's failure, not the others'.
    """

    name: str
    connect: Callable[[], Cluster]
    batch: Batch


@dataclass(frozen=True)
class ClusterReport:
    """What became of one cluster.

    Attributes:
        failures: what stopped the apply, or each rollout that stuck (and was taken back).
    """

    name: str
    applied: ApplyReport
    rolled_out: tuple[Rollout, ...] = ()
    failures: tuple[GameplanError, ...] = ()


@dataclass(frozen=True)
class FleetReport:
    """What became of every cluster, in the targets' order."""

    clusters: tuple[ClusterReport, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is different from before (dry run: would be) on any cluster."""
        return any(cluster.applied.changed for cluster in self.clusters)

    @property
    def failure(self) -> GameplanError | None:
        """The one failure, or one error that says all of them and where it went well; None where none is."""
        failures = [failure for cluster in self.clusters for failure in cluster.failures]
        if len(failures) < 2:
            return failures[0] if failures else None
        well = [cluster.name for cluster in self.clusters if not cluster.failures]
        done = f" Done on {', '.join(well)}." if well else ""
        return ResourceError(
            " ".join(failure.problem for failure in failures) + done,
            " ".join(dict.fromkeys(failure.remedy for failure in failures)),
        )

    def summary(self) -> str:
        """One sentence with figures over all clusters."""
        counts = {one: sum(cluster.applied.count(one) for cluster in self.clusters) for one in _COUNTED}
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        failed = ", ".join(cluster.name for cluster in self.clusters if cluster.failures)
        ended = f"; failed on {failed}" if failed else ""
        number = "1 cluster" if len(self.clusters) == 1 else f"{len(self.clusters)} clusters"
        return f"{number}: {said or 'nothing'}{ended}."

    def table(self) -> list[str]:
        """A Markdown table of clusters with counts and reasons, then every object that is not unchanged."""
        lines = [f"| cluster | {' | '.join(_COUNTED)} | rolled out | |", f"| --- |{' ---: |' * 8} --- |"]
        for one in self.clusters:
            counts = " | ".join(str(one.applied.count(outcome)) for outcome in _COUNTED)
            reasons = " ".join(failure.problem for failure in one.failures).replace("|", "/")
            lines.append(f"| {one.name} | {counts} | {len(one.rolled_out)} | {reasons} |")
        for one in self.clusters:
            rows = [row for row in one.applied.rows if row.outcome != "unchanged"]
            if rows:
                lines += ["", f"## {one.name}", "", "| object | |", "| --- | --- |"]
                lines += [f"| {row.title} | {_said(row)} |" for row in rows]
        return lines


def apply_everywhere(
    targets: Sequence[Target],
    settings: Settings,
    progress: Progress,
    advance: Callable[[float], None],
    rollout_timeout: float | None = None,
) -> FleetReport:
    """Apply to many clusters at once, and wait for what is rolled out there.

    Every cluster is tried, whatever becomes of the others. A rollout that sticks is taken back.

    Args:
        advance: told how much is done, from 0 to 1, in the caller's thread.
        rollout_timeout: seconds for each Deployment among the manifests; None waits for none.
    """
    watched = rollout_timeout if not settings.dry_run else None
    with ThreadPoolExecutor(WATCHED) as watchers, ThreadPoolExecutor(AT_ONCE) as appliers:

        def apply_one(target: Target) -> tuple[ApplyReport, list[Future[Rollout]]]:
            report, cluster = _apply(target, settings, progress)
            if cluster is None or report.failure is not None or watched is None:
                return report, []
            return report, [
                watchers.submit(roll_out, cluster, namespace, name, watched, progress)
                for namespace, name in _deployments(target.batch)
            ]

        started = [appliers.submit(apply_one, target) for target in targets]
        for number, _ in enumerate(as_completed(started), 1):
            advance(number / len(started) / 2)
        waits = [wait for future in started for wait in future.result()[1]]
        for number, _ in enumerate(as_completed(waits), 1):
            advance(0.5 + number / len(waits) / 2)
    advance(1.0)
    return FleetReport(
        tuple(_finish(target.name, *future.result()) for target, future in zip(targets, started, strict=True))
    )


def _apply(target: Target, settings: Settings, progress: Progress) -> tuple[ApplyReport, Cluster | None]:
    try:
        cluster = target.connect()
    except GameplanError as error:
        rows = tuple(Applied.of(manifest, "not reached") for manifest in target.batch.manifests)
        return ApplyReport(target.name, rows, 0.0, settings.dry_run, error), None
    return attempt(cluster, target.batch, progress, settings), cluster


def _finish(name: str, applied: ApplyReport, waits: Sequence[Future[Rollout]]) -> ClusterReport:
    if applied.failure is not None:
        return ClusterReport(name, applied, failures=(applied.failure,))
    rolled_out: list[Rollout] = []
    stuck: list[GameplanError] = []
    for wait in waits:
        try:
            rolled_out.append(wait.result())
        except GameplanError as error:
            stuck.append(error)
    return ClusterReport(name, applied, tuple(rolled_out), tuple(stuck))


def _deployments(batch: Batch) -> list[tuple[str, str]]:
    return [
        (item["metadata"]["namespace"], item["metadata"]["name"])
        for item in batch.manifests
        if item["kind"] == "Deployment"
    ]


def _said(row: Applied) -> str:
    needs = f": needs the consent `{row.title}`" if row.outcome == "kept" else ""
    return f"{row.outcome}{needs}{': ' + row.why.replace('|', '/') if row.why else ''}"
