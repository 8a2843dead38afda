"""The HTTPS server: a bare ASGI application on uvicorn (httptools, uvloop), and its start and stop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localcloud.kubernetes.answers import Answer, Dropped
from localcloud.kubernetes.certificates import ensure_identity, write_kubeconfig
from localcloud.kubernetes.cluster import Cluster
from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.handlers import Handlers
from localcloud.kubernetes.routing import Request, parse_query

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
logger = logging.getLogger("localcloud.kubernetes")

#: ASGI extension of ours: closes the request's connection.
HANG_UP = "localcloud.hang_up"
#: Largest body, as etcd's limit on the real server (1.5 MiB) with room for CRDs' JSON.
MAX_BODY = 3 * 1024 * 1024


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise ApiError(413, "RequestEntityTooLarge", f"limit is {MAX_BODY}")
        if not message.get("more_body"):
            return b"".join(parts)


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text; repeated ones are joined by commas."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


class Application:
    """ASGI: parses a request, asks the handlers, writes the answer."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(
            scope["method"],
            scope["path"],
            parse_query(scope["query_string"]),
            _headers(scope["headers"]),
        )
        try:
            if request.method not in ("GET", "HEAD"):
                request.body = await _read_body(receive)
            answer = await self._handlers.answer(request)
        except ApiError as error:
            answer = Answer(error.status(), error.code)
        except Dropped:
            scope["extensions"][HANG_UP]()
            return
        if answer.cut_after is not None and answer.stream is None:
            await self._send(answer, send, cut=True)
            scope["extensions"][HANG_UP]()
        elif answer.stream is not None:
            await self._stream(request, answer, answer.stream, receive, send)
            if answer.cut_after is not None:
                scope["extensions"][HANG_UP]()
        else:
            await self._send(answer, send)

    @staticmethod
    async def _send(answer: Answer, send: Send, cut: bool = False) -> None:
        body = answer.data
        if body is None:
            body = answer.text.encode() if answer.text is not None else orjson.dumps(answer.body)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        headers += [(b"warning", f"299 - {json.dumps(text)}".encode()) for text in answer.warnings]
        await send({"type": "http.response.start", "status": answer.code, "headers": headers})
        if cut:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        else:
            await send({"type": "http.response.body", "body": body})

    async def _stream(
        self, request: Request, answer: Answer, stream: AsyncIterator[bytes], receive: Receive, send: Send
    ) -> None:
        try:
            timeout: float | None = request.number("timeoutSeconds")
        except ApiError as error:
            await self._send(Answer(error.status(), error.code), send)
            return
        if answer.cut_after is not None:
            timeout = answer.cut_after
        headers = [(b"content-type", answer.content_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # An empty part sends the headers at once: a client waits for them before it goes on.
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        pump = asyncio.ensure_future(_pump(stream, send))
        gone = asyncio.ensure_future(_disconnected(receive))
        done, pending = await asyncio.wait({pump, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        failure = pump.exception() if pump in done else None
        if isinstance(failure, ApiError):
            await send(
                {
                    "type": "http.response.body",
                    "body": orjson.dumps({"type": "ERROR", "object": failure.status()}) + b"\n",
                    "more_body": True,
                }
            )
        if gone not in done and answer.cut_after is None:
            await send({"type": "http.response.body", "body": b""})


async def _pump(stream: AsyncIterator[bytes], send: Send) -> None:
    async with aclosing(stream) as parts:  # type: ignore[type-var]
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


class _Protocol(HttpToolsProtocol):
    """Lets a request close its connection without an answer, or within one."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: self.transport.close}


class _Server(uvicorn.Server):
    """Ends watches before uvicorn waits for open connections; goes away for a while where that is asked."""

    cluster: Cluster
    _outage: asyncio.Task[None] | None = None

    def fail_for(self, seconds: float) -> None:
        """Stop listening and break every connection; listen again after ``seconds``."""
        if self._outage is None or self._outage.done():
            self._outage = asyncio.create_task(self._fail(seconds))

    async def _fail(self, seconds: float) -> None:
        # The answer to who asked for it still leaves.
        await asyncio.sleep(0.05)
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # type: ignore[union-attr]
        await asyncio.sleep(seconds)
        await self.startup()

    async def shutdown(self, sockets: Any = None) -> None:
        await self.cluster.stop()
        await super().shutdown(sockets)


async def _serve(options: ClusterOptions) -> None:
    identity = ensure_identity(options)
    cluster = Cluster(options, identity)
    cluster.start()
    config = uvicorn.Config(
        Application(Handlers(cluster)),
        host=options.host,
        port=options.port,
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        ssl_certfile=str(identity.certificate_file),
        ssl_keyfile=str(identity.key_file),
        timeout_graceful_shutdown=1,
        timeout_keep_alive=120,
    )
    server = _Server(config)
    server.cluster = cluster
    cluster.faults.on_outage = server.fail_for
    write_kubeconfig(options, identity)
    try:
        await server.serve()
    finally:
        cluster.close()


def serve(options: ClusterOptions) -> None:
    """Serve the cluster until SIGTERM or SIGINT."""
    import uvloop

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvloop.run(_serve(options))
