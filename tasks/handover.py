"""Hand the infrastructure over to Terraform or Pulumi: their files, with what lives to be imported."""

from __future__ import annotations

from pathlib import Path

from prefect import task

from dreamnet.errors import ConfigurationError
from dreamnet.handover import hand_over, write
from dreamnet.report import Clock, Step
from dreamnet.resources.plan import observe
from tasks.resources import catalogue, drivers
from tasks.support import CLOUD_TASK, PROJECT, load_profile, publish


@task(task_run_name="hand over {selection}", **CLOUD_TASK)
def write_handover(profile: str, run: str, selection: str, folder: str) -> Step:
    """Read what lives, and write files that declare the selection and import exactly that; changes nothing in
    either cloud. What could not be exported is in the artifact.

    Args:
        folder: where to write, relative to the project's folder.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    clock = Clock(f"Hand-over of selection {selection}")
    resources = catalogue((), selection)
    variables = load_profile(profile).variables()
    found = observe(resources, drivers(profile), variables)
    live = {resource_id: one.live for resource_id, one in found.items() if one.live and one.live.owned}
    written = hand_over(resources, live=live, variables=variables)
    target = PROJECT / Path(folder)
    try:
        write(written, target)
    except OSError as error:
        raise ConfigurationError(
            f"The files can't be written to {target} on the worker: {error.strerror}.",
            "Name a folder that the worker's user may write to.",
        ) from error
    publish(
        f"hand-over {profile} {selection}", written.markdown(), f"Files for Terraform and Pulumi in {target}"
    )
    said = f"{len(live)} of {len(resources)} resources live. {'; '.join(written.summary())}."
    return clock.done(f"{said} Written to {target}.")
