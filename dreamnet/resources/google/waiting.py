"""Long-running operations and states, polled until they have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dreamnet.errors import ResourceError
from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.model import Progress

#: Seconds between two looks: short at first, because many operations end at once, then longer.
FIRST_LOOK, GROWTH, LAST_LOOK = 0.1, 1.4, 5.0

#: Seconds after which an operation counts as lost. GKE's and Cloud SQL's longest (a large replica) take about
#: half of it.
LIMIT = 3600.0

#: States in which a resource is still being made or changed.
PENDING = frozenset(
    (
        "PROVISIONING",
        "CREATING",
        "PENDING",
        "PENDING_CREATE",
        "RECONCILING",
        "STAGING",
        "DEPLOYING",
        "UPDATING",
        "REPAIRING",
        "STARTING",
    )
)

#: States that a resource doesn't leave by itself.
BROKEN = frozenset(["ERROR", "FAILED", "UNKNOWN_STATE", "DEGRADED"])


def pauses(limit: float = LIMIT) -> Iterator[None]:
    """Attempts, the first at once, with a longer sleep before each next one, until the limit is reached."""
    deadline, pause = time.monotonic() + limit, FIRST_LOOK
    while time.monotonic() < deadline:
        yield None
        time.sleep(pause)
        pause = min(pause * GROWTH, LAST_LOOK)


def operation_path(collection: Collection, operation: Mapping[str, Any]) -> str:
    """Where an operation is looked up, below the service path."""
    link = operation.get("selfLink", "")
    if "projects/" in link:
        return f"{collection.version_prefix}{link[link.index('projects/') :]}"
    return f"{collection.version_prefix}{operation['name']}"


def ended(operation: Mapping[str, Any]) -> bool:
    """Whether it has."""
    return bool(operation.get("done")) or operation.get("status") in ("DONE", "ABORTING")


def failure(operation: Mapping[str, Any]) -> str | None:
    """Why it failed, or None."""
    error = operation.get("error")
    if not error:
        return None
    errors = error.get("errors") or [error]
    return "; ".join(str(one.get("message") or one.get("code")).rstrip(".") for one in errors)


def wait_for_operation(
    fetch: Callable[[str], Mapping[str, Any]],
    collection: Collection,
    operation: Mapping[str, Any],
    what: str,
    progress: Progress,
    limit: float = LIMIT,
) -> Mapping[str, Any]:
    """Poll until the operation has ended.

    Args:
        fetch: reads a path below the service path.
        what: the resource's id.
        limit: seconds.

    Raises:
        ResourceError: it failed, or didn't end in time.
    """
    path, said = operation_path(collection, operation), ""
    looks = pauses(limit)
    while not ended(operation):
        if next(looks, ended) is ended:
            raise ResourceError(
                f"{what}: the operation {operation.get('name')} has not ended after {limit:.0f} s.",
                "Look at it in the console; run again when it has ended.",
            )
        operation = fetch(path)
        now = _described(operation)
        if now != said:
            progress(f"{what}: {now}")
            said = now
    reason = failure(operation)
    if reason:
        raise ResourceError(f"{what}: Google failed: {reason}.", "Correct the declaration and run again.")
    return operation


def _described(operation: Mapping[str, Any]) -> str:
    metadata = operation.get("metadata") or {}
    verb = operation.get("operationType") or metadata.get("verb") or "working"
    percent = operation.get("progress") if isinstance(operation.get("progress"), int) else None
    state = "done" if ended(operation) else "running"
    return f"{str(verb).lower()} {state}" + (f", {percent} %" if percent is not None else "")


def state_of(body: Mapping[str, Any]) -> str:
    """A resource's `state` or `status`, empty where it has none."""
    state = body.get("state") or body.get("status")
    return state if isinstance(state, str) else ""
