"""Plans: what an apply would change, read from the clouds, changing nothing.

A plan is a value: it travels as JSON, is shown as Markdown, and is known by an id that is a hash of its
content. It never holds a secret: where a declaration names one, the plan holds the name.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.data import held_by, lift_protection, lose_data, protection
from dreamnet.resources.graph import run_graph
from dreamnet.resources.model import OWNER_LABEL, Change, Driver, Live, Resource
from dreamnet.resources.references import (
    Resolver,
    Unknown,
    dependencies,
    parse_resource_reference,
    references,
    secret_pointers,
)

Action = Literal["create", "update", "replace", "none"]
Drivers = Mapping[str, Driver]

SECRET_TEXT = "(secret)"
_CELL_LIMIT = 60


@dataclass(frozen=True)
class Step:
    """What happens to one resource.

    Attributes:
        id: the resource's id.
        type: its vendor type.
        action: `none` where the live resource already is as declared.
        changes: for update and replace, the declared fields that differ.
        depends_on: ids whose steps come before.
        identifier: the live resource's identifier, None where there is none.
        declared: hash of the declaration with its variables resolved, outputs and secrets by reference.
        source: `path:line` of the declaration.
        data: for replace, what data goes with what is deleted; empty for none.
        protected: for replace, the field that protects what is there from deletion; empty for none.
    """

    id: str
    type: str
    action: Action
    changes: tuple[Change, ...]
    depends_on: tuple[str, ...]
    identifier: str | None
    declared: str
    source: str
    data: str = ""
    protected: str = ""


@dataclass(frozen=True)
class Plan:
    """Ordered steps, dependencies first.

    Attributes:
        steps: `id` is the hash of everything in them.
        nonce: random, travels with the plan: retries of this plan repeat its idempotency keys, while a later
            plan of equal content (after a destroy, say) gets keys of its own.
    """

    steps: tuple[Step, ...]
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)

    @cached_property  # every idempotency key is made of it
    def id(self) -> str:
        """12 hexadecimal digits; equal plans have equal ids, wherever and whenever they were made."""
        return hashed([_facts(step) for step in self.steps])[:12]

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that would change something."""
        return tuple(step for step in self.steps if step.action != "none")

    def counts(self) -> dict[Action, int]:
        """How many steps of each action."""
        return {action: sum(step.action == action for step in self.steps) for action in get_args(Action)}

    def to_json(self) -> str:
        """The plan as one JSON object with its id."""
        steps = [asdict(step) for step in self.steps]
        return json.dumps({"id": self.id, "nonce": self.nonce, "steps": steps}, indent=1)

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises:
            ConfigurationError: the text is no plan, or was changed since (its id no longer fits its content).
        """
        try:
            document = json.loads(text)
            plan = Plan(tuple(_step_from(step) for step in document["steps"]), document["nonce"])
            written = document["id"]
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                "This is not a plan that was saved here.", "Make the plan again."
            ) from None
        if plan.id != written:
            raise ConfigurationError(
                f"The plan {written} was changed after it was made (its content is {plan.id}).",
                "Make the plan again.",
            )
        return plan

    def markdown(self) -> str:
        """A summary line and a table: what, action, and every changed field before and after."""
        counts = self.counts()
        summary = ", ".join(f"{counts[action]} to {action}" for action in ("create", "update", "replace"))
        lines = [f"**Plan {self.id}**: {summary}, {counts['none']} already as declared.", ""]
        if not self.changes:
            return "\n".join([*lines, "Nothing to change.", ""])
        lines += [
            "| what | type | action | field | before | after |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for step in self.changes:
            head = f"| {step.id} | {step.type} | {_action_text(step)} "
            lines += change_rows(head, "| | | ", step.changes) or [f"{head}| | | |"]
        return "\n".join([*lines, ""])


def _action_text(step: Step) -> str:
    if step.action != "replace":
        return step.action
    needed = [lose_data(step.id)] if step.data else []
    needed += [lift_protection(step.id)] if step.protected else []
    what = "deletes what is there" + (f" with its data: {step.data}" if step.data else "")
    return f"**replace** ({what})" + (f", needs the consent {' and '.join(needed)}" if needed else "")


def change_rows(head: str, below: str, changes: Iterable[Change]) -> list[str]:
    """Lines of a Markdown table, one a change: field, before, after.

    Args:
        head: what begins the first line: its cells, each after its bar.
        below: the same for the others.
    """
    rows: list[str] = []
    for change in changes:
        name = change.path + (" (forces replacement)" if change.replacement else "")
        rows.append(
            f"{below if rows else head}| {_cell(name)} | {_cell(change.before)} | {_cell(change.after)} |"
        )
    return rows


def hashed(value: Any) -> str:
    """SHA-256 of a JSON value, keys sorted, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(step: Step) -> dict[str, Any]:
    """A step without its source: moving a declaration to another line makes no other plan."""
    facts = asdict(step)
    del facts["source"]
    return facts


def _step_from(document: Mapping[str, Any]) -> Step:
    changes = tuple(Change(**change) for change in document["changes"])
    return Step(**{**document, "changes": changes, "depends_on": tuple(document["depends_on"])})


def _cell(value: Any) -> str:
    if value is None:
        return "(absent)"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    if "${secret." in text:
        return SECRET_TEXT
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= _CELL_LIMIT else f"{text[: _CELL_LIMIT - 1]}…"


@dataclass(frozen=True)
class Observation:
    """One resource as it was found: the desired state as far as it can be known now, the live one, and both
    compared."""

    desired: Resource
    live: Live | None
    changes: tuple[Change, ...]
    action: Action


def observe(
    catalogue: Catalogue, drivers: Drivers, variables: Mapping[str, Any], max_parallel: int = 8
) -> dict[str, Observation]:
    """Read every resource of the catalogue, in parallel as far as their references allow, and compare.

    Raises:
        GameplanError: the first read that failed, in the catalogue's order.
    """
    found: dict[str, Observation] = {}
    resolver = Resolver(variables, lambda resource_id: _kept(found[resource_id]))
    looking = {cloud: driver.remembering() for cloud, driver in drivers.items()}

    def look(resource_id: str) -> None:
        declared = catalogue[resource_id]
        desired = resolver.resolve(declared)
        driver = looking[declared.cloud]
        # A name or place that only an apply can know belongs to nothing that exists yet.
        placed = not isinstance(desired.name, Unknown) and not isinstance(desired.parent, Unknown)
        live = driver.read(desired) if placed else None
        secret = secret_pointers(declared.body)
        changes = tuple(_masked(change, secret) for change in compare(driver, desired, live, secret))
        found[resource_id] = Observation(desired, live, changes, action_for(live, changes))

    graph = {resource.id: dependencies(resource) for resource in catalogue}
    run = run_graph(graph, look, max_parallel)
    for resource_id in catalogue.resources:
        if resource_id in run.failures:
            raise run.failures[resource_id]
    return found


def _kept(observation: Observation) -> Live | None:
    """What others may already refer to: nothing of a resource that will be replaced."""
    return None if observation.action == "replace" else observation.live


def compare(
    driver: Driver, desired: Resource, live: Live | None, secret: Collection[str]
) -> tuple[Change, ...]:
    """The declared fields that differ, without those that hold a secret: their live values can't be compared.

    Args:
        driver: the cloud's.
        desired: what should be.
        live: what is.
        secret: JSON pointers of the body's strings that hold secrets (`secret_pointers` of the declaration).
    """
    if live is None:
        return ()
    return tuple(
        change
        for change in driver.diff(desired, live)
        if not any(change.path == pointer or change.path.startswith(f"{pointer}/") for pointer in secret)
    )


def _masked(change: Change, secret: Collection[str]) -> Change:
    """The change without its values where a secret is among them."""
    if any(pointer.startswith(f"{change.path}/") for pointer in secret):
        return Change(change.path, SECRET_TEXT, SECRET_TEXT, change.replacement)
    return change


def action_for(live: Live | None, changes: Iterable[Change]) -> Action:
    """What brings the live resource to the declared state."""
    if live is None:
        return "create"
    changes = tuple(changes)
    if not changes:
        return "none"
    return "replace" if any(change.replacement for change in changes) else "update"


def make_plan(
    catalogue: Catalogue, drivers: Drivers, variables: Mapping[str, Any], max_parallel: int = 8
) -> Plan:
    """Read what is live and say what an apply would do. Changes nothing.

    Args:
        catalogue: what should be.
        drivers: one per cloud, by its name.
        variables: values of the references, flat: `{"google.project": ..., "aws.region": ..., "image": ...}`.
        max_parallel: how many reads at once.

    Raises:
        PrecheckFailed: a declared resource exists but is not ours; every one of them is named.
        ConfigurationError: a reference names nothing.
        GameplanError: what a driver met.
    """
    return plan_from(catalogue, observe(catalogue, drivers, variables, max_parallel), variables)


def plan_from(
    catalogue: Catalogue, observed: Mapping[str, Observation], variables: Mapping[str, Any]
) -> Plan:
    """The plan that these observations make. Raises as `make_plan` does."""
    refuse_foreign(catalogue, observed)
    # With the outputs and secrets left as references: what the files say, the same before and after an apply.
    declared = Resolver(variables, lambda _: None)
    steps = []
    for resource in catalogue:
        seen = observed[resource.id]
        going = seen.live.body if seen.live and seen.action == "replace" else None
        guard = protection(going) if going else None
        steps.append(
            Step(
                id=resource.id,
                type=resource.type,
                action=seen.action,
                changes=tuple(plain_change(change) for change in seen.changes),
                depends_on=tuple(sorted(catalogue.dependencies(resource.id))),
                identifier=seen.live.identifier if seen.live else None,
                declared=_declared_hash(declared.resolve(resource), resource),
                source=resource.source,
                data=held_by(resource.type, going) if going else "",
                protected=guard.path if guard else "",
            )
        )
    return Plan(tuple(steps))


def refuse_foreign(catalogue: Catalogue, observed: Mapping[str, Observation]) -> None:
    """Raise PrecheckFailed where a declared resource exists without our mark, naming all of them."""
    foreign = [rid for rid in catalogue.resources if (live := observed[rid].live) and not live.owned]
    if foreign:
        named = ", ".join(f"{rid} ({_identifier(observed[rid])})" for rid in foreign)
        raise PrecheckFailed(
            f"These exist already and do not carry our mark: {named}.",
            "Rename them in the files, or adopt what exists (the adopt flow puts"
            f" {'='.join(OWNER_LABEL)} on it).",
        )


def _identifier(observation: Observation) -> str:
    return observation.live.identifier if observation.live else ""


def plain_change(change: Change) -> Change:
    """A change of JSON values only, so that a plan equals its own round trip."""
    before, after = json.loads(json.dumps([change.before, change.after], default=str))
    return Change(change.path, before, after, change.replacement)


def _declared_hash(resolved: Resource, declared: Resource) -> str:
    outputs = [
        (pointer, reference.id, reference.path)
        for pointer, text in references(declared.body)
        if (reference := parse_resource_reference(text))
    ]
    header = [resolved.type, resolved.name, resolved.parent, sorted(declared.depends_on)]
    return hashed([*header, resolved.body, outputs, dict(declared.options)])[:16]
