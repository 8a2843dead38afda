"""What a pre-check found, with the size of the task and how long it will take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dreamnet.errors import PrecheckFailed

COPY_BYTES_PER_S = 60_000_000
"""The most that the estimate counts on: measured on two shared cores, indexes included (field measurement,
November 2026)."""
SHOWN = 5
"""Names that a finding lists before it says how many more there are."""


@dataclass(frozen=True)
class Finding:
    """One fact. `block`: must be put right first. `handled`: the migration does what `remedy` says."""

    severity: Literal["block", "handled"]
    subject: str
    problem: str
    remedy: str


@dataclass
class Report:
    """All findings, with the size of the task.

    Args:
        bytes: of the tables' rows. database_bytes: of the whole database, indexes included.
        read_bytes_per_s: how fast one session has read a piece of the largest table; None: not measured, as
            all tables are small or may not be read.
        wal_bytes_per_s: the WAL that the source writes, on average since its statistics began; None: unknown.
    """

    source: str
    targets: list[str]
    findings: list[Finding] = field(default_factory=list)
    tables: int = 0
    rows: int = 0
    bytes: int = 0
    database_bytes: int = 0
    read_bytes_per_s: float | None = None
    wal_bytes_per_s: float | None = None

    @property
    def blocking(self) -> list[Finding]:
        """What must be put right first."""
        return [finding for finding in self.findings if finding.severity == "block"]

    @property
    def estimated_seconds(self) -> float:
        """Rough time of copy and indexes: at the measured rate where that is the slower one."""
        rate = min(COPY_BYTES_PER_S, self.read_bytes_per_s or COPY_BYTES_PER_S)
        return round(self.bytes / rate + 2, 1)

    @property
    def size(self) -> str:
        """The size of the task in words."""
        return f"{self.tables} tables, {self.rows:,} rows, {self.bytes / 1e6:,.0f} MB"

    def block(self, subject: str, problem: str, remedy: str) -> None:
        """Add a finding that blocks."""
        self.findings.append(Finding("block", subject, problem, remedy))

    def handled(self, subject: str, problem: str, remedy: str) -> None:
        """Add a finding that the migration deals with."""
        self.findings.append(Finding("handled", subject, problem, remedy))

    def raise_if_blocked(self) -> None:
        """Raise PrecheckFailed naming every blocking finding."""
        if self.blocking:
            raise PrecheckFailed(
                " ".join(finding.problem for finding in self.blocking),
                " ".join(dict.fromkeys(finding.remedy for finding in self.blocking)),
            )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "estimated_seconds": self.estimated_seconds}


def listed(names: Iterable[object]) -> str:
    """Names in a sentence: the first few, and how many more."""
    every = [str(name) for name in names]
    shown = ", ".join(every[:SHOWN])
    return shown + (f" and {len(every) - SHOWN} more" if len(every) > SHOWN else "")


def megabytes(size: float) -> str:
    """A size as findings show it."""
    return f"{size / 1e6:,.0f} MB"
