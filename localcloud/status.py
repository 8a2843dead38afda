"""What runs, as a table."""

from __future__ import annotations

import psutil

from localcloud.engines import Endpoint, Engines
from localcloud.state import State

_HEADER = ("NAME", "KIND", "REGION", "STATUS", "ADDRESS", "PID", "MB")


def table(state: State) -> str:
    """One line a server; MB is the memory of its process and its children, shared pages divided."""
    engines = Engines(state).list()
    if not engines:
        return f"Nothing has been started in {state.dir}."
    rows = [_HEADER, *(_row(engine) for engine in engines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(engine: Endpoint) -> tuple[str, ...]:
    running = engine.status == "running"
    return (
        engine.name,
        engine.kind,
        engine.region,
        engine.status,
        engine.address,
        str(engine.pid) if running else "-",
        f"{memory(engine.pid) / 1e6:.0f}" if running and engine.pid else "-",
    )


def memory(pid: int) -> int:
    """Bytes that a process and its children hold, what they share with others divided among the sharers
    (PSS)."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            total += _own_memory(member)
    except psutil.NoSuchProcess:
        return total
    return total


def _own_memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return 0
    # Linux knows the share; elsewhere what is the process' own.
    return int(getattr(full, "pss", full.uss))
