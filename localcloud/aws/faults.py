"""Faults on request: what a rehearsal asks the local AWS to do wrong.

    POST   /_rehearsal/faults   {"operation": "rds:CreateDBInstance", "code": "Throttling", "times": 2}
    GET    /_rehearsal/faults   those still to come
    DELETE /_rehearsal/faults   none any more

A fault's fields:

    operation   which calls, `service:Operation` with `*` and `?` as in a shell: `cloudcontrolapi:*Resource`
    type        which of Cloud Control's types, the same way: `AWS::RDS::*`; all where it is left out
    code        AWS's word for the error: `ThrottlingException`; of a request, a handler's: `NotStabilized`
    status      the HTTP status of the answer (400 to 599)
    message     for people
    request     true: Cloud Control accepts the request, which then fails with the code
    made        true, of a request: what was asked for is done all the same, so something half-made stays
    seconds     how much longer the request or the answer takes; without a code nothing else happens
    times       how often it happens; forever where it is left out
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from localcloud.aws.wire import AwsError, Call

PATH = "/_rehearsal/faults"


@dataclass
class Fault:
    """One fault; its fields are the module's."""

    operation: str
    type: str = "*"
    code: str = ""
    status: int = 400
    message: str = "This fault was asked for."
    request: bool = False
    made: bool = False
    seconds: float = 0.0
    times: int | None = None


class Faults:
    """The faults that were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, given: dict[str, Any]) -> None:
        """Ask for one.

        Raises:
            AwsError: it is none.
        """
        try:
            fault = Fault(**given)
        except TypeError as error:
            raise AwsError("ValidationException", f"This is no fault: {error}.") from error
        if ":" not in fault.operation:
            raise AwsError("ValidationException", "A fault's operation reads service:Operation.")
        if not 400 <= fault.status <= 599:
            raise AwsError("ValidationException", "A fault's status is an HTTP status from 400 to 599.")
        if fault.made and not fault.request:
            raise AwsError("ValidationException", "Only a request can fail with something made.")
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

    def due(self, call: Call, type_name: str = "", *, request: bool) -> Fault | None:
        """The fault that this call, or the request that it made, meets now; it has then happened once more.

        Args:
            type_name: Cloud Control's type; empty for another service's call.
            request: of the request rather than of the call.
        """
        name = f"{call.service}:{call.operation}"
        with self._lock:
            for fault in self._faults:
                fits = fnmatchcase(name, fault.operation) and fnmatchcase(type_name, fault.type)
                if fits and fault.request is request:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None
