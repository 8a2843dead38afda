"""The one endpoint: checks who calls, then hands on to Cloud Control, to a service of ours or to moto."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.aws.cloudcontrol import CloudControl
from localcloud.aws.faults import PATH as FAULTS
from localcloud.aws.services import Service, refuse_pretended
from localcloud.aws.services.http import PREFIX, HttpApis
from localcloud.aws.signatures import KeyPair, scope_of
from localcloud.aws.wire import Answer, AwsError, Call, error, identify

_LOG = logging.getLogger(__name__)
_READING = ("Get", "List", "Describe", "Head", "Query", "Scan", "Search", "Lookup", "Batch_Get")


@dataclass(frozen=True)
class Gateway:
    """A WSGI application.

    Attributes:
        keys: the key pair that is accepted.
        control: Cloud Control.
        services: what stands in front of moto, by `service:Operation`.
        apis: HTTP APIs, which answer anybody.
        moto: moto's own application.
        changed: called after every call that may have changed something.
    """

    keys: KeyPair
    control: CloudControl
    services: Mapping[str, Service]
    apis: HttpApis
    moto: Callable[..., Iterable[bytes]]
    changed: Callable[[], None]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = _body(environ)
        if environ["PATH_INFO"] == "/_rehearsal/resources":
            answer = self._resources()
        elif environ["PATH_INFO"] == FAULTS:
            answer = self._faults(environ["REQUEST_METHOD"], body)
        elif environ["PATH_INFO"].startswith(PREFIX):
            answer = self._http(environ, body)
        elif environ["PATH_INFO"].startswith("/moto-api/static/"):  # seeding, by the rehearsal itself
            answer = self._pass_on(environ, body)
        else:
            answer = self._answer(environ, body)
        reason = f"{answer.status} {'OK' if answer.status < 400 else 'Error'}"
        headers = {key: value for key, value in answer.headers.items() if key.lower() != "content-length"}
        if answer.status != 204 and environ["REQUEST_METHOD"] != "HEAD":
            headers["Content-Length"] = str(len(answer.body))
        elif "Content-Length" in answer.headers:
            headers["Content-Length"] = answer.headers["Content-Length"]
        start_response(reason, list(headers.items()))
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        headers, query = _headers(environ), environ.get("QUERY_STRING", "")
        raw_path = environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")[0]
        scope = scope_of(headers, query)
        call = identify(
            environ["REQUEST_METHOD"],
            raw_path,
            query,
            headers,
            body,
            scope.service if scope else "",
            scope.region if scope else "us-east-1",
        )
        try:
            if scope is None:
                raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            self.keys.check(scope, call.protocol, call.method, raw_path, query, headers, body)
            self._fail_on_request(call)
            answer = self._dispatch(call, environ)
        except AwsError as problem:
            answer = error(call, problem)
        except Exception as problem:  # noqa: BLE001 - a server's edge: the client gets an AWS answer, we a log
            _LOG.exception("%s:%s", call.service, call.operation)
            answer = error(call, AwsError("InternalFailure", f"{type(problem).__name__}: {problem}", 500))
        if not call.operation.startswith(_READING):
            self.changed()
        return answer

    def _dispatch(self, call: Call, environ: dict[str, Any]) -> Answer:
        if call.service == "cloudcontrolapi":
            return self.control.answer(call)

        def moto(passed: Call) -> Answer:
            return self._moto(passed, environ)

        service = self.services.get(f"{call.service}:{call.operation}")
        if service:
            return service.answer(call, moto)
        refuse_pretended(call)
        return moto(call)

    def _moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        """moto's answer, with its ways of saying "not implemented" made one."""
        try:
            answer = self._pass_on(environ, call.body)
        except NotImplementedError as problem:
            raise AwsError.not_in_rehearsal(call.service, call.operation) from problem
        except Exception as problem:  # a fault in moto must not look like a success
            _LOG.exception("moto: %s:%s", call.service, call.operation)
            raise AwsError("InternalFailure", f"{type(problem).__name__}: {problem}", 500) from problem
        kind = {key.lower(): value for key, value in answer.headers.items()}.get("content-type", "")
        if (
            answer.status in (404, 405, 500, 501)
            and kind.startswith("text/html")
            and b"<!doctype html>" in answer.body
        ):
            raise AwsError.not_in_rehearsal(call.service, call.operation)
        return answer

    def _pass_on(self, environ: dict[str, Any], body: bytes) -> Answer:
        captured: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            captured["status"], captured["headers"] = int(status.split()[0]), dict(headers)

        passed = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        passed.pop("HTTP_TRANSFER_ENCODING", None)
        content = b"".join(self.moto(passed, start_response))
        return Answer(captured["status"], captured["headers"], content)

    def _http(self, environ: dict[str, Any], body: bytes) -> Answer:
        query = environ.get("QUERY_STRING", "")
        return self.apis.answer(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], query, _headers(environ), body
        )

    def _fail_on_request(self, call: Call) -> None:
        """Do wrong what was asked to go wrong."""
        controlled = call.service == "cloudcontrolapi"
        type_name = str(call.json().get("TypeName", "")) if controlled else ""
        fault = self.control.faults.due(call, type_name, request=False)
        if fault is not None:
            time.sleep(fault.seconds)
            if fault.code:
                raise AwsError(fault.code, fault.message, fault.status)

    def _faults(self, method: str, body: bytes) -> Answer:
        """Ask for a fault, forget all, or show those still to come."""
        faults = self.control.faults
        try:
            if method == "POST":
                faults.add(dict(json.loads(body)))
            elif method == "DELETE":
                faults.clear()
        except (AwsError, ValueError, TypeError) as problem:
            return Answer.json({"error": str(problem)}, 400)
        return Answer.json(faults.show())

    def _resources(self) -> Answer:
        listed = [
            {
                "identifier": made.identifier,
                "type": made.type_name,
                "region": made.region,
                "backing": made.backing,
            }
            for made in self.control.store.all()
        ]
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(listed).encode())


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.lower().replace("_", "-")] = environ[name]
    return headers


def _body(environ: Mapping[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        return bytes(stream.read())  # werkzeug has undone the chunks
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(stream.read(length)) if length else b""
