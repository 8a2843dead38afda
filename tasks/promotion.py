"""An image digest from cluster to cluster: one task each, so that the run shows where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.kubernetes.rollout import deployment_path
from dreamnet.report import Clock, Step
from dreamnet.serving import application, promotion
from dreamnet.serving.canary import CanaryStep, canary_table
from dreamnet.serving.canary import promote_by_weight as by_weight
from dreamnet.serving.promotion import PromotionFailed
from tasks.kubernetes import NAMES, Where, cluster
from tasks.report import publish_steps
from tasks.support import CLOUD_TASK, load_profile, progress, publish

#: A retry looks at the clusters again: what an earlier attempt promoted may have been put back since.
LOOK_AGAIN: dict[str, Any] = {**CLOUD_TASK, "cache_policy": NO_CACHE}


@task(task_run_name="order of clusters", **LOOK_AGAIN)
def promotion_order(profile: str, image: str, wanted: Sequence[Where] | None) -> list[Where]:
    """The clusters that get the image, in order: those asked for, or all that run DreamNet.

    Raises:
        ConfigurationError: the image is not named by a digest.
        ResourceError: DreamNet runs nowhere, or not on one of those asked for.
        PrecheckFailed: it sleeps on one of them. No cluster was changed.
    """
    promotion.check_image(image)
    chosen = [where for where in NAMES if where in wanted] if wanted else _serving(profile)
    if not chosen:
        raise ResourceError("DreamNet runs on no cluster yet.", "Run week1-kubernetes first.")
    for where in chosen:
        promotion.check_awake(cluster(profile, where))
    return chosen


def _serving(profile: str) -> list[Where]:
    found: list[Where] = []
    for where in NAMES:
        with suppress(ResourceError):  # a week that has not been run yet has no cluster
            target = cluster(profile, where)
            if target.find(deployment_path(target, application.NAMESPACE, application.DEPLOYMENT)):
                found.append(where)
    return found


@task(task_run_name="promote to {where}", **LOOK_AGAIN)
def promote_to(profile: str, where: Where, image: str, max_error_rate: float) -> Step:
    """One cluster: the image, its rollout, reads through the service."""
    clock = Clock(f"DreamNet on {where}")
    patience = load_profile(profile).grace_seconds
    done = promotion.promote(cluster(profile, where), image, patience, progress(), max_error_rate)
    said = f"{done.replicas} replicas ready, {done.failed} of {done.reads} reads failed"
    return clock.done(said) if done.changed else clock.unchanged(said)


@task(task_run_name="promote to {where} by weight", **LOOK_AGAIN)
def promote_by_weight(
    profile: str, where: Where, image: str, max_error_rate: float, canary: Sequence[int]
) -> Step:
    """One cluster: the image beside what runs, a growing share of the requests, then everywhere.

    Each step that passed is a row of the artifact `canary-<profile>-<where>`, with share, errors and times.
    """
    clock = Clock(f"DreamNet on {where}")
    patience, passed = load_profile(profile).grace_seconds, list[CanaryStep]()

    def tell(step: CanaryStep) -> None:
        passed.append(step)
        publish(f"canary {profile} {where}", canary_table(image, passed), f"{where}: {step}")

    done = by_weight(cluster(profile, where), image, canary, patience, progress(), tell, max_error_rate)
    shares = ", ".join(f"{step.percent} % ({step.share:.1f} % measured)" for step in passed)
    said = f"{done.replicas} replicas ready, {done.failed} of {done.reads} reads failed"
    if not done.changed:
        return clock.unchanged(said)
    return clock.done(f"canary with {shares or 'its last step passed before'}; {said}")


@task(task_run_name="put {where} back", **LOOK_AGAIN)
def put_back_on(profile: str, where: Where) -> Step:
    """One cluster: the image that ran before its promotion."""
    clock = Clock(f"DreamNet on {where}, back")
    before = promotion.put_back(cluster(profile, where), load_profile(profile).grace_seconds, progress())
    return (
        clock.done(f"{before} runs again") if before else clock.unchanged("no earlier image is noted there")
    )


def stop(
    profile: str, image: str, failed: tuple[Where, GameplanError], steps: list[Step], earlier: Sequence[Where]
) -> PromotionFailed:
    """Put earlier clusters back, the last one first, publish what happened, and say it in one error.

    Args:
        failed: the cluster where it stopped, and why.
        steps: those of the clusters before.
        earlier: the clusters to put back; none keeps the new image where it passed.
    """
    where, error = failed
    said = [f"The promotion stopped at {where}: {error.problem}"]
    rows = list(steps)
    for one in reversed(earlier):
        try:
            back = put_back_on(profile, one)
        except GameplanError as problem:
            said.append(f"{one} could not be put back: {problem.problem}")
        else:
            rows.append(back)
            said.append(f"{one}: {back.detail}.")
    if steps and not earlier:
        said.append("The clusters before it keep the new image.")
    publish_steps(profile, "promote", f"{image}: {' '.join(said)}", rows)
    return PromotionFailed(" ".join(said), error.remedy)


@task(task_run_name="keep the image", **LOOK_AGAIN)
def keep_image(profile: str, image: str) -> Step:
    """Write the image into the profile, so that every later deployment keeps it."""
    clock = Clock(f"Profile {profile}")
    settings = load_profile(profile)
    if settings.image == image:
        return clock.unchanged("names this image already")
    # One field of one document: `save` would write all blocks' types and schemas again, for seconds.
    # The server drops a document's references to other blocks unless they are named.
    with get_client(sync_client=True) as client:
        slug = settings.get_block_type_slug()
        saved = client.read_block_document_by_name(profile, slug, include_secrets=False)
        named = {
            field: {"$ref": {"block_document_id": reference["block_document"]["id"]}}
            for field, reference in saved.block_document_references.items()
        }
        client.update_block_document(saved.id, BlockDocumentUpdate(data={**named, "image": image}))
    return clock.done("names the new image")
