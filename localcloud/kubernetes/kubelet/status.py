"""What a Pod's status says in each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.controllers.runtime import set_condition
from localcloud.kubernetes.storage import Object


@dataclass
class Containers:
    """The state all containers of a Pod share.

    Attributes:
        waiting: reason and message while not running.
        last: what ended the container before, when it was restarted.
    """

    ready: bool = False
    waiting: tuple[str, str] | None = None
    started: str = ""
    restarts: int = 0
    last: Object | None = None
    exit_code: int | None = None


def _container(spec: Object, pod: Object, state: Containers) -> Object:
    current: Object
    if state.waiting:
        current = {"waiting": {"reason": state.waiting[0], "message": state.waiting[1]}}
    elif state.exit_code is not None:
        reason = "Error" if state.exit_code else "Completed"
        ended = {
            "exitCode": state.exit_code,
            "reason": reason,
            "startedAt": state.started,
            "finishedAt": server_side.timestamp(),
        }
        current = {"terminated": ended}
    else:
        current = {"running": {"startedAt": state.started}}
    running = "running" in current
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": spec["image"] if not state.waiting else "",
        "containerID": f"rehearsal://{pod['metadata']['uid']}-{spec['name']}" if not state.waiting else "",
        "ready": running and state.ready,
        "started": running,
        "restartCount": state.restarts,
        "state": current,
        "lastState": state.last or {},
    }


def pod_status(pod: Object, state: Containers, address: str, host_address: str) -> Object:
    """The Pod's status for a state of its containers."""
    phase = "Pending" if state.waiting and not state.restarts else "Running"
    if state.exit_code is not None:
        phase = "Failed" if state.exit_code else "Succeeded"
    old = pod.get("status", {})
    conditions: list[Any] = list(old.get("conditions", ()))
    ready = state.ready and not state.waiting and state.exit_code is None
    reason = "PodCompleted" if state.exit_code is not None else "ContainersNotReady"
    for kind, true in (("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
        before = next((c for c in conditions if c["type"] == kind), None)
        made = set_condition(conditions, kind, "True" if true else "False", "" if true else reason, "")
        new = {k: v for k, v in made[-1].items() if v}
        if before != new:
            conditions = [*made[:-1], new]
    status = {
        "phase": phase,
        "conditions": conditions,
        "hostIP": host_address,
        "hostIPs": [{"ip": host_address}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": old.get("startTime") or server_side.timestamp(),
        "qosClass": qos_class(pod["spec"]),
        "containerStatuses": [_container(c, pod, state) for c in pod["spec"]["containers"]],
    }
    initial = pod["spec"].get("initContainers", ())
    if initial:
        done = Containers(exit_code=0, started=str(status["startTime"]))
        status["initContainerStatuses"] = old.get("initContainerStatuses") or [
            _container(c, pod, done) | {"ready": True} for c in initial
        ]
    return status


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort."""
    resources = [c.get("resources", {}) for c in spec["containers"]]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    full = all(
        r.get("limits", {}).keys() >= {"cpu", "memory"} and r.get("requests") == r.get("limits")
        for r in resources
    )
    return "Guaranteed" if full else "Burstable"


def first_status(pod: Object) -> Object:
    """Status of the Pod's first container; empty before it has one."""
    statuses: list[Object] = pod["status"].get("containerStatuses") or [{}]
    return statuses[0]


def crashed(pod: Object, delay: float) -> Containers:
    """Containers that ended as soon as they had started, and wait ``delay`` seconds for the next start."""
    if pod["spec"]["restartPolicy"] == "Never":
        return Containers(started=server_side.timestamp(), exit_code=1)
    metadata, name = pod["metadata"], pod["spec"]["containers"][0]["name"]
    text = (
        f"back-off {delay:g}s restarting failed container={name} "
        f"pod={metadata['name']}_{metadata['namespace']}({metadata['uid']})"
    )
    last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": server_side.timestamp()}}
    return Containers(
        waiting=("CrashLoopBackOff", text), restarts=first_status(pod).get("restartCount", 0) + 1, last=last
    )
