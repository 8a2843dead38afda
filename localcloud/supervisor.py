"""Brings the local cloud up and down."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.util import find_spec

from dreamnet.errors import ConfigurationError
from localcloud.engines import Endpoint, Engines
from localcloud.parts import DEFAULT_PARTS, GROUPS, PARTS, Context, Part
from localcloud.ports import require_free
from localcloud.state import State

#: Bytes that a whole rehearsal may come to write (databases, their logs, emulators), with room to spare.
NEEDED_BYTES = 2 * 1024**3

#: Stopped in this order: who uses comes before what is used, so that nobody reports errors on the way down.
_STOP_ORDER = ("prefect-worker", "user", "backend", "caddy", "faults", "kubernetes", "aws", "google")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Started:
    """One part that is up.

    Attributes:
        found: it ran already.
        seconds: that it took.
    """

    name: str
    found: bool
    seconds: float
    detail: str


def up(state: State, only: Sequence[str] | None, ports: Mapping[str, int], say: Say) -> list[Started]:
    """Start what is missing, all at once as far as the parts' needs allow, and return when everything serves.

    Args:
        only: parts or groups to start; None: all but `kubernetes`.
        ports: port by part.
        say: is given one line a part.

    Raises:
        ConfigurationError: an unknown part, a missing package, too little disk or a port that is taken.
            Nothing has been started then.
        UnreachableError: a part does not come up; those that did stay up.
    """
    chosen = _chosen(only)
    engines = Engines(state)
    _check(state, engines, chosen, ports)
    context = Context(state, engines, ports)
    # The identities are made once, before parts ask for them side by side.
    state.credentials()
    started = _start_parts(context, chosen, say)
    for name in engines.start_down():
        say(f"{name:<16} started again")
    return started


def down(state: State, *, wipe: bool, say: Say) -> int:
    """Stop everything that is registered, children included; returns how many servers were stopped.

    Args:
        wipe: delete all data as well, and the identities.
    """
    engines = Engines(state)
    running = [engine for engine in engines.list() if engine.status == "running"]
    ranks = sorted({_stop_rank(engine) for engine in running})
    for rank in ranks:
        group = [engine for engine in running if _stop_rank(engine) == rank]
        with ThreadPoolExecutor(max_workers=len(group)) as pool:
            for engine, _ in zip(
                group, pool.map(lambda e: engines.stop(e.name, status="down"), group), strict=True
            ):
                say(f"{engine.name:<16} stopped")
    if wipe:
        for engine in engines.list():
            engines.delete(engine.name)
        shutil.rmtree(state.dir)
    return len(running)


def _chosen(only: Sequence[str] | None) -> list[Part]:
    names = list(only) if only else list(DEFAULT_PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise ConfigurationError(
            f"There is no part named {', '.join(unknown)}.", f"The parts are {', '.join(PARTS)}."
        )
    wanted = {member for name in names for member in GROUPS.get(name, (name,))}
    return [part for part in PARTS.values() if part.name in wanted]


def _check(state: State, engines: Engines, parts: Sequence[Part], ports: Mapping[str, int]) -> None:
    """Everything that can be known to be wrong before anything is started."""
    free = shutil.disk_usage(state.dir).free
    if free < NEEDED_BYTES:
        have, need = f"{free / 1024**3:.1f} GB", f"{NEEDED_BYTES / 1024**3:.0f} GB"
        raise ConfigurationError(
            f"The disk of {state.dir} has {have} free, and the rehearsal needs {need}.",
            "Free some, or name a directory on another disk with --state.",
        )
    missing = sorted({package for part in parts for package in part.packages if find_spec(package) is None})
    if missing:
        raise ConfigurationError(
            f"These packages are not installed: {', '.join(missing)}.",
            "Install the project with its `rehearsal` extra (`make gameplan` does).",
        )
    for name, port in ports.items():
        if name not in PARTS:
            raise ConfigurationError(f"There is no part named {name}.", f"The parts are {', '.join(PARTS)}.")
        engine = engines.get(PARTS[name].engine) if PARTS[name].engine else None
        if engine is None or engine.status != "running" or engine.port != port:
            require_free("127.0.0.1", port)


def _start_parts(context: Context, parts: Sequence[Part], say: Say) -> list[Started]:
    names = {part.name for part in parts}
    waiting = list(parts)
    done: dict[str, Started] = {}
    running: dict[Future[Started], str] = {}
    with ThreadPoolExecutor(max_workers=max(len(parts), 1)) as pool:
        while waiting or running:
            ready = [part for part in waiting if all(n in done or n not in names for n in part.needs)]
            for part in ready:
                waiting.remove(part)
                running[pool.submit(_start_one, context, part)] = part.name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                done[name] = future.result()
                say(_line(done[name]))
    return list(done.values())


def _start_one(context: Context, part: Part) -> Started:
    engine = context.engines.get(part.engine) if part.engine else None
    found = engine is not None and engine.status == "running"
    began = time.monotonic()
    detail = part.start(context)
    return Started(part.name, found, time.monotonic() - began, detail)


def _line(started: Started) -> str:
    state = "runs already" if started.found else "ready"
    return f"{started.name:<16} {state:<13} {started.seconds:5.1f} s  {started.detail}"


def _stop_rank(engine: Endpoint) -> int:
    if engine.kind in _STOP_ORDER:
        return _STOP_ORDER.index(engine.kind)
    return len(_STOP_ORDER)
