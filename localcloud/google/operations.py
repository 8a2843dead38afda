"""Long-running operations, in the style of the API that started them."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dreamnet.errors import GameplanError
from dreamnet.resources.google.discovery import Api
from localcloud.google.faults import Fault, of_operation
from localcloud.google.hooks import Refusal
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context

#: google.rpc.Code numbers (googleapis/google/rpc/code.proto).
CODES = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
}

_INTERRUPTED = Refusal(500, "The server was stopped while the operation ran.", "ABORTED")


class Operations:
    """Starts work in threads and keeps each operation's state in the store."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._changed = threading.Condition()
        self._close_interrupted()

    def start(
        self,
        call: Call,
        resource: Stored,
        work: Callable[[Stored], None],
        *,
        verb: str = "",
        seconds: float = 0.0,
        removes: bool = False,
        on_failure: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """Store a running operation, do the work in a thread, and return the operation's body.

        Raises:
            Refusal: 409, another operation is changing the resource.
        """
        fault = of_operation(call)
        work, seconds = _with_fault(fault, work, seconds)
        draft = self._context.store.claim(resource.key)
        if draft is None:
            message = (
                f"Operation failed because another operation was already in progress on '{resource.path}'."
            )
            raise Refusal(409, message, "ABORTED")
        operation = _new(call, resource, verb or call.method.name)
        self._context.store.put(operation)
        arguments = (call, operation, draft, work, seconds, removes, on_failure)
        threading.Thread(target=self._run, args=arguments, daemon=True, name=operation.name).start()
        return operation.body

    def _run(
        self,
        call: Call,
        operation: Stored,
        draft: Stored,
        work: Callable[[Stored], None],
        seconds: float,
        removes: bool,
        on_failure: Callable[[], None] | None,
    ) -> None:
        started = time.monotonic()
        # Whatever else happens in the thread goes to its excepthook, and must still end the operation.
        failure: Refusal | None = Refusal(500, "The local server failed; its log says why.")
        try:
            work(draft)
            failure = None
        except Refusal as refusal:
            failure = refusal
        except GameplanError as error:  # an engine that didn't start says why in its own words
            failure = Refusal(500, str(error))
        finally:
            _rest(seconds - (time.monotonic() - started))
            self._finish(draft, failure, removes, on_failure)
            _end(call.api, operation, draft, failure, removes)
            with self._changed:
                self._context.store.put(operation)
                self._changed.notify_all()

    def _finish(
        self, draft: Stored, failure: Refusal | None, removes: bool, on_failure: Callable[[], None] | None
    ) -> None:
        store = self._context.store
        if failure is None and removes:
            store.remove(draft.key)
            return
        if failure is None:
            draft.busy = False
            store.put(draft)
            return
        untouched = store.get(draft.key)
        if untouched:
            untouched.busy = False
            store.put(untouched)
        if on_failure:
            on_failure()

    def wait(self, key: str, seconds: float) -> Stored | None:
        """The operation of that key, when it has ended or the time is up."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = self._context.store.get(key)
                left = deadline - time.monotonic()
                if found is None or _ended(found.body) or left <= 0:
                    return found
                self._changed.wait(left)

    def _close_interrupted(self) -> None:
        """After a restart nobody works on what was running: say so, rather than let clients wait forever."""
        store = self._context.store
        for stored in store.everything():
            if stored.private.get("operation") and not _ended(stored.body):
                _mark(stored.body, _INTERRUPTED)
                store.put(stored)
            elif stored.busy and self._half_made(stored):
                store.remove(stored.key)
            elif stored.busy:
                stored.busy = False
                store.put(stored)

    def _half_made(self, stored: Stored) -> bool:
        """It was being created: it must not be found, so that it can be created again."""
        pending = self._context.hook(stored.type).pending
        return bool(pending) and all(stored.body.get(key) == value for key, value in pending.items())


def _with_fault(
    fault: Fault | None, work: Callable[[Stored], None], seconds: float
) -> tuple[Callable[[Stored], None], float]:
    """The work and how long it takes, as a fault wants them."""
    if fault is None:
        return work, seconds

    def fail(_: Stored) -> None:
        raise fault.refusal()

    return (fail if fault.code else work), seconds + fault.seconds


def _ended(body: dict[str, Any]) -> bool:
    return bool(body.get("done")) or body.get("status") == "DONE"


def _rest(seconds: float) -> None:
    """A real cloud's operation isn't over at once: clients must poll."""
    if seconds > 0:
        time.sleep(seconds)


def _place(api: Api, path: str) -> tuple[str, str]:
    """The operations collection that is nearest to a resource, and the path above `operations`."""
    best = ("operations", "", -1)
    for collection, methods in api.methods.items():
        get = methods.get("get")
        if get is None or not collection.lower().endswith("operations"):
            continue
        above = api.collection(collection).parent_template
        parts, wanted = path.split("/"), above.split("/") if above else []
        fits = len(wanted) <= len(parts) and all(
            w.startswith("{") or w == p for w, p in zip(wanted, parts, strict=False)
        )
        if fits and len(wanted) > best[2]:
            best = (collection, "/".join(parts[: len(wanted)]), len(wanted))
    return best[0], best[1]


def _new(call: Call, resource: Stored, verb: str) -> Stored:
    collection, above = _place(call.api, resource.path)
    name = str(uuid.uuid4()) if call.api.name == "sqladmin" else f"operation-{uuid.uuid4().hex[:20]}"
    path = "/".join(part for part in (above, "operations", name) if part)
    target = call.context.url(call.api, resource.path)
    package = f"type.googleapis.com/google.cloud.{call.api.name}.{call.api.version}"
    if call.api.answer(call.method) == "done":
        body: dict[str, Any] = {
            "name": path,
            "done": False,
            "metadata": {
                "@type": f"{package}.OperationMetadata",
                "createTime": now(),
                "target": resource.path,
                "verb": verb,
            },
        }
    else:
        body = _status_style(call, resource, verb, name, path, target)
    return Stored(call.key(path), f"{call.api.name}/{collection}", body, private={"operation": True})


def _status_style(
    call: Call, resource: Stored, verb: str, name: str, path: str, target: str
) -> dict[str, Any]:
    parts = dict(zip(path.split("/")[0::2], path.split("/")[1::2], strict=False))
    everything = {
        "kind": f"{call.method.id.split('.')[0]}#operation",
        "id": str(random.getrandbits(63)),
        "name": name,
        "operationType": verb if call.api.name == "compute" else _constant(verb, resource),
        "status": "RUNNING",
        "progress": 0,
        "targetId": resource.body.get("id", resource.name),
        "targetProject": call.context.project,
        "targetLink": target,
        "selfLink": call.context.url(call.api, path),
        "user": call.context.identity.email,
        "insertTime": now(),
        "startTime": now(),
        "zone": parts.get("zones") or parts.get("locations"),
        "location": parts.get("locations"),
        "region": parts.get("regions"),
    }
    properties = call.api.schema(call.method.response).get("properties", {})
    if properties.get("progress", {}).get("$ref"):
        del everything["progress"]
    return {key: value for key, value in everything.items() if key in properties and value is not None}


def _constant(verb: str, resource: Stored) -> str:
    """`insert` becomes CREATE and the like, with the resource's kind where GKE writes it (CREATE_CLUSTER)."""
    word = {"insert": "CREATE", "create": "CREATE", "delete": "DELETE", "patch": "UPDATE"}.get(
        verb, verb.upper()
    )
    if not resource.type.startswith("container/"):
        return word
    kind = "NODE_POOL" if resource.type.endswith("nodePools") else "CLUSTER"
    return f"{word}_{kind}" if word in ("CREATE", "DELETE", "UPDATE") else word


def _end(api: Api, operation: Stored, resource: Stored, failure: Refusal | None, removed: bool) -> None:
    if failure:
        _mark(operation.body, failure)
        return
    body = operation.body
    if "done" in body:
        body["done"] = True
        schema = api.collection(resource.type.split("/", 1)[1]).schema_name
        package = f"type.googleapis.com/google.cloud.{api.name}.{api.version}"
        body["response"] = (
            {"@type": "type.googleapis.com/google.protobuf.Empty"}
            if removed
            else {"@type": f"{package}.{schema}", **resource.body}
        )
        return
    body["status"] = "DONE"
    if "progress" in body:
        body["progress"] = 100
    body["endTime"] = now()


def _mark(body: dict[str, Any], failure: Refusal) -> None:
    code = CODES.get(failure.status, 2)
    if "done" in body:
        body.update(done=True, error={"code": code, "message": failure.message})
        return
    body.update(status="DONE", endTime=now())
    if body.get("kind") == "sql#operation":
        one = {"kind": "sql#operationError", "code": failure.status, "message": failure.message}
        body["error"] = {"kind": "sql#operationErrors", "errors": [one]}
    elif body.get("kind") == "compute#operation":
        body["error"] = {"errors": [{"code": failure.status, "message": failure.message}]}
        body.update(httpErrorStatusCode=failure.code, httpErrorMessage=failure.status)
    else:
        body["error"] = {"code": code, "message": failure.message}
