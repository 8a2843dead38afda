"""The HTTP server: authentication, proxies, routing, and errors in Google's shapes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path

from dreamnet.errors import GameplanError
from localcloud.credentials import GOOGLE_PROJECT_NUMBER
from localcloud.google import generic, proxying
from localcloud.google.auth import GrantRefused, grant, require_bearer
from localcloud.google.bodies import Violation
from localcloud.google.calls import Call, Context
from localcloud.google.hooks import Proxy, Refusal, invalid
from localcloud.google.router import route

#: Requests answered at once; each may wait for a database.
THREADS = 64

#: The older error shape's word for each status, which compute, SQL, storage and BigQuery add.
REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "alreadyExists",
    412: "conditionNotMet",
    501: "notImplemented",
    503: "backendError",
}

OLD_SHAPE = frozenset({"compute", "sqladmin", "storage", "bigquery"})


def make_app(context: Context, proxies: list[Proxy]) -> Starlette:
    """The application.

    Args:
        context: the server's parts.
        proxies: what goes to other servers.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        async with httpx.AsyncClient(timeout=httpx.Timeout(300, connect=5)) as client:
            app.state.client = client
            yield

    async def serve(request: Request) -> Response:
        return await _serve(context, proxies, request)

    async def failed(request: Request, error: Exception) -> Response:
        return _error(
            request.url.path.strip("/").split("/", 1)[0], Refusal(500, f"{type(error).__name__}: {error}")
        )

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    return Starlette(
        routes=[Path("/{rest:path}", serve, methods=methods)],
        lifespan=lifespan,
        exception_handlers={Exception: failed},
    )


async def _serve(context: Context, proxies: list[Proxy], request: Request) -> Response:
    path = request.scope["raw_path"].decode("ascii").split("?", 1)[0].strip("/")
    try:
        if path == "token":
            return _token(context, await request.body())
        if path == "_rehearsal/resources":
            return JSONResponse(_resources(context))
        if path == "_rehearsal/faults":
            return JSONResponse(_faults(context, request.method, await request.body()))
        require_bearer(context.identity, request.headers.get("authorization", ""))
        proxy = proxying.find(proxies, path)
        if proxy:
            return await proxying.forward(proxy, context, request.app.state.client, request, path)
        content = await request.body()
        return await anyio.to_thread.run_sync(_answer, context, request, path, content)
    except Refusal as refusal:
        return _error(path.split("/", 1)[0], refusal)
    except GameplanError as error:
        return _error(path.split("/", 1)[0], Refusal(500, str(error)))
    except ClientDisconnect:
        return Response(status_code=499)


def _token(context: Context, content: bytes) -> Response:
    try:
        return JSONResponse(grant(context.identity, dict(parse_qsl(content.decode("utf-8", "replace")))))
    except GrantRefused as refused:
        return JSONResponse(refused.answer, status_code=400)


def _faults(context: Context, method: str, content: bytes) -> list[dict[str, Any]]:
    """Ask for a fault, or for none any more; what is still to come."""
    if method == "POST":
        context.faults.add(_parsed(content))
    elif method == "DELETE":
        context.faults.clear()
    return context.faults.show()


def _resources(context: Context) -> list[dict[str, str]]:
    return [
        {"id": one.key, "type": one.type, "backing": one.backing}
        for one in context.store.everything()
        if "operation" not in one.private
    ]


def _answer(context: Context, request: Request, path: str, content: bytes) -> Response:
    found = route(request.method, path)
    body = _parsed(content)
    query = dict(request.query_params)
    call = Call(context, found.api, found.method, _by_id(context, found.path), found.variables, query, body)
    fault = context.faults.due(found.method.id, call.path, operation=False)
    if fault:
        time.sleep(fault.seconds)
        if fault.code:
            raise fault.refusal()
    result = generic.answer(call)
    backing = "simulated" if call.hook.backing == "simulated" else "engine"
    return Response(
        json.dumps(result), media_type="application/json; charset=UTF-8", headers={"X-Rehearsal": backing}
    )


def _by_id(context: Context, path: str) -> str:
    """A path that names the project by its number, by its id."""
    return re.sub(rf"^projects/{GOOGLE_PROJECT_NUMBER}(?=[/:]|$)", f"projects/{context.project}", path)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content) if content.strip() else {}
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received: {error}.") from error
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received: it must be an object.")
    return body


def _error(api: str, refusal: Refusal) -> Response:
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message, "status": refusal.status}
    if api in OLD_SHAPE:
        reason = REASONS.get(refusal.code, "unknown")
        error["errors"] = [{"message": refusal.message, "domain": "global", "reason": reason}]
    if isinstance(refusal, Violation):
        fields = [{"field": refusal.field, "description": refusal.message}]
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]
    headers = (
        {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if refusal.code == 401 else {}
    )
    return JSONResponse({"error": error}, status_code=refusal.code, headers=headers)
