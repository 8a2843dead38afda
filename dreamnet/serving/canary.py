"""A canary by weight: a digest beside what runs, a growing share of the requests, and back where it fails.

Next to the Deployment runs another one with the new image, and the HTTPRoute gives it a share of the
requests, step by step. Where it stands is noted on these objects alone: a second run goes on, or cleans up.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dreamnet.errors import ConfigurationError, GameplanError, PrecheckFailed, VerificationError
from dreamnet.kubernetes import rollout, routing
from dreamnet.kubernetes.apply import apply_object
from dreamnet.kubernetes.cluster import Cluster, NotFound, Object
from dreamnet.resources.model import Progress
from dreamnet.serving import promotion
from dreamnet.serving.application import DEPLOYMENT, NAMESPACE
from dreamnet.serving.promotion import MAX_ERROR_RATE, Promoted, PromotionFailed
from dreamnet.serving.reads import Read, Reader, percentile

#: The canary's Deployment and Service, and what its pods answer as their release.
CANARY, RELEASE = f"{DEPLOYMENT}-canary", "canary"
#: Annotations of the canary's Deployment: the last step that it passed (percent), and why it has to go.
PASSED, FAILED = "dreamnet/canary-passed", "dreamnet/canary-failed"
NAME_LABEL = "app.kubernetes.io/name"
#: What concerns a Service or its pods by name, and must concern the canary's too.
_POLICIES = (
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.gke.io/v1", "HealthCheckPolicy"),
    ("gateway.k8s.aws/v1", "TargetGroupConfiguration"),
)
#: A step is judged by at least so many reads, and so many of the canary's.
READS, CANARY_READS, BATCH = 200, 40, 50
#: So much slower than what runs may 95 of 100 reads be: a factor, and seconds on top for its jitter.
SLOWER, SLACK_SECONDS = 2.0, 0.1


@dataclass(frozen=True)
class CanaryStep:
    """A share of the requests, as it was measured.

    Attributes:
        percent: the weight that was set.
        reads, failed: through the Gateway; `canary` of them reached the canary, `canary_failed` failed there.
        p95_ms, stable_p95_ms: milliseconds within which 95 of 100 reads were answered.
    """

    percent: int
    reads: int
    canary: int
    failed: int
    p95_ms: float
    stable_p95_ms: float

    @property
    def share(self) -> float:
        """Percent of the reads that reached the canary."""
        return 100 * self.canary / self.reads

    def __str__(self) -> str:
        return (
            f"weight {self.percent} %: {self.share:.1f} % of {self.reads} reads reached the canary,"
            f" {self.failed} failed, p95 {self.p95_ms:.0f} ms (before: {self.stable_p95_ms:.0f} ms)"
        )


Tell = Callable[[CanaryStep], None]


def canary_table(image: str, steps: Sequence[CanaryStep]) -> str:
    """The steps that passed, as Markdown."""
    rows = [f"# {image}", "", "| weight | reached the canary | reads | failed | p95 | before |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: | ---: |")
    rows += [
        f"| {step.percent} % | {step.share:.1f} % | {step.reads} | {step.failed} | {step.p95_ms:.0f} ms"
        f" | {step.stable_p95_ms:.0f} ms |"
        for step in steps
    ]
    return "\n".join(rows)


def check_steps(steps: Sequence[int]) -> None:
    """Refuse anything but growing percents.

    Raises:
        ConfigurationError: they are not.
    """
    if not steps or list(steps) != sorted(set(steps)) or not all(1 <= step <= 100 for step in steps):
        raise ConfigurationError(
            f"Canary {list(steps)} is no list of growing percents.", "Give some such as [5, 25, 50, 100]."
        )


def promote_by_weight(
    cluster: Cluster,
    image: str,
    steps: Sequence[int],
    timeout: float,
    progress: Progress,
    tell: Tell,
    max_error_rate: float = MAX_ERROR_RATE,
) -> Promoted:
    """Bring the backend to an image by way of a canary, which is gone in the end whatever happens.

    Args:
        steps: shares of the requests, in percent; 100 is added, so that the Deployment is replaced while all
            requests go to the canary.
        timeout: seconds for each rollout, and for each step's share to be seen.
        tell: is called with each step that passed.
        max_error_rate: share of the reads that may fail, 0 to 1.

    Raises:
        ConfigurationError: image or steps are not valid.
        PrecheckFailed: no Gateway leads to the backend, or it does not work already; nothing was changed.
        PromotionFailed: a step did not pass; all requests go to what ran before.
    """
    promotion.check_image(image)
    check_steps(steps)
    route = routing.find_route(cluster, NAMESPACE, DEPLOYMENT)
    routing.refuse_others(cluster, route, DEPLOYMENT)
    front = routing.front(cluster, route, timeout)
    with Reader(front) as reader:
        run = _Run(cluster, image, timeout, progress, max_error_rate, route, reader)
        passed = run.left_over()
        if passed is None:
            if promotion.image_of(promotion.deployment(cluster)) == image:
                return promotion.promote(cluster, image, timeout, progress, max_error_rate, run.counted)
            run.refuse_broken()
            passed = 0
        try:
            for percent in [*steps, 100] if steps[-1] < 100 else steps:
                if percent > passed:
                    tell(run.step(percent))
            done = promotion.promote(cluster, image, timeout, progress, max_error_rate, run.counted)
        except GameplanError as error:
            raise PromotionFailed(f"{error.problem} {run.given_up(error)}", error.remedy) from None
        run.withdraw()
        return replace(done, changed=True)


@dataclass
class _Run:
    """One canary on one cluster."""

    cluster: Cluster
    image: str
    timeout: float
    progress: Progress
    max_error_rate: float
    route: Object
    reader: Reader
    stable_p95: float = 0.0
    slowest: float = 0.0

    def left_over(self) -> int | None:
        """The last step that an earlier run's canary of this image passed; other canaries are removed.

        Raises:
            PromotionFailed: an earlier run's canary of this image had failed; it is removed now.
        """
        found = self.cluster.find(_path(self.cluster))
        notes = found["metadata"].get("annotations", {}) if found else {}
        if found is None or promotion.image_of(found) != self.image or FAILED in notes:
            self.withdraw()
            if found is not None and promotion.image_of(found) == self.image:
                raise PromotionFailed(
                    f"{self.cluster}: an earlier canary of this image failed: {notes[FAILED]} It is gone.",
                    "Repair the image, and promote the new digest.",
                )
            return None
        self.progress(f"{self.cluster.key}: the canary goes on after {notes.get(PASSED, 0)} %")
        return int(notes.get(PASSED, 0))

    def refuse_broken(self) -> None:
        """Read what runs, to compare with; a service that fails already would be blamed on the new image."""
        promotion.check_awake(self.cluster)
        reads = self.reader.read(READS)
        failed = sum(not read.well for read in reads)
        if failed > self.max_error_rate * len(reads):
            raise PrecheckFailed(
                f"{self.cluster}: {failed} of {len(reads)} reads through the Gateway fail before anything was"
                " changed.",
                "Repair what runs there first; a canary would be blamed for it.",
            )
        self.stable_p95 = percentile(reads, 0.95)

    def step(self, percent: int) -> CanaryStep:
        """Enough canaries for a share, the share, and reads until it is judged."""
        wanted = promotion.deployment(self.cluster)["spec"].get("replicas", 1)
        self._put(max(1, math.ceil(wanted * percent / 100)))
        rollout.wait_rollout(self.cluster, NAMESPACE, CANARY, self.timeout, self.progress)
        routing.share(self.cluster, self.route, DEPLOYMENT, CANARY, percent)
        step = self._judge(percent)
        self.cluster.merge(_path(self.cluster), {"metadata": {"annotations": {PASSED: str(percent)}}})
        self.progress(f"{self.cluster.key}: {step}")
        return step

    def _judge(self, percent: int) -> CanaryStep:
        """Read until the share is what the weight says: a cloud's balancer takes its time to follow."""
        planned = max(READS, CANARY_READS * 100 // percent)
        deadline = time.monotonic() + self.timeout
        while True:
            reads: list[Read] = []
            while len(reads) < planned:
                reads += self.reader.read(BATCH)
                step = self._measured(percent, reads)
                self._refuse(step, planned)
            if abs(step.share - percent) <= _tolerance(percent, len(reads)):
                return step
            if time.monotonic() > deadline:
                raise VerificationError(
                    f"{self.cluster}: {step}: the share is not near the weight after {self.timeout:.0f} s.",
                    "Let the backend answer its environment variable RELEASE in the header X-Release; look at"
                    " the HTTPRoute's conditions.",
                )

    def _measured(self, percent: int, reads: Sequence[Read]) -> CanaryStep:
        canary = [read for read in reads if read.release == RELEASE]
        self.slowest = max(self.slowest, *(read.seconds for read in canary or reads))
        # A failure that names no release may be the canary's: what runs had none a moment ago.
        failed = sum(not read.well for read in reads)
        stable = [read for read in reads if read.release != RELEASE and read.well]
        if len(stable) >= CANARY_READS:
            self.stable_p95 = percentile(stable, 0.95)
        return CanaryStep(
            percent,
            len(reads),
            len(canary),
            failed,
            percentile(canary, 0.95) * 1000,
            self.stable_p95 * 1000,
        )

    def _refuse(self, step: CanaryStep, planned: int) -> None:
        allowed = self.max_error_rate * planned * step.percent / 100
        if step.failed > allowed:
            raise VerificationError(
                f"{self.cluster}: {step.failed} of {step.reads} reads failed with {self.image} at weight"
                f" {step.percent} %, of which {step.canary} reached it.",
                "Read the pods' logs.",
            )
        limit = self.stable_p95 * 1000 * SLOWER + SLACK_SECONDS * 1000
        if step.canary >= CANARY_READS // 4 and step.p95_ms > limit:
            raise VerificationError(
                f"{self.cluster}: {self.image} is slow at weight {step.percent} %: 95 of 100 reads took up to"
                f" {step.p95_ms:.0f} ms, of what ran before {step.stable_p95_ms:.0f} ms.",
                "Look at what the new image waits for.",
            )

    def counted(self) -> tuple[int, int]:
        """Reads through the Gateway that were answered, and that failed."""
        reads = self.reader.read(READS)
        answered = sum(read.well for read in reads)
        return answered, len(reads) - answered

    def given_up(self, error: GameplanError) -> str:
        """Take the canary's requests away, then the canary; what became of it."""
        try:
            if self.cluster.find(_path(self.cluster)):
                note = {"metadata": {"annotations": {FAILED: error.problem}}}
                self.cluster.merge(_path(self.cluster), note)
            self.withdraw()
        except GameplanError as problem:
            return f"The canary could not be removed: {problem.problem}"
        return "Its weight went back to 0, and the canary is removed."

    def withdraw(self) -> None:
        """Give all requests back to what runs, wait until none reaches the canary, and remove it."""
        shared = routing.unshare(self.cluster, self.route)
        if not self.cluster.find(_path(self.cluster)):
            return
        deadline = time.monotonic() + self.timeout
        while shared and time.monotonic() < deadline:
            if not any(read.release == RELEASE for read in self.reader.read(BATCH)):
                break
        # Requests on their way end first.
        time.sleep(self.slowest)
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        # Service and policies go with their owner.
        self.cluster.call("DELETE", _path(self.cluster), body=body)
        self.progress(f"{self.cluster.key}: the canary is removed")

    def _put(self, replicas: int) -> None:
        stable = promotion.deployment(self.cluster)
        apply_object(self.cluster, _canary_deployment(stable, self.image, replicas), force=True)
        uid = self.cluster.get(_path(self.cluster))["metadata"]["uid"]
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": CANARY, "uid": uid}
        service = self.cluster.get(self.cluster.kind("v1", "Service").path(NAMESPACE, DEPLOYMENT))
        ports = [{k: v for k, v in port.items() if k != "nodePort"} for port in service["spec"]["ports"]]
        spec = {"type": "ClusterIP", "selector": service["spec"]["selector"], "ports": ports}
        apply_object(self.cluster, _own("v1", "Service", spec, owner), force=True)
        for api_version, kind in _POLICIES:
            try:
                found = self.cluster.find(self.cluster.kind(api_version, kind).path(NAMESPACE, DEPLOYMENT))
            except NotFound:
                continue
            if found:
                apply_object(self.cluster, _own(api_version, kind, found["spec"], owner), force=True)


def _tolerance(percent: int, reads: int) -> float:
    """Percentage points: three standard deviations of so many independent reads, at least one point."""
    return max(1.0, 300 * math.sqrt(percent / 100 * (1 - percent / 100) / reads))


def _path(cluster: Cluster) -> str:
    return rollout.deployment_path(cluster, NAMESPACE, CANARY)


def _canary_deployment(stable: Object, image: str, replicas: int) -> Object:
    spec = _renamed(stable["spec"])
    container = spec["template"]["spec"]["containers"][0]
    environment = [entry for entry in container.get("env", []) if entry["name"] != "RELEASE"]
    container |= {"image": image, "env": [*environment, {"name": "RELEASE", "value": RELEASE}]}
    # Without the labels by which the manifests' objects are found: pruning must leave it.
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": CANARY, "namespace": NAMESPACE, "labels": {NAME_LABEL: CANARY}},
        "spec": {**spec, "replicas": replicas},
    }


def _own(api_version: str, kind: str, spec: Object, owner: Object) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": CANARY, "namespace": NAMESPACE, "ownerReferences": [owner]},
        "spec": _renamed(spec),
    }


def _renamed(value: Object) -> Object:
    """A copy in which labels, selectors and references name the canary."""
    made = copy.deepcopy(value)
    todo = [made]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            if node.get(NAME_LABEL) == DEPLOYMENT:
                node[NAME_LABEL] = CANARY
            for field in ("targetRef", "targetReference"):
                if field in node:
                    node[field] = {**node[field], "name": CANARY}
            todo += list(node.values())
    return made
