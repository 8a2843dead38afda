"""An image digest through the clusters: one region, checks, the next."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from dreamnet.errors import GameplanError
from dreamnet.report import Step
from dreamnet.serving.promotion import MAX_ERROR_RATE
from flows.weeks import GAMEPLAN_FLOW
from tasks.kubernetes import Where
from tasks.promotion import keep_image, promote_by_weight, promote_to, promotion_order, stop
from tasks.report import publish_steps


@flow(name="promote", flow_run_name="promote {profile}", **GAMEPLAN_FLOW)
def promote(
    profile: str,
    image: str,
    clusters: list[Where] | None = None,
    keep_earlier: bool = False,
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = MAX_ERROR_RATE,
    canary: list[Annotated[int, Field(ge=1, le=100)]] | None = None,
) -> list[Step]:
    """Promote an image cluster by cluster; where one fails, it and those before it get their old image back.

    With `keep_earlier` the clusters before it keep the new one. A promotion to all clusters, which is what no
    `clusters` means, also writes the image into the profile.

    Args:
        profile: name of the Gameplan profile block.
        image: by its digest: registry/name@sha256: and 64 hexadecimal digits.
        clusters: some of gke, gke-second, eks.
        keep_earlier: leave the new image where it passed before another cluster failed.
        max_error_rate: share of the reads through the service that may fail.
        canary: percents, such as [5, 25, 50]: the shares of the requests that the image gets first.
    """
    steps: list[Step] = []
    order = promotion_order(profile, image, clusters)
    for number, where in enumerate(order):
        try:
            if canary:
                steps.append(promote_by_weight(profile, where, image, max_error_rate, canary))
            else:
                steps.append(promote_to(profile, where, image, max_error_rate))
        except GameplanError as error:
            earlier = [] if keep_earlier else order[:number]
            raise stop(profile, image, (where, error), steps, earlier) from error
    if not clusters:
        steps.append(keep_image(profile, image))
    publish_steps(profile, "promote", f"{image} runs on {', '.join(order)}", steps)
    return steps
