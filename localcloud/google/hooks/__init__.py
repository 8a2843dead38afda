"""What a collection does beyond storing its resources: defaults, refusals, real engines, custom verbs.

The generic server validates a request against the discovery document, stores the resource and answers in the
API's own style. Each module of this package adds what a real service would do. Modules are found by
themselves:
write one file and subclass `Hook`; nothing is registered elsewhere.

    class Instances(Hook):
        collection = "redis/projects.locations.instances"     # API and collection, of every version
        backing = "valkey"                                     # what /_rehearsal/resources says

        def default(self, call, body): ...    # before storing: complete or refuse (`raise invalid(...)`)
        def created(self, call, resource): ...   # start the engine; write outputs into resource.body
        def updated(self, call, resource, before): ...
        def deleting(self, call, resource): ...  # refuse, before anything is removed
        def deleted(self, call, resource): ...   # stop the engine

        @verb("failover")
        def failover(self, call, resource):      # a method of the document that is not a plain one
            return call.operation(resource, lambda: ...)       # or a dict: the answer itself

`created`, `updated` and `deleted` run in the operation's own thread where the method answers with an
operation, and before the answer where it is synchronous. An exception of type `Refusal` becomes the
operation's error. `pending` is merged into the body while the operation runs, `ready` when it has ended
(typically `{"state": "CREATING"}` and `{"state": "READY"}`).

A verb without a hook answers 501 "... is not in the rehearsal". So does a plain method of a collection whose
hook lists it in `unsupported`.

A whole part of the URL space can go to another HTTP server (its data plane, or all of it):

    proxies = [Proxy(r"storage/(upload|download|resumable)/", lambda context: url, strip="storage/")]

`pattern` is matched at the start of the path below the root; `target` returns the other server's root URL;
`strip` is removed from the path's start, the rest and the query are appended to the target. The bearer
token has
been checked by then and is not passed on. `ANSWERS` are passed through as streams.

A module may define `def start(context: Context) -> None`, called once when the server has begun to serve
(in a
thread of its own), and `def stop(context: Context) -> None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context
    from localcloud.google.store import Stored

Function = TypeVar("Function", bound=Callable[..., Any])


class Refusal(Exception):
    """An answer in Google's error shape.

    Args:
        code: HTTP status.
        message: for people.
        status: Google's word, such as `FAILED_PRECONDITION`; derived from the code where not given.
    """

    def __init__(self, code: int, message: str, status: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or STATUSES.get(code, "UNKNOWN")


#: HTTP status to google.rpc.Code (googleapis/google/rpc/code.proto, November 2026).
STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


def invalid(message: str) -> Refusal:
    """400 INVALID_ARGUMENT."""
    return Refusal(400, message)


def precondition(message: str) -> Refusal:
    """400 FAILED_PRECONDITION: the resource's state forbids it."""
    return Refusal(400, message, "FAILED_PRECONDITION")


def not_in_the_rehearsal(what: str) -> Refusal:
    """501: the local cloud lacks it and says so."""
    return Refusal(501, f"{what} is not in the rehearsal.")


def verb(*names: str) -> Callable[[Function], Function]:
    """Mark a method of a hook as the implementation of these methods of the discovery document."""

    def mark(function: Function) -> Function:
        function.__dict__["verbs"] = names
        return function

    return mark


class Hook:
    """The behaviour of one collection. See the module's description."""

    #: `<api>/<collection>`; the same for every version of the API.
    collection: ClassVar[str]
    #: What stands behind a resource: an engine's name, or `simulated`.
    backing: ClassVar[str] = "simulated"
    #: Seconds that an operation takes where nothing real has to be waited for.
    seconds: ClassVar[float] = 0.1
    pending: ClassVar[Mapping[str, Any]] = {}
    ready: ClassVar[Mapping[str, Any]] = {}
    unsupported: ClassVar[Iterable[str]] = ()
    #: Field and value that mark what was deleted but is kept, with its id: it is read, and can be undeleted.
    kept_as: ClassVar[tuple[str, Any] | None] = None

    def named(self, call: Call, name: str) -> str:
        """The last part of a new resource's path, where it isn't the id that the caller gave."""
        return name

    def about(self, call: Call, path: str) -> Stored | None:
        """The resource that a request for a policy is about."""
        return call.context.store.get(call.key(path))

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete a new resource's body, or refuse it with `Refusal`."""

    def created(self, call: Call, resource: Stored) -> None:
        """Make it real. Outputs go into `resource.body`, secrets into `resource.private`."""

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Refuse or complete the body that is to replace `resource.body`."""

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """Make the change real; `resource.body` is the new one already."""

    def deleting(self, call: Call, resource: Stored) -> None:
        """Refuse a deletion, before anything happens."""

    def deleted(self, call: Call, resource: Stored) -> None:
        """Undo what `created` did."""

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """The body as get and list show it."""
        return resource.body


@dataclass(frozen=True)
class Proxy:
    """A part of the URL space that another HTTP server answers. See the module's description."""

    pattern: str
    target: Callable[[Context], str]
    strip: str = ""
    backing: str = field(default="", compare=False)
