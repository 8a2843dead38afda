"""What Cloud Control has made, and the requests that it is working on."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

#: Services whose resources belong to no region.
_GLOBAL = (
    "AWS::BCMDataExports::",
    "AWS::Budgets::",
    "AWS::CE::",
    "AWS::CloudFront::",
    "AWS::GlobalAccelerator::",
    "AWS::IAM::",
    "AWS::Route53::",
)


@dataclass
class Made:
    """One resource: everything declared (write-only values too) and every output."""

    type_name: str
    region: str
    identifier: str
    properties: dict[str, Any] = field(repr=False)
    backing: str = "simulated"


@dataclass
class Request:
    """One request and how it goes (the API's ProgressEvent)."""

    type_name: str
    region: str
    operation: str
    fingerprint: str
    client_token: str
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    identifier: str = ""
    status: str = "IN_PROGRESS"
    code: str = ""
    message: str = ""
    time: float = field(default_factory=time.time)

    def event(self) -> dict[str, Any]:
        """The ProgressEvent, as the API shows it."""
        event: dict[str, Any] = {
            "TypeName": self.type_name,
            "RequestToken": self.token,
            "Operation": self.operation,
            "OperationStatus": self.status,
            "EventTime": self.time,
        }
        optional = {"Identifier": self.identifier, "ErrorCode": self.code, "StatusMessage": self.message}
        event |= {key: value for key, value in optional.items() if value}
        if self.status == "IN_PROGRESS":
            event["RetryAfter"] = time.time() + 0.1
        return event

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """The request is over."""
        self.code, self.message, self.time = code, message, time.time()
        self.status = status


class Store:
    """Resources and requests of all regions. Safe to share between threads; picklable."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.made: dict[tuple[str, str, str], Made] = {}
        self.requests: dict[str, Request] = {}
        self._by_client_token: dict[str, str] = {}
        self._busy: set[tuple[str, str, str]] = set()
        self._shelves: dict[str, dict[str, Any]] = {}
        self.url = ""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read back what an earlier version saved: what it did not know keeps its first value."""
        self.__init__()  # type: ignore[misc]
        self.__dict__.update(state)

    def shelf(self, kind: str, region: str = "global") -> dict[str, Any]:
        """What a service of ours keeps of one kind, by its identifier."""
        with self._lock:
            return self._shelves.setdefault(f"{region}/{kind}", {})

    @staticmethod
    def _key(region: str, type_name: str, identifier: str) -> tuple[str, str, str]:
        return ("global" if type_name.startswith(_GLOBAL) else region, type_name, identifier)

    def get(self, region: str, type_name: str, identifier: str) -> Made | None:
        """The resource, or None."""
        with self._lock:
            return self.made.get(self._key(region, type_name, identifier))

    def put(self, made: Made) -> None:
        """Keep a resource."""
        with self._lock:
            self.made[self._key(made.region, made.type_name, made.identifier)] = made

    def remove(self, made: Made) -> None:
        """Forget a resource."""
        with self._lock:
            self.made.pop(self._key(made.region, made.type_name, made.identifier), None)

    def all(self, region: str | None = None, type_name: str | None = None) -> list[Made]:
        """The resources of a region and type, oldest first."""
        with self._lock:
            return [
                made
                for (where, kind, _), made in self.made.items()
                if region in (None, where) or where == "global"
                if type_name in (None, kind)
            ]

    def claim(self, region: str, type_name: str, identifier: str) -> bool:
        """Begin an operation on a resource; False while another is under way."""
        with self._lock:
            key = self._key(region, type_name, identifier)
            if key in self._busy:
                return False
            self._busy.add(key)
            return True

    def release(self, region: str, type_name: str, identifier: str) -> None:
        """The operation has ended."""
        with self._lock:
            self._busy.discard(self._key(region, type_name, identifier))

    def known(self, client_token: str) -> Request | None:
        """The request that was made under this client token."""
        with self._lock:
            return self.requests.get(self._by_client_token.get(client_token, ""))

    def add(self, request: Request) -> None:
        """Keep a request."""
        with self._lock:
            self.requests[request.token] = request
            if request.client_token:
                self._by_client_token[request.client_token] = request.token

    def moved(self, url: str) -> None:
        """The endpoint has another address than when this was saved: so have the queues' URLs."""
        with self._lock:
            old, self.url = self.url, url
            if old in ("", url):
                return
            made = list(self.made.values())
            self.made.clear()
            for one in made:
                one.identifier = one.identifier.replace(old, url)
                one.properties = json.loads(json.dumps(one.properties, default=str).replace(old, url))
                self.put(one)

    def interrupted(self) -> None:
        """After a restart: what was under way will not go on."""
        with self._lock:
            self._busy.clear()
            for request in self.requests.values():
                if request.status == "IN_PROGRESS":
                    request.end("FAILED", "ServiceInternalError", "the local cloud was stopped meanwhile")
