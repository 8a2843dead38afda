"""What every controller is: keys to reconcile, woken by changes or by time."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.storage import Change, Key, Object, Store
from localcloud.kubernetes.verbs import Verbs, WriteOptions, random_suffix

logger = logging.getLogger("localcloud.kubernetes.controllers")
MANAGER = WriteOptions("kube-controller-manager")
#: Events older ones make room for.
MAX_EVENTS = 1000


class Controller(Protocol):
    """One loop. ``keys`` says what a change concerns; ``reconcile`` acts and may ask to be called again."""

    def keys(self, change: Change) -> Iterable[Key]:
        """Keys to reconcile after a change."""
        ...

    def reconcile(self, key: Key) -> float | None:
        """Act on one key; seconds until it should be looked at again, or None."""
        ...


class Runtime:
    """Runs controllers one key at a time on the event loop; a key waits once however often it was woken."""

    def __init__(self, store: Store) -> None:
        self._controllers: list[Controller] = []
        self._pending: dict[tuple[Controller, Key], None] = {}
        self._wake = asyncio.Event()
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._timers: dict[tuple[Controller, Key], asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def add(self, *controllers: Controller) -> None:
        """Run these."""
        self._controllers += controllers

    def start(self) -> None:
        """Look at everything once, then at what changes."""
        for resource in self._store.resources():
            for obj in self._store.list(resource):
                self._on_change(Change(self._store.revision, resource, obj, None, False))
        self._store.listen(self._on_change)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop after the key at work."""
        for timer in self._timers.values():
            timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._closing)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that takes its time, such as a process' end; `stop` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _on_change(self, change: Change) -> None:
        for controller in self._controllers:
            for key in controller.keys(change):
                self._pending[controller, key] = None
        self._wake.set()

    def enqueue(self, controller: Controller, key: Key) -> None:
        """Look at a key soon."""
        self._timers.pop((controller, key), None)
        self._pending[controller, key] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                entry = next(iter(self._pending))
                del self._pending[entry]
                self._reconcile(*entry)
                # Let requests in between keys.
                await asyncio.sleep(0)

    def _reconcile(self, controller: Controller, key: Key) -> None:
        after: float | None
        try:
            after = controller.reconcile(key)
        except ApiError as error:
            logger.warning("%s %s: %s", type(controller).__name__, key, error.message)
            after = 1.0
        except (KeyError, ValueError, TypeError, AttributeError):
            # One object that a controller cannot digest must not stop the loop for all others.
            logger.exception("%s %s", type(controller).__name__, key)
            after = None
        if after is not None:
            entry = (controller, key)
            if entry in self._timers:
                self._timers[entry].cancel()
            self._timers[entry] = asyncio.get_running_loop().call_later(after, self.enqueue, controller, key)


def set_condition(
    conditions: list[Object], kind: str, status: str, reason: str, message: str, **extra: Any
) -> list[Object]:
    """A copy of ``conditions`` with one set; its transition time moves only when its status does."""
    now = server_side.timestamp()
    old = next((c for c in conditions if c["type"] == kind), None)
    new: Object = {"type": kind, "status": status, "reason": reason, "message": message}
    new["lastTransitionTime"] = old["lastTransitionTime"] if old and old["status"] == status else now
    if "lastUpdateTime" in extra:
        unchanged = old and (old["status"], old["reason"], old["message"]) == (status, reason, message)
        new["lastUpdateTime"] = old["lastUpdateTime"] if old and unchanged else now
    return [c for c in conditions if c["type"] != kind] + [new]


def owner_reference(obj: Object) -> Object:
    """A controller's reference to ``obj``."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The reference to the object's controller."""
    return next((o for o in obj["metadata"].get("ownerReferences", ()) if o.get("controller")), None)


def is_ready(pod: Object) -> bool:
    """Whether a Pod's Ready condition is true."""
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ())
    )


def is_active(pod: Object) -> bool:
    """Whether a Pod neither ended nor is being deleted."""
    return not pod["metadata"].get("deletionTimestamp") and pod["status"].get("phase") not in (
        "Succeeded",
        "Failed",
    )


def age(text: str) -> float:
    """Seconds since a timestamp."""
    return (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(text)).total_seconds()


class Recorder:
    """Writes Events, counting repeated ones."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        #: Key of the Event about an object (uid), reason and message, the newest last.
        self._written: dict[tuple[str, str, str], Key] = {}

    def record(self, obj: Object, reason: str, message: str, component: str, warning: bool = False) -> None:
        """An Event about ``obj``."""
        store, metadata = self._verbs.store, obj["metadata"]
        namespace = metadata.get("namespace", "default")
        space = store.get("namespaces", "", namespace)
        if space is None or space["metadata"].get("deletionTimestamp"):
            return
        now = server_side.timestamp()
        involved = {
            "kind": obj["kind"],
            "apiVersion": obj["apiVersion"],
            "name": metadata["name"],
            "namespace": namespace,
            "uid": metadata["uid"],
        }
        same = (metadata["uid"], reason, message)
        event = store.get("events", *self._written.get(same, ("", "")))
        if event is not None:
            counted = {"count": event["count"] + 1, "lastTimestamp": now, "metadata": dict(event["metadata"])}
            store.put("events", event | counted)
            return
        event_kind = self._verbs.kinds.find("", "v1", "events")
        assert event_kind is not None
        body = {
            "metadata": {"name": f"{metadata['name']}.{random_suffix(12)}", "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }
        made, _ = self._verbs.create(event_kind, namespace, body, MANAGER)
        self._written[same] = (namespace, made["metadata"]["name"])
        if len(self._written) > MAX_EVENTS:
            oldest = next(iter(self._written))
            store.remove("events", *self._written.pop(oldest))
