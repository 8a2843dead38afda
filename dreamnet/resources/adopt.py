"""Take over what exists already: put our mark on it, and change nothing else.

What differs from the declaration afterwards is shown, and is the next plan's business.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.graph import run_graph
from dreamnet.resources.outcome import ApplyReport, report
from dreamnet.resources.plan import Drivers, Observation, change_rows, observe
from dreamnet.resources.work import ResourceProgress, Worker


@dataclass(frozen=True)
class Adoption:
    """What became of every resource named, and how those that are ours now differ from their declarations.

    Attributes:
        report: each one's outcome.
        rows: lines of a Markdown table: what, field, before, after.
    """

    report: ApplyReport
    rows: tuple[str, ...]

    def markdown(self) -> str:
        """The outcomes, and what the next plan would change."""
        ours = self.report.with_status("unchanged")
        lines = [self.report.markdown()]
        if ours:
            lines += [f"Ours already: {', '.join(f'{one.id} ({one.identifier})' for one in ours)}.", ""]
        if self.rows:
            lines += [
                "Still different from the files; the next plan shows what an apply would do:",
                "",
                "| what | field | live | declared |",
                "| --- | --- | --- | --- |",
                *self.rows,
                "",
            ]
        return "\n".join(lines)


def adopt(
    catalogue: Catalogue,
    wanted: Iterable[str],
    drivers: Drivers,
    variables: Mapping[str, Any],
    progress: ResourceProgress,
    identifiers: Mapping[str, str] | None = None,
    max_parallel: int = 8,
) -> Adoption:
    """Put our mark on what exists under the declared name.

    Args:
        catalogue: declares what is wanted, and what that refers to.
        wanted: ids of what to adopt.
        drivers: one per cloud, by its name.
        variables: as for `make_plan`.
        progress: hears of each resource, from several threads.
        identifiers: id to identifier, for what AWS has named itself (`vpc-0a1b...`) and nothing marks.
        max_parallel: how many resources at once.

    Raises:
        PrecheckFailed: one of them does not exist, or carries another owner's mark; all such are named, and
            nothing was changed.
        ConfigurationError: no file declares one of them, or an identifier is of none of them.
    """
    wanted = [catalogue[resource_id].id for resource_id in dict.fromkeys(wanted)]
    _refuse_strangers(wanted, identifiers or {})
    observed = observe(catalogue.select(wanted), drivers, variables, max_parallel)
    for resource_id, identifier in (identifiers or {}).items():
        seen = observed[resource_id]
        live = drivers[seen.desired.cloud].look_up(seen.desired, identifier)
        observed[resource_id] = replace(seen, live=live)
    _refuse(wanted, observed, identifiers or {})
    worker = _Adopter(catalogue, drivers, progress, observed)
    run = run_graph(dict.fromkeys(wanted, ()), worker.step, max_parallel)
    outcome = report("adoption", [(rid, catalogue[rid].type, "adopt") for rid in wanted], run, worker)
    after = observe(catalogue.select(wanted), drivers, variables, max_parallel)
    rows = [row for rid in wanted for row in change_rows(f"| {rid} ", "| ", after[rid].changes)]
    return Adoption(outcome, tuple(rows))


def _refuse_strangers(wanted: Iterable[str], identifiers: Mapping[str, str]) -> None:
    strangers = sorted(set(identifiers) - set(wanted))
    if strangers:
        raise ConfigurationError(
            f"Identifiers are given for {', '.join(strangers)}, which are not among the resources to adopt.",
            "Name them among the resources too, or leave their identifiers out.",
        )


def _refuse(
    wanted: Iterable[str], observed: Mapping[str, Observation], identifiers: Mapping[str, str]
) -> None:
    reasons = []
    for resource_id in wanted:
        live = observed[resource_id].live
        if live is None:
            given = f" as {identifiers[resource_id]}" if resource_id in identifiers else ""
            reasons.append(f"{resource_id} does not exist{given}")
        elif not live.owned and live.owner:
            reasons.append(f"{resource_id} ({live.identifier}) belongs to {live.owner}")
    if reasons:
        raise PrecheckFailed(
            f"Not to be adopted: {'; '.join(reasons)}. Nothing was changed.",
            "Take another owner's mark away first, if it is ours to take; name the identifier of what AWS has"
            " named itself; or leave these out.",
        )


class _Adopter(Worker):
    """Marks single resources as ours."""

    def act(self, resource_id: str) -> str:
        """Mark one resource."""
        live = self.live[resource_id]
        if live.owned:
            return ""
        desired = self.observed[resource_id].desired
        driver, say = self.drivers[desired.cloud], self.say(resource_id)
        # A new key each time: marking twice is harmless.
        self.live[resource_id] = driver.mark(desired, live, str(uuid.uuid4()), say)
        return "adopted"
