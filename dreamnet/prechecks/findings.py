"""Findings and the report that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dreamnet.errors import GameplanError, NotRehearsable, PrecheckFailed
from dreamnet.resources.model import Cloud

#: `blocks`: an apply would fail or damage something. `to do`: it may begin, but this awaits somebody, or
#: could not be looked at. `fine`: looked at, and as it must be.
Level = Literal["blocks", "to do", "fine"]

LEVELS: tuple[Level, ...] = ("blocks", "to do", "fine")


@dataclass(frozen=True)
class Finding:
    """One fact about an account.

    Attributes:
        cloud: whose account.
        area: what was looked at, such as `permissions`.
        level: how much it matters.
        sentence: what was found, in one sentence that names the thing.
        link: the console's page where it is put right; empty where nothing is to be done.
        command: what puts it right in a shell; empty where nothing is to be done or a command can't.
    """

    cloud: Cloud
    area: str
    level: Level
    sentence: str
    link: str = ""
    command: str = ""


@dataclass(frozen=True)
class Report:
    """All findings about both accounts, and what was not looked at.

    Attributes:
        findings: in the order in which they were looked for.
        unchecked: sentences on what no check looks at.
        seconds: how long looking took.
    """

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()
    seconds: float = 0.0

    def of(self, level: Level) -> tuple[Finding, ...]:
        """The findings of one level."""
        return tuple(finding for finding in self.findings if finding.level == level)

    @property
    def summary(self) -> str:
        """How many findings of each level, in one sentence."""
        return ", ".join(f"{len(self.of(level))} {level}" for level in LEVELS)

    def raise_if_blocked(self) -> None:
        """Raise PrecheckFailed with every sentence that blocks, and what puts each right."""
        blocking = self.of("blocks")
        if blocking:
            remedies = dict.fromkeys(finding.command or finding.link for finding in blocking)
            raise PrecheckFailed(
                " ".join(finding.sentence for finding in blocking),
                "; ".join(f"`{remedy}`" for remedy in remedies if remedy) or "See the report.",
            )

    def markdown(self) -> str:
        """A summary line, and a table for each level, what blocks first."""
        lines = [f"**{self.summary}** ({self.seconds:.1f} s)", ""]
        for level in LEVELS:
            if self.of(level):
                lines += [f"## {level.capitalize()}", "", *_table(self.of(level)), ""]
        if self.unchecked:
            lines += ["## Not checked", "", *(f"- {sentence}" for sentence in self.unchecked), ""]
        return "\n".join(lines)


def _table(findings: Sequence[Finding]) -> list[str]:
    rows = ["| cloud | what | finding | put right |", "| --- | --- | --- | --- |"]
    for one in findings:
        link = f"[console]({one.link})" if one.link else ""
        command = f"`{one.command}`" if one.command else ""
        cells = (one.cloud, one.area, one.sentence, " ".join(part for part in (link, command) if part))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def not_found_out(cloud: Cloud, area: str, error: GameplanError) -> Finding:
    """The finding for a check that itself failed: a refusal blocks, what no endpoint offers does not."""
    level: Level = "to do" if isinstance(error, NotRehearsable) else "blocks"
    return Finding(cloud, area, level, f"Not checked: {error.problem} {error.remedy}")


def listed(names: Iterable[str], most: int = 8) -> str:
    """`a, b and 3 more`: names for a sentence, not all of a long list."""
    names = list(names)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
