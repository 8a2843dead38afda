"""Take resources down: a plan that a person reads, and its execution."""

from __future__ import annotations

from prefect import task

from dreamnet.report import Clock, Step
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.destroy import DestroyPlan, destroy, plan_destroy
from tasks.approval import require_approval
from tasks.migration import databases_in_use
from tasks.resources import catalogue, drivers, named, part_named, priced
from tasks.support import CLOUD_TASK, INFRASTRUCTURE, load_profile, progress, publish

#: The databases that a migration leads to.
TARGETS = {"google/cloud-sql", "aws/database"}


@task(task_run_name=part_named("plan the destruction of"), **CLOUD_TASK)
def plan_destruction(profile: str, run: str, folders: tuple[str, ...], selection: str) -> str:
    """Read what lives and say what would go, its data with it; changes nothing.

    Returns:
        The destroy plan as JSON. Its Markdown is an artifact.
    """
    resources = catalogue(folders, selection)
    plan = plan_destroy(
        resources,
        drivers(profile),
        load_profile(profile).variables(),
        whole=load_catalogue(INFRASTRUCTURE),
    )
    publish(
        f"destroy plan {profile} {named(folders, selection)}",
        f"{plan.markdown()}\n{priced(plan, resources, profile).markdown()}",
        "What would be deleted, and what a month then costs",
    )
    progress()(f"Destroy plan {plan.id}: {len(plan.doomed)} resources")
    return plan.to_json()


def approve_destruction(profile: str, plan_json: str, auto_approve: bool) -> None:
    """Ask a person to type a destroy plan's id; a plan that deletes nothing needs nobody.

    Raises:
        NotApproved: something else was typed.
    """
    plan = DestroyPlan.from_json(plan_json)
    if plan.doomed:
        said = f"Profile {profile} loses what follows.{_of_a_migration(profile, plan)}\n\n{plan.markdown()}"
        require_approval(plan.id, said, auto_approve)


def _of_a_migration(profile: str, plan: DestroyPlan) -> str:
    """That databases go which a migration still needs; empty where none do."""
    if TARGETS.isdisjoint(one.id for one in plan.doomed):
        return ""
    return "".join(
        f" **Databases of a migration are among it: {reason}.**"
        for reason in dict.fromkeys(databases_in_use(profile).values())
    )


@task(task_run_name=part_named("destroy"), **CLOUD_TASK)
def destroy_resources(
    profile: str,
    run: str,
    folders: tuple[str, ...],
    selection: str,
    plan_json: str,
    consents: tuple[str, ...],
) -> Step:
    """Delete what an approved plan names, dependants first.

    Args:
        consents: `lift-protection:ID` of each protected resource that may go.

    Raises:
        PrecheckFailed: the plan has gone stale, or a consent is missing; nothing was deleted.
        ResourceError: what failed, by name; what does not stand in its way was deleted all the same.
    """
    clock = Clock(f"Destruction of {named(folders, selection)}")
    plan = DestroyPlan.from_json(plan_json)
    if not plan.doomed:
        return clock.unchanged("Nothing of it exists.")
    say = progress()
    report = destroy(
        plan,
        plan.id,  # as `approve_destruction` had it typed
        catalogue(folders, selection),
        drivers(profile),
        load_profile(profile).variables(),
        lambda resource, words: say(f"{resource}: {words}"),
        consents,
        whole=load_catalogue(INFRASTRUCTURE),
    )
    publish(f"destroyed {profile} {named(folders, selection)}", report.markdown(), "What was deleted")
    report.raise_for_failures()
    return clock.done(f"{len(report.with_status('done'))} of {len(plan.doomed)} resources deleted.")
