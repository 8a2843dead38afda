"""Take down what a catalogue declares, in two steps: a plan that says what goes, and its execution once a
person has typed the plan's id back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.resources import data
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import reverse, run_graph
from dreamnet.resources.outcome import ApplyReport, report
from dreamnet.resources.plan import Drivers, Observation, hashed, observe, refuse_foreign
from dreamnet.resources.work import AT_ONCE, ResourceProgress, Worker


@dataclass(frozen=True)
class Doomed:
    """One live resource that a destroy deletes.

    Attributes:
        id: the resource's id.
        type: its vendor type.
        identifier: the live resource's identifier.
        data: what data goes with it, in words; empty for none.
        protected: the field that protects it from deletion; empty for none.
    """

    id: str
    type: str
    identifier: str
    data: str
    protected: str


@dataclass(frozen=True)
class DestroyPlan:
    """What a destroy deletes, dependants first.

    Attributes:
        doomed: what goes.
        kept: what stays although it was named, since something that stays depends on it.
    """

    doomed: tuple[Doomed, ...]
    kept: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """12 hexadecimal digits that a person types to agree; equal plans have equal ids."""
        return hashed(["destroy", *(asdict(one) for one in self.doomed)])[:12]

    @property
    def protected(self) -> tuple[Doomed, ...]:
        """Those that only a named consent lets go."""
        return tuple(one for one in self.doomed if one.protected)

    def to_json(self) -> str:
        """The plan as one JSON object with its id."""
        return json.dumps({"id": self.id, **asdict(self)}, indent=1)

    @staticmethod
    def from_json(text: str) -> DestroyPlan:
        """The plan that `to_json` wrote.

        Raises:
            ConfigurationError: the text is no such plan, or was changed since.
        """
        try:
            document = json.loads(text)
            plan = DestroyPlan(tuple(Doomed(**one) for one in document["doomed"]), tuple(document["kept"]))
            written = document["id"]
        except (ValueError, KeyError, TypeError):
            written, plan = "", DestroyPlan(())
        if plan.id != written:
            raise ConfigurationError(
                "This is not a destroy plan that was saved here.", "Make the plan again."
            )
        return plan

    def markdown(self) -> str:
        """What goes, in order, with the data that goes with it and what protects it."""
        holding = sum(bool(one.data) for one in self.doomed)
        lines = [
            f"**Destroy plan {self.id}**: {len(self.doomed)} to delete, {holding} of them with data,"
            f" {len(self.protected)} protected.",
            "",
        ]
        if self.doomed:
            lines += [
                "| what | type | identifier | data that goes | protected by |",
                "| --- | --- | --- | --- | --- |",
            ]
        for one in self.doomed:
            consent = f"{one.protected}: needs the consent {data.lift_protection(one.id)}"
            lines.append(
                f"| {one.id} | {one.type} | {one.identifier.replace('|', '/')} | {one.data}"
                f" | {consent if one.protected else ''} |"
            )
        if self.kept:
            lines += ["", f"Stay, because others that stay need them: {', '.join(self.kept)}."]
        return "\n".join([*lines, ""])


def plan_destroy(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    max_parallel: int = 8,
    whole: Catalogue | None = None,
) -> DestroyPlan:
    """Read what lives and say what a destroy would delete. Changes nothing.

    Args:
        catalogue: what should go.
        drivers: one per cloud, by its name.
        variables: as for `make_plan`.
        max_parallel: how many reads at once.
        whole: the catalogue that the first is a selection of: what its living rest depends on stays.

    Raises:
        PrecheckFailed: something that is not ours stands under a declared name; all of them are named.
    """
    plan, _ = _look(catalogue, drivers, variables, max_parallel, whole or catalogue)
    return plan


def _look(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    max_parallel: int,
    whole: Catalogue,
) -> tuple[DestroyPlan, dict[str, Observation]]:
    observed = observe(whole, drivers, variables, max_parallel)
    refuse_foreign(catalogue, observed)
    staying = [rid for rid in whole.resources if rid not in catalogue.resources and observed[rid].live]
    needed = whole.select(staying).resources if staying else {}
    doomed, kept = [], []
    for resource in reversed(list(catalogue)):
        live = observed[resource.id].live
        if live is None:
            continue
        if resource.id in needed:
            kept.append(resource.id)
            continue
        guard = data.protection(live.body)
        held = data.held_by(resource.type, live.body)
        doomed.append(Doomed(resource.id, resource.type, live.identifier, held, guard.path if guard else ""))
    return DestroyPlan(tuple(doomed), tuple(kept)), observed


def destroy(
    plan: DestroyPlan,
    typed: str,
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    progress: ResourceProgress,
    consents: Collection[str] = (),
    max_parallel: int = AT_ONCE,
    whole: Catalogue | None = None,
) -> ApplyReport:
    """Delete what the plan names, dependants first, in parallel as far as that allows.

    Args:
        plan: what a person was shown.
        typed: what that person typed: the plan's id.
        catalogue, drivers, variables, whole: as they were given to `plan_destroy`.
        progress: hears of each resource, from several threads.
        consents: `data.lift_protection` of each protected resource.
        max_parallel: how many resources at once.

    Returns:
        What became of every resource. What an interrupted destroy has deleted already counts as unchanged.

    Raises:
        PrecheckFailed: something else was typed, the plan is stale, or a consent is missing; nothing was
            deleted.
    """
    if typed.strip() != plan.id:
        raise PrecheckFailed(
            f"What was typed is not the destroy plan's id, {plan.id}. Nothing was deleted.",
            "Read the plan again, and type its id if all of that may go.",
        )
    guarded = [
        (data.lift_protection(one.id), f"deletes {one.id}, which {one.protected} protects")
        for one in plan.protected
    ]
    data.refuse_without_consent(guarded, consents, "The destroy plan")
    now, observed = _look(catalogue, drivers, variables, max_parallel, whole or catalogue)
    _refuse_stale(plan, now)
    worker = _Remover(catalogue, drivers, progress, observed, consents=consents)
    going = catalogue.resources.keys() - set(now.kept)
    graph = {rid: needs & going for rid, needs in reverse(catalogue.graph()).items() if rid in going}
    run = run_graph(graph, worker.step, max_parallel)
    return report(plan.id, [(one.id, one.type, "delete") for one in plan.doomed], run, worker)


def _refuse_stale(plan: DestroyPlan, now: DestroyPlan) -> None:
    """What was planned may be gone already; nothing else may differ."""
    planned = set(plan.doomed)
    differing = [one.id for one in now.doomed if one not in planned]
    if differing:
        raise PrecheckFailed(
            f"The destroy plan {plan.id} is stale: {', '.join(differing)} would be deleted too, or is not as"
            " it was. Nothing was deleted.",
            "Make the plan again and approve that one.",
        )


class _Remover(Worker):
    """Deletes single resources."""

    def act(self, resource_id: str) -> str:
        """Delete one resource."""
        live = self.live.get(resource_id)
        if live is None:
            return ""
        self.say(resource_id)("deleting")
        # A new key each time: deleting twice is harmless, while an old key could be taken for an old request.
        self.delete(self.observed[resource_id].desired, live, str(uuid.uuid4()))
        del self.live[resource_id]
        return "deleted"
