"""Plan what the files under infrastructure/ declare, and apply a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from prefect import task
from prefect.runtime import task_run

from dreamnet.cost.changes import PlanPrice, price_destroy, price_plan
from dreamnet.cost.estimate import Estimate, estimate
from dreamnet.cost.gate import require_budget
from dreamnet.cost.outlook import outlook
from dreamnet.cost.prices import load_prices
from dreamnet.cost.usage import load_usage
from dreamnet.events.delivery import Delivery
from dreamnet.report import Clock, Step
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.destroy import DestroyPlan
from dreamnet.resources.google.driver import GoogleDriver
from dreamnet.resources.model import Driver
from dreamnet.resources.plan import Plan, make_plan
from dreamnet.resources.selections import load_selection
from tasks.support import (
    CLOUD_TASK,
    INFRASTRUCTURE,
    aws_account,
    google_account,
    load_profile,
    progress,
    publish,
)


def drivers(profile: str) -> dict[str, Driver]:
    """One driver a cloud, on the profile's accounts."""
    return {"google": GoogleDriver(google_account(profile)), "aws": AwsDriver(aws_account(profile))}


#: What the four weeks build, and every system of the plan, of infrastructure/selections.yaml.
GAMEPLAN, FULL = "gameplan", "full"


def catalogue(folders: tuple[str, ...] = (), selection: str = GAMEPLAN) -> Catalogue:
    """What a selection holds of these folders, with what that depends on; without folders, all of it."""
    wanted = load_selection(INFRASTRUCTURE / "selections.yaml", selection)
    selected = wanted.of(load_catalogue(INFRASTRUCTURE))
    return selected.select(folders) if folders else selected


def named(folders: tuple[str, ...], selection: str) -> str:
    """What operators read for a part of the catalogue."""
    return " and ".join(folders) or f"selection {selection}"


def part_named(verb: str) -> Callable[[], str]:
    """How a task run is called: the verb, and the part of the catalogue that the task was given."""

    def name() -> str:
        given = task_run.parameters
        return f"{verb} {named(given['folders'], given['selection'])}"

    return name


def monthly_estimate(profile: str, selection: str = GAMEPLAN) -> Estimate:
    """What a selection of the catalogue costs a month."""
    return estimate(catalogue(selection=selection), load_profile(profile).variables())


def priced(plan: Plan | DestroyPlan, resources: Catalogue, profile: str) -> PlanPrice:
    """What an apply or a destroy of a plan of these resources adds to a month's bill, or drops from it."""
    sheet = load_prices(INFRASTRUCTURE / "prices.yaml")
    usage = load_usage(INFRASTRUCTURE / "usage.yaml")
    variables = load_profile(profile).variables()
    if isinstance(plan, DestroyPlan):
        return price_destroy(plan, resources, variables, sheet, usage)
    return price_plan(plan, resources, variables, sheet, usage)


@task(task_run_name=part_named("plan"), **CLOUD_TASK)
def plan_resources(profile: str, run: str, folders: tuple[str, ...], selection: str = GAMEPLAN) -> str:
    """Read what lives and say what an apply would do and cost; changes nothing.

    Returns:
        The plan as JSON, which `apply_resources` takes. Its Markdown is an artifact.
    """
    settings, resources = load_profile(profile), catalogue(folders, selection)
    plan = make_plan(resources, drivers(profile), settings.variables())
    price = priced(plan, resources, profile)
    months = outlook(price.then, monthly_estimate(profile, FULL), settings.budget.credits())
    publish(
        f"plan {profile} {named(folders, selection)}",
        "\n".join([plan.markdown(), price.markdown(), *months]),
        "What would be created or changed, and what a month then costs",
    )
    counts = ", ".join(f"{count} {action}" for action, count in plan.counts().items() if count)
    progress()(f"Plan {plan.id[:12]}: {counts}")
    return plan.to_json()


@task(task_run_name=part_named("apply"), **CLOUD_TASK)
def apply_resources(
    profile: str,
    run: str,
    folders: tuple[str, ...],
    plan_json: str,
    selection: str = GAMEPLAN,
    consents: tuple[str, ...] = (),
) -> Step:
    """Do what a plan says, and wait until everything is up.

    Args:
        consents: `lose-data:ID` and `lift-protection:ID`, for what a replacement takes away.

    Raises:
        PrecheckFailed: the plan has gone stale, a consent is missing, or a month would cost more than the
            budget and its approvals; nothing was changed.
        ResourceError: what failed, by name; what does not depend on it was done all the same.
    """
    clock = Clock(f"Resources of {named(folders, selection)}")
    plan = Plan.from_json(plan_json)
    if not plan.changes:
        return clock.unchanged(f"All {len(plan.steps)} resources are as declared.")
    settings = load_profile(profile)
    resources = catalogue(folders, selection)
    month = priced(plan, resources, profile).then
    require_budget(month, settings.budget.monthly(), settings.budget.approved(), datetime.now(UTC).date())
    say = progress()
    report = apply_plan(
        plan,
        resources,
        drivers(profile),
        settings.variables(),
        settings.secrets(),
        lambda resource, words: say(f"{resource}: {words}"),
        consents=consents,
        deliver=Delivery(google_account(profile), aws_account(profile)),
    )
    publish(
        f"applied {profile} {named(folders, selection)}", report.markdown(), "What was created or changed"
    )
    report.raise_for_failures()
    done = Counter(outcome.status for outcome in report.outcomes)
    return clock.done(", ".join(f"{count} {status}" for status, count in sorted(done.items())))
