"""Runs what is inside of tasks without Prefect's engine: what they would tell it is noted instead."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Desk:
    """What tasks said while no server listened.

    Attributes:
        artifacts: markdown and descriptions by key, in order of publication.
        tables: rows by key.
        lines: progress.
    """

    artifacts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def noted_at_a_desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Let `.fn` of tasks run outside of a flow, until the end of the test."""
    import tasks.approval
    import tasks.costs
    import tasks.failover
    import tasks.migration
    import tasks.support

    noted = Desk()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            noted.lines.append(record.getMessage())

    logger = logging.Logger("desk", logging.INFO)
    logger.addHandler(Noting())

    def markdown(key: str, markdown: str, description: str) -> None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key), f"Prefect refuses the artifact key {key!r}"
        noted.artifacts[key] = f"{description}\n\n{markdown}"

    def table(key: str, table: list[dict[str, Any]], description: str) -> None:
        json.dumps(table)
        noted.tables[key] = table
        noted.artifacts[key] = description

    monkeypatch.setattr(tasks.support, "get_run_logger", lambda: logger)
    monkeypatch.setattr(tasks.approval, "get_run_logger", lambda: logger)
    monkeypatch.setattr(tasks.support, "create_markdown_artifact", markdown)
    for module in (tasks.costs, tasks.failover, tasks.migration):
        monkeypatch.setattr(module, "create_table_artifact", table)
    return noted
