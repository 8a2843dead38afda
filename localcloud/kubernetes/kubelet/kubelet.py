"""All nodes' kubelets: Pods become Running and Ready, stop, and follow the real process behind them."""

from __future__ import annotations

import asyncio
import logging
import re
import time

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.controllers.nodes import pods_on, unreachable
from localcloud.kubernetes.controllers.placement import node_ready
from localcloud.kubernetes.controllers.runtime import Recorder, controller_of, is_active
from localcloud.kubernetes.controllers.services import target_port
from localcloud.kubernetes.errors import bad_request
from localcloud.kubernetes.faults import RESOURCE as FAULTS
from localcloud.kubernetes.faults import Faults
from localcloud.kubernetes.kubelet.backends import Backend, Desired, backoff
from localcloud.kubernetes.kubelet.environment import ConfigError, resolve
from localcloud.kubernetes.kubelet.images import is_backend, misbehaviour, unpulled
from localcloud.kubernetes.kubelet.logs import Log
from localcloud.kubernetes.kubelet.status import Containers, crashed, first_status, pod_status
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs
from localcloud.ports import free_loopback

logger = logging.getLogger("localcloud.kubernetes.kubelet")
SIMULATED, PROCESS, SERVED = (
    "dreamnet.rehearsal/simulated",
    "dreamnet.rehearsal/process",
    "dreamnet.rehearsal/served-by",
)
RETRY_SECONDS = 1.0


class Kubelet:
    """Runs every Pod that has a node."""

    def __init__(self, verbs: Verbs, recorder: Recorder, options: ClusterOptions, asked: Faults) -> None:
        self._verbs, self._recorder, self._options = verbs, recorder, options
        self._store, self._faults = verbs.store, asked
        self.backends: dict[Key, Backend] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._hosts: dict[Key, str] = {}

    # Lifecycle

    def start(self) -> None:
        """Take over Pods from before a restart, then follow changes."""
        self._store.listen(self.on_change)
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName"):
                self._later(pod, 0.0)

    async def stop(self) -> None:
        """The nodes go: stop every process."""
        for timer in self._timers.values():
            timer.cancel()
        await asyncio.gather(*(b.close() for b in self.backends.values()), *self._closing)

    def on_change(self, change: Change) -> None:
        """Wake what a change concerns."""
        if change.resource == "pods":
            self._on_pod(change)
        elif change.resource == "services":
            for key in [k for k in self.backends if k[0] == change.key[0]]:
                self._direct(key)
        elif change.resource == FAULTS and change.new["spec"]["fault"] in ("image", "crash"):
            self._look_again(self._store.list("pods"))
        elif change.resource == "nodes" and change.old and node_ready(change.old) != node_ready(change.new):
            self._look_again(pods_on(self._verbs, change.key[1]))

    def _look_again(self, pods: list[Object]) -> None:
        """Pods that meet a fault, or are rid of one."""
        for pod in pods:
            if pod["spec"].get("nodeName") and pod["metadata"]["uid"] not in self._timers:
                self._later(pod, 0.0)
        for group in list(self.backends):
            self._direct(group)

    def _on_pod(self, change: Change) -> None:
        pod = change.new
        if change.deleted:
            timer = self._timers.pop(pod["metadata"]["uid"], None)
            if timer is not None:
                timer.cancel()
            group = self.group_of(pod)
            if group is not None:
                self._direct(group)
        elif pod["spec"].get("nodeName") and not (change.old and change.old["spec"].get("nodeName")):
            self._later(pod, self._options.pod_start_seconds)
        elif pod["metadata"].get("deletionTimestamp") and not (change.old or {}).get("metadata", {}).get(
            "deletionTimestamp"
        ):
            self._later(pod, 0.05)

    def _later(self, pod: Object, seconds: float) -> None:
        uid, key = pod["metadata"]["uid"], (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if uid in self._timers:
            self._timers[uid].cancel()
        self._timers[uid] = asyncio.get_running_loop().call_later(seconds, self._sync, key, uid)

    def _sync(self, key: Key, uid: str) -> None:
        """Move one Pod on."""
        self._timers.pop(uid, None)
        pod = self._store.get("pods", *key)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        if unreachable(self._verbs, pod["spec"]["nodeName"]):
            # Nobody is there who could start or end it.
            return
        if pod["metadata"].get("deletionTimestamp"):
            self._end(pod)
        elif is_active(pod):
            self._run(pod)

    def _end(self, pod: Object) -> None:
        """The Pod has stopped: remove it, unless a finalizer keeps it."""
        metadata = pod["metadata"]
        if metadata.get("finalizers"):
            self._store.put("pods", pod | {"metadata": metadata | {"deletionGracePeriodSeconds": 0}})
        else:
            self._store.remove("pods", metadata["namespace"], metadata["name"])

    # Running

    def _run(self, pod: Object) -> None:
        spec = pod["spec"]
        image = unpulled(pod, self._faults)
        if image:
            self._wait(pod, "ImagePullBackOff", f'Back-off pulling image "{image}"', "Failed")
            return
        if self._faults.crashes(pod["metadata"]["name"]):
            self._crash(pod)
            return
        for container in spec["containers"]:
            try:
                environment = resolve(self._store, pod, container)
            except ConfigError as error:
                self._wait(pod, "CreateContainerConfigError", f"Error: {error}", "Failed")
                self._later(pod, RETRY_SECONDS)
                return
            if is_backend(container["image"]):
                group = self.group_of(pod)
                if group is not None:
                    environment |= misbehaviour(container["image"])
                    self._run_backend(pod, group, container, environment)
                    return
        finite = spec["restartPolicy"] != "Always"
        before = first_status(pod)
        started = before.get("state", {}).get("running", {}).get("startedAt") or server_side.timestamp()
        state = Containers(
            not finite, None, started, before.get("restartCount", 0), before.get("lastState") or None
        )
        self._write(pod, state, self._pod_address(pod), {SIMULATED: "true"})
        if finite:
            state.exit_code = 0
            current = self._store.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            assert current is not None
            self._write(current, state, self._pod_address(pod), {SIMULATED: "true"})

    def _crash(self, pod: Object) -> None:
        """Containers end at once; where the Pod wants them restarted, each start comes later."""
        delay = backoff(first_status(pod).get("restartCount", 0) + 1)
        state = crashed(pod, delay)
        self._write(pod, state, self._pod_address(pod), {SIMULATED: "true"})
        if state.waiting:
            metadata, name = pod["metadata"], pod["spec"]["containers"][0]["name"]
            where = f"{metadata['name']}_{metadata['namespace']}"
            text = f"Back-off restarting failed container {name} in pod {where}"
            self._recorder.record(pod, "BackOff", text, "kubelet", warning=True)
            self._later(pod, delay)

    def _able(self, pod: Object) -> bool:
        """Whether no fault keeps the Pod from running."""
        return not (
            unpulled(pod, self._faults)
            or self._faults.crashes(pod["metadata"]["name"])
            or unreachable(self._verbs, pod["spec"]["nodeName"])
        )

    def _wait(self, pod: Object, reason: str, message: str, event: str) -> None:
        old = first_status(pod).get("state", {}).get("waiting", {})
        if (old.get("reason"), old.get("message")) == (reason, message):
            return
        self._write(pod, Containers(waiting=(reason, message)), self._pod_address(pod), {SIMULATED: "true"})
        self._recorder.record(pod, event, message, "kubelet", warning=True)

    def _write(self, pod: Object, state: Containers, address: str, annotations: dict[str, str]) -> None:
        metadata = pod["metadata"]
        status = pod_status(pod, state, address, self._host_address(pod["spec"]["nodeName"]))
        kept = {
            k: v for k, v in metadata.get("annotations", {}).items() if k not in (SIMULATED, PROCESS, SERVED)
        }
        new = pod | {"status": status, "metadata": metadata | {"annotations": kept | annotations}}
        if pod["status"] != status or metadata.get("annotations") != new["metadata"]["annotations"]:
            self._store.put("pods", new)
            if status["phase"] == "Running" and pod["status"].get("phase") != "Running":
                self._recorder.record(
                    pod, "Started", f"Started container {pod['spec']['containers'][0]['name']}", "kubelet"
                )

    def _pod_address(self, pod: Object) -> str:
        """A cluster-internal address, of no interface here; real processes have loopback ones."""
        given = pod["status"].get("podIP")
        if given:
            return str(given)
        number = int(pod["metadata"]["uid"].replace("-", "")[:5], 16) % 64516
        return f"10.244.{number // 254}.{number % 254 + 1}"

    def _host_address(self, node: str) -> str:
        found = self._store.get("nodes", "", node)
        addresses = (found or {}).get("status", {}).get("addresses", ())
        return next((a["address"] for a in addresses if a["type"] == "InternalIP"), "10.0.0.1")

    # Real processes

    def group_of(self, pod: Object) -> Key | None:
        """Namespace and name of the Deployment that a backend Pod belongs to."""
        if not any(is_backend(c["image"]) for c in pod["spec"]["containers"]):
            return None
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "ReplicaSet":
            return None
        hashed = pod["metadata"].get("labels", {}).get("pod-template-hash", "")
        return pod["metadata"]["namespace"], owner["name"].removesuffix(f"-{hashed}")

    def members(self, group: Key) -> list[Object]:
        """The Deployment's Pods that have started."""
        return [
            p
            for p in self._store.list("pods", group[0])
            if p["spec"].get("nodeName")
            and is_active(p)
            and self.group_of(p) == group
            and p["metadata"]["uid"] not in self._timers
            and self._able(p)
        ]

    def _engine(self, group: Key) -> str:
        return re.sub(r"[^A-Za-z0-9._-]", "-", f"{self._options.name}.{group[0]}.{group[1]}")[:63]

    def _run_backend(self, pod: Object, group: Key, container: Object, environment: dict[str, str]) -> None:
        owner = controller_of(pod)
        assert owner is not None
        backend = self.backends.get(group)
        if backend is None:
            backend = Backend(
                self._options.state, self._engine(group), self._options.region, lambda: self._show(group)
            )
            self.backends[group] = backend
        if backend.desired is None or backend.desired.revision != owner["uid"]:
            if backend.desired is not None and self._older(owner["uid"], backend.desired.revision):
                self._show(group)
                return
            host, port = self._address(group, pod, container)
            probe = container.get("readinessProbe", {}).get("httpGet", {}).get("path")
            backend.want(Desired(owner["uid"], tuple(sorted(environment.items())), host, port, probe))
        self._show(group)

    def _older(self, uid: str, than: str) -> bool:
        """Whether a ReplicaSet is older than another: then its Pods do not take the process back."""

        def revision(which: str) -> int:
            found = self._store.by_uid(which)
            annotations = found[1]["metadata"].get("annotations", {}) if found else {}
            return int(annotations.get("deployment.kubernetes.io/revision", 0))

        return revision(uid) < revision(than)

    def _address(self, group: Key, pod: Object, container: Object) -> tuple[str, int]:
        """Where the process listens: at the load balancer's address, else at a loopback one of its own."""
        labels = pod["metadata"].get("labels", {})
        for service in self._store.list("services", group[0]):
            selector = service["spec"].get("selector") or {}
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress")
            if ingress and selector and all(labels.get(k) == v for k, v in selector.items()):
                return ingress[0]["ip"], service["spec"]["ports"][0]["port"]
        ports = container.get("ports") or [{"containerPort": 8080}]
        port = target_port({"port": 8080, "targetPort": ports[0]["containerPort"]}, [pod])
        if group not in self._hosts:
            self._hosts[group] = free_loopback(port)
        return self._hosts[group], port

    def _direct(self, group: Key) -> None:
        """After Pods or Services changed: stop without Pods, move to the load balancer's address, show."""
        backend = self.backends.get(group)
        if backend is None:
            return
        pods = [
            p
            for p in self._store.list("pods", group[0])
            if p["spec"].get("nodeName") and self.group_of(p) == group and self._able(p)
        ]
        if not pods:
            del self.backends[group]
            task = asyncio.get_running_loop().create_task(backend.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            return
        if backend.desired is not None:
            host, port = self._address(group, pods[0], pods[0]["spec"]["containers"][0])
            if (host, port) != (backend.desired.host, backend.desired.port):
                old = backend.desired
                backend.want(Desired(old.revision, old.environment, host, port, old.probe))
        self._show(group)

    def _show(self, group: Key) -> None:
        """Write the process's state into its Deployment's Pods."""
        backend = self.backends.get(group)
        if backend is None or backend.desired is None:
            return
        members = self.members(group)
        own = [p for p in members if (controller_of(p) or {}).get("uid") == backend.desired.revision]
        carrier = next(
            (p for p in own if PROCESS in p["metadata"].get("annotations", {})), own[0] if own else None
        )
        for pod in members:
            annotations: dict[str, str]
            if pod is carrier:
                annotations = {PROCESS: backend.engine}
            else:
                served = carrier["metadata"]["name"] if carrier else backend.engine
                annotations = {SIMULATED: "true", SERVED: served}
            self._write(pod, self._state(pod, backend, pod is carrier), backend.desired.host, annotations)

    @staticmethod
    def _state(pod: Object, backend: Backend, carrier: bool) -> Containers:
        before = first_status(pod)
        started = before.get("state", {}).get("running", {}).get("startedAt") or server_side.timestamp()
        restarts = backend.restarts if carrier else before.get("restartCount", 0)
        if backend.problem and carrier:
            return Containers(
                waiting=("CrashLoopBackOff", backend.problem), restarts=max(1, restarts), last=backend.last
            )
        return Containers(
            ready=backend.ready, started=started, restarts=restarts, last=backend.last if carrier else None
        )

    # Logs

    def logs(self, pod: Object, container: str, tail: int | None, previous: bool = False) -> Log:
        """A Pod's log; of its former containers (``previous``) there is nothing but the note of a simulation.

        Raises:
            ApiError: 400 for an unknown container, one that has not started, or one that had no predecessor.
        """
        name = pod["metadata"]["name"]
        names = [c["name"] for c in pod["spec"]["containers"]]
        if container and container not in names:
            raise bad_request(f"container {container} is not valid for pod {name}")
        statuses = pod["status"].get("containerStatuses", [])
        waiting = (
            statuses[0].get("state", {}).get("waiting", {}) if statuses else {"reason": "ContainerCreating"}
        )
        if waiting and waiting.get("reason") != "CrashLoopBackOff":
            which = container or names[0]
            message = f'container "{which}" in pod "{name}" is waiting to start: {waiting["reason"]}'
            raise bad_request(message)
        if previous and not any(s.get("restartCount") for s in statuses):
            which = container or names[0]
            raise bad_request(f'previous terminated container "{which}" in pod "{name}" not found')
        group = self.group_of(pod)
        backend = self.backends.get(group) if group else None
        note = f"simulated by the rehearsal: no process runs for {name}\n"
        return Log(backend.log if backend else None, note, tail)

    def address_of(self, pod: Object) -> tuple[str, int] | None:
        """Where the process behind a Pod listens; None for a simulated Pod."""
        group = self.group_of(pod)
        backend = self.backends.get(group) if group else None
        running = backend.running if backend else None
        return (running.host, running.port) if running else None

    def usage(self, group: Key) -> tuple[float, float, float] | None:
        """Monotonic time, CPU seconds and resident bytes of a Deployment's process."""
        backend = self.backends.get(group)
        used = backend.usage() if backend else None
        return None if used is None else (time.monotonic(), *used)
