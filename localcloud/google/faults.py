"""Faults on request: what a rehearsal asks the local Google to do wrong.

    POST   /_rehearsal/faults   {"method": "compute.networks.insert", "code": 429, "times": 2}
    GET    /_rehearsal/faults   those still to come
    DELETE /_rehearsal/faults   none any more

A fault's fields:

    method      which methods of the discovery documents, `*` and `?` as in a shell: `sqladmin.instances.*`
    path        which paths below the version, the same way; all where it is left out
    code        the HTTP status of the answer (400 to 599)
    status      Google's word, where the code's usual one doesn't fit
    message     for people
    operation   true: the request is accepted, and its operation ends with the error
    seconds     how much longer the operation or the answer takes; without a code nothing else happens
    times       how often it happens; forever where it is left out
    permission  instead of a method: the caller lacks it, `testIamPermissions` says so
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from localcloud.google.hooks import Refusal, invalid

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context


@dataclass
class Fault:
    """One fault; its fields are the module's."""

    method: str = ""
    path: str = "*"
    code: int = 0
    status: str = ""
    message: str = "This fault was asked for."
    operation: bool = False
    seconds: float = 0.0
    times: int | None = None
    permission: str = ""

    def refusal(self) -> Refusal:
        """The answer it gives."""
        return Refusal(self.code, self.message, self.status)


class Faults:
    """The faults that were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, given: dict[str, Any]) -> None:
        """Ask for one.

        Raises:
            Refusal: 400, it is none.
        """
        try:
            fault = Fault(**given)
        except TypeError as error:
            raise invalid(f"This is no fault: {error}.") from error
        if not (fault.method or fault.permission):
            raise invalid("A fault needs a method, or a permission.")
        if fault.code and not 400 <= fault.code <= 599:
            raise invalid("A fault's code is an HTTP status from 400 to 599.")
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._faults.clear()

    def show(self) -> list[dict[str, Any]]:
        """Those still to come."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def due(self, method: str, path: str, *, operation: bool) -> Fault | None:
        """The fault that this request meets now; it has then happened once more."""
        with self._lock:
            for fault in self._faults:
                fits = fault.method and fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path)
                if fits and fault.operation is operation:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def lacks(self, permission: str) -> bool:
        """Whether a fault takes this permission away."""
        with self._lock:
            return any(one.permission and fnmatchcase(permission, one.permission) for one in self._faults)


def denied(context: Context, permission: str) -> bool:
    """Whether a fault takes this permission away."""
    return context.faults.lacks(permission)


def of_operation(call: Call) -> Fault | None:
    """The fault that the operation of this request meets."""
    return call.context.faults.due(call.method.id, call.path, operation=True)
