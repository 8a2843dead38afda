"""What has changed behind our back since the files were last applied. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import run_graph
from dreamnet.resources.model import Change, Live, Resource
from dreamnet.resources.plan import Drivers, Observation, change_rows, observe, plain_change
from dreamnet.resources.references import Resolver, Unknown


@dataclass(frozen=True)
class Drifted:
    """A declared resource that is not as it should be.

    Attributes:
        id: the resource's id.
        type: its vendor type.
        identifier: the live resource's identifier; None where there is none.
        changes: the fields that differ: `before` is what lives, `after` what is declared.
        source: `path:line` of the declaration.
    """

    id: str
    type: str
    identifier: str | None
    changes: tuple[Change, ...]
    source: str


@dataclass(frozen=True)
class Undeclared:
    """A live resource that carries our mark, but that no file declares."""

    type: str
    place: str
    identifier: str


@dataclass(frozen=True)
class DriftReport:
    """What differs from the files.

    Attributes:
        checked: how many declared resources were looked at.
        changed: fields that differ.
        absent: declared, and not there.
        foreign: there under our name, without our mark.
        undeclared: there with our mark, and declared by no file.
        unlisted: types whose undeclared resources can't be found: they carry no mark, or can't be listed.
    """

    checked: int
    changed: tuple[Drifted, ...] = ()
    absent: tuple[Drifted, ...] = ()
    foreign: tuple[Drifted, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    unlisted: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing has drifted."""
        return not (self.changed or self.absent or self.foreign or self.undeclared)

    def summary(self) -> str:
        """One sentence with figures."""
        if self.ok:
            return f"All {self.checked} resources are as declared."
        found = ("changed", "absent", "foreign", "undeclared")
        counts = ", ".join(f"{len(getattr(self, kind))} {kind}" for kind in found)
        return f"Of {self.checked} resources, {counts}."

    def to_json(self) -> str:
        """The report as one JSON object."""
        return json.dumps({"ok": self.ok, **asdict(self)}, indent=1)

    def markdown(self) -> str:
        """The summary, and a table for each kind that there is."""
        lines = [f"**{self.summary()}**", ""]
        if self.changed:
            lines += ["| changed | type | field | live | declared |", "| --- | --- | --- | --- | --- |"]
            for one in self.changed:
                lines += change_rows(f"| {one.id} | {one.type} ", "| | ", one.changes)
            lines.append("")
        for kind, remedy in (
            ("absent", "The next apply creates them."),
            ("foreign", "Adopt them, or rename them in the files."),
        ):
            found: tuple[Drifted, ...] = getattr(self, kind)
            if found:
                lines += [f"| {kind} | type | identifier | declared at |", "| --- | --- | --- | --- |"]
                lines += [
                    f"| {one.id} | {one.type} | {_cell(one.identifier)} | {one.source} |" for one in found
                ]
                lines += ["", remedy, ""]
        if self.undeclared:
            lines += ["| undeclared | where | identifier |", "| --- | --- | --- |"]
            lines += [f"| {one.type} | {one.place} | {_cell(one.identifier)} |" for one in self.undeclared]
            lines += ["", "Declare them again, or delete them: they carry our mark and cost money.", ""]
        if self.unlisted:
            lines += [f"Not searched for undeclared ones: {', '.join(self.unlisted)}.", ""]
        return "\n".join(lines)


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def find_drift(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    max_parallel: int = 8,
    whole: Catalogue | None = None,
) -> DriftReport:
    """Compare what lives with what is declared, and look for what carries our mark without a declaration.

    Args:
        catalogue: what to look at.
        drivers: one per cloud, by its name.
        variables: as for `make_plan`.
        max_parallel: how many reads at once.
        whole: the catalogue that the first is a selection of: what only that declares is not undeclared.

    Raises:
        GameplanError: what a driver met.
    """
    observed = observe(catalogue, drivers, variables, max_parallel)
    changed, absent, foreign = [], [], []
    for resource in catalogue:
        seen = observed[resource.id]
        changes = () if seen.live is None else tuple(plain_change(c) for c in seen.changes if _own(c))
        identifier = seen.live.identifier if seen.live else None
        one = Drifted(resource.id, resource.type, identifier, changes, resource.source)
        if seen.live is None:
            absent.append(one)
        elif not seen.live.owned:
            foreign.append(one)
        elif changes:
            changed.append(one)
    undeclared, unlisted = _search(catalogue, drivers, variables, observed, max_parallel, whole or catalogue)
    # fmt: off
    return DriftReport(
        len(catalogue), tuple(changed), tuple(absent), tuple(foreign), tuple(undeclared), tuple(unlisted)
    )
    # fmt: on


def _own(change: Change) -> bool:
    """Whether the difference is the resource's own: not one that follows from another's absence."""
    return not isinstance(change.after, Unknown)


def _search(
    catalogue: Catalogue,
    drivers: Drivers,
    variables: Mapping[str, Any],
    observed: Mapping[str, Observation],
    max_parallel: int,
    whole: Catalogue,
) -> tuple[list[Undeclared], list[str]]:
    """What carries our mark and is not declared, by the listings of the types and places in use."""
    looking = {cloud: driver.remembering() for cloud, driver in drivers.items()}
    groups: dict[str, list[Resource]] = {}
    unlisted = set()
    for resource in _resolved(whole, variables, observed):
        key = drivers[resource.cloud].listing(resource)
        if key is not None:
            groups.setdefault(f"{resource.cloud} {key}", []).append(resource)
        elif resource.id in observed:
            unlisted.add(resource.type)
    wanted = {key: group for key, group in groups.items() if any(one.id in observed for one in group)}

    def look(key: str) -> list[Undeclared]:
        group = wanted[key]
        found = looking[group[0].cloud].undeclared(group, {r.id: _live(observed, r.id) for r in group})
        return [Undeclared(group[0].type, group[0].parent, live.identifier) for live in found]

    run = run_graph(dict.fromkeys(wanted, ()), look, max_parallel)
    for error in run.failures.values():
        raise error
    return [one for key in wanted for one in run.results[key]], sorted(unlisted)


def _live(observed: Mapping[str, Observation], resource_id: str) -> Live | None:
    return observed[resource_id].live if resource_id in observed else None


def _resolved(
    whole: Catalogue, variables: Mapping[str, Any], observed: Mapping[str, Observation]
) -> Sequence[Resource]:
    """Everything declared, as far as its place can be known."""
    resolver = Resolver(variables, lambda rid: _live(observed, rid))
    found = []
    for resource in whole:
        try:
            one = observed[resource.id].desired if resource.id in observed else resolver.resolve(resource)
        except ConfigurationError:  # a variable that it needs is not filled in: it can't have been created
            continue
        if not isinstance(one.parent, Unknown):
            found.append(one)
    return found
