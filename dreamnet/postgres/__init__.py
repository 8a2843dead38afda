"""Migrating a live PostgreSQL database: pre-check, copy, follow, verify, cut over, roll back, resume."""

from dreamnet.postgres.cutover import Move
from dreamnet.postgres.database import Database
from dreamnet.postgres.findings import Finding, Report
from dreamnet.postgres.migration import CopyReport, Migration, Status
from dreamnet.postgres.replication import Lag
from dreamnet.postgres.verify import Difference, Verification

__all__ = [
    "CopyReport",
    "Database",
    "Difference",
    "Finding",
    "Lag",
    "Migration",
    "Move",
    "Report",
    "Status",
    "Verification",
]
